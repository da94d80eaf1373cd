"""What the database says about itself: when it last worked, what is stale, what failed and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import duckdb

from kore_campaigns.errors import DestinationUnavailable
from kore_campaigns.facts import App, DriftSeen, Failure, LastRun, Stale, Status
from kore_campaigns.publish import Workspace

WORST = 10

_VIEWS = "select view_name from duckdb_views() where schema_name = 'kore'"
# read twice and dear; a temporary table is in memory, the file stays as it is
_FRESHNESS = "create temp table freshness as select * from kore.campaign_freshness"
_RUNS = """
select run_id, stream_id, started_at, finished_at, state, duration_seconds, sweep, planned,
    fetched, new_versions, unchanged, vanished, failed, requests, retries, rate_limited,
    is_complete, exit_code
from kore.runs
qualify row_number() over (partition by stream_id order by started_at desc) <= 2
order by started_at desc
"""
_APPS = """
with runs as (
    select
        stream_id,
        max(started_at) as newest,
        max(started_at) filter (is_complete) as last_complete_at,
        max(coalesce(full_sweep_started_at, started_at)) filter (is_full_sweep_finished)
            as last_full_sweep_at
    from kore.runs
    group by stream_id
),
known as (
    select stream_id, count(*) filter (not is_deleted) as live,
        count(*) filter (is_deleted) as deleted
    from kore.campaign_history
    where is_current
    group by stream_id
),
fresh as (
    select stream_id, count(*) filter (is_configured) as configured,
        count(*) filter (not is_configured) as not_configured,
        count(*) filter (is_configured and is_stale) as stale
    from freshness
    group by stream_id
)
select stream_id, last_complete_at, last_full_sweep_at, configured, live, deleted, not_configured,
    stale
from runs
left join known using (stream_id)
left join fresh using (stream_id)
order by newest desc
"""
_STALE = """
select campaign_id, campaign_name, last_confirmed_at, last_error_code
from freshness
where is_configured and is_stale
order by last_confirmed_at nulls first, campaign_id
limit ?
"""
_FAILURES = """
select errors.campaign_id, errors.error_code, errors.message, history.observed_at
from kore_raw.extraction_errors as errors
left join kore.campaign_history as history
    on errors.stream_id = history.stream_id
    and errors.campaign_id = history.campaign_id
    and history.is_current
where list_contains(?, errors.run_id)
order by errors.error_code in ('not_asked', 'interrupted'), errors.campaign_id
"""
# a sweep by listing asks for few: what these do not show is not gone for that
_DRIFT = """
with runs as (
    select
        run_id,
        coalesce(full_sweep_started_at, started_at) as swept_at,
        max(coalesce(full_sweep_started_at, started_at)) filter (is_full_sweep_finished)
            over (partition by stream_id) as last_full_sweep_at
    from kore.runs
)
select
    drift.stream_id,
    drift.path,
    drift.example_type,
    cast(coalesce(
        sum(drift.campaign_count) filter (runs.swept_at = runs.last_full_sweep_at),
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
_NOT_LISTED = """
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
_LISTED_ONLY = """
select listings.campaign_id
from kore_raw.campaign_listings as listings
left join kore_raw.configured_campaigns as configured
    on listings.stream_id = configured.stream_id
    and listings.campaign_id = configured.campaign_id
    and configured.removed_at is null
where configured.campaign_id is null
order by 1
"""
_OLDER = """
select run_id, stream_id, started_at, finished_at,
    case when finished_at is null then 'running' when is_complete then 'complete' else 'partial'
    end, null, sweep, planned, fetched, new_versions, unchanged, vanished, failed, requests,
    retries, rate_limited, is_complete, exit_code
from kore_raw.extraction_runs
qualify row_number() over (partition by stream_id order by started_at desc) <= 2
order by started_at desc
"""

Query = Callable[..., list[tuple[Any, ...]]]


def read_status(workspace: Workspace) -> Status:
    """Reads the published file; raises `DestinationUnavailable` if that cannot be read."""
    holder, file = workspace.holder(), workspace.published
    running: dict[str, Any] = {
        "running_pid": holder.get("pid"),
        "running_since": holder.get("since"),
    }
    if not file.exists():
        return Status(str(file), **running)
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            found = _read(_query_of(connection), is_running=bool(holder))
    except duckdb.Error as failed:
        raise DestinationUnavailable(str(file), str(failed).splitlines()[0]) from failed
    return replace(found, database=str(file), database_bytes=file.stat().st_size, **running)


def _query_of(connection: duckdb.DuckDBPyConnection) -> Query:
    def query(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        rows = connection.execute(sql, list(parameters)).fetchall()
        return [tuple(map(_in_utc, row)) for row in rows]

    return query


def _read(query: Query, *, is_running: bool) -> Status:
    views = {view for (view,) in query(_VIEWS)}
    if not {"runs", "campaign_freshness"} <= views:
        last_runs = _ended(query(_OLDER), is_running=is_running)
        apps = [App(stream_id, run) for stream_id, run in last_runs.items()]
        return Status("", apps, is_older=True)
    query(_FRESHNESS)
    last_runs = _ended(query(_RUNS), is_running=is_running)
    drift = query(_DRIFT)
    drifts = Counter(stream_id for stream_id, *_ in drift)
    apps = [
        App(
            stream_id,
            last_runs.get(stream_id),
            complete_at,
            full_at,
            *(count or 0 for count in [*counts, drifts[stream_id]]),
        )
        for stream_id, complete_at, full_at, *counts in query(_APPS)
    ]
    run_ids = [run.run_id for run in last_runs.values()]
    return Status(
        "",
        apps,
        query("select count(*) from kore.campaign_history")[0][0],
        [Stale(*row) for row in query(_STALE, WORST)],
        [Failure(*row) for row in query(_FAILURES, run_ids)],
        [DriftSeen(*row[1:]) for row in drift],
        [campaign_id for (campaign_id,) in query(_NOT_LISTED)],
        [campaign_id for (campaign_id,) in query(_LISTED_ONLY)],
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


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
