"""Rate limit of an account, shared by all threads, processes and (with Postgres) machines.

A call takes a slot when it may leave, and keeps it until `seconds` after its response came back.
So, for any latency, the next call in that slot reaches the server at least `seconds` later:
arrival >= grant >= old response + seconds >= old arrival + seconds. Limiters that count from the
grant alone were measured at 22 to 24 calls for a limit of 20.
"""

from __future__ import annotations

import hashlib
import math
import os
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from kore_campaigns import schema
from kore_campaigns.api.endpoints import base_url
from kore_campaigns.errors import (
    BudgetUnavailable,
    BudgetUnusable,
    RateLimited,
    SettingInvalid,
    first_line_of_driver,
)

T = TypeVar("T")

# After this time one call tries again: an absurd header, or a clock that was set back, must not
# stop a machine for a day.
LONGEST_PAUSE_SECONDS: Final = 900.0

# A clock that is being corrected runs up to 500 parts in a million fast (Linux, adjtimex). Windows
# are this much longer, so that they are whole by the server's clock too.
CLOCK_DRIFT: Final = 0.0005


@dataclass(frozen=True)
class Limit:
    """At most `calls` calls in any span of `seconds`. Raises `SettingInvalid` for none at all."""

    calls: int
    seconds: float

    def __post_init__(self) -> None:
        if self.calls < 1 or not 0 < self.seconds < math.inf:
            raise SettingInvalid(
                key="requests_per_minute",
                value=f"{self.calls} calls in {self.seconds:g} s",
                expected="at least one call in a positive time",
            )

    @property
    def window_seconds(self) -> float:
        return self.seconds * (1 + CLOCK_DRIFT)

    def wait_seconds(self, end: float | None, now: float) -> float:
        """Seconds until the slot of a call that ended at `end` is free; 0 or less means now."""
        # A call in flight ends now at the earliest, so its slot is not free before a whole window.
        return 0.0 if end is None else min(end + self.window_seconds - now, self.window_seconds)


_HOUR: Final = Limit(1, 3600).window_seconds


def budget_name(*, host: str, account_id: str) -> str:
    """The one name of this account at this host; it reveals neither.

    Raises `SettingInvalid` for a host that `base_url` refuses.
    """
    return hashlib.sha256(f"{base_url(host)}\n{account_id}".encode()).hexdigest()[:24]


def budget_path(state_dir: Path, *, host: str, account_id: str) -> Path:
    """The one file of this account at this host. Raises as `budget_name` does."""
    return state_dir / f"calls-v1-{budget_name(host=host, account_id=account_id)}.sqlite"


