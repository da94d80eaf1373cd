"""Budgets on a fake clock, for the tests of pacing."""

from __future__ import annotations

from pathlib import Path

from fake_clock import FakeClock
from kore_campaigns.pacing import Budget, Limit, Pacer

THREE_A_MINUTE = Limit(3, 60)
ONE_A_MINUTE = Limit(1, 60)
WINDOW = THREE_A_MINUTE.window_seconds
LEASE = 40.0

_made: list[Budget] = []


def budget(path: Path, clock: FakeClock, *limits: Limit) -> Budget:
    """Three calls a minute, unless told otherwise."""
    return closed_later(
        Budget(
            path,
            limits=limits or (THREE_A_MINUTE,),
            lease_seconds=LEASE,
            now=clock,
            sleep=clock.sleep,
        )
    )


def closed_later(made: Budget) -> Budget:
    """The same, to be closed by `close_all`."""
    _made.append(made)
    return made


def close_all() -> None:
    """From Python 3.13 on, a connection to SQLite that nobody closed is a warning."""
    while _made:
        _made.pop().close()


def call(pacer: Pacer, clock: FakeClock, *, lasting: float = 0.0) -> float:
    """One call; the seconds that it waited before it left."""
    begun = clock.time
    with pacer.slot():
        waited = clock.time - begun
        clock.time += lasting
    return waited
