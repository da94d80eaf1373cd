"""The runs of several connections in one database, one after the other: one that fails stops none.

Their budgets are their accounts' own; they take turns because one DuckDB file has one writer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kore_campaigns.campaign_errors import TryLater
from kore_campaigns.destinations import DUCKDB, Destination, DuckDbFile, destination_of
from kore_campaigns.endings import Ending, combined, ending_of
from kore_campaigns.errors import KoreCampaignsError
from kore_campaigns.events import Event, Tell, run_failed, tell_nobody
from kore_campaigns.project import project_folder
from kore_campaigns.report import JSON_KEYS, RunReport
from kore_campaigns.run import Ready, make_ready, run_in
from kore_campaigns.status import read_status
from kore_campaigns.sweep import Progress, silent
from kore_campaigns.warehouse import Warehouse

_COUNTS = (
    *("planned", "fetched", "new_versions", "unchanged", "vanished", "failed"),
    *("requests", "retries", "rate_limited"),
)
NEVER = datetime.min.replace(tzinfo=UTC)
NOT_BEGUN = Ending(
    TryLater.exit_code, "not_begun", "was not begun before the end. Next: run again, it comes first"
)


@dataclass(frozen=True, slots=True)
class ConnectionRun:
    """How one connection ended: with a report, or with what kept it from one."""

    connection: str | None
    report: RunReport | None = None
    ending: Ending | None = None

    @property
    def exit_code(self) -> int:
        if self.ending is not None:
            return self.ending.exit_code
        return 0 if self.report is None else self.report.exit_code

    def as_json(self) -> dict[str, Any]:
        """The object of a run, or its error."""
        found: dict[str, Any] = {"connection": self.connection, "exit_code": self.exit_code}
        if self.report is not None:
            found |= self.report.as_json()
        if self.ending is not None:
            found |= {"error_code": self.ending.code, "message": self.ending.message}
        return found


@dataclass(frozen=True, slots=True)
class Runs:
    """One report with a part per connection, in the order in which they ran."""

    database: str
    parts: list[ConnectionRun] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return combined(part.exit_code for part in self.parts)

    @property
    def is_complete(self) -> bool:
        return all(part.report is not None and part.report.is_complete for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        """The keys of a single run, summed up, and each run in `connections`."""
        reports = [part.report for part in self.parts if part.report is not None]
        sweeps = sorted({report.sweep for report in reports})
        listed = [report.listed for report in reports if report.listed is not None]
        counts = {name: sum(getattr(report, name) for report in reports) for name in _COUNTS}
        told: dict[str, Any] = {
            **counts,
            "run_id": None,
            "sweep": sweeps[0] if len(sweeps) == 1 else "mixed",
            "sweep_reason": "see connections",
            "listed": sum(listed) if listed else None,
            "drift": [each for report in reports for each in report.drift],
            "seconds": round(sum(report.seconds for report in reports), 3),
            "database": self.database,
            "is_complete": self.is_complete,
        }
        parts = [part.as_json() for part in self.parts]
        return {key: told[key] for key in JSON_KEYS} | {"connections": parts}


def run_connections(  # noqa: PLR0913  # as `run_pipeline`
    connections: Sequence[str | None],
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
    deadline_seconds: float | None = None,
    stop: threading.Event | None = None,
    progress: Progress = silent,
    tell: Tell = tell_nobody,
    **options: Any,
) -> Runs:
    """What `run_pipeline` does, for each connection in turn, in one hold of the database.

    Arguments as there; the deadline is for all of them together. All settings are checked before
    the first request; a connection whose settings are wrong, whose access is refused or whose run
    breaks is a part of the report, and the others run.  Raises `DestinationUnavailable` when the
    database cannot be had at all.
    """
    ends_at = None if deadline_seconds is None else time.monotonic() + deadline_seconds
    accept_vanished = bool(options.pop("accept_vanished", False))
    folder = project_folder(project_dir)
    prepared = {name: _prepared(options, folder, name) for name in connections}
    where = _where(destination, database, folder, [*prepared.values()])
    found = Runs(where.name)
    stop = stop or threading.Event()
    with where.locked():
        for name, ready in _longest_waiting_first(prepared, where):
            part = _run_one(
                name,
                ready,
                where,
                stop,
                accept_vanished=accept_vanished,
                deadline_seconds=None if ends_at is None else ends_at - time.monotonic(),
                progress=progress,
                tell=_naming(tell, name),
            )
            found.parts.append(part)
    return found


def _prepared(options: Mapping[str, Any], folder: Path, name: str | None) -> Ready | Ending:
    try:
        return make_ready(options, folder, connection=name)
    except KoreCampaignsError as wrong:
        return ending_of(wrong)


def _where(
    kind: str, database: str | Path | None, folder: Path, prepared: Sequence[Ready | Ending]
) -> DuckDbFile | Warehouse:
    """One for all: it keeps as many states as any of them asks for, and room for the largest."""
    ready = [each for each in prepared if isinstance(each, Ready)]
    return destination_of(
        kind,
        database=database,
        folder=folder,
        keep_generations=max((each.settings.keep_generations for each in ready), default=0),
        chunk=max((each.largest_chunk for each in ready), default=0),
    )


def _longest_waiting_first(
    prepared: Mapping[str | None, Ready | Ending], where: DuckDbFile | Warehouse
) -> list[tuple[str | None, Ready | Ending]]:
    """So that a deadline which is always too short does not always leave out the same ones."""
    place = where.workspace if isinstance(where, DuckDbFile) else where
    apps = read_status(place).apps
    began = {app.stream_id: app.last_run.started_at for app in apps if app.last_run is not None}

    def waits_since(each: tuple[str | None, Ready | Ending]) -> datetime:
        ready = each[1]
        stream_id = "" if isinstance(ready, Ending) else ready.settings.stream_id
        return began.get(stream_id, NEVER)

    return sorted(prepared.items(), key=waits_since)


def _run_one(
    name: str | None,
    ready: Ready | Ending,
    where: Destination,
    stop: threading.Event,
    *,
    deadline_seconds: float | None,
    tell: Tell,
    **options: Any,
) -> ConnectionRun:
    is_over = stop.is_set() or (deadline_seconds is not None and deadline_seconds <= 0)
    if isinstance(ready, Ending):
        ending = ready
    elif is_over:
        ending = NOT_BEGUN
    else:
        try:
            report = run_in(
                where, ready, deadline_seconds=deadline_seconds, stop=stop, tell=tell, **options
            )
        except Exception as failed:  # whatever it is, the other connections are not concerned
            ending = ending_of(failed)
        else:
            return ConnectionRun(name, report)
    tell(run_failed(ending.message, code=ending.code, exit_code=ending.exit_code))
    return ConnectionRun(name, ending=ending)


def _naming(tell: Tell, name: str | None) -> Tell:
    """Each event says which connection it is about."""

    def named(event: Event) -> None:
        tell(replace(event, fields={"connection": name, **event.fields}))

    return named


def parts_of(found: RunReport | Runs, connection: str | None) -> Iterator[ConnectionRun]:
    """A run of one connection is one of several that has one part."""
    if isinstance(found, Runs):
        yield from found.parts
    else:
        yield ConnectionRun(connection, found)
