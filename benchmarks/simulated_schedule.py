"""A day of many accounts as discrete events: who runs when, how many at once, who comes late."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HOUR = 3_600.0
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class RunTimes:
    """Seconds that runs take, several of each kind: one is drawn for each run."""

    by_listing: Sequence[float]
    full: Sequence[float]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every account every `run_every_seconds`; one full sweep of each in these 24 hours.

    `is_spread`: accounts begin, and are due for a full sweep, evenly over the time there is; else
    all at once, the full sweeps with the first run.
    """

    accounts: int
    run_every_seconds: float = HOUR
    is_spread: bool = True


@dataclass(frozen=True, slots=True)
class Day:
    """What became of it."""

    runs: int
    skipped: int
    """Runs that were due while the previous run of their account was active."""
    most_at_once: int
    busy_seconds: float
    latest_start_seconds: float
    """The longest that a run waited for a worker."""


def simulate_day(
    schedule: Schedule, times: RunTimes, *, workers: float = math.inf, seed: int = 0
) -> Day:
    """A day with so many workers; each takes the run that has waited longest."""
    chance = random.Random(seed)  # noqa: S311 - a simulation that can be repeated
    busy_until = [0.0] * schedule.accounts
    under_way: list[float] = []
    runs = skipped = most = 0
    busy = latest = 0.0
    for due, account, is_full in _due(schedule):
        if busy_until[account] > due:
            skipped += 1
            continue
        start = due
        while under_way and under_way[0] <= due:
            heapq.heappop(under_way)
        if len(under_way) >= workers:
            start = heapq.heappop(under_way)
        took = chance.choice(times.full if is_full else times.by_listing)
        heapq.heappush(under_way, start + took)
        busy_until[account] = start + took
        runs, busy = runs + 1, busy + took
        most, latest = max(most, len(under_way)), max(latest, start - due)
    return Day(runs, skipped, most, busy, latest)


def _due(schedule: Schedule) -> Iterator[tuple[float, int, bool]]:
    """When runs are due, whose, and whether as a full sweep; in the order of time."""
    every, accounts = schedule.run_every_seconds, schedule.accounts
    rounds = int(DAY // every)
    for number in range(rounds):
        for account in range(accounts):
            offset = every * account / accounts if schedule.is_spread else 0.0
            # neighbours in the hour are far apart in the day
            full_in = account % rounds if schedule.is_spread else 0
            yield number * every + offset, account, number == full_in
