"""From one account of ten campaigns to ten thousand of a thousand: what a day and a year take."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean

from kore_campaigns.api.rate_limit import Limit
from simulated_run import Kore, Outcome, SimulatedRun, Work, draw_setbacks
from simulated_schedule import DAY, HOUR, Day, RunTimes, Schedule, simulate_day
from small_case import ATTEMPTS, MINUTE, listing_pages
from table import aligned

# campaigns of one account, whose budget decides how long it takes
ACCOUNTS = (10, 100, 1_000, 3_600, 10_000, 50_000)
# accounts, and campaigns of each
FLEETS = ((1, 10), (1, 1_000), (10, 1_000), (100, 1_000), (1_000, 1_000), (10_000, 1_000))
PER_MINUTE = 60
CHANGED_A_DAY = 0.01
SERVICE = Kore(latency=(0.2, 0.4), failing=0.01)
DRAWN = 12
_DAYS = 365


@dataclass(frozen=True, slots=True)
class OwnCosts:
    """What the program itself takes, in CPU-seconds and MiB, as measured."""

    unchanged: float
    full_each: float
    """Of a full sweep, for each campaign, beyond what a run takes that finds nothing new."""
    peak_mb: float
    version_bytes: float
    """In Postgres, with its lists, changes and listing row."""

    def own_seconds(self, fetched: int) -> float:
        return self.unchanged + self.full_each * fetched


# docs/explanation/scale.md, as measured there
OWN = OwnCosts(unchanged=0.8, full_each=0.0003, peak_mb=192, version_bytes=5_259)


@dataclass(frozen=True, slots=True)
class Scaled:
    """One line of each table."""

    accounts: int
    campaigns: int
    full_calls: float
    full_minutes: float
    listing_calls: float
    listing_seconds: float
    calls_a_day: float
    spread: Day
    at_once: Day
    cores: float
    own: OwnCosts

    @property
    def versions(self) -> float:
        """After a year."""
        return self.accounts * self.campaigns * (1 + CHANGED_A_DAY * _DAYS)

    @property
    def name(self) -> str:
        return f"{self.accounts:,} x {self.campaigns:,}"

    def calls_row(self) -> list[str]:
        return [
            f"{self.campaigns:,}",
            f"{self.full_calls:,.0f}",
            f"{self.full_minutes:,.0f}",
            f"{self.listing_calls:,.0f}",
            f"{self.listing_seconds:,.0f}",
            f"{self.calls_a_day:,.0f}",
            f"{100 * self.calls_a_day / (PER_MINUTE * DAY / MINUTE):.1f} %",
            f"{self.spread.skipped / self.accounts:.0f}",
        ]

    def machines_row(self) -> list[str]:
        workers = self.spread.most_at_once
        return [
            self.name,
            f"{self.spread.runs:,}",
            f"{workers:,}",
            f"{self.at_once.latest_start_seconds / MINUTE:,.0f}",
            f"{self.cores:,.2f}",
            f"{workers * self.own.peak_mb / 1024:,.1f}",
            f"{self.versions / 1e6:,.2f}",
            f"{self.versions * self.own.version_bytes / 1e9:,.1f}",
        ]


_CALLS = (
    "campaigns of an account",
    "first run, full sweep: calls",
    "minutes",
    "hourly run: calls",
    "seconds",
    "calls a day",
    "of the budget",
    "hourly runs that a full sweep takes the place of",
)
_MACHINES = (
    "accounts x campaigns",
    "runs a day",
    "processes at once",
    "minutes late if all are due at the full hour",
    "cores",
    "GiB of memory",
    "million versions in a year",
    "GB in Postgres",
)


def scale_table(own: OwnCosts = OWN) -> list[str]:
    """Calls of one account; machines and storage of many. Each is simulated."""
    calls = [scaled(1, campaigns, own).calls_row() for campaigns in ACCOUNTS]
    machines = [scaled(*fleet, own).machines_row() for fleet in FLEETS]
    return [*aligned(_CALLS, calls, left=1), "", *aligned(_MACHINES, machines, left=1)]


def scaled(accounts: int, campaigns: int, own: OwnCosts) -> Scaled:
    """Runs of one account under its budget, then a day of all accounts."""
    listings = list(_listings(campaigns))
    fulls = [_full(campaigns, seed) for seed in range(1 if campaigns > 1_000 else DRAWN)]
    changed = campaigns * CHANGED_A_DAY / 24
    times = RunTimes(
        [one.seconds + own.own_seconds(round(changed)) for one in listings],
        [one.seconds + own.own_seconds(campaigns) for one in fulls],
    )
    spread = simulate_day(Schedule(accounts), times)
    at_once = simulate_day(Schedule(accounts, is_spread=False), times, workers=spread.most_at_once)
    runs_of_one = spread.runs / accounts
    calls = mean(one.calls for one in fulls)
    calls += (runs_of_one - 1) * mean(one.calls for one in listings)
    cpu = (runs_of_one - 1) * own.own_seconds(round(changed)) + own.own_seconds(campaigns)
    return Scaled(
        accounts,
        campaigns,
        mean(one.calls for one in fulls),
        mean(times.full) / MINUTE,
        mean(one.calls for one in listings),
        mean(times.by_listing),
        calls,
        spread,
        at_once,
        accounts * cpu / DAY,
        own,
    )


def _listings(campaigns: int) -> Iterator[Outcome]:
    """Hourly runs: the listing, what changed in that hour, and the contact lists."""
    chance = random.Random(campaigns)  # noqa: S311 - a simulation that can be repeated
    for seed in range(DRAWN):
        wanted = campaigns * CHANGED_A_DAY * HOUR / DAY
        changed = int(wanted) + (chance.random() < wanted % 1)
        setbacks = draw_setbacks(changed, SERVICE, attempts=ATTEMPTS, seed=seed)
        work = Work(pages=listing_pages(campaigns), setbacks=setbacks, last_calls=1)
        yield _run(work, seed)


def _full(campaigns: int, seed: int) -> Outcome:
    setbacks = draw_setbacks(campaigns, SERVICE, attempts=ATTEMPTS, seed=seed)
    return _run(Work(setbacks=setbacks, last_calls=1), seed)


def _run(work: Work, seed: int) -> Outcome:
    limits = [Limit(PER_MINUTE, MINUTE)]
    return SimulatedRun(work, kore=SERVICE, limits=limits, seed=seed).go()
