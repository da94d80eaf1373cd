"""One run: ids, plan, fetch, shape, load, views, publish. Command and DAG both call this."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt

from kore_campaigns.connect import connected
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.held import failed_last_time, read_held
from kore_campaigns.load import duckdb_pipeline, ensure_tables, load, package
from kore_campaigns.lookup import resolve
from kore_campaigns.plan import plan_full
from kore_campaigns.project import configured_ids, project_folder
from kore_campaigns.publish import Workspace, workspace_for
from kore_campaigns.report import RunReport, new_report
from kore_campaigns.store import Store
from kore_campaigns.sweep import Progress, Sweep, silent
from kore_campaigns.views.apply import apply_views


def run_pipeline(
    *,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
    connection: str | None = None,
    accept_vanished: bool = False,
    stop: threading.Event | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> RunReport:
    """Bring the database up to date and say what was found.

    `settings` are those of `KoreSettings` (`campaign_ids`, `credentials` ...) and win over
    environment and files.  Setting `stop` ends the run after the chunk in hand.

    Returns a report also when campaigns or the credentials were refused: look at `exit_code`.
    Raises `FixSetting` before the first request and `DestinationUnavailable` when the database
    cannot be used.
    """
    folder = project_folder(project_dir)
    found = resolve(settings, connection=connection)
    if found.sweep == "listing":
        raise SettingInvalid(
            key="sweep",
            value=found.sweep,
            expected="`full` or `auto`; this version asks for each id",
        )
    campaign_ids = configured_ids(found, folder, connection=connection)
    workspace = workspace_for(database, folder)
    stop = stop or threading.Event()
    with workspace.locked(), connected(found, stop=stop) as client, _opened(workspace) as pipeline:
        report = new_report(database=str(workspace.published))
        held = read_held(pipeline, stream_id=found.stream_id)
        failed = failed_last_time(pipeline, stream_id=found.stream_id)
        plan = plan_full(campaign_ids, known=held, failed_last_time=failed)
        store = Store(found, report, held=held, pipeline=pipeline)
        sweep = Sweep(
            settings=found,
            report=report,
            client=client,
            store=store,
            held=held,
            stop=stop,
            write=lambda is_last: _write(store, pipeline, workspace, is_last=is_last),
            progress=progress,
            accept_vanished=accept_vanished,
        )
        sweep.go([step.campaign_id for step in plan])
        report.seconds = round((datetime.now(UTC) - report.started_at).total_seconds(), 3)
        return report


@contextmanager
def _opened(workspace: Workspace) -> Iterator[dlt.Pipeline]:
    """The pipeline of the private file, with all tables and views of this version."""
    workspace.prepare()
    pipeline = duckdb_pipeline(workspace.private, pipelines_dir=workspace.pipelines_dir)
    try:
        ensure_tables(pipeline)
        apply_views(pipeline)
        yield pipeline
    finally:
        pipeline.deactivate()  # a plain source used later in this process is none of ours


def _write(store: Store, pipeline: dlt.Pipeline, workspace: Workspace, *, is_last: bool) -> None:
    """One load package, durable and published when this returns."""
    workspace.begin_step()
    load(
        pipeline,
        package(
            versions=store.version_rows(),
            runs=[store.run_row(is_last=is_last)],
            errors=store.error_rows(),
        ),
        database=str(workspace.published),
    )
    workspace.publish()
    store.clear()
