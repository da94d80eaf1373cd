"""State of a database: the last run, stale campaigns, failures, and the next command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final

from kore_campaigns.errors import AccessRefused, TryLater
from kore_campaigns.extract.report import RunCounters
from kore_campaigns.load.destination import Destination
from kore_campaigns.load.reader import Reader
from kore_campaigns.schema import VIEW_SCHEMA, queries
from kore_campaigns.views import SEVERITIES

SQL: Final = queries(__name__)
# the state of several apps is that of the first in this order
_WORST_FIRST: Final = ("failed", "killed", "partial", "interrupted", "stale", "ok")

Row = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class LastRun(RunCounters):
    """The newest run of an app that has ended, in the columns of `kore.runs`."""

    run_id: str
    stream_id: str
    started_at: datetime
    finished_at: datetime | None
    state: str
    duration_seconds: int | None
    sweep: str | None
    """None if the run was killed before it was planned."""
    is_complete: bool
    exit_code: int | None
    listing_state: str | None = None

    @property
    def lacks_listing(self) -> bool:
        """`*` is configured, and only the listing that names the campaigns was not whole."""
        return not self.is_complete and self.failed == 0 and self.listing_state != "whole"


@dataclass(frozen=True, slots=True)
class App:
    """One app (stream) of the database."""

    stream_id: str
    last_run: LastRun | None = None
    last_complete_at: datetime | None = None
    last_full_sweep_at: datetime | None = None
    configured: int = 0
    live: int = 0
    deleted: int = 0
    not_configured: int = 0
    """Live campaigns that the file of campaign ids does not name; no run fetches them."""
    stale: int = 0
    """Configured campaigns that were not confirmed recently."""
    drift: int = 0

    @property
    def state(self) -> str:
        """`none` before the first run, `ok`, `stale`, or the state of an incomplete last run."""
        if self.last_run is None:
            return "none"
        if self.last_run.state != "complete":
            return self.last_run.state
        return "stale" if self.stale else "ok"


@dataclass(frozen=True, slots=True)
class Status:
    """State of a database; lists begin with the worst. Rows have the columns of `status.sql`."""

    database: str
    apps: list[App] = field(default_factory=list)
    """The app that ran last comes first."""
    versions: int = 0
    stale_campaigns: list[Row] = field(default_factory=list)
    """The ten worst."""
    failures: list[Row] = field(default_factory=list)
    """Campaigns that the last runs could not read."""
    drift: list[Row] = field(default_factory=list)
    """What this version does not know, since the last full sweep."""
    not_listed: list[str] = field(default_factory=list)
    """Configured and not deleted, and not in the account listing when it was last read."""
    listed_only: list[str] = field(default_factory=list)
    """In the account listing, and not configured."""
    findings: dict[str, int] = field(default_factory=dict)
    """Findings by severity, the high ones first."""
    running_pid: int | None = None
    running_since: str | None = None
    database_bytes: int = 0
    is_older: bool = False
    """Written by an older version, without the views that are read here."""
    is_views_only: bool = False
    """Read by a role without rights on the raw tables: drift and listing are unknown."""
    flags: str = ""
    """Flags that the next command needs to address this database."""

    @property
    def stale(self) -> int:
        return sum(app.stale for app in self.apps)

    @property
    def state(self) -> str:
        """State of the whole database in one word."""
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
        if self.state in ("partial", "failed"):
            codes = {app.last_run.exit_code for app in self.apps if app.last_run is not None}
            if AccessRefused.exit_code in codes:
                return "kore-campaigns check"
            if any(app.last_run and app.last_run.lacks_listing for app in self.apps):
                return f"{run}; if it stays, name the ids in the file of campaign ids"
            if TryLater.exit_code not in codes:
                return f"fix the failures, then {run}"
        return run

    def as_json(self) -> dict[str, Any]:
        """The object that `status --json` prints."""
        newest = self.apps[0] if self.apps else App("")
        sums = ("configured", "live", "deleted", "not_configured", "stale")
        found = asdict(self)
        del found["is_older"], found["is_views_only"], found["flags"]
        return {
            "state": self.state,
            "advice": self.advice,
            "last_run": newest.last_run and asdict(newest.last_run),
            "last_complete_at": newest.last_complete_at,
            "last_full_sweep_at": newest.last_full_sweep_at,
            **{name: sum(getattr(app, name) for app in self.apps) for name in sums},
            **found,
            "apps": [{**asdict(app), "state": app.state} for app in self.apps],
        }


def read_status(destination: Destination, *, with_findings: bool = False) -> Status:
    """Read the state that readers see; raises `DestinationUnavailable` if it cannot be read.

    Findings take longer than all else, and the metrics of a run need none.
    """
    pid, since = destination.writer() or (None, None)
    findings: dict[str, int] = {}
    with destination.read_if_any() as reader:
        found = Status("") if reader is None else _read(reader, is_running=pid is not None)
        if reader is not None and with_findings and reader.columns_of("findings", VIEW_SCHEMA):
            counts: dict[str, int] = dict(reader.rows(SQL["findings"]))
            findings = {each: counts[each] for each in SEVERITIES if each in counts}
    return replace(
        found,
        database=destination.name,
        database_bytes=destination.size_bytes,
        running_pid=pid,
        running_since=since,
        flags=destination.flags,
        findings=findings,
    )


def known_to(reader: Reader, queries_of_runs: Mapping[str, str]) -> dict[str, str]:
    """The queries; in views of an earlier version runs have no number, and are ordered by time."""
    order = "run_number" if "run_number" in reader.columns_of("runs", VIEW_SCHEMA) else "started_at"
    return {name: sql.replace("run_number", order) for name, sql in queries_of_runs.items()}


def _read(reader: Reader, *, is_running: bool) -> Status:
    tables = {name for (name,) in reader.rows(SQL["tables"])}
    is_views_only = "kore_raw.extraction_runs" not in tables
    if is_views_only and "kore.runs" not in tables:
        return Status("")
    is_older = not {"kore.runs", "kore.campaign_freshness"} <= tables
    select = known_to(reader, SQL)
    last_runs: dict[str, LastRun] = {}
    for row in reader.dicts(select["older_last_runs" if is_older else "last_runs"]):
        run = LastRun(**{each.name: row[each.name] for each in fields(LastRun) if each.name in row})
        if run.state == "running":
            if is_running:  # perhaps this one: on a server accounts run at the same time
                continue
            run.state = "killed"
        last_runs.setdefault(run.stream_id, run)
    if is_older:
        return Status("", [App(*each) for each in last_runs.items()], is_older=True)

    def of_raw(name: str) -> list[Row]:
        return [] if is_views_only else reader.dicts(select[name])

    drift = of_raw("drift")
    drift_counts = Counter(row.pop("stream_id") for row in drift)
    apps = [
        App(**row, last_run=last_runs.get(row["stream_id"]), drift=drift_counts[row["stream_id"]])
        for row in reader.dicts(select["apps"])
    ]
    run_ids = {run.run_id for run in last_runs.values()}
    failures = reader.dicts(select["failures_in_views" if is_views_only else "failures"])
    return Status(
        "",
        apps,
        versions=reader.rows(select["versions"])[0][0],
        stale_campaigns=reader.dicts(select["stale"]),
        failures=[row for row in failures if row.pop("run_id") in run_ids],
        drift=drift,
        not_listed=[row["campaign_id"] for row in of_raw("not_listed")],
        listed_only=[row["campaign_id"] for row in of_raw("listed_only")],
        is_views_only=is_views_only,
    )
