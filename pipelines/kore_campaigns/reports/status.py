"""What the database says about itself: when it last worked, what is stale, what failed and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from kore_campaigns.load.destination import Destination
from kore_campaigns.load.reader import Reader

# of several apps in one database the worst is told
_WORST_FIRST = ("failed", "killed", "partial", "interrupted", "stale", "ok")
_ACCESS_REFUSED = 3
_TRY_LATER = 75


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of an app that has ended, in the columns of `kore.runs`."""

    run_id: str
    stream_id: str
    started_at: datetime
    finished_at: datetime | None
    state: str
    duration_seconds: int | None
    sweep: str
    planned: int
    fetched: int
    new_versions: int
    unchanged: int
    vanished: int
    failed: int
    requests: int
    retries: int
    rate_limited: int
    is_complete: bool
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class App:
    """One app (stream) of the database. `stale` counts configured campaigns alone."""

    stream_id: str
    last_run: LastRun | None = None
    last_complete_at: datetime | None = None
    last_full_sweep_at: datetime | None = None
    configured: int = 0
    live: int = 0
    deleted: int = 0
    not_configured: int = 0
    """Live campaigns that the file of campaign ids does not name: nobody asks for them."""
    stale: int = 0
    drift: int = 0

    @property
    def state(self) -> str:
        """`none`, `ok`, `stale`, or how the last run ended if not well."""
        if self.last_run is None:
            return "none"
        if self.last_run.state != "complete":
            return self.last_run.state
        return "stale" if self.stale else "ok"


@dataclass(frozen=True, slots=True)
class Stale:
    """A configured campaign whose newest version may not be what Kore has."""

    campaign_id: str
    campaign_name: str | None
    last_confirmed_at: datetime | None
    last_error_code: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A campaign that the newest run could not read; what we hold of it is from `held_since`."""

    campaign_id: str
    error_code: str
    message: str
    held_since: datetime | None


@dataclass(frozen=True, slots=True)
class DriftSeen:
    """What campaigns have that the program does not know, in the last full sweep and since."""

    path: str
    example_type: str
    campaign_count: int
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """All that is known of a database, worst first where there is an order."""

    database: str
    apps: list[App] = field(default_factory=list)
    """The one that ran last comes first."""
    versions: int = 0
    stale_campaigns: list[Stale] = field(default_factory=list)
    """The worst of them."""
    failures: list[Failure] = field(default_factory=list)
    drift: list[DriftSeen] = field(default_factory=list)
    not_listed: list[str] = field(default_factory=list)
    """Configured and not deleted, and not in the account listing when it was last read."""
    listed_only: list[str] = field(default_factory=list)
    """In the account listing, and not configured."""
    running_pid: int | None = None
    running_since: str | None = None
    database_bytes: int = 0
    is_older: bool = False
    """Written by a version of the program that did not make the views that are read here."""
    flags: str = ""
    """What the commands that are advised need besides."""

    @property
    def last_run(self) -> LastRun | None:
        return self.apps[0].last_run if self.apps else None

    @property
    def stale(self) -> int:
        return sum(app.stale for app in self.apps)

    @property
    def state(self) -> str:
        """All of it in one word."""
        if self.running_pid is not None:
            return "running"
        if self.is_older:
            return "older"
        found = {app.state for app in self.apps}
        return next((state for state in _WORST_FIRST if state in found), "none")

    @property
    def advice(self) -> str:
        """The next command."""
        run = f"kore-campaigns run{self.flags}"
        if self.state == "running":
            return "wait for the active run"
        if self.state == "ok":
            return "nothing to do"
        if self.state == "stale":
            return f"{run}; and see why it is no longer scheduled"
        codes = {app.last_run.exit_code for app in self.apps if app.last_run is not None}
        if self.state in ("partial", "failed") and _ACCESS_REFUSED in codes:
            return "kore-campaigns check"
        if self.state in ("partial", "failed") and _TRY_LATER not in codes:
            return f"fix the failures, then {run}"
        return run

    def as_json(self) -> dict[str, Any]:
        """The object that `status --json` prints."""
        newest = self.apps[0] if self.apps else App("")
        return {
            "state": self.state,
            "advice": self.advice,
            "database": self.database,
            "database_bytes": self.database_bytes,
            "last_run": None if self.last_run is None else asdict(self.last_run),
            "last_complete_at": newest.last_complete_at,
            "last_full_sweep_at": newest.last_full_sweep_at,
            "configured": sum(app.configured for app in self.apps),
            "live": sum(app.live for app in self.apps),
            "deleted": sum(app.deleted for app in self.apps),
            "not_configured": sum(app.not_configured for app in self.apps),
            "versions": self.versions,
            "stale": self.stale,
            "stale_campaigns": [asdict(campaign) for campaign in self.stale_campaigns],
            "failures": [asdict(failure) for failure in self.failures],
            "drift": [asdict(drift) for drift in self.drift],
            "not_listed": self.not_listed,
            "listed_only": self.listed_only,
            "running_pid": self.running_pid,
            "running_since": self.running_since,
            "apps": [{**asdict(app), "state": app.state} for app in self.apps],
        }


MADE = """
select table_schema || '.' || table_name from information_schema.tables
where table_schema in ('kore', 'kore_raw')
"""
# the newest may go on; the one before it is then the last that ended
RUNS = """
select run_id, stream_id, started_at, finished_at, state, duration_seconds, sweep, planned,
    fetched, new_versions, unchanged, vanished, failed, requests, retries, rate_limited,
    is_complete, exit_code