@dataclass(kw_only=True, eq=False, repr=False)
class RateLimiter(ABC):
    """Grant slots within all limits at once, for every thread, process and run of an account.

        with limiter.slot():
            response = ...  # send the request

    `lease_seconds` must be longer than a call can take to reach the server. The slot of a process
    that died during a call counts as answered that long after it was granted. Every method raises
    what its store raises if that cannot be read or written: no call leaves uncounted.

    A store is a subclass with `transact`, and with its SQL in `queries`.
    """

    queries: ClassVar[Mapping[str, str]]
    limits: Sequence[Limit]
    lease_seconds: float
    sleep: Callable[[float], None] = time.sleep
    account: str = ""

    def __post_init__(self) -> None:
        self._waiting = threading.Lock()
        self._connection: Any = None
        self._cursor: Any = None
        self._connection_lock = threading.Lock()
        self._waits_until = -math.inf
        self.is_paused = False
        """Whether the next call waits because the service requested it, not for a free slot."""

    @contextmanager
    def slot(self, *, patience_seconds: float = math.inf) -> Iterator[None]:
        """Wait until a call may leave, and keep its slot until the response is back.

        Raises `RateLimited`, with nothing sent, if the service made the account pause for longer
        than `patience_seconds`. What `sleep` raises passes through; then no slot is taken.
        """
        with self._waiting:  # one thread of a process watches the store; the others queue here
            while True:
                call_id, wait, paused = self.transact(self._take_if_free)
                if call_id is not None:
                    break
                if paused > patience_seconds:
                    raise RateLimited(
                        campaign_id="", http_status=None, attempts=0, wait_seconds=paused
                    )
                self._waits_until, self.is_paused = time.monotonic() + wait, paused > 0
                self.sleep(wait)
        try:
            yield
        finally:
            self.transact(lambda: self._execute("finish", call_id=call_id, now=self.now))

    def pause(self, seconds: float) -> None:
        """Stop all calls of the account for `seconds`, at most `LONGEST_PAUSE_SECONDS`.

        A longer pause that is already in force stays.
        """
        seconds = min(seconds, LONGEST_PAUSE_SECONDS)
        self.transact(lambda: self.pause_until(max(self.now + seconds, self.paused_until)))
        self._waits_until, self.is_paused = time.monotonic() + seconds, True

    @property
    def waiting_seconds(self) -> float:
        """Seconds until the next call of this process may leave; 0 if none waits."""
        return max(0.0, self._waits_until - time.monotonic())

    def eta_seconds(self, calls: int) -> float:
        """Seconds until the last of `calls` more calls may leave, if no other process calls."""
        if calls < 1:
            return 0.0

        def last_leaves(limit: Limit, paused: float) -> float:
            # Slots become free in the order in which their calls ended; unused slots come first.
            rounds, place = divmod(calls - 1, limit.calls)
            first = limit.wait_seconds(self.end_of(limit.calls - 1 - place), self.now)
            return rounds * limit.window_seconds + max(paused, first)

        def longest() -> float:
            paused = self._pause_left()
            return max([paused, *(last_leaves(limit, paused) for limit in self.limits)])

        return self.transact(longest)

    def close(self) -> None:
        """Close the store; the next process still finds the counted calls."""
        with self._connection_lock:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _take_if_free(self) -> tuple[int | None, float, float]:
        """The id of a call that may leave now, or None; the seconds to wait; those of a pause."""
        paused, wait = self._pause_left(), self._wait_for_slot()
        # Calls in the future mean that the clock was set back, be it by seconds or by years. They
        # are taken to have ended just now (in flight: to have left just now). That is later than
        # they did, so the limit holds, and a wrong clock costs one window at most.
        lease_ends = self.now + self.lease_seconds
        if wait > 0 and self._execute("cap", answered=self.now, in_flight=lease_ends).rowcount:
            wait = self._wait_for_slot()
        if paused > 0 or wait > 0:
            return None, max(paused, wait), paused
        # An hour at least, whatever our own limits: another process may have others.
        longest = max([_HOUR, *(limit.window_seconds for limit in self.limits)])
        return self.add(lease_ends=lease_ends, forget=self.now - longest), 0.0, 0.0

    def _wait_for_slot(self) -> float:
        # The calls that ended last occupy the slots; the oldest of these is the first to free one.
        return max(
            (limit.wait_seconds(self.end_of(limit.calls - 1), self.now) for limit in self.limits),
            default=0.0,
        )

    def _pause_left(self) -> float:
        longest = self.now + LONGEST_PAUSE_SECONDS
        if self.paused_until > longest:  # set before the clock was set back
            self.pause_until(longest)
        return max(0.0, self.paused_until - self.now)

    @abstractmethod
    def transact(self, work: Callable[[], T]) -> T:
        """The result of `work`, as the only transaction of the account; undone if it raises."""

    # For use inside of a transaction. A call ends when its response came back; one in flight, when
    # its lease runs out.

    now: float = field(init=False)
    """Start of the transaction, in seconds since 1970, by one clock for all who share the limit."""
    paused_until: float = field(init=False)

    def end_of(self, place: int) -> float | None:
        """The end of the call at this place, 0 for the last to end; None without such a call."""
        found = self._execute("end_of", place=place).fetchone()
        return found[0] if found else None

    def add(self, *, lease_ends: float, forget: float) -> int:
        """The id of a call that leaves now; those that ended by `forget` are deleted."""
        self._execute("forget", until=forget)
        added = self._execute("add", ends=lease_ends)
        # `returning` needs SQLite 3.35; RHEL 9 has 3.34
        return int(added.fetchone()[0] if added.description else added.lastrowid)

    def pause_until(self, until: float) -> None:
        """Let no call leave before `until`, whatever was set earlier."""
        self._execute("pause", until=until)
        self.paused_until = until

    def _execute(self, query: str, **parameters: Any) -> Any:
        self._cursor.execute(self.queries[query], {"account": self.account, **parameters})
        return self._cursor


_BUSY_SECONDS: Final = 30.0


