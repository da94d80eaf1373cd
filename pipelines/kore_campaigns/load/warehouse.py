"""Any SQL database that dlt loads, such as DuckLake or Snowflake; the base of Postgres.

Rows are written where readers read, so a step is durable and visible when its transaction ends.
Rows of one account are written by one run at a time. Accounts do not wait for each other: each
stages its rows in a dataset of its own, since dlt's writers empty a shared one.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kore_campaigns.config.paths import plainly_named, scratch_folder
from kore_campaigns.errors import first_line
from kore_campaigns.load.destination import Destination, destination_errors, unsupported
from kore_campaigns.load.duckdb_file import run_lock
from kore_campaigns.load.reader import DltReader, Reader
from kore_campaigns.schema import RAW_SCHEMA

if TYPE_CHECKING:
    import dlt

    from kore_campaigns.config.settings import KoreSettings


class Warehouse(Destination):
    """`kind` is dlt's name of it; its address and credentials are in `[destination.<kind>]`."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.notes = []
        self.name = self.short_name = f"{kind}, schema {RAW_SCHEMA}"
        self.flags = f" --destination {kind}"

    @contextmanager
    def open(self, settings: KoreSettings) -> Iterator[None]:
        stream = _as_name(settings.stream_id)
        folder = self.folder / ".kore_campaigns" / self.kind / stream
        # one folder a process: a run that is turned away must not touch that of the running one
        mine = folder / "dlt" / str(os.getpid())
        shutil.rmtree(mine, ignore_errors=True)
        account_lock = self._account_lock(settings.account_id, folder)
        try:
            with (
                account_lock,
                plainly_named(mine) as named,
                self._with_pipeline(lambda: self._opened(named, stream)),
            ):
                # what a killed run left is fetched again: dlt's replay of it could double rows
                for left in set((folder / "dlt").glob("*")) - {mine}:
                    shutil.rmtree(left, ignore_errors=True)
                with self._errors():
                    self._make_tables_and_views(self._pipeline)
                yield
        finally:
            shutil.rmtree(mine, ignore_errors=True)

    @contextmanager
    def step(self, versions: int | None) -> Iterator[None]:
        with self._errors():
            yield

    def loaded(self) -> AbstractContextManager[Reader]:
        return self._client_of(self._pipeline())

    def read_if_any(self) -> AbstractContextManager[Reader | None]:
        return self._read()

    def check(self, settings: KoreSettings | None) -> str:
        with self._read() as reader:
            reader.rows("select 1")
        return f"{self.name}, connected"

    def make_tables_and_views(self) -> None:
        """Create those of this version; the caller has excluded all runs."""
        with self._scratch_pipeline("made") as pipeline, self._errors():
            self._make_tables_and_views(lambda: pipeline)

    @contextmanager
    def _read(self) -> Iterator[Reader]:
        with self._scratch_pipeline("read") as pipeline, self._client_of(pipeline) as reader:
            yield reader

    @contextmanager
    def _client_of(self, pipeline: dlt.Pipeline) -> Iterator[Reader]:
        with self._errors(), pipeline.sql_client() as client:
            yield DltReader(client)

    @contextmanager
    def _scratch_pipeline(
        self, stream: str, *, dataset: str = RAW_SCHEMA
    ) -> Iterator[dlt.Pipeline]:
        with (
            scratch_folder() as scratch,
            self._opened(Path(scratch), stream, dataset=dataset) as pipeline,
        ):
            yield pipeline

    @contextmanager
    def _opened(
        self, pipelines_dir: Path, stream: str, *, dataset: str = RAW_SCHEMA
    ) -> Iterator[dlt.Pipeline]:
        from kore_campaigns.load.dlt_load import opened

        with ExitStack() as stack:
            with self._errors():
                destination = self._dlt_destination(f"%s_staging_{stream}")
                pipeline = stack.enter_context(
                    opened(destination, pipelines_dir=pipelines_dir, dataset_name=dataset)
                )
            yield pipeline

    # what Postgres does in another way
    def _dlt_destination(self, staging_layout: str) -> Any:
        from dlt.common.destination.reference import Destination as DltDestination

        return DltDestination.from_reference(self.kind, staging_dataset_name_layout=staging_layout)

    def _account_lock(self, account_id: str, folder: Path) -> AbstractContextManager[Any]:
        """Exclude other runs of the account; raises `DestinationUnavailable`."""
        return run_lock(folder, self.name)

    def _make_tables_and_views(self, opened: Callable[[], dlt.Pipeline]) -> None:
        from kore_campaigns.load.dlt_load import ensure_tables
        from kore_campaigns.views.apply import apply_views

        pipeline = opened()
        ensure_tables(pipeline)
        if pipeline.destination.capabilities().sqlglot_dialect == "duckdb":
            apply_views(pipeline, are_described=False)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Map what dlt or the driver raises to `DestinationUnavailable`, or to `FixSetting` if it
        is about the credentials.
        """
        with destination_errors(self.name):
            try:
                yield
            except Exception as failed:
                from dlt.common.configuration.exceptions import ConfigurationException

                from kore_campaigns.config.dlt_settings import credentials_refused

                if not isinstance(failed, ConfigurationException):
                    raise
                # dlt's own message repeats what it could not read
                raise credentials_refused(self.kind, failed) from None


def check_promises(kind: str) -> None:
    """Raise `SettingInvalid` for a destination in which versions and children could part."""
    from dlt.common.destination.reference import Destination as DltDestination
    from dlt.destinations.job_client_impl import SqlJobClientBase

    if kind == "sqlalchemy":
        raise unsupported(
            kind,
            "a destination of its own such as `postgres`: through SQLAlchemy timestamps, booleans "
            "and JSON are read back as texts and numbers, and could not be compared",
        )
    try:
        destination: Any = DltDestination.from_reference(kind)
        strategies = destination.capabilities().supported_merge_strategies or ()
        is_sql = issubclass(destination.client_class, SqlJobClientBase)
    except Exception as unknown:  # whatever dlt's lookup of names and packages raises
        reason = first_line(unknown)
        raise unsupported(kind, f"a destination that dlt can load ({reason})") from None
    if not is_sql:
        raise unsupported(
            kind,
            "a SQL database such as `duckdb` or `postgres`: files have no transaction for a "
            "version and its lists, and stored versions decide what is new",
        )
    if "delete-insert" not in strategies:
        raise unsupported(
            kind, "a destination that dlt merges by delete-insert: others keep rows of old lists"
        )


def _as_name(stream_id: str) -> str:
    """A part of a schema's name, different for each stream."""
    plain = re.sub(r"\W", "_", stream_id.lower())
    return plain if len(plain) <= 40 else sha256(stream_id.encode()).hexdigest()[:16]
