"""Where a run writes: a DuckDB file that is published step by step, or a warehouse of dlt's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import dlt

from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.load.dlt_load import destination_errors, duckdb_pipeline, make_tables_and_views
from kore_campaigns.load.duckdb_file import Workspace, workspace_for
from kore_campaigns.load.postgres import Warehouse
from kore_campaigns.load.reader import (
    NEWEST_RUNS,
    Connection,
    columns_of_table,
    reading,
    started_by_stream,
)
from kore_campaigns.schema import EXTRACTION_RUNS, RAW_SCHEMA

DUCKDB = "duckdb"
_SMALL_STEP = 100


class Destination(Protocol):
    """What a run needs of where it writes."""

    @property
    def name(self) -> str:
        """What reports and messages call it; no secret is in it."""

    def locked(self) -> AbstractContextManager[None]:
        """Held by one command at a time; raises `DatabaseLocked` naming the one that has it."""

    def newest_runs(self) -> dict[str, datetime]:
        """Start of the newest run of each stream (UTC)."""

    def opened(self, settings: KoreSettings) -> AbstractContextManager[dlt.Pipeline]:
        """The pipeline of one connection, with all tables and views of this version."""

    def step(self, pipeline: dlt.Pipeline, *, versions: int) -> AbstractContextManager[None]:
        """Brings so many versions: seen by readers, and durable, when it has ended without error,
        and by nobody before.
        """


@dataclass(frozen=True, slots=True)
class DuckDbFile:
    """Written privately, and swapped in whole."""

    workspace: Workspace

    @property
    def name(self) -> str:
        return name_of(self.workspace)

    def locked(self) -> AbstractContextManager[None]:
        return self.workspace.locked()

    def newest_runs(self) -> dict[str, datetime]:
        """Start of the newest published run of each stream."""
        if not self.workspace.published.exists():
            return {}
        with reading(self.workspace.published) as connection:
            if not columns_of_table(connection, EXTRACTION_RUNS.name):
                return {}
            text = NEWEST_RUNS.format(runs=f"{RAW_SCHEMA}.{EXTRACTION_RUNS.name}")
            return started_by_stream(connection.execute(text).fetchall())

    @contextmanager
    def opened(self, settings: KoreSettings | None = None) -> Iterator[dlt.Pipeline]:
        workspace = self.workspace
        with destination_errors(self.name):
            workspace.prepare()
            pipeline = duckdb_pipeline(workspace.private, pipelines_dir=workspace.pipelines_dir)
        try:
            with destination_errors(self.name):
                make_tables_and_views(pipeline)
            yield pipeline
        finally:
            pipeline.deactivate()  # a plain source used later in this process is none of ours

    @contextmanager
    def step(self, pipeline: dlt.Pipeline, *, versions: int) -> Iterator[None]:
        self.workspace.begin_step()
        # DuckDB writes its file anew whenever the last connection closes, and dlt closes one after
        # each job: a quarter of a small step's CPU.  With 900 versions one that is kept open would
        # save nothing, and take 90 MiB more
        with pipeline.sql_client() if versions <= _SMALL_STEP else nullcontext():
            yield
        self.workspace.publish()


def place_of(kind: str, database: str | Path | None, folder: Path) -> Workspace | Warehouse:
    """Where a destination can be read; raises `SettingInvalid` as `destination_of` does."""
    return workspace_for(database, folder) if kind == DUCKDB else Warehouse(kind, folder)


def name_of(place: Workspace | Warehouse) -> str:
    """What reports and messages call it; no secret is in it."""
    return place.name if isinstance(place, Warehouse) else str(place.published)


def stored_in(place: Workspace | Warehouse) -> AbstractContextManager[Connection]:
    """What readers see there, to be read; raises `DestinationUnavailable` if there is nothing."""
    return place.stored() if isinstance(place, Warehouse) else reading(place.published)


def destination_of(
    kind: str, *, database: str | Path | None, folder: Path, keep_generations: int, chunk: int
) -> DuckDbFile | Warehouse:
    """The destination of dlt's that is called `kind`; `database` is the file of a DuckDB.

    Raises `SettingInvalid` for one that cannot keep the promises, with the reason.
    """
    if kind != DUCKDB:
        return Warehouse(kind, folder)
    workspace = workspace_for(database, folder, keep_generations=keep_generations, chunk=chunk)
    return DuckDbFile(workspace)
