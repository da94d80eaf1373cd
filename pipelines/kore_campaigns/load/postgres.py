"""A SQL destination of dlt's other than a DuckDB file; Postgres is the one that is tested.

It is written where readers read, so a step is durable and seen when its transaction ends.  Rows of
one account are written by one run at a time; accounts do not wait for each other, as each stages
its rows in a dataset of its own (in one that they share, dlt's writers empty each other's).

"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TextIO

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.reference import Destination
from dlt.destinations.impl.postgres.factory import PostgresTypeMapper, postgres
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.destinations.sql_client import SqlClientBase
from psycopg2.extras import register_default_json

from kore_campaigns import schema
from kore_campaigns.config.settings import KoreSettings, credentials_refused
from kore_campaigns.errors import (
    AccountLocked,
    DestinationUnavailable,
    SettingInvalid,
    first_line,
    first_line_of_driver,
)
from kore_campaigns.load.dlt_load import (
    destination_errors,
    ensure_tables,
    make_tables_and_views,
    new_pipeline,
)
from kore_campaigns.load.duckdb_file import RunLock
from kore_campaigns.load.reader import (
    NEWEST_RUNS,
    Connection,
    Reader,
    columns_of_table,
    query,
    started_by_stream,
)
from kore_campaigns.views.apply import apply_views


class ExactTypes(PostgresTypeMapper):
    sct_to_unbound_dbt = PostgresTypeMapper.sct_to_unbound_dbt | {"json": "json"}
    dbt_to_sct = PostgresTypeMapper.dbt_to_sct | {"json": "json"}


class ExactPostgres(postgres):
    """Takes the arguments of `dlt.destinations.postgres`."""

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        found = super()._raw_capabilities()
        found.type_mapper = ExactTypes
        return found

    @property
    def destination_type(self) -> str:
        return "dlt.destinations.postgres"


class StoredInPostgres:
    """A connection that answers as DuckDB's does: `?` for a parameter, JSON as text, UTC, and a
    transaction sees one moment.
    """

    def __init__(self, native: Any) -> None:
        register_default_json(native, loads=str)
        self._native = native
        self.execute("set timezone to 'UTC'")
        self.execute("set session characteristics as transaction isolation level repeatable read")

    def stream(self, query: str) -> Any:
        """Rows that stay on the server until they are fetched; within a transaction alone."""
        cursor = self._native.cursor(name="kore_campaigns", withhold=True)
        cursor.execute(query)
        return cursor

    def copy_in(self, table: str, lines: TextIO) -> None:
        """Rows in the text format of COPY."""
        self._native.cursor().copy_expert(f"copy {table} from stdin", lines)

    def execute(self, query: str, parameters: Any = None, /) -> Any:
        cursor = self._native.cursor()
        if parameters:
            cursor.execute(query.replace("%", "%%").replace("?", "%s"), list(parameters))
        else:
            cursor.execute(query)
        return cursor


_OURS: Final = "kore-campaigns"
_HOLDERS = """
select activity.pid, to_char(activity.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    coalesce(host(activity.client_addr), 'the server itself'), locks.objid::bigint
from pg_locks as locks
join pg_stat_activity as activity on locks.pid = activity.pid
where locks.locktype = 'advisory' and locks.granted and locks.classid::bigint = %s
order by activity.backend_start
"""


_BUSY: Final = "a run, `rebuild` or `copy` goes on"
_EVERY: Final = "every account"
_NEXT: Final = "wait for it, then run the same command again; it goes on from there"


def lock_account(client: SqlClientBase[Any], account_id: str, *, database: str) -> None:
    """One run per account, and none during a `rebuild` or `copy`, as long as the connection of
    `client` is open; raises `AccountLocked`, which says who has it.
    """
    for what, function, refused in (
        (_EVERY, "pg_try_advisory_lock_shared", "`rebuild` or `copy` goes on"),
        (f"account {account_id}", "pg_try_advisory_lock", "another run writes for this account"),
    ):
        if holder := _other_holder(client, what, function, refused=refused):
            raise AccountLocked(database, holder, next_step=_NEXT)


def lock_all_accounts(client: SqlClientBase[Any], *, database: str) -> None:
    """No run of any account, as long as the connection of `client` is open; raises
    `AccountLocked`, which says which one goes on.
    """
    if holder := _other_holder(client, _EVERY, "pg_try_advisory_lock", refused=_BUSY):
        raise AccountLocked(database, holder, next_step="wait for it, then repeat the command")


def _other_holder(client: SqlClientBase[Any], what: str, function: str, *, refused: str) -> str:
    """Takes the lock; in words who has it, if that was refused, else nothing."""
    keys = _numbers(what)
    rows = client.execute_sql(f"select {function}(%s, %s)", *keys)
    return "" if rows and rows[0][0] else _held_by(client, keys, refused)


def wait_for_others_to_make(client: SqlClientBase[Any]) -> None:
    """One at a time makes tables and views, as long as the connection of `client` is open."""
    client.execute_sql("select pg_advisory_lock(%s, %s)", *_numbers("tables and views"))


def holder(client: SqlClientBase[Any]) -> tuple[int, str] | None:
    """Backend and start (UTC) of the run that has held an account longest; None if none does."""
    return next(((pid, since) for pid, since, _, _ in _holders(client)), None)


def _held_by(client: SqlClientBase[Any], keys: tuple[int, int], what: str) -> str:
    for pid, since, address, lock in _holders(client):
        if lock == keys[1] % 2**32:
            return f"{what}: from {address}, since {since} UTC, backend {pid} of Postgres"
    return what


def _holders(client: SqlClientBase[Any]) -> Sequence[Sequence[Any]]:
    """Backend, start, address and lock of each that has one of ours, the oldest first."""
    return client.execute_sql(_HOLDERS, _number(_OURS) % 2**32) or ()


def _numbers(what: str) -> tuple[int, int]:
    """Two signed numbers of 32 bits: ours, and this lock's."""
    return _number(_OURS), _number(f"{_OURS} {what}")


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big", signed=True)


POSTGRES: Final = "postgres"


def destination_called(kind: str, **options: Any) -> Any:
    """Dlt's destination, which takes its credentials from dlt's configuration."""
    if kind == POSTGRES:
        return ExactPostgres(**options)
    return Destination.from_reference(kind, **options)


def check_promises(kind: str) -> None:
    """Raises `SettingInvalid` for a destination in which versions and children could part."""
    if kind == "sqlalchemy":
        raise refused(
            kind,
            "a destination of its own such as `postgres`: through SQLAlchemy moments, yes and no "
            "and JSON come back as texts and numbers, and what is held could not be compared",
        )
    try:
        destination: Any = Destination.from_reference(kind)
        strategies = destination.capabilities().supported_merge_strategies or ()
        is_sql = issubclass(destination.client_class, SqlJobClientBase)
    except Exception as unknown:  # whatever dlt's lookup of names and packages raises
        reason = first_line(unknown)
        raise refused(kind, f"a destination that dlt can load ({reason})") from None
    if not is_sql:
        raise refused(
            kind,
            "a SQL database such as `duckdb` or `postgres`: files know no transaction over a "
            "version and its lists, and what is held decides what is new",
        )
    if "delete-insert" not in strategies:
        raise refused(
            kind, "a destination that dlt merges by delete-insert: others leave rows of old lists"
        )


def refused(kind: str, expected: str) -> SettingInvalid:
    """The error for a destination that cannot do what is asked."""
    return SettingInvalid(key="destination", value=kind, expected=expected)


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
        return f"{self.kind}, schema {schema.RAW_SCHEMA}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nothing yet: each connection holds its account while it runs."""
        yield

    def newest_runs(self) -> dict[str, datetime]:
        """Start of the newest run of each stream."""
        with self.read() as reader:
            return started_by_stream(query(reader, NEWEST_RUNS))

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
            if not columns_of_table(connection, schema.CAMPAIGN_VERSIONS.name):
                flags = f"--destination {self.kind}"
                reason = f"nothing was loaded into it; `kore-campaigns run {flags}` does that"
                raise DestinationUnavailable(self.name, reason)
            yield connection

    def connection_of(self, reader: Reader) -> Connection:
        """What `stored` gives, of a reader; raises `SettingInvalid`, too."""
        if self.kind != POSTGRES:
            raise refused(self.kind, "`duckdb` or `postgres`")

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
            rows = reader.execute_sql(_LACKING, schema.RAW_SCHEMA, schema.VIEW_SCHEMA)
            if rows:
                what, who = rows[0]
                reason = f"the role `{who}` may not create in {what}; docs/warehouses.md has roles"
                raise DestinationUnavailable(self.name, reason)
            if settings is not None:
                lock_account(reader, settings.account_id, database=self.name)
            is_made = columns_of_table(self.connection_of(reader), schema.CAMPAIGN_VERSIONS.name)
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
                raise DestinationUnavailable(self.name, first_line_of_driver(failed)) from failed

    def _pipeline(
        self, pipelines_dir: Path, stream: str, *, schema: str = schema.RAW_SCHEMA
    ) -> dlt.Pipeline:
        layout = f"%s_staging_{stream}"
        destination = destination_called(self.kind, staging_dataset_name_layout=layout)
        return new_pipeline(destination, pipelines_dir=pipelines_dir, dataset_name=schema)

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
            make_tables_and_views(pipeline)


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
