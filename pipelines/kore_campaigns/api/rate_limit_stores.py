"""The tables in a Postgres in which several machines count the calls of an account.

What `CallsFile` is for one machine: one transaction at a time, and one clock, the server's. Each
transaction takes milliseconds; who has to wait for the budget does it between two of them.

"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import psycopg2

from kore_campaigns.api.rate_limit import Calls
from kore_campaigns.errors import BudgetUnavailable, BudgetUnusable, first_line_of_driver


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class SharedConnection(Generic[C]):
    """Opened when it is first wanted, and again after it was closed or dropped."""

    def __init__(self, connect: Callable[[], C]) -> None:
        self._connect = connect
        self._inherited: list[C] = []
        self._open: C | None = None
        self._lock = threading.Lock()
        self._process_id = os.getpid()

    @contextmanager
    def held(self) -> Iterator[C]:
        """By one thread at a time. What `connect` raises passes through."""
        if os.getpid() != self._process_id:
            self._start_anew_after_fork()
        with self._lock:
            if self._open is None:
                self._open = self._connect()
            yield self._open

    def drop(self) -> None:
        """Closes what the caller holds; whoever wants it next opens another."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def close(self) -> None:
        """Closes the connection, if one is open."""
        if os.getpid() != self._process_id:
            self._start_anew_after_fork()
        with self._lock:
            self.drop()

    def _start_anew_after_fork(self) -> None:
        # A child must not use its parent's connection, and not close it either: SQLite could
        # release the parent's locks, Postgres would end the parent's session. So it is kept,
        # unused; our own lock may have been held by a thread that is not here.
        if self._open is not None:
            self._inherited.append(self._open)
        self._open = None
        self._lock = threading.Lock()
        self._process_id = os.getpid()


T = TypeVar("T")

_BUSY_SECONDS: Final = 30.0

# `ends`: when the answer came back; for a call in flight, when its lease runs out.
# `autoincrement`: an id that was handed out is never another call's, even after its row is gone.
_SCHEMA: Final = """
create table if not exists calls (
    call_id integer primary key autoincrement, ends real not null, in_flight integer not null
);
create index if not exists calls_by_end on calls (ends);
create table if not exists pause (
    only_row integer primary key check (only_row = 1), until real not null
);
insert or ignore into pause values (1, 0);
"""