@dataclass(kw_only=True, eq=False, repr=False)
class SQLiteRateLimiter(RateLimiter):
    """Rate limiter of one machine: its processes count their calls in one SQLite file.

    Without a path the count is in memory, for the threads of this process alone.
    Raises `BudgetUnusable` if the file cannot be opened, read or written.
    """

    queries = schema.queries("kore_campaigns.api.calls_sqlite")
    path: Path | None
    clock: Callable[[], float] = time.time

    def transact(self, work: Callable[[], T]) -> T:
        try:
            with self._connection_lock:
                self._connection = self._connection or self._connect()
                with self._connection as db, closing(db.cursor()) as self._cursor:
                    db.execute("begin immediate")  # `with` commits, or rolls back
                    self.now = self.clock()
                    (self.paused_until,) = self._execute("paused_until").fetchone()
                    return work()
        except (sqlite3.Error, OSError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise BudgetUnusable(str(self.path), why) from error

    def _connect(self) -> sqlite3.Connection:
        if self.path is not None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Created before SQLite does it with the umask; its -wal and -shm files copy the mode.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(
            self.path or ":memory:",
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        # Processes that open a new file at once get SQLITE_BUSY here immediately (78 of 900 did),
        # without SQLite's own waiting.
        patient = Retrying(
            retry=retry_if_exception(
                lambda error: getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY
            ),
            stop=stop_after_delay(_BUSY_SECONDS),
            wait=wait_fixed(0.01),
            reraise=True,
        )
        try:
            patient(db.execute, "pragma journal_mode = wal")
            # Survives the process in either mode. A power cut may lose the last calls, but not
            # damage the file, as OFF would; NORMAL costs the same, as it syncs at checkpoints only.
            db.execute("pragma synchronous = normal")
            db.executescript(self.queries["tables"])
        except BaseException:
            db.close()
            raise
        return db


# A server that restarts or fails over gets half a minute.
_RECONNECT_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)

# Without these, a server that vanished without closing the connection is waited for for hours.
_KEEPALIVE: Final = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


@dataclass(kw_only=True, eq=False, repr=False)
class PostgresRateLimiter(RateLimiter):
    """Rate limiter of several machines, which count their calls in one Postgres, by its clock.

    `account` is a name as `budget_name` gives it. A transaction takes milliseconds; waiting for a
    slot happens between two of them. Work is done again after a lost connection: a call may then
    be counted twice, but none is left out.
    Raises `BudgetUnavailable` if the server stays away or refuses.
    """

    queries = schema.queries("kore_campaigns.api.calls_postgres")
    address: str
    account: str

    def open(self) -> None:
        """Connect, and create the tables if they are missing; raises `BudgetUnavailable`."""
        try:
            with self._connection_lock:
                self._connection = self._connection or self._connect()
        except _ConnectionLost as lost:
            raise BudgetUnavailable(str(lost)) from None

    def transact(self, work: Callable[[], T]) -> T:
        waits = iter(_RECONNECT_SECONDS)
        while True:
            try:
                return self._transact_once(work)
            except _ConnectionLost as lost:
                wait = next(waits, None)
                if wait is None:
                    raise BudgetUnavailable(str(lost)) from None
            self.sleep(wait)

    def _transact_once(self, work: Callable[[], T]) -> T:
        import psycopg2  # imported here: a file needs no driver

        with self._connection_lock:
            self._connection = self._connection or self._connect()
            try:
                with self._connection.cursor() as self._cursor:
                    begun = self._execute("begin", lock=_lock_number(self.account))
                    self.now, self.paused_until = begun.fetchone()
                    done = work()
                    self._cursor.execute("commit")
            except psycopg2.Error as error:
                is_lost = self._connection.closed != 0
                self._disconnect()
                failure = _ConnectionLost if is_lost else BudgetUnavailable
                raise failure(first_line_of_driver(error)) from None
            except BaseException:
                self._disconnect()  # the server rolls back, whatever state this is in
                raise
            return done

    def _connect(self) -> Any:
        import psycopg2

        db = None
        try:
            db = psycopg2.connect(self.address, **_KEEPALIVE)
            db.autocommit = True  # transactions begin and end where this module says so
            with db.cursor() as cursor:
                cursor.execute("select to_regclass('kore_calls.pauses') is not null")
                if not cursor.fetchone()[0]:
                    cursor.execute(self.queries["tables"], {"lock": _lock_number("tables")})
        except psycopg2.Error as error:
            reason = first_line_of_driver(error)
        else:
            return db
        if db is not None:
            db.close()
        # Raised outside of `except`: a frame of the driver has the address, with its password.
        raise _ConnectionLost(reason)


class _ConnectionLost(Exception):  # noqa: N818 - says what happened
    """The connection could not be made, or ended in the middle; the reason is its text."""


def _lock_number(name: str) -> int:
    """A signed number of 64 bits, the name of an advisory lock."""
    digest = hashlib.sha256(f"kore-campaigns calls {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
