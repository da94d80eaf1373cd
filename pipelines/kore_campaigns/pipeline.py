"""Runs: all steps in their order, for one connection or for several, one after the other."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from kore_campaigns import schema
from kore_campaigns.api.endpoints import base_url
from kore_campaigns.config.csv_files import EVERY
from kore_campaigns.config.project import configured_ids, configured_policies, project_folder
from kore_campaigns.config.settings import KoreSettings, configured_connections, resolve
from kore_campaigns.errors import (
    NOT_REACHED,
    UNEXPECTED,
    ErrorSummary,
    KoreCampaignsError,
    SettingInvalid,
    TryLater,
    VanishNotBelieved,
    combined,
    error_summary,
)
from kore_campaigns.events import for_connection, log_event
from kore_campaigns.extract.connect import connected, tool_version
from kore_campaigns.extract.contact_lists import DncLists, read_contact_lists
from kore_campaigns.extract.notify import Notifier
from kore_campaigns.extract.plan import Only, plan_run, require_stored
from kore_campaigns.extract.report import (
    COUNTERS,
    JSON_KEYS,
    Progress,
    RunReport,
    in_one_line,
    problems,
)
from kore_campaigns.extract.rows import (
    PendingRows,
    Row,
    app_row,
    current_zones,
    number_run,
    policy_periods,
    run_row,
)
from kore_campaigns.extract.state import app_name, newest_runs
from kore_campaigns.extract.sweep import Sweep
from kore_campaigns.load import DUCKDB, destination_for
from kore_campaigns.load.destination import Destination
from kore_campaigns.load.reader import Reader
from kore_campaigns.load.upsert import CurrentRows, Upsert, write_upserts

logger = logging.getLogger(__name__)

NOT_STARTED = ErrorSummary(
    TryLater.exit_code,
    "not_begun",
    "not started before the deadline. Next: `kore-campaigns run`, which begins with it",
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings and files of one connection, checked before the first request."""

    connection: str | None
    settings: KoreSettings
    campaign_ids: Sequence[str]
    policies: Sequence[Row]
    only: Only
    accept_vanished: bool

    @property
    def app_name(self) -> str:
        """Name of the connection; the id of the app if the connection has no name."""
        return self.connection or self.settings.stream_id

    @property
    def largest_chunk(self) -> int:
        """Number of campaigns that one load may contain."""
        if EVERY in self.campaign_ids:
            return self.settings.chunk_size
        return min(self.settings.chunk_size, len(self.campaign_ids))