class CallsFile:
    """One connection for all threads of a process; a forked child opens its own."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._connection = SharedConnection(lambda: _opened(path))

    def transact(self, work: Callable[[Calls], T]) -> T:
        """What `work` returns, alone among all threads and processes; undone if it raises.

        Raises `BudgetUnusable` when the file cannot be opened, read or written.
        """
        try:
            with self._connection.held() as db:
                db.execute("begin immediate")
                try:
                    done = work(_CallsInFile(db, self._now()))
                    db.execute("commit")
                finally:
                    if db.in_transaction:
                        db.execute("rollback")
                return done
        except (sqlite3.Error, OSError) as error:
            raise BudgetUnusable(str(self._path), str(error)) from error

    def close(self) -> None:
        """Closes the connection; what was counted stays for the next process."""
        self._connection.close()


class _CallsInFile:
    """See `Calls`."""

    def __init__(self, db: sqlite3.Connection, now: float) -> None:
        self._db = db
        self.now = now

    @property
    def paused_until(self) -> float:
        return float(self._db.execute("select until from pause").fetchone()[0])

    def end(self, place: int) -> float | None:
        found = self._db.execute(
            "select ends from calls order by ends desc limit 1 offset ?", (place,)
        ).fetchone()
        return None if found is None else float(found[0])

    def take(self, *, lease_ends: float, forget: float) -> int:
        self._db.execute("delete from calls where ends <= ?", (forget,))
        taken = self._db.execute("insert into calls (ends, in_flight) values (?, 1)", (lease_ends,))
        return int(taken.lastrowid or 0)  # never 0 after an insert

    def give_back(self, call_id: int) -> None:
        # Replaced, not updated: the row may be gone, when the call outlived its lease.
        self._db.execute("insert or replace into calls values (?, ?, 0)", (call_id, self.now))

    def pause(self, until: float) -> None:
        self._db.execute("update pause set until = ?", (until,))

    def draw_back(self, *, answered: float, in_flight: float) -> bool:
        ends = {"answered": answered, "in_flight": in_flight}
        drawn = self._db.execute(
            "update calls set ends = iif(in_flight, :in_flight, :answered)"
            " where ends > iif(in_flight, :in_flight, :answered)",
            ends,
        )
        return drawn.rowcount > 0


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Created before SQLite does it with the umask; its -wal and -shm files take over the mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _use_write_ahead_log(db)
        # Survives the process in either mode. A power cut may lose the last calls, but not damage
        # the file, as OFF would; the call costs the same, since NORMAL syncs at checkpoints only.
        db.execute("pragma synchronous = normal")
        db.executescript(f"begin immediate; {_SCHEMA} commit;")
    except BaseException:
        db.close()
        raise
    return db


def _use_write_ahead_log(db: sqlite3.Connection) -> None:
    # Processes that open a new file at once get SQLITE_BUSY here at once (78 of 900 did), without
    # SQLite's own waiting. So it is done here, in real time like SQLite's.
    give_up = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            db.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


# A server that is restarted, or fails over, is waited for half a minute.
_WAITS: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)

# Without these a server that vanished, and sends no end of the connection, is waited for for hours.
_NOTICED: Final = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

# Who is stopped in the middle of a transaction is thrown out by the server before those who wait
# for its lock give up. `local`, and a lock of the transaction: a pooler may hand each transaction
# to another session. The lock is a statement of its own, since one that waits for a lock and then
# reads would read what was there, and what time it was, before it waited.
_BEGIN: Final = """
begin;
set local idle_in_transaction_session_timeout = '5s';
set local statement_timeout = '30s';
select pg_advisory_xact_lock(%(lock)s);
select extract(epoch from clock_timestamp())::float8,
    coalesce((select until from kore_calls.pauses where account = %(account)s), 0);
"""

_EXISTS: Final = "select to_regclass('kore_calls.pauses') is not null"
# `generated`: an id that was handed out is never another call's, even after its row is gone.
_MAKE: Final = """
begin;
select pg_advisory_xact_lock(%(lock)s);
create schema if not exists kore_calls;
comment on schema kore_calls is
    'Call budgets that several machines share (kore-campaigns, setting call_budget)';
create table if not exists kore_calls.calls (
    call_id bigint generated by default as identity primary key,
    account text not null,
    ends float8 not null,
    in_flight boolean not null
);
create index if not exists calls_by_end on kore_calls.calls (account, ends);
comment on table kore_calls.calls is 'Calls of the last hour, to be counted by the next one';
comment on column kore_calls.calls.account is 'Fingerprint of host and account id';
comment on column kore_calls.calls.ends is
    'When the answer came back, in flight: when the lease runs out; see to_timestamp(ends)';
