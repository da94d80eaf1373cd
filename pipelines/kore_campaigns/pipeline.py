"""Runs: all steps in their order, for one connection or for several, one after the other."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import dlt

from kore_campaigns import schema
from kore_campaigns.config.campaign_ids import EVERY
from kore_campaigns.config.project import configured_ids, configured_policies, project_folder
from kore_campaigns.config.settings import KoreSettings, resolve, untraced
from kore_campaigns.errors import (
    ErrorSummary,
    KoreCampaignsError,
    TryLater,
    VanishNotBelieved,
    combined,
    error_summary,
)
from kore_campaigns.events import for_connection, log_event
from kore_campaigns.extract.connect import connected, tool_version
from kore_campaigns.extract.contact_lists import ContactLists, read_contact_lists
from kore_campaigns.extract.planner import Planner
from kore_campaigns.extract.report import (
    COUNTERS,
    JSON_KEYS,
    RunReport,
    in_one_line,
    new_report,
    problems,
)
from kore_campaigns.extract.rows import PendingRows, zone_references
from kore_campaigns.extract.sweep import NOT_REACHED, Progress, Sweep, silent
from kore_campaigns.load.destination import DUCKDB, Destination, DuckDbFile, destination_of
from kore_campaigns.load.dlt_load import destination_errors, load
from kore_campaigns.load.postgres import Warehouse
from kore_campaigns.load.reader import Reader, sql_client
from kore_campaigns.load.upsert import Reference, reference_records, write_records

logger = logging.getLogger(__name__)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ready:
    """What one connection is to read; nothing was sent yet."""

    settings: KoreSettings
    campaign_ids: Sequence[str]
    policies: Sequence[Row]

    @property
    def largest_chunk(self) -> int:
        """Campaigns that one load may bring."""
        if EVERY in self.campaign_ids:
            return self.settings.chunk_size
        return min(self.settings.chunk_size, len(self.campaign_ids))


def run_pipeline(  # noqa: PLR0913  # each by its name, and all may be left out
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
    connection: str | None = None,
    accept_vanished: bool = False,
    deadline_seconds: float | None = None,
    stop: threading.Event | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> RunReport:
    """Bring the database up to date and say what was found.

    `destination` is `duckdb`, whose file is `database`, or another one of dlt's: `postgres`, with
    its credentials in `[destination.postgres.credentials]`.

    `settings` are those of `KoreSettings` (`campaign_ids`, `credentials` ...) and win over
    environment and files.  Setting `stop` ends the run after the chunk in hand, and so does the
    deadline, counted from here.  The events of docs/operations.md go to the loggers below
    `kore_campaigns`.

    Returns a report also when campaigns or the credentials were refused: look at `exit_code`.
    Raises `FixSetting` before the first request and `DestinationUnavailable` when the database
    cannot be used.
    """
    folder = project_folder(project_dir)
    ready = make_ready(settings, folder, connection=connection)
    where = destination_of(
        destination,
        database=database,
        folder=folder,
        keep_generations=ready.settings.keep_generations,
        chunk=ready.largest_chunk,
    )
    with where.locked():
        return run_in(
            where,
            ready,
            accept_vanished=accept_vanished,
            deadline_seconds=deadline_seconds,
            stop=stop or threading.Event(),
            progress=progress,
        )


def make_ready(overrides: Row, folder: Path, *, connection: str | None) -> Ready:
    """Settings looked up and files read; raises `FixSetting`."""
    found = resolve(overrides, connection=connection)
    return Ready(
        found,
        configured_ids(found, folder, connection=connection),
        configured_policies(found, folder),
    )


@untraced()
def run_in(
    destination: Destination,
    ready: Ready,
    *,
    accept_vanished: bool,
    deadline_seconds: float | None,
    stop: threading.Event,
    progress: Progress,
) -> RunReport:
    """The run of one connection, in a destination that is held."""
    found = ready.settings
    with connected(found, stop=stop) as client, destination.opened(found) as pipeline:
        report = new_report(database=destination.name)
        log_event(
            logger,
            "run_started",
            run_id=report.run_id,
            stream_id=found.stream_id,
            database=report.database,
            tool_version=tool_version(),
        )
        with _deadline(deadline_seconds, stop, report):
            with destination_errors(report.database), sql_client(pipeline) as reader:
                now, kind = report.started_at, found.sweep
                planner = Planner(found, ready.campaign_ids, client, reader, now, kind)
                planned = planner.plan()
                rows = PendingRows(found, report, planned, pipeline, reader)
            sweep = Sweep(found, report, client, stop, planned, rows, accept_vanished)
            log_event(
                logger,
                "sweep_planned",
                sweep=report.sweep,
                sweep_reason=report.sweep_reason,
                listed=report.listed,
                planned=report.planned,
                to_ask=len(planned.plan.requests),
            )
            with closing(sweep.run()) as answers:
                for is_chunk_full in answers:
                    progress(report, client.eta_seconds)
                    if is_chunk_full:
                        _write(rows, report, pipeline, destination, None)
            lists = read_contact_lists(client, found, report, stop)
            references = partial(_references, found, ready.policies, lists)
            _write(rows, report, pipeline, destination, references)
        _log_end(report)
        return report


def _log_end(report: RunReport) -> None:
    """Log what is only known at the end of a run."""
    not_believed = [each for each in report.failures if isinstance(each, VanishNotBelieved)]
    if not_believed:
        message = not_believed[0].message
        log_event(logger, "vanish_not_believed", message, count=len(not_believed))
    not_reached = Counter(
        (each.code, each.message) for each in report.failures if isinstance(each, NOT_REACHED)
    )
    for (code, message), count in not_reached.items():
        log_event(logger, "campaigns_not_reached", message, code=code, count=count)
    for problem in problems(report):
        log_event(logger, problem.event, problem.message)
    for drift in report.drift:
        log_event(logger, "drift_found", **drift)
    facts = {"exit_code": report.exit_code, **report.as_json()}
    del facts["drift"]  # each has an event of its own
    level = logging.ERROR if report.exit_code else logging.INFO
    log_event(logger, "run_finished", in_one_line(report), level=level, **facts)


@contextmanager
def _deadline(seconds: float | None, stop: threading.Event, report: RunReport) -> Iterator[None]:
    """Sets `stop` when the time is up: what was fetched is stored, the next run goes on."""
    if seconds is None:
        yield
        return

    def reached() -> None:
        report.deadline_seconds = seconds
        stop.set()

    timer = threading.Timer(seconds, reached)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _write(
    rows: PendingRows,
    report: RunReport,
    pipeline: dlt.Pipeline,
    destination: Destination,
    references: Callable[[Reader], list[Reference]] | None,
) -> None:
    """What a chunk brought, durable and published when this returns.

    The last chunk brings the `references`, too: what says how things are now.
    """
    is_last = references is not None
    began, versions = time.monotonic(), len(rows)
    report.seconds = round((datetime.now(UTC) - report.started_at).total_seconds(), 3)
    with destination_errors(report.database), destination.step(pipeline, versions=len(rows)):
        if len(rows):
            load(pipeline, rows.version_rows(), database=report.database)
        records = rows.records(is_last=is_last)
        if references is not None:
            with pipeline.sql_client() as reader:
                records.add(reference_records(reader, references(reader)))
        write_records(pipeline, records, run_id=report.run_id, database=report.database)
    rows.clear()
    log_event(
        logger,
        "chunk_loaded",
        versions=versions,
        done=report.done,
        planned=report.planned,
        load_seconds=round(time.monotonic() - began, 3),
    )


def _references(
    settings: KoreSettings, policies: Sequence[Row], lists: ContactLists | None, reader: Reader
) -> list[Reference]:
    """What the tables that say how things are now are to hold; of what was not read, nothing."""
    app = {"stream_id": settings.stream_id}
    found = [Reference(schema.POLICIES, policies, app)]
    found += zone_references(reader, now=datetime.now(UTC))
    if lists is not None:
        unseen = ("seen_at",)
        found += [
            Reference(schema.LISTS, lists.lists, app, unseen),
            Reference(schema.LIST_CAMPAIGNS, lists.campaigns, app, unseen),
        ]
    return found


NEVER = datetime.min.replace(tzinfo=UTC)
NOT_BEGUN = ErrorSummary(
    TryLater.exit_code, "not_begun", "was not begun before the end. Next: run again, it comes first"
)


@dataclass(frozen=True, slots=True)
class ConnectionRun:
    """How one connection ended: with a report, or with what kept it from one."""

    connection: str | None
    report: RunReport | None = None
    ending: ErrorSummary | None = None

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
        counts = {name: sum(getattr(report, name) for report in reports) for name in COUNTERS}
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


def run_connections(
    connections: Sequence[str | None],
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
    deadline_seconds: float | None = None,
    stop: threading.Event | None = None,
    progress: Progress = silent,
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
            with for_connection(name):
                part = _run_one(
                    name,
                    ready,
                    where,
                    stop,
                    accept_vanished=accept_vanished,
                    deadline_seconds=None if ends_at is None else ends_at - time.monotonic(),
                    progress=progress,
                )
            found.parts.append(part)
    return found


def _prepared(options: Mapping[str, Any], folder: Path, name: str | None) -> Ready | ErrorSummary:
    try:
        return make_ready(options, folder, connection=name)
    except KoreCampaignsError as wrong:
        return error_summary(wrong)


def _where(
    kind: str, database: str | Path | None, folder: Path, prepared: Sequence[Ready | ErrorSummary]
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
    prepared: Mapping[str | None, Ready | ErrorSummary], where: Destination
) -> list[tuple[str | None, Ready | ErrorSummary]]:
    """So that a deadline which is always too short does not always leave out the same ones."""
    began = where.newest_runs()

    def waits_since(each: tuple[str | None, Ready | ErrorSummary]) -> datetime:
        ready = each[1]
        stream_id = "" if isinstance(ready, ErrorSummary) else ready.settings.stream_id
        return began.get(stream_id, NEVER)

    return sorted(prepared.items(), key=waits_since)


def _run_one(
    name: str | None,
    ready: Ready | ErrorSummary,
    where: Destination,
    stop: threading.Event,
    *,
    deadline_seconds: float | None,
    **options: Any,
) -> ConnectionRun:
    is_over = stop.is_set() or (deadline_seconds is not None and deadline_seconds <= 0)
    if isinstance(ready, ErrorSummary):
        ending = ready
    elif is_over:
        ending = NOT_BEGUN
    else:
        try:
            report = run_in(where, ready, deadline_seconds=deadline_seconds, stop=stop, **options)
        except Exception as failed:  # whatever it is, the other connections are not concerned
            ending = error_summary(failed)
        else:
            return ConnectionRun(name, report)
    log_event(logger, "run_failed", ending.message, code=ending.code, exit_code=ending.exit_code)
    return ConnectionRun(name, ending=ending)


def parts_of(found: RunReport | Runs, connection: str | None) -> Iterator[ConnectionRun]:
    """A run of one connection is one of several that has one part."""
    if isinstance(found, Runs):
        yield from found.parts
    else:
        yield ConnectionRun(connection, found)
