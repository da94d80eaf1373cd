"""Postgres: read and locked through psycopg2, loaded by dlt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg2
from psycopg2.extras import execute_values, register_default_json

from kore_campaigns.errors import (
    DatabaseLocked,
    DestinationUnavailable,
    Interrupted,
    first_line,
    first_line_of_driver,
    shorten,
)
from kore_campaigns.load.reader import BATCH_ROWS, Reader, Row, is_made
from kore_campaigns.load.warehouse import Warehouse
from kore_campaigns.schema import (
    ALL_TABLES,
    CAMPAIGN_VERSIONS,
    RAW_SCHEMA,
    VIEW_SCHEMA,
    nested_name,
    queries,
)
from kore_campaigns.views.apply import VIEW_COLUMNS, VIEWS, comments, view_in_dialect

if TYPE_CHECKING:
    import dlt

    from kore_campaigns.config.settings import KoreSettings


T = TypeVar("T")


class PostgresReader(Reader):
    """A connection of psycopg2. Each statement is a transaction unless `transaction` is used."""

    missing_table = psycopg2.errors.UndefinedTable

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._lock_count = 0
        connection.autocommit = True
        register_default_json(connection, loads=str)
        self.execute("set timezone to 'UTC'")
        self.execute("set session characteristics as transaction isolation level repeatable read")

    @contextmanager
    def cursor(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(*self._translated(sql, parameters))
            yield cursor

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with super().transaction():
            if self._lock_count:
                self.require_locks()
            yield

    def batches(
        self, sql: str, parameters: Sequence[Any] = (), *, size: int = BATCH_ROWS
    ) -> Iterator[list[Row]]:
        # the rows stay on the server until they are fetched
        with self.connection.cursor(name="kore_campaigns", withhold=True) as cursor:
            cursor.execute(*self._translated(sql, parameters))
            while rows := cursor.fetchmany(size):
                yield rows

    def insert(self, table: str, columns: str, rows: Sequence[Row]) -> None:
        sql = f"insert into {self.qualified(table)} ({columns}) values %s"  # noqa: S608  # our names
        with self.connection.cursor() as cursor:
            execute_values(cursor, sql, rows)

    def lock(self, name: str, function: str, *, what: str, database: str) -> None:
        """Take a lock for as long as the connection is open; raises `DatabaseLocked`, which names
        the lock owner.
        """
        keys = _keys(name)
        ((is_locked,),) = self.rows(f"select {function}(?, ?)", keys)
        if is_locked:
            self._lock_count += 1
            return
        for pid, since, address, lock in _owners(self):
            if lock == keys[1] % 2**32:
                what += f": from {address}, since {since} UTC, backend {pid} of Postgres"
                break
        next_step = "wait for it, then run the same command again"
        raise DatabaseLocked(database, what, next_step=next_step)

    def require_locks(self) -> None:
        """Raise if a lock was lost; called in each transaction that is about to write."""
        ((owned,),) = self.rows(SQL["owned"], [_key(_OURS) % 2**32])
        if owned < self._lock_count:
            raise psycopg2.OperationalError(LOST)

    def _translated(self, sql: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
        text = self.named(sql)
        if not parameters:
            return (text,)
        return text.replace("%", "%%").replace("?", "%s"), list(parameters)


_OURS: Final = "kore-campaigns"
_EVERY: Final = "every account"
LOST: Final = "the lock of this run was lost"
SQL: Final = queries(__name__)


def lock_account(reader: PostgresReader, account_id: str, *, database: str) -> None:
    """Exclude other runs of the account, `rebuild` and `copy` while the connection is open."""
    what = "`rebuild` or `copy` is running"
    reader.lock(_EVERY, "pg_try_advisory_lock_shared", what=what, database=database)
    what = "another run writes for this account"
    account = f"account {account_id}"
    reader.lock(account, "pg_try_advisory_lock", what=what, database=database)


def lock_all_accounts(reader: PostgresReader, *, database: str) -> None:
    """Exclude all runs while the connection is open."""
    what = "a run, `rebuild` or `copy` is running"
    reader.lock(_EVERY, "pg_try_advisory_lock", what=what, database=database)


def no_lock(reader: PostgresReader, *, database: str) -> None:
    """Exclude no other command."""


def _owners(reader: PostgresReader) -> list[tuple[Any, ...]]:
    """Backend, start, address and lock of each of our lock owners, the oldest first."""
    return reader.rows(SQL["owners"], [_key(_OURS) % 2**32])


def _keys(name: str) -> tuple[int, int]:
    """Two signed numbers of 32 bits: ours, and that of this lock."""
    return _key(_OURS), _key(f"{_OURS} {name}")


def _key(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big", signed=True)


_SHOWN: Final = ("campaigns", VIEW_SCHEMA)
_NOT_YET: Final = (psycopg2.errors.UndefinedColumn, psycopg2.errors.UndefinedTable)
_LONGEST_WAIT: Final = "3s"
_TRIES: Final = 5
_PATIENCE_SECONDS: Final = 3.0
_LOOK_EVERY_SECONDS: Final = 0.1
_REBUILT: Final = f"{RAW_SCHEMA}_rebuild"
_HISTORY: Final = f"{_REBUILT}.history_before"
_OURS_BY_NAME: Final = [
    *(f"{RAW_SCHEMA}.{name}" for name in (*ALL_TABLES, "_dlt_loads", "_dlt_version")),
    *(f"{VIEW_SCHEMA}.{name}" for name in VIEWS),
]
_SAME_VERSION: Final = " and ".join(f"old.{name} = new.{name}" for name in CAMPAIGN_VERSIONS.key)


class Postgres(Warehouse):
    """The database of `[destination.postgres.credentials]`."""

    def __init__(self, folder: Path) -> None:
        super().__init__("postgres", folder)
        # of a command that writes: it holds the locks, and everything is written through it
        self._session: Any = None

    @contextmanager
    def connect(self) -> Iterator[PostgresReader]:
        """A connection; no lock is taken."""
        from kore_campaigns.config.project import postgres_address

        address = postgres_address()
        try:
            opened = _in_thread(lambda: PostgresReader(psycopg2.connect(address)))
            with closing(self._awaited(opened).connection):
                yield opened.result()
        except psycopg2.errors.InsufficientPrivilege as refused:
            next_step = "give this role the rights in docs/how-to/postgres.md, and run it again"
            raise DestinationUnavailable(
                self.name, first_line_of_driver(refused), next_step=next_step
            ) from refused
        except psycopg2.Error as failed:
            raise DestinationUnavailable(self.name, first_line_of_driver(failed)) from failed

    def _awaited(self, result: Future[T]) -> T:
        """The result, unless `stop` is set before. The driver itself does not return while a pooler
        has no session to give, and no signal would be heeded.
        """
        while True:
            with suppress(TimeoutError):
                return result.result(_LOOK_EVERY_SECONDS)
            if self.stop.is_set():
                raise Interrupted

    @contextmanager
    def read(self) -> Iterator[Reader]:
        # a command that has the locks needs no other session
        with nullcontext(self._session) if self._session else self.connect() as reader:
            if not (reader.columns_of(*_SHOWN) or reader.columns_of(CAMPAIGN_VERSIONS.name)):
                reason = f"nothing was loaded into it; `kore-campaigns run{self.flags}` does that"
                raise DestinationUnavailable(self.name, reason)
            yield reader

    @contextmanager
    def read_if_any(self) -> Iterator[Reader]:
        with self.connect() as reader:
            reader.columns_of(*_SHOWN)  # fails if the role may not read it
            yield reader

    def loaded(self) -> AbstractContextManager[Reader]:
        return nullcontext(self._session)

    def check(self, settings: KoreSettings | None) -> str:
        lock = partial(lock_account, account_id=settings.account_id) if settings else no_lock
        with self._locked(lock) as reader:
            for what, role in reader.rows(SQL["lacking"], [RAW_SCHEMA, VIEW_SCHEMA]):
                reason = f"the role `{role}` may not create in {what}; see docs/how-to/postgres.md"
                raise DestinationUnavailable(self.name, reason)
            is_made = reader.columns_of(CAMPAIGN_VERSIONS.name)
            name = self.name if is_made else f"{self.name}, made by the first run"
            return "; ".join([name, *self._upgrade_problems(reader)])

    def _upgrade_problems(self, reader: PostgresReader) -> list[str]:
        """What will stay as it is when a run brings tables and views up to date."""
        found = [
            f"`{name}` belongs to the role `{owner}`, so no upgrade can replace it. Next: `alter "
            f"table {name} owner to {me}`"
            for name, owner, me in reader.rows(SQL["foreign"], [_OURS_BY_NAME])
        ]
        if is_made(reader):
            return found
        reader.execute(f"begin; set local lock_timeout = '{_LONGEST_WAIT}'")
        found += replace_views(reader, is_trial=True)
        reader.execute("rollback")
        return found

    def writer(self) -> tuple[int, str] | None:
        with self.connect() as reader:
            return next(((pid, since) for pid, since, _, _ in _owners(reader)), None)

    @contextmanager
    def rebuild_lock(self) -> Iterator[None]:
        with self.read():
            pass  # creates no table if there is nothing to rebuild
        with self._locked(lock_all_accounts):
            yield

    @contextmanager
    def rebuild_pipeline(self) -> Iterator[dlt.Pipeline]:
        """A dataset of its own, from which `exchange` takes the rows."""
        from kore_campaigns.load.dlt_load import ensure_tables

        _drop_rebuilt(self._session)  # what a killed rebuild left
        self.make_tables_and_views()
        with self._scratch_pipeline("staging", dataset=_REBUILT) as pipeline, self._errors():
            ensure_tables(pipeline)
            yield pipeline

    @contextmanager
    def exchange(self, history: str) -> Iterator[tuple[Reader, str, str]]:
        """All in one transaction."""
        root = CAMPAIGN_VERSIONS.name
        reader = self._session
        with reader.transaction():
            history_before = history.format(schema=RAW_SCHEMA)
            reader.execute(f"create table {_HISTORY} as {history_before}")
            children = (nested_name(CAMPAIGN_VERSIONS, each) for each in CAMPAIGN_VERSIONS.children)
            for name in (root, *children):
                reader.execute(
                    f"delete from {RAW_SCHEMA}.{name} as old using {_REBUILT}.{root} as new "  # noqa: S608  # our names
                    f"where {_SAME_VERSION}"
                )
                _insert_rebuilt(reader, name)
            _insert_rebuilt(reader, "_dlt_loads")
            yield reader, f"select * from {_HISTORY}", RAW_SCHEMA  # noqa: S608
        _drop_rebuilt(reader)

    @contextmanager
    def receive_copy(self) -> Iterator[Reader]:
        with self._locked(lock_all_accounts) as target:
            self.make_tables_and_views()
            with target.transaction():
                yield target

    def _dlt_destination(self, staging_layout: str) -> Any:
        from kore_campaigns.load.postgres_dlt import ExactPostgres

        return ExactPostgres(
            self._session,
            # dlt connects nowhere itself, and knows no address without host or password
            credentials=f"postgresql://-:-@-/{self._session.connection.info.dbname}",
            staging_dataset_name_layout=staging_layout,
        )

    def _account_lock(self, account_id: str, folder: Path) -> AbstractContextManager[Any]:
        return self._locked(partial(lock_account, account_id=account_id))

    @contextmanager
    def _locked(self, lock: Callable[..., None]) -> Iterator[PostgresReader]:
        """Locked while the block runs, in which everything is written through the connection."""
        with self.connect() as reader:
            self._require_session(reader)
            ((encoding,),) = reader.rows("show server_encoding")
            if encoding not in ("UTF8", "SQL_ASCII"):
                reason = f"its encoding {encoding} cannot hold the names of all campaigns"
                next_step = "create a database with `encoding 'UTF8' template template0`, use that"
                raise DestinationUnavailable(self.name, reason, next_step=next_step)
            # while a chunk is fetched the session has nothing to do, but it has the lock
            reader.execute(SQL["never_idle"])
            lock(reader, database=self.name)
            self._session = reader
            try:
                yield reader
            except (DestinationUnavailable, psycopg2.Error):
                try:  # whatever failed, this may be the reason
                    reader.connection.rollback()
                    reader.require_locks()
                except psycopg2.Error as lost:
                    reason = f"{LOST} with its connection, so it wrote nothing more"
                    raise DestinationUnavailable(
                        self.name, reason, next_step="run the same command again"
                    ) from lost
                raise
            finally:
                self._session = None
                with suppress(psycopg2.Error):  # a pooler may keep the session
                    reader.connection.rollback()
                    reader.execute("select pg_advisory_unlock_all()")

    def make_tables_and_views(self) -> None:
        with nullcontext() if self._session else self._locked(lock_all_accounts):
            super().make_tables_and_views()

    def _require_session(self, reader: PostgresReader) -> None:
        """Raise `DestinationUnavailable` behind a pooler that lets clients share a session: a lock
        of one would be a lock of all, or of none.
        """
        backend = "select pg_backend_pid()"
        own = reader.rows(backend)
        if own == [(reader.connection.info.backend_pid,)]:
            return  # nothing is between
        for _ in range(3):
            other = _in_thread(partial(self._rows_of_another, backend))
            with suppress(TimeoutError):
                other.result(_PATIENCE_SECONDS)
            # a pooler that lets clients share a session answers this after the query of `other`
            mine = reader.rows(backend)
            if not other.done():
                return  # a pool without another session: ours is ours alone
            if mine != own or other.result() == own:
                reason = (
                    "a connection pooler gives each transaction another session of the server "
                    "(`pool_mode = transaction` of pgbouncer), so no lock would hold"
                )
                next_step = (
                    "set an address of the server itself, or of a pool with `pool_mode = "
                    "session`, in `[destination.postgres.credentials]`"
                )
                raise DestinationUnavailable(self.name, reason, next_step=next_step)

    def _rows_of_another(self, sql: str) -> list[Row]:
        """The rows that a session of its own returns."""
        with self.connect() as reader:
            return reader.rows(sql)

    def _make_tables_and_views(self, opened: Callable[[], dlt.Pipeline]) -> None:
        reader = self._session
        if is_made(reader):
            return
        from dlt.destinations.exceptions import DatabaseTransientException

        from kore_campaigns.load.dlt_load import make_tables_and_views

        def apply(_: dlt.Pipeline) -> bool:
            with reader.transaction():
                self.notes = replace_views(reader)
            return not self.notes

        # one run at a time, whatever its account
        keys = _keys("tables and views")
        while reader.rows("select pg_try_advisory_lock(?, ?)", keys) == [(False,)]:
            if self.stop.wait(_LOOK_EVERY_SECONDS):
                raise Interrupted
        # who waits for a table makes all who come later wait, so no wait is long
        reader.execute(f"set lock_timeout = '{_LONGEST_WAIT}'")
        for tries_left in reversed(range(_TRIES)):
            try:
                make_tables_and_views(opened(), apply)
                break
            except DatabaseTransientException as failed:
                if not isinstance(failed.dbapi_exception, psycopg2.errors.LockNotAvailable):
                    raise
                if self.stop.is_set():
                    raise Interrupted from failed
                if not tries_left:
                    reason = "a transaction of another session uses a table to be altered"
                    next_step = "end it (`pg_stat_activity` shows it), and run again"
                    raise DestinationUnavailable(self.name, reason, next_step=next_step) from failed
        reader.execute("set lock_timeout to default")
        reader.execute("select pg_advisory_unlock(?, ?)", keys)


def _in_thread(work: Callable[[], T]) -> Future[T]:
    """The result of a call in a thread, which ends with the program."""
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(work())
        except Exception as failed:
            future.set_exception(failed)

    Thread(target=call, daemon=True).start()
    return future


def replace_views(reader: PostgresReader, *, is_trial: bool = False) -> list[str]:
    """Replace the views in place, within a transaction: rights on them and views of others stay.

    A view that cannot be replaced stays as it is; returns a sentence about each.  A trial is rolled
    back, and does not mind a column that the run will add.
    """
    problems: list[str] = []
    reader.execute(f"create schema if not exists {VIEW_SCHEMA}")
    for name in VIEWS:
        failed = _tried(reader, [_creation(name, "create or replace view")])
        if isinstance(failed, psycopg2.errors.InvalidTableDefinition):
            # another column has its place: drop the view, unless views of others read it
            readers = reader.rows(SQL["readers"], [name])
            others = [f"{schema}.{view}" for schema, view in readers if schema != VIEW_SCHEMA]
            if others:
                problems.append(
                    f"the view `{VIEW_SCHEMA}.{name}` stays as an earlier version made it, because "
                    f"{shorten(others)} read it. Next: drop these, run again, and create them again"
                )
                continue
            names = [each for each in VIEWS if each == name or (VIEW_SCHEMA, each) in readers]
            rights = [
                text for each in names for (text,) in reader.rows(SQL["rights"], [each, each])
            ]
            drops = [f"drop view {VIEW_SCHEMA}.{each}" for each in reversed(names)]
            creations = [_creation(each, "create view") for each in names]
            failed = _tried(reader, [*drops, *creations, *rights])
        if failed is not None and not (is_trial and isinstance(failed, _NOT_YET)):
            problems.append(
                f"the view `{VIEW_SCHEMA}.{name}` stays as it is: {first_line(failed)}. The next "
                "run tries again"
            )
        if isinstance(failed, psycopg2.errors.LockNotAvailable):
            break  # a long transaction reads the views
    if not problems:
        _tried(reader, comments(reader.rows(VIEW_COLUMNS)))
    return problems


def _creation(name: str, verb: str) -> str:
    return f"{verb} {VIEW_SCHEMA}.{name} as\n{view_in_dialect(name, 'postgres')}"


def _tried(reader: PostgresReader, statements: Iterable[str]) -> psycopg2.Error | None:
    """Carry all of them out, or none; returns the error."""
    reader.execute("savepoint tried")
    try:
        reader.execute(";\n".join(statements))
    except psycopg2.Error as failed:
        reader.execute("rollback to savepoint tried")
        return failed
    return None


def _insert_rebuilt(reader: PostgresReader, name: str) -> None:
    columns = ", ".join(reader.columns_of(name, _REBUILT))
    reader.execute(
        f"insert into {RAW_SCHEMA}.{name} ({columns}) select {columns} from {_REBUILT}.{name}"  # noqa: S608  # our names
    )


def _drop_rebuilt(reader: PostgresReader) -> None:
    for schema in (f"{_REBUILT}_staging_staging", _REBUILT):
        reader.execute(f"drop schema if exists {schema} cascade")