from (
    select *, row_number() over (partition by stream_id order by started_at desc) as place
    from kore.runs
) as placed
where place <= 2
order by started_at desc
"""
APPS = """
with runs as (
    select
        stream_id,
        max(started_at) as newest,
        max(started_at) filter (where is_complete) as last_complete_at,
        max(coalesce(full_sweep_started_at, started_at)) filter (where is_full_sweep_finished)
            as last_full_sweep_at
    from kore.runs
    group by stream_id
),
known as (
    select stream_id, count(*) filter (where not is_deleted) as live,
        count(*) filter (where is_deleted) as deleted
    from kore.campaign_history
    where is_current
    group by stream_id
),
fresh as (
    select stream_id, count(*) filter (where is_configured) as configured,
        count(*) filter (where not is_configured) as not_configured,
        count(*) filter (where is_configured and is_stale) as stale
    from kore.campaign_freshness
    group by stream_id
)
select stream_id, last_complete_at, last_full_sweep_at, configured, live, deleted, not_configured,
    stale
from runs
left join known using (stream_id)
left join fresh using (stream_id)
order by newest desc
"""
STALE = """
select campaign_id, campaign_name, last_confirmed_at, last_error_code
from kore.campaign_freshness
where is_configured and is_stale
order by last_confirmed_at nulls first, campaign_id
limit 10
"""
FAILURES = """
select errors.run_id, errors.campaign_id, errors.error_code, errors.message, history.observed_at
from kore_raw.extraction_errors as errors
join (
    select run_id, row_number() over (partition by stream_id order by started_at desc) as place
    from kore.runs
) as runs
    on errors.run_id = runs.run_id and runs.place <= 2
left join kore.campaign_history as history
    on errors.stream_id = history.stream_id
    and errors.campaign_id = history.campaign_id
    and history.is_current
order by errors.error_code in ('not_asked', 'interrupted'), errors.campaign_id
"""
# a sweep by listing asks for few: what these do not show is not gone for that
DRIFT = """
with runs as (
    select
        run_id,
        coalesce(full_sweep_started_at, started_at) as swept_at,
        max(coalesce(full_sweep_started_at, started_at)) filter (where is_full_sweep_finished)
            over (partition by stream_id) as last_full_sweep_at
    from kore.runs
)
select
    drift.stream_id,
    drift.path,
    drift.example_type,
    cast(coalesce(
        sum(drift.campaign_count) filter (where runs.swept_at = runs.last_full_sweep_at),
        max(drift.campaign_count)
    ) as bigint),
    min(drift.first_seen_at)
