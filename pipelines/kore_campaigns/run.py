"""One run: ids, plan, fetch, shape, load, views, publish. Command and DAG both call this."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import dlt

from kore_campaigns import tables
from kore_campaigns.campaign_ids import EVERY
from kore_campaigns.connect import connected, tool_version
from kore_campaigns.contact_lists import ListReading
from kore_campaigns.destinations import DUCKDB, Destination, destination_of
from kore_campaigns.events import Tell, tell_nobody
from kore_campaigns.held import Reader, reading
from kore_campaigns.load import destination_errors, load, package
from kore_campaigns.lookup import resolve
from kore_campaigns.project import configured_ids, configured_policies, project_folder
from kore_campaigns.records import write_records
from kore_campaigns.reference import Reference, reference_records
from kore_campaigns.report import RunReport, new_report
from kore_campaigns.settings import KoreSettings
from kore_campaigns.store import Store
from kore_campaigns.survey import Surveyor
from kore_campaigns.sweep import Progress, Sweep, silent
from kore_campaigns.untraced import untraced
from kore_campaigns.watch import Watch
from kore_campaigns.zones_in_use import zone_references

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
    tell: Tell = tell_nobody,
    **settings: Any,
) -> RunReport:
    """Bring the database up to date and say what was found.

    `destination` is `duckdb`, whose file is `database`, or another one of dlt's: `postgres`, with
    its credentials in `[destination.postgres.credentials]`.

    `settings` are those of `KoreSettings` (`campaign_ids`, `credentials` ...) and win over
    environment and files.  Setting `stop` ends the run after the chunk in hand, and so does the
    deadline, counted from here.  `tell` gets each event of docs/operations.md.

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
            tell=tell,
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
    tell: Tell,
) -> RunReport:
    """The run of one connection, in a destination that is held."""
    found = ready.settings
    with connected(found, stop=stop) as client, destination.opened(found) as pipeline:
        report = new_report(database=destination.name)
        watch = Watch(report, lambda: client.counters, tell)
        watch.begin(stream_id=found.stream_id, tool_version=tool_version())
        with _deadline(deadline_seconds, stop, report):
            with destination_errors(report.database), reading(pipeline) as reader:
                now, wanted = report.started_at, found.sweep
                survey = Surveyor(found, ready.campaign_ids, client, reader, now, wanted).survey()
                store = Store(found, report, survey, pipeline, reader)
            app = {"account_id": found.account_id, "stream_id": found.stream_id}
            lists = ListReading(client, report, stop, app, is_wanted=found.contact_lists)
            references = partial(_references, found, ready.policies, lists)
            sweep = Sweep(
                settings=found,
                report=report,
                client=client,
                store=store,
                survey=survey,
                stop=stop,
                write=lambda is_last: watch.loads(
                    lambda: _write(
                        store,
                        report,
                        pipeline,
                        destination,
                        references if is_last else None,
                    ),
                    versions=len(store),
                ),
                progress=watch.beside(progress),
                accept_vanished=accept_vanished,
                ask_last=lists.ask,
            )
            watch.plan(to_ask=len(survey.plan.ask))
            sweep.go()
        watch.end()
        return report


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
    store: Store,
    report: RunReport,
    pipeline: dlt.Pipeline,
    destination: Destination,
    references: Callable[[Reader], list[Reference]] | None,
) -> None:
    """What a chunk brought, durable and published when this returns.

    The last chunk brings the `references`, too: what says how things are now.
    """
    is_last = references is not None
    report.seconds = round((datetime.now(UTC) - report.started_at).total_seconds(), 3)
    with destination_errors(report.database), destination.step(pipeline, versions=len(store)):
        if len(store):
            load(pipeline, package(versions=store.version_rows()), database=report.database)
        records = store.records(is_last=is_last)
        if references is not None:
            with pipeline.sql_client() as reader:
                records.add(reference_records(reader, references(reader)))
        write_records(pipeline, records, run_id=report.run_id, database=report.database)
    store.clear()


def _references(
    settings: KoreSettings, policies: Sequence[Row], lists: ListReading, reader: Reader
) -> list[Reference]:
    """What the tables that say how things are now are to hold; of what was not read, nothing."""
    app = {"stream_id": settings.stream_id}
    found = [Reference(tables.POLICIES, policies, app)]
    found += zone_references(reader, now=datetime.now(UTC))
    if lists.found is not None:
        unseen = ("seen_at",)
        found += [
            Reference(tables.LISTS, lists.found.lists, app, unseen),
            Reference(tables.LIST_CAMPAIGNS, lists.found.campaigns, app, unseen),
        ]
    return found
