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

import dlt
from dlt.common.configuration.exceptions import ConfigurationException

from kore_campaigns import tables
from kore_campaigns.advisory_lock import holder, lock_account, wait_for_others_to_make
from kore_campaigns.destination_address import credentials_refused
from kore_campaigns.errors import DestinationUnavailable, told_by_driver
from kore_campaigns.held import Reader
from kore_campaigns.hints import ensure_tables
from kore_campaigns.load import PIPELINE_NAME, configure_dlt, destination_errors
from kore_campaigns.made import fingerprint
from kore_campaigns.run_lock import RunLock
from kore_campaigns.settings import KoreSettings
from kore_campaigns.stored import Connection, columns_of_table
from kore_campaigns.views.apply import apply_views
from kore_campaigns.warehouse_kinds import POSTGRES, check_promises, destination_called, refused

_MADE_BY = "select obj_description(to_regnamespace(%s), 'pg_namespace')"
_LONGEST = 40
# what a run creates in, and this role may not
_LACKING = """
select what, current_user
from (
    select 1 as place, 'the database ' || current_database() as what,
        has_database_privilege(current_database(), 'create') as is_allowed
    union all
    select 2, 'its schema ' || nspname, has_schema_privilege(nspname, 'create')
    from pg_namespace where nspname in (%s, %s)
) as needed
where not is_allowed
order by place, what
"""


@dataclass(frozen=True, slots=True)
class Warehouse:
    """`kind` is dlt's name of it; its address and credentials are `[destination.<kind>]`."""

    kind: str
    folder: Path

    def __post_init__(self) -> None:
        check_promises(self.kind)

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
            _deactivate(pipeline)
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
                _deactivate(pipeline)

    @contextmanager
    def stored(self) -> Iterator[Connection]:
        """What it holds, to be compared; raises `SettingInvalid` where that is not possible,
        `DestinationUnavailable` where there is nothing.
        """
        with self.read() as reader:
            connection = self.connection_of(reader)
            if not columns_of_table(connection, tables.CAMPAIGN_VERSIONS.name):
                flags = f"--destination {self.kind}"
                reason = f"nothing was loaded into it; `kore-campaigns run {flags}` does that"
                raise DestinationUnavailable(self.name, reason)
            yield connection

    def connection_of(self, reader: Reader) -> Connection:
        """What `stored` gives, of a reader; raises `SettingInvalid`, too."""
        if self.kind != POSTGRES:
            raise refused(self.kind, "`duckdb` or `postgres`")
        from kore_campaigns.postgres import StoredInPostgres

        return StoredInPostgres(reader.native_connection)

    @contextmanager
    def opened_beside(self, schema: str, *, staging: str) -> Iterator[dlt.Pipeline]:
        """A pipeline into another schema, once the tables of this version are there.

        No lock is asked for: who wants one has it.
        """
        self.make_tables_and_views()
        with TemporaryDirectory(prefix="kore-campaigns-") as scratch, self._told():
            pipeline = self._pipeline(Path(scratch), staging, schema=schema)
            try:
                yield pipeline
            finally:
                _deactivate(pipeline)

    def make_tables_and_views(self) -> None:
        """Those of this version are there when this returns; for who holds every account."""
        with TemporaryDirectory(prefix="kore-campaigns-") as scratch, self._told():
            pipeline = self._pipeline(Path(scratch), "made")
            try:
                self._make(pipeline)
            finally:
                _deactivate(pipeline)

    def writer(self, reader: Reader) -> tuple[int, str] | None:
        """Backend and start of a run that writes now, of whatever account; None if none does."""
        return holder(reader) if self.kind == POSTGRES else None

    def try_out(self, settings: KoreSettings | None) -> str:
        """Asks for what a run needs there, and says what was found.

        Raises `DestinationUnavailable` for the first that is not to be had.
        """
        with self.read() as reader:
            if self.kind != POSTGRES:
                reader.execute_sql("select 1")
                return f"{self.name}, connected"
            rows = reader.execute_sql(_LACKING, tables.RAW_SCHEMA, tables.VIEW_SCHEMA)
            if rows:
                what, who = rows[0]
                reason = f"the role `{who}` may not create in {what}; docs/warehouses.md has roles"
                raise DestinationUnavailable(self.name, reason)
            if settings is not None:
                lock_account(reader, settings.account_id, database=self.name)
            is_made = columns_of_table(self.connection_of(reader), tables.CAMPAIGN_VERSIONS.name)
        return self.name if is_made else f"{self.name}, made by the first run"

    @contextmanager
    def step(self, pipeline: dlt.Pipeline, *, versions: int) -> Iterator[None]:
        """Nothing to do: what a transaction has committed is seen."""
        yield

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

    def _pipeline(
        self, pipelines_dir: Path, stream: str, *, schema: str = tables.RAW_SCHEMA
    ) -> dlt.Pipeline:
        configure_dlt()
        layout = f"%s_staging_{stream}"
        pipeline = dlt.pipeline(
            pipeline_name=PIPELINE_NAME,
            destination=destination_called(self.kind, staging_dataset_name_layout=layout),
            dataset_name=schema,
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
            if pipeline.destination.capabilities().sqlglot_dialect == "duckdb":
                apply_views(pipeline, are_described=False)
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


def _deactivate(pipeline: dlt.Pipeline) -> None:
    """A plain source used later in this process is none of ours."""
    if pipeline.is_active:  # no more, if another one was made meanwhile
        pipeline.deactivate()


def _as_name(stream_id: str) -> str:
    """A part of a schema's name, different for each stream."""
    plain = re.sub(r"\W", "_", stream_id.lower())
    if len(plain) > _LONGEST:
        return sha256(stream_id.encode()).hexdigest()[:16]
    return plain
