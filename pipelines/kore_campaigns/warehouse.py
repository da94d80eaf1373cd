"""A SQL destination of dlt's other than a DuckDB file; Postgres is the one that is tested.

It is written where readers read, so a step is durable and seen when its transaction ends.  Rows of
one account are written by one run at a time; accounts do not wait for each other, as each stages
its rows in a dataset of its own (in one that they share, dlt's writers empty each other's).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination.reference import Destination
from dlt.destinations.job_client_impl import SqlJobClientBase

from kore_campaigns import tables
from kore_campaigns.advisory_lock import holder, lock_account, wait_for_others_to_make
from kore_campaigns.destination_address import credentials_refused
from kore_campaigns.errors import DestinationUnavailable, SettingInvalid, told_by_driver
from kore_campaigns.held import Reader
from kore_campaigns.hints import ensure_tables
from kore_campaigns.load import PIPELINE_NAME, configure_dlt, destination_errors
from kore_campaigns.made import fingerprint
from kore_campaigns.run_lock import RunLock
from kore_campaigns.settings import KoreSettings
from kore_campaigns.stored import Connection
from kore_campaigns.views.apply import apply_views

POSTGRES = "postgres"
_MADE_BY = "select obj_description(to_regnamespace(%s), 'pg_namespace')"
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Warehouse:
    """`kind` is dlt's name of it; its address and credentials are `[destination.<kind>]`."""

    kind: str
    folder: Path

    def __post_init__(self) -> None:
        _check_promises(self.kind)

    @property
    def name(self) -> str:
        return f"{self.kind}, schema {tables.RAW_SCHEMA}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nothing yet: each connection holds its account while it runs."""
        yield

    @contextmanager
    def opened(self, settings: KoreSettings) -> Iterator[dlt.Pipeline]:
        stream = _as_name(settings.stream_id)
        folder = self.folder / ".kore_campaigns" / self.kind / stream
        # of this process alone: a run that is turned away must not touch that of the one at work
        mine = folder / "dlt" / str(os.getpid())
        with self._told():
            shutil.rmtree(mine, ignore_errors=True)
            pipeline = self._pipeline(mine, stream)
        try:
            with self._held(pipeline, folder, settings.account_id):
                # what a killed run left is read again: dlt's replay of it could double rows
                for left in set((folder / "dlt").iterdir()) - {mine}:
                    shutil.rmtree(left, ignore_errors=True)
                with self._told():
                    self._make(pipeline)
                yield pipeline
        finally:
            pipeline.deactivate()
            shutil.rmtree(mine, ignore_errors=True)

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Open for questions alone; no lock is asked for."""
        with TemporaryDirectory(prefix="kore-campaigns-") as scratch:
            with self._told():
                pipeline = self._pipeline(Path(scratch), "read")
            try:
                with self._told(), pipeline.sql_client() as client:
                    yield client
            finally:
                pipeline.deactivate()

    @contextmanager
    def stored(self) -> Iterator[Connection]:
        """What it holds, to be compared; raises `SettingInvalid` where that is not possible."""
        if self.kind != POSTGRES:
            raise _refused(self.kind, "`duckdb` or `postgres`")
        from kore_campaigns.postgres import StoredInPostgres

        with self.read() as reader:
            yield StoredInPostgres(reader.native_connection)

    def writer(self, reader: Reader) -> tuple[int, str] | None:
        """Backend and start of a run that writes now, of whatever account; None if none does."""
        return holder(reader) if self.kind == POSTGRES else None

    def begin_step(self) -> None:
        """Each transaction is a step of its own."""

    def publish(self) -> None:
        """What was committed is seen."""

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Says in one sentence what failed: dlt lets through what the driver raises on connecting.

        Raises `FixSetting` for the credentials, else `DestinationUnavailable`.
        """
        with destination_errors(self.name):
            try:
                yield
            except ConfigurationException as refused:
                # nothing of dlt's error, which repeats what it could not read
                raise credentials_refused(self.kind, refused) from None
            except Exception as failed:
                if not type(failed).__module__.startswith("psycopg2"):
                    raise
                raise DestinationUnavailable(self.name, told_by_driver(failed)) from failed

    def _pipeline(self, pipelines_dir: Path, stream: str) -> dlt.Pipeline:
        configure_dlt()
        pipeline = dlt.pipeline(
            pipeline_name=PIPELINE_NAME,
            destination=_destination(self.kind, staging_dataset_name_layout=f"%s_staging_{stream}"),
            dataset_name=tables.RAW_SCHEMA,
            pipelines_dir=str(pipelines_dir),
        )
        pipeline.config.restore_from_destination = False
        return pipeline

    @contextmanager
    def _held(self, pipeline: dlt.Pipeline, folder: Path, account_id: str) -> Iterator[None]:
        """Raises `AccountLocked` or `DatabaseLocked` if another run writes for the account."""
        if self.kind != POSTGRES:
            with RunLock(folder).held(Path(self.name)):
                yield
            return
        with self._told():
            client = pipeline.sql_client()
            client.open_connection()
        try:
            lock_account(client, account_id, database=self.name)
            yield
        finally:
            client.close_connection()

    def _make(self, pipeline: dlt.Pipeline) -> None:
        """Tables and views, once per version of the program: a view that is made anew waits for
        all who read it.
        """
        if self.kind != POSTGRES:
            ensure_tables(pipeline)
            apply_views(pipeline)
            return
        with pipeline.sql_client() as client:
            wait_for_others_to_make(client)
            program = f"made by kore-campaigns, {fingerprint()}"
            if _made_by(client) != program:
                ensure_tables(pipeline)
                apply_views(pipeline)
                client.execute_sql(f"comment on schema {tables.VIEW_SCHEMA} is '{program}'")


def _made_by(client: Reader) -> str | None:
    rows = client.execute_sql(_MADE_BY, tables.VIEW_SCHEMA)
    return rows[0][0] if rows else None


def _as_name(stream_id: str) -> str:
    """A part of a schema's name, different for each stream."""
    plain = re.sub(r"\W", "_", stream_id.lower())
    if len(plain) > _LONGEST:
        return sha256(stream_id.encode()).hexdigest()[:16]
    return plain


def _destination(kind: str, **options: Any) -> Any:
    if kind == POSTGRES:
        from kore_campaigns.postgres import ExactPostgres

        return ExactPostgres(**options)
    return Destination.from_reference(kind, **options)


def _check_promises(kind: str) -> None:
    """Raises `SettingInvalid` for a destination in which versions and children could part."""
    try:
        destination: Any = Destination.from_reference(kind)
        strategies = destination.capabilities().supported_merge_strategies or ()
        is_sql = issubclass(destination.client_class, SqlJobClientBase)
    except Exception as unknown:  # whatever dlt's lookup of names and packages raises
        reason = (str(unknown).splitlines() or [type(unknown).__name__])[0]
        raise _refused(kind, f"a destination that dlt can load ({reason})") from None
    if not is_sql:
        raise _refused(
            kind,
            "a SQL database such as `duckdb` or `postgres`: files know no transaction over a "
            "version and its lists, and what is held decides what is new",
        )
    if "delete-insert" not in strategies:
        raise _refused(
            kind, "a destination that dlt merges by delete-insert: others leave rows of old lists"
        )


def _refused(kind: str, expected: str) -> SettingInvalid:
    return SettingInvalid(key="destination", value=kind, expected=expected)