@dataclass(frozen=True, slots=True)
class ConnectionRun:
    """The report of one connection, or the error that prevented or ended its run."""

    connection: str | None
    report: RunReport | None = None
    ending: ErrorSummary | None = None

    @property
    def exit_code(self) -> int:
        end = self.ending or self.report
        return 0 if end is None else end.exit_code

    def as_json(self) -> dict[str, Any]:
        """The object of a run, or its error."""
        found: dict[str, Any] = {"connection": self.connection, "exit_code": self.exit_code}
        if self.report is not None:
            found |= self.report.as_json()
        if self.ending is not None:
            found |= self.ending.as_json()
        return found


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of several connections, in the order in which they ran."""

    database: str
    parts: list[ConnectionRun] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return combined(part.exit_code for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        """The keys of a single run with their sums, and each run in `connections`."""
        reports = [part.report for part in self.parts if part.report is not None]
        sweeps = {report.sweep for report in reports}
        listed = [report.listed for report in reports if report.listed is not None]
        found: dict[str, Any] = {
            **{name: sum(getattr(report, name) for report in reports) for name in COUNTERS},
            "run_id": None,
            "sweep": sweeps.pop() if len(sweeps) == 1 else "mixed",
            "sweep_reason": "see connections",
            "listed": sum(listed) if listed else None,
            "drift": [each for report in reports for each in report.drift],
            "seconds": round(sum(report.seconds for report in reports), 3),
            "database": self.database,
            "is_complete": len(reports) == len(self.parts)
            and all(report.is_complete for report in reports),
        }
        parts = [part.as_json() for part in self.parts]
        return {key: found[key] for key in JSON_KEYS} | {"connections": parts}


def run_pipeline(  # noqa: PLR0913  # keywords, all of them optional
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
    connection: str | None = None,
    accept_vanished: bool = False,
    only: Sequence[str] = (),
    only_failed: bool = False,
    deadline_seconds: float | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> RunReport:
    """Bring the database up to date and return a report.

    `destination` is `duckdb`, whose file is `database`, or another destination of dlt: `postgres`,
    with its credentials in `[destination.postgres.credentials]`.

    `settings` are those of `KoreSettings` (`campaign_ids`, `credentials` ...). They take precedence
    over environment and files.  `only` names the campaigns to fetch, and `only_failed` those that
    failed; the others stay as they are.  Setting `stop` ends the run after the current chunk, and
    so does the deadline, counted from now.  Events (docs/reference/events.md) go to loggers below
    `kore_campaigns`.

    Returns a report also if campaigns or the credentials were refused: see its `exit_code`.
    Raises `FixSetting` before the first request and `DestinationUnavailable` if the database
    cannot be used.
    """
    folder = project_folder(project_dir)
    wanted: dict[str, Any] = {"only": only, "only_failed": only_failed}
    wanted["accept_vanished"] = accept_vanished
    configuration = _configure(connection, folder, **wanted, **settings)
    where = _destination(destination, database, folder, [configuration])
    stop, progress = stop or threading.Event(), progress or Progress()
    where.stop = stop
    with where.locked():
        _compare_with_stored(configuration, where)
        return _run(where, configuration, deadline_seconds, stop, progress)


def run_connections(
    connections: Sequence[str | None],
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    deadline_seconds: float | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Runs:
    """Run the connections one after the other, as `run_pipeline` does, under one lock.

    `options` are its other arguments.

    All settings are checked before the first request, and the deadline covers all connections
    together.  A connection whose settings are wrong, whose access is refused or whose run fails
    is part of the result, and the others run.  Raises `DestinationUnavailable` if the database
    cannot be used at all.
    """
    ends_at = None if deadline_seconds is None else time.monotonic() + deadline_seconds
    stop, progress = stop or threading.Event(), progress or Progress()
    folder = project_folder()
    configurations: dict[str | None, Configuration] = {}
    endings: dict[str | None, ErrorSummary] = {}
    for name in connections:
        try:
            configurations[name] = _configure(name, folder, **options)
        except KoreCampaignsError as wrong:
            endings[name] = error_summary(wrong)
    where = _destination(destination, database, folder, [*configurations.values()])
    where.stop = stop
    runs = Runs(where.name)
    with where.locked():
        with where.read_if_any() as reader:
            newest = {} if reader is None else newest_runs(reader)
        streams = {name: each.settings.stream_id for name, each in configurations.items()}
        # the longest waiting first: a short deadline does not always leave out the same one
        for name in sorted(
            dict.fromkeys(connections), key=lambda name: newest.get(streams.get(name, ""), ())
        ):
            left = None if ends_at is None else ends_at - time.monotonic()
            is_over = stop.is_set() or (left is not None and left <= 0)
            report, ending = None, endings.get(name, NOT_STARTED if is_over else None)
            with for_connection(name):
                if ending is None:
                    ready = configurations[name]
                    try:
                        _compare_with_stored(ready, where)
                        report = _run(where, ready, left, stop, progress)
                    except Exception as failed:  # whatever it is, the other connections run
                        ending = error_summary(failed)
                if ending is not None:
                    fields: dict[str, Any] = {"code": ending.code, "exit_code": ending.exit_code}
                    log_event(logger, "run_failed", ending.message, **fields)
            runs.parts.append(ConnectionRun(name, report, ending))
    return runs


def _configure(
    connection: str | None,
    folder: Path,
    *,
    only: Sequence[str] = (),
    only_failed: bool = False,
    accept_vanished: bool = False,
    **settings: Any,
) -> Configuration:
    found = resolve(settings, connection=connection)
    ids = configured_ids(found, folder, connection=connection)
    policies = configured_policies(found, folder)
    wanted = Only(only, only_failed)
    return Configuration(connection, found, ids, policies, wanted, accept_vanished)


def _compare_with_stored(configuration: Configuration, destination: Destination) -> None:
    """Raise `SettingInvalid` if `--only` names an unknown campaign, or the history is of another
    app.
    """
    others = configuration.only.not_in(configuration.campaign_ids)
    has_connections = bool(configured_connections())
    if not others and not has_connections:
        return
    with destination.read_if_any() as reader:
        if reader is not None and has_connections:
            _require_own_history(configuration, reader)
        if others:
            require_stored(others, reader, stream_id=configuration.settings.stream_id)


def _require_own_history(configuration: Configuration, reader: Reader) -> None:
    """Raise `SettingInvalid` if another connection, of another host or account, has written the
    history of this stream id: tables know an app by its stream id alone.
    """
    mine = configuration.settings
    stored = app_name(reader, stream_id=mine.stream_id)
    if stored in (None, configuration.app_name):
        return
    try:
        theirs = resolve(connection=None if stored == mine.stream_id else stored)
    except KoreCampaignsError:  # it was renamed or removed
        return
    if theirs.stream_id == mine.stream_id and _app(theirs) != _app(mine):
        name = "settings without a connection" if stored == mine.stream_id else f"`{stored}`"
        expected = (
            f"another one than that of {name}, of another host or account: both would share one "
            "history in this database. If it is right, give each a `--database` of its own"
        )
        raise SettingInvalid(key="stream_id", value=mine.stream_id, expected=expected)


def _app(settings: KoreSettings) -> tuple[str, str]:
    return base_url(settings.host), settings.account_id


def _destination(
    kind: str, database: str | Path | None, folder: Path, configurations: Sequence[Configuration]
) -> Destination:
    """The destination of all of them: it has room for the largest chunk."""
    return destination_for(
        kind,
        database=database,
        folder=folder,
        keep_generations=max(
            (each.settings.keep_generations for each in configurations), default=0
        ),
        chunk=max((each.largest_chunk for each in configurations), default=0),
        protect_foreign_tables=any(each.settings.protect_foreign_tables for each in configurations),
    )


def _run(
    destination: Destination,
    configuration: Configuration,
    deadline_seconds: float | None,
    stop: threading.Event,
    progress: Progress,
) -> RunReport:
    """Run one connection; the destination is locked."""
    settings = configuration.settings
    with (
        _failure_recorded(destination, settings, progress),
        connected(settings, stop=stop) as client,
        destination.open(settings),
    ):
        report = RunReport(
            database=destination.name,
            stream_id=settings.stream_id,
            notes_of_database=destination.notes,
        )
        with progress.following(report, client), _deadline(deadline_seconds, stop, progress):
            log_event(
                logger,
                "run_started",
                run_id=report.run_id,
                stream_id=settings.stream_id,
                database=report.database,
                tool_version=tool_version(),
            )
            notifier = Notifier(settings, report, configuration.app_name)
            _load_start(configuration, report, destination, notifier)
            with destination.loaded() as reader:
                ids, now = configuration.campaign_ids, report.started_at
                plan = plan_run(settings, ids, client, reader, now=now, only=configuration.only)
                rows = PendingRows(settings, report, plan, reader)
                dnc_lists = DncLists(settings, plan.sweep, reader)
            progress.plan(len(plan.requests))
            accepted = configuration.accept_vanished
            sweep = Sweep(settings, report, client, stop, plan, rows, accepted)
            log_event(
                logger,
                "sweep_planned",
                sweep=report.sweep,
                sweep_reason=report.sweep_reason,
                listed=report.listed,
                planned=report.planned,
                to_ask=len(plan.requests),
            )
            with closing(sweep.run()) as answers:
                for is_chunk_full in answers:
                    if is_chunk_full:
                        _load_chunk(rows, report, destination)
            due = dnc_lists.due(report.started_at, rows.dnc_lists_in_use)
            began = time.monotonic()
            for state in dnc_lists.read(due, client, report, stop):
                rows.dnc_lists.append(state)
                if time.monotonic() - began >= settings.chunk_seconds:
                    _load_chunk(rows, report, destination)
                    began = time.monotonic()
            lists = read_contact_lists(client, settings, report, stop)
            last = _Last(configuration.policies, lists, notifier)
            _load_chunk(rows, report, destination, last)
            notifier.send(destination, stop)
        report.measure_seconds()
        _log_end(report)
        return report


@contextmanager
def _failure_recorded(
    destination: Destination, settings: KoreSettings, progress: Progress
) -> Iterator[None]:
    """Record that an unexpected error ended the run, if the database can be used.

    The run has no end: for the next one it is as unfinished as a killed run.
    """
    before = progress.report
    try:
        yield
    except Exception as failed:
        report = progress.report
        if error_summary(failed).code == UNEXPECTED and report is not None and report is not before:
            with (
                suppress(Exception),  # the first error is the one to report
                # opened again, as the next run does: without what the error has left half written
                destination.open(settings),
                destination.step(None),
                destination.loaded() as reader,
                reader.transaction(),
            ):
                code = KoreCampaignsError.exit_code
                sql = "update {extraction_runs} set exit_code = ? where run_id = ?"
                reader.execute(sql, [code, report.run_id])
        raise


@contextmanager
def _deadline(seconds: float | None, stop: threading.Event, progress: Progress) -> Iterator[None]:
    """Set `stop` when the time is up, and note what the run waits for then."""
    if seconds is None:
        yield
        return

    def reached() -> None:
        if progress.report is not None:
            progress.report.deadline_seconds = seconds
            progress.report.waited_for = progress.waiting_for or progress.open_answers
        stop.set()

    timer = threading.Timer(seconds, reached)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _load_start(
    configuration: Configuration, report: RunReport, destination: Destination, notifier: Notifier
) -> None:
    """Record the start of the run, so that it is known if it is killed before its first chunk."""
    with destination.step(None), destination.loaded() as reader:
        number_run(reader, report)
        # without a kind of sweep, it cannot be taken for an unfinished full sweep
        start = run_row(configuration.settings, report) | {"sweep": None}
        app = app_row(reader, report, configuration.settings, configuration.app_name)
        upserts = [Upsert(schema.EXTRACTION_RUNS, [start]), Upsert(schema.APPS, [app])]
        write_upserts(reader, [*upserts, *notifier.begin(reader)], run_id=report.run_id)


class _Last(NamedTuple):
    """What the last chunk of a run has besides versions."""

    policies: Sequence[Row]
    lists: Sequence[CurrentRows]
    notifier: Notifier


def _load_chunk(
    rows: PendingRows,
    report: RunReport,
    destination: Destination,
    last: _Last | None = None,
) -> None:
    """Load a chunk: it is durable and published when this returns.

    The last chunk has the tables that show the current state, and the message about what is new.
    """
    began, versions = time.monotonic(), len(rows)
    report.measure_seconds()
    with destination.step(versions):
        with destination.loaded() as reader:
            rows.read_stored(reader)
            rows.read_drift(reader)
        if versions:
            destination.load(rows.version_rows())
        upserts = rows.upserts(is_last=last is not None)
        with destination.loaded() as reader:
            if last is not None:
                upserts.append(policy_periods(reader, last.policies, report))
                app = {"stream_id": report.stream_id}
                limits = CurrentRows(schema.POLICIES, last.policies, app)
                zones = current_zones(reader, now=datetime.now(UTC))
                upserts += [each.upsert(reader) for each in (limits, *last.lists, *zones)]
            write_upserts(reader, upserts, run_id=report.run_id)
            if last is not None and (news := last.notifier.write(reader)):
                write_upserts(reader, news, run_id=report.run_id)
    rows.clear()
    seconds = round(time.monotonic() - began, 3)
    log_event(
        logger,
        "chunk_loaded",
        versions=versions,
        done=report.done,
        planned=report.planned,
        load_seconds=seconds,
    )


def _log_end(report: RunReport) -> None:
    """Log what is only known at the end of a run."""
    not_believed = [each for each in report.failures if isinstance(each, VanishNotBelieved)]
    if not_believed:
        message = not_believed[0].message
        log_event(logger, "vanish_not_believed", message, count=len(not_believed))
    not_reached = Counter(
        (each.code, each.message) for each in report.failures if each.code in NOT_REACHED
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
