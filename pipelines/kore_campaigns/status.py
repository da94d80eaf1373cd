"""What the database says about itself: when it last worked, what is stale, what failed and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from kore_campaigns.errors import DestinationUnavailable
from kore_campaigns.publish import Workspace

_RUNS = """
select run_id, started_at, finished_at, sweep, planned, fetched, new_versions, unchanged, vanished,
    failed, is_complete, exit_code
from kore_raw.extraction_runs
order by started_at desc
limit 1
"""
_LAST_COMPLETE = "select max(started_at) from kore_raw.extraction_runs where is_complete"
_COUNTS = """
select
    count(*) filter (where is_current and not is_deleted),
    count(*) filter (where is_current and is_deleted),
    count(*)
from kore.campaign_history
"""
_FAILURES = """
select errors.campaign_id, errors.error_code, errors.message, history.observed_at
from kore_raw.extraction_errors as errors
left join kore.campaign_history as history
    on errors.stream_id = history.stream_id
    and errors.campaign_id = history.campaign_id
    and history.is_current
where errors.run_id = ?
order by errors.error_code in ('not_asked', 'interrupted'), errors.campaign_id
"""


@dataclass(frozen=True, slots=True)
class LastRun:
    run_id: str
    started_at: datetime
    finished_at: datetime | None
    sweep: str
    planned: int
    fetched: int
    new_versions: int
    unchanged: int
    vanished: int
    failed: int
    is_complete: bool
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A campaign that the newest run could not read; what we hold of it is from `held_since`."""

    campaign_id: str
    error_code: str
    message: str
    held_since: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    database: str
    last_run: LastRun | None = None
    last_complete_at: datetime | None = None
    live: int = 0
    deleted: int = 0
    versions: int = 0
    failures: list[Failure] = field(default_factory=list)
    running_pid: int | None = None
    running_since: str | None = None

    @property
    def advice(self) -> str:
        """The next command."""
        if self.running_pid is not None:
            return "wait for the run that goes on"
        if self.last_run is None or self.last_run.exit_code in (None, 75):
            return "kore-campaigns run"
        if self.last_run.exit_code == 0:
            return "nothing to do"
        if self.last_run.exit_code == 3:
            return "kore-campaigns check"
        return "mend what the failures name, then kore-campaigns run"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "advice": self.advice}


def read_status(workspace: Workspace) -> Status:
    """Reads the published file; raises `DestinationUnavailable` if that cannot be read."""
    running = workspace.holder()
    found: dict[str, Any] = {
        "running_pid": running.get("pid"),
        "running_since": running.get("since"),
    }
    if not workspace.published.exists():
        return Status(str(workspace.published), **found)
    try:
        with duckdb.connect(str(workspace.published), read_only=True) as connection:
            return _read(connection, str(workspace.published), found)
    except duckdb.Error as failed:
        reason = str(failed).splitlines()[0]
        raise DestinationUnavailable(str(workspace.published), reason) from failed


def _read(connection: duckdb.DuckDBPyConnection, database: str, running: dict[str, Any]) -> Status:
    run = connection.execute(_RUNS).fetchone()
    if run is None:
        return Status(database, **running)
    last_run = LastRun(*[_in_utc(value) for value in run])
    complete = connection.execute(_LAST_COMPLETE).fetchone()
    counts = connection.execute(_COUNTS).fetchone()
    failures = connection.execute(_FAILURES, [last_run.run_id]).fetchall()
    live, deleted, versions = counts or (0, 0, 0)
    return Status(
        database,
        last_run,
        _in_utc(complete[0]) if complete else None,
        live,
        deleted,
        versions,
        [Failure(*map(_in_utc, failure)) for failure in failures],
        **running,
    )


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