create table if not exists kore_calls.pauses (
    account text primary key,
    until float8 not null
);
comment on table kore_calls.pauses is 'Until when Kore.ai asked an account to send nothing';
commit;
"""


class CallsTable:
    """One connection for all threads of a process; a forked child opens its own.

    `account` is a name as `budget_name` gives it.
    """

    def __init__(self, address: str, *, account: str, sleep: Callable[[float], None]) -> None:
        self._address = address
        self._account = account
        self._sleep = sleep
        self._connection: SharedConnection[Any] = SharedConnection(self._connected)

    def open(self) -> None:
        """Connects, and makes the tables where they are missing; raises `BudgetUnavailable`."""
        try:
            with self._connection.held():
                pass
        except _LostError as lost:
            raise BudgetUnavailable(lost.reason) from None

    def transact(self, work: Callable[[Calls], T]) -> T:
        """What `work` returns, alone among all who count calls of the account; undone if it raises.

        `work` is done again when the connection was lost: then a call may be counted twice, but
        none is left out. Raises `BudgetUnavailable` when the server stays away, or refuses.
        """
        for wait in _WAITS:
            try:
                return self._attempt(work)
            except _LostError:
                self._sleep(wait)
        try:
            return self._attempt(work)
        except _LostError as lost:
            raise BudgetUnavailable(lost.reason) from None

    def close(self) -> None:
        """Closes the connection; what was counted stays for the next process."""
        self._connection.close()

    def _attempt(self, work: Callable[[Calls], T]) -> T:
        with self._connection.held() as db, db.cursor() as cursor:
            try:
                cursor.execute(_BEGIN, {"lock": _lock(self._account), "account": self._account})
                done = work(_CallsInTable(cursor, self._account, *cursor.fetchone()))
                cursor.execute("commit")
            except psycopg2.Error as error:
                is_lost = db.closed != 0
                self._connection.drop()
                if is_lost:
                    raise _LostError(first_line_of_driver(error)) from None
                raise BudgetUnavailable(first_line_of_driver(error)) from None
            except BaseException:
                self._connection.drop()  # the server undoes it, whatever state this is in
                raise
            return done

    def _connected(self) -> Any:
        db = None
        try:
            db = psycopg2.connect(self._address, **_NOTICED)
            db.autocommit = True  # transactions begin and end where this module says so
            with db.cursor() as cursor:
                cursor.execute(_EXISTS)
                if not cursor.fetchone()[0]:
                    cursor.execute(_MAKE, {"lock": _lock("tables")})
        except psycopg2.Error as error:
            reason = first_line_of_driver(error)
        else:
            return db
        if db is not None:
            db.close()
        # Not within `except`: a frame of the driver's holds the address, and its password.
        raise _LostError(reason)


class _CallsInTable:
    """See `Calls`."""

    def __init__(self, cursor: Any, account: str, now: float, paused_until: float) -> None:
        self._cursor = cursor
        self._account = account
        self.now = now
        self.paused_until = paused_until

    def end(self, place: int) -> float | None:
        self._cursor.execute(
            "select ends from kore_calls.calls where account = %s"
            " order by ends desc limit 1 offset %s",
            (self._account, place),
        )
        found = self._cursor.fetchone()
        return None if found is None else float(found[0])

    def take(self, *, lease_ends: float, forget: float) -> int:
        self._cursor.execute(
            "delete from kore_calls.calls where account = %(account)s and ends <= %(forget)s;"
            "insert into kore_calls.calls (account, ends, in_flight)"
            " values (%(account)s, %(ends)s, true) returning call_id",
            {"account": self._account, "ends": lease_ends, "forget": forget},
        )
        return int(self._cursor.fetchone()[0])

    def give_back(self, call_id: int) -> None:
        # The row may be gone, when the call outlived its lease.
        self._cursor.execute(
            "insert into kore_calls.calls values (%s, %s, %s, false)"
            " on conflict (call_id) do update set ends = excluded.ends, in_flight = false",
            (call_id, self._account, self.now),
        )

    def pause(self, until: float) -> None:
        self._cursor.execute(
            "insert into kore_calls.pauses values (%s, %s)"
            " on conflict (account) do update set until = excluded.until",
            (self._account, until),
        )
        self.paused_until = until

    def draw_back(self, *, answered: float, in_flight: float) -> bool:
        self._cursor.execute(
            "update kore_calls.calls"
            " set ends = case when in_flight then %(in_flight)s else %(answered)s end"
            " where account = %(account)s"
            " and ends > case when in_flight then %(in_flight)s else %(answered)s end",
            {"account": self._account, "answered": answered, "in_flight": in_flight},
        )
        return bool(self._cursor.rowcount)


class _LostError(Exception):
    """The connection could not be made, or ended in the middle."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def _lock(name: str) -> int:
    """A signed number of 64 bits, as an advisory lock is called."""
    digest = hashlib.sha256(f"kore-campaigns calls {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