from kore_raw.extraction_drift as drift
join runs on drift.run_id = runs.run_id
where runs.last_full_sweep_at is null or runs.swept_at >= runs.last_full_sweep_at
group by drift.stream_id, drift.path, drift.example_type
order by 4 desc, 2, 3, 1
"""
# an app whose listing was never read lacks nothing in it
NOT_LISTED = """
select configured.campaign_id
from kore_raw.configured_campaigns as configured
left join kore_raw.campaign_listings as listings using (stream_id, campaign_id)
left join kore.campaign_history as history
    on configured.stream_id = history.stream_id
    and configured.campaign_id = history.campaign_id
    and history.is_current
where configured.removed_at is null
    and listings.campaign_id is null
    and not coalesce(history.is_deleted, false)
    and configured.stream_id in (select stream_id from kore_raw.campaign_listings)
order by 1
"""
LISTED_ONLY = """
select listings.campaign_id
from kore_raw.campaign_listings as listings
left join kore_raw.configured_campaigns as configured
    on listings.stream_id = configured.stream_id
    and listings.campaign_id = configured.campaign_id
    and configured.removed_at is null
where configured.campaign_id is null
order by 1
"""
OLDER = """
select run_id, stream_id, started_at, finished_at,
    case when finished_at is null then 'running' when is_complete then 'complete' else 'partial'
    end, null, sweep, planned, fetched, new_versions, unchanged, vanished, failed, requests,
    retries, rate_limited, is_complete, exit_code
from (
    select *, row_number() over (partition by stream_id order by started_at desc) as place
    from kore_raw.extraction_runs
) as placed
where place <= 2
order by started_at desc
"""
VERSIONS = "select count(*) from kore.campaign_history"


def read_status(destination: Destination) -> Status:
    """Reads what readers see; raises `DestinationUnavailable` if that cannot be read."""
    pid, since = destination.writer() or (None, None)
    with destination.read_if_any() as reader:
        found = Status("") if reader is None else _read(reader, is_running=pid is not None)
    return replace(
        found,
        database=destination.name,
        database_bytes=destination.size_bytes,
        running_pid=pid,
        running_since=since,
        flags=destination.flags,
    )


def _read(reader: Reader, *, is_running: bool) -> Status:
    made = {name for (name,) in reader.rows(MADE)}
    if "kore_raw.extraction_runs" not in made:
        return Status("")
    if not {"kore.runs", "kore.campaign_freshness"} <= made:
        last_runs = _ended(reader.rows(OLDER), is_running=is_running)
        apps = [App(stream_id, run) for stream_id, run in last_runs.items()]
        return Status("", apps, is_older=True)
    last_runs = _ended(reader.rows(RUNS), is_running=is_running)
    run_ids = {run.run_id for run in last_runs.values()}
    drift = reader.rows(DRIFT)
    drifts = Counter(stream_id for stream_id, *_ in drift)
    apps = [
        App(
            stream_id,
            last_runs.get(stream_id),
            complete_at,
            full_at,
            *(count or 0 for count in [*counts, drifts[stream_id]]),
        )
        for stream_id, complete_at, full_at, *counts in reader.rows(APPS)
    ]
    return Status(
        "",
        apps,
        reader.rows(VERSIONS)[0][0],
        [Stale(*row) for row in reader.rows(STALE)],
        [Failure(*row) for run_id, *row in reader.rows(FAILURES) if run_id in run_ids],
        [DriftSeen(*row[1:]) for row in drift],
        [campaign_id for (campaign_id,) in reader.rows(NOT_LISTED)],
        [campaign_id for (campaign_id,) in reader.rows(LISTED_ONLY)],
    )


def _ended(rows: Sequence[tuple[Any, ...]], *, is_running: bool) -> dict[str, LastRun]:
    """The newest run of each app that has ended: not the one that goes on, if there is one."""
    found: dict[str, LastRun] = {}
    for number, row in enumerate(rows):
        run = LastRun(*row)
        if run.state == "running":
            # nobody holds the database, so it was killed; the newest alone can be going on
            if is_running and number == 0:
                continue
            run = replace(run, state="killed")
        found.setdefault(run.stream_id, run)
    return found
