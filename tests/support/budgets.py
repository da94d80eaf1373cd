"""Budgets on a fake clock, for the tests of pacing, and the places in which they are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psycopg2

from kore_campaigns.api.rate_limit import Limit, PostgresRateLimiter, RateLimiter, SQLiteRateLimiter
from support.clock import FakeClock

THREE_A_MINUTE = Limit(3, 60)
ONE_A_MINUTE = Limit(1, 60)
WINDOW = THREE_A_MINUTE.window_seconds
LEASE = 40.0

Closable = TypeVar("Closable", bound=RateLimiter)
_made: list[RateLimiter] = []


class Place(Protocol):
    """Where calls are counted, by a clock that the test sets."""

    @property
    def clock(self) -> FakeClock: ...

    def limiter(
        self,
        *limits: Limit,
        sleep: Callable[[float], None] | None = None,
        account: str = "calls",
    ) -> RateLimiter:
        """Opened by itself each time, as by another process."""


class InFile:
    def __init__(self, path: Path, clock: FakeClock | None = None) -> None:
        self.path = path
        self.clock = clock or FakeClock()

    def limiter(
        self,
        *limits: Limit,
        sleep: Callable[[float], None] | None = None,
        account: str = "calls",
    ) -> RateLimiter:
        return closed_later(
            SQLiteRateLimiter(
                path=self.path.with_stem(account),
                limits=limits,
                lease_seconds=LEASE,
                sleep=sleep or self.clock.sleep,
                clock=self.clock,
            )
        )


class InPostgres:
    """The clock is the server's own: `clock_timestamp()` is found in a schema of the test's."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = ServerClock(url)

    def limiter(
        self,
        *limits: Limit,
        sleep: Callable[[float], None] | None = None,
        account: str = "calls",
    ) -> RateLimiter:
        return closed_later(
            PostgresRateLimiter(
                address=self.url,
                limits=limits,
                account=account,
                lease_seconds=LEASE,
                sleep=sleep or self.clock.sleep,
            )
        )


def in_memory(clock: FakeClock, sleep: Callable[[float], None] | None = None) -> RateLimiter:
    """Without limits: only pauses count, within this process."""
    return closed_later(
        SQLiteRateLimiter(
            path=None, limits=(), lease_seconds=LEASE, sleep=sleep or clock.sleep, clock=clock
        )
    )


class ServerClock(FakeClock):
    """A clock of which all sessions of a database read what the test has set."""

    def __init__(self, url: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True
        self._sql(
            f"alter database {name} set search_path = fake, pg_catalog, public;"
            f"alter database {name} set synchronous_commit = off;"
            "create schema fake; create table fake.clock as select 0::float8 as at;"
            "create function fake.clock_timestamp() returns timestamptz language sql volatile"
            " as 'select to_timestamp(at) from fake.clock'"
        )
        super().__init__()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "time":
            self._sql("update fake.clock set at = %s", value)

    def close(self) -> None:
        self._connection.close()

    def _sql(self, text: str, *parameters: Any) -> None:
        self._connection.cursor().execute(text, parameters or None)


def budget(
    place: Place,
    *limits: Limit,
    sleep: Callable[[float], None] | None = None,
    account: str = "calls",
) -> RateLimiter:
    """Three calls a minute by default."""
    return place.limiter(*(limits or (THREE_A_MINUTE,)), sleep=sleep, account=account)


def closed_later(made: Closable) -> Closable:
    """The same, to be closed by `close_all`."""
    _made.append(made)
    return made


def close_all() -> None:
    """From Python 3.13 on, a connection to SQLite that nobody closed is a warning."""
    while _made:
        _made.pop().close()


def call(limiter: RateLimiter, clock: FakeClock, *, lasting: float = 0.0) -> float:
    """One call; the seconds that it waited before it left."""
    begun = clock.time
    with limiter.slot():
        waited = clock.time - begun
        clock.time += lasting
    return waited


def paused_for(limiter: RateLimiter) -> float:
    """Seconds until its pause ends, 0 without a pause."""
    return limiter.transact(lambda: max(0.0, limiter.paused_until - limiter.now))
