"""Findings over time: since when and until when, compared with a replay day by day."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from conftest import BOTH, Emulate
from kore_emulator import Emulator, sample_campaigns
from support.calling_minutes import DAYS, open_minutes, window
from support.project import Project
from support.stored_tables import kores_campaigns

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

HEADER = "name,country,campaign,weekday,earliest,latest,max_attempts_per_24h,min_ring_seconds"
ZONES = {"America/Chicago": "US", "Asia/Kolkata": "IN", "US/Pacific": "US", "Europe/London": "GB"}
# what a year leaves in the database is moved instead of the clock
RECORDED = {
    "campaign_versions": ("observed_at", "valid_from"),
    "policy_history": ("valid_from", "valid_to"),
    "extraction_runs": ("started_at", "finished_at", "full_sweep_started_at"),
    "configured_campaigns": ("configured_at",),
    "campaign_listings": ("seen_at",),
    "apps": ("first_run_at", "last_run_at"),
}
REPLAYED = (
    *("outside_permitted_hours", "weekend_calling", "no_calling_hours", "no_dnc_list"),
    *("attempts_over_limit", "ring_time_under_limit", "priority_out_of_range", "legacy_timezone"),
)
PERIODS = f"""
select campaign_id, finding, policy_name, day_of_week, first_seen, resolved_at, period_key
from kore.findings_history where finding in {REPLAYED} order by finding_key, first_seen
"""
HOURS = "dialingStrategy.callingHours"


class Policy(NamedTuple):
    name: str
    country: str = ""
    prefix: str = ""
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    earliest: int = 0
    latest: int = 1440
    attempts: int | None = None
    ring: int | None = None

    def line(self) -> str:
        days = " ".join(DAYS[day - 1] for day in self.days)
        limits = f"{clock(self.earliest)},{clock(self.latest)}"
        prefix = self.prefix and f"{self.prefix}*"
        numbers = ",".join("" if each is None else str(each) for each in (self.attempts, self.ring))
        return f"{self.name},{self.country},{prefix},{days},{limits},{numbers}"

    def applies_to(self, campaign: Mapping[str, Any]) -> bool:
        zone = campaign["dialingStrategy"]["callingHours"]["timezone"]
        return self.country in ("", ZONES[zone]) and campaign["name"].startswith(self.prefix)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def replayed(campaigns: Iterable[Mapping[str, Any]], policies: Sequence[Policy]) -> set[Any]:
    """The findings that somebody would write down who has the answers and the file before them."""
    found: set[Any] = set()
    for campaign in campaigns:
        minutes = open_minutes(campaign["dialingStrategy"]["callingHours"]["days"])
        found |= {(campaign["_id"], kind, None, None) for kind in without_policy(campaign, minutes)}
        for policy in policies:
            if policy.applies_to(campaign):
                of_policy = against(policy, campaign["dialingStrategy"], minutes)
                found |= {(campaign["_id"], kind, policy.name, day) for kind, day in of_policy}
    return found


def without_policy(campaign: Mapping[str, Any], minutes: set[int]) -> Iterator[str]:
    if not minutes:
        yield "no_calling_hours"
    if any(minute >= 5 * 1440 for minute in minutes):
        yield "weekend_calling"
    if not campaign["dncLists"]:
        yield "no_dnc_list"
    if not 1 <= int(campaign["priority"]) <= 5:
        yield "priority_out_of_range"
    if campaign["dialingStrategy"]["callingHours"]["timezone"] == "US/Pacific":
        yield "legacy_timezone"


def against(
    policy: Policy, strategy: Mapping[str, Any], minutes: set[int]
) -> Iterator[tuple[str, int | None]]:
    for minute in minutes:
        day, of_day = divmod(minute, 1440)
        if day + 1 in policy.days and not policy.earliest <= of_day < policy.latest:
            yield "outside_permitted_hours", day + 1
    tries = min(strategy["maxAttemptsPerRecord"], -(-1440 // strategy["defaultRetryPeriod"]))
    if policy.attempts is not None and tries > policy.attempts:
        yield "attempts_over_limit", None
    if policy.ring is not None and strategy["maxRingTime"] < policy.ring:
        yield "ring_time_under_limit", None


class Year:
    """A year of an account, one run after each change of campaigns or policies."""

    def __init__(self, project: Project, kore: Emulator, draw: random.Random) -> None:
        self.project, self.kore, self.draw = project, kore, draw
        self.ids = kore.campaign_ids()
        self.policies: list[Policy] = []
        self.deleted: set[str] = set()
        self.replay: list[tuple[datetime, set[Any]]] = []
        """When each run ended, and what the replay finds then."""

    def live(self) -> list[dict[str, Any]]:
        return [*kores_campaigns(self.kore).values()]

    def pass_days(self, days: int) -> None:
        for table, columns in RECORDED.items():
            moved = ", ".join(f"{name} = {name} - interval '{days} days'" for name in columns)
            self.project.alter(f"update {table} set {moved}")
        self.replay = [(at - timedelta(days=days), found) for at, found in self.replay]

    def change(self) -> None:
        draw, kore = self.draw, self.kore
        campaign_id = draw.choice(self.ids)
        if campaign_id in self.deleted:
            kore.restore(campaign_id)
            self.deleted.remove(campaign_id)
            return
        edits: list[dict[str, Any]] = [
            {f"{HOURS}.days": hours(draw)},
            {f"{HOURS}.timezone": draw.choice([*ZONES])},
            {"name": draw.choice(["Care one", "Care two", "Sales"])},
            {"dncLists": draw.choice([{}, {"id": "cl-1", "name": "DNC"}])},
            {"dialingStrategy.maxAttemptsPerRecord": draw.randint(1, 9)},
            {"dialingStrategy.defaultRetryPeriod": draw.choice([10, 400, 900])},
            {"dialingStrategy.maxRingTime": draw.choice([10, 20, 40])},
            {"priority": draw.choice(["1", "5", "9"])},
            {"status": draw.choice(["Paused", "Active"])},
        ]
        what = draw.randrange(len(edits) + 1)
        if what < len(edits):
            kore.edit(campaign_id, edits[what])
        elif len(self.deleted) < 2:
            kore.delete(campaign_id)
            self.deleted.add(campaign_id)

    def change_policies(self) -> None:
        draw = self.draw
        drawn = [
            Policy(
                name=draw.choice(["A", "B", "C"]) + str(number),
                country=draw.choice(["", "US", "IN"]),
                prefix=draw.choice(["", "Care"]),
                days=tuple(sorted(draw.sample(range(1, 8), draw.randint(1, 7)))),
                earliest=draw.randrange(0, 720, 30),
                latest=draw.randrange(720, 1441, 30),
                attempts=draw.choice([None, 1, 3]),
                ring=draw.choice([None, 15, 30]),
            )
            for number in range(draw.randint(0, 4))
        ]
        # some lines stay, maybe at another place of the file
        kept = draw.sample(self.policies, draw.randint(0, len(self.policies)))
        names = {policy.name for policy in kept}
        self.policies = [*(each for each in drawn if each.name not in names), *kept]
        lines = [HEADER, *(policy.line() for policy in self.policies)]
        (self.project.folder / "policies.csv").write_text("\n".join(lines) + "\n")

    def run(self) -> None:
        assert self.project.run(accept_vanished=True).exit_code == 0
        ((now,),) = self.project.sql("select now()")
        self.replay.append((now, replayed(self.live(), self.policies)))


def hours(draw: random.Random) -> list[dict[str, Any]]:
    days = draw.sample(DAYS, draw.choice([0, 1, 3]))
    return [window(day, clock(draw.randrange(1440)), clock(draw.randrange(1440))) for day in days]


def small_account(draw: random.Random) -> list[dict[str, Any]]:
    found = sample_campaigns(6)
    for each in found:
        each |= {"name": "Care", "priority": "3", "dncLists": {"id": "cl-1", "name": "DNC"}}
        each["dialingMode"] = "Agentless"
        each["dialingStrategy"] = {
            "callingHours": {
                "frequency": "WEEKLY",
                "timezone": "America/Chicago",
                "days": hours(draw),
            },
            "maxAttemptsPerRecord": 2,
            "defaultRetryPeriod": 600,
            "maxRingTime": 30,
        }
    return found


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_each_day_of_a_year_has_the_findings_of_a_replay(
    emulate: Emulate, project: Project, seed: int
) -> None:
    draw = random.Random(seed)
    kore = emulate(small_account(draw))
    project.use(kore, sweep="full", vanish_confirm_seconds=0)
    year = Year(project, kore, draw)
    year.change_policies()
    year.run()
    for _ in range(24):
        year.pass_days(draw.randint(5, 25))
        for _ in range(draw.randint(0, 4)):
            year.change()
        if draw.random() < 0.4:
            year.change_policies()
        year.run()

    rows = project.sql(PERIODS)
    day, found_days = year.replay[0][0], 0
    while day <= year.replay[-1][0]:
        expected = [found for at, found in year.replay if at <= day][-1]
        found = {row[:4] for row in rows if row[4] <= day and (row[5] is None or row[5] > day)}
        assert found == expected, day
        found_days += 1
        day += timedelta(days=1)
    assert found_days > 200
    assert sum(row[5] is not None for row in rows) > 20
    assert project.sql("select count(*) from kore.campaign_history where is_deleted") > [(0,)]
    assert_in_one_piece(rows)
    open_now = "select finding_key, open_since from kore.findings order by 1"
    in_history = (
        "select finding_key, first_seen from kore.findings_history "
        "where resolved_at is null order by 1"
    )
    assert project.sql(open_now) == project.sql(in_history)


def assert_in_one_piece(rows: Sequence[tuple[Any, ...]]) -> None:
    """No period is empty, and none begins where another of the same finding ends."""
    for before, after in pairwise(rows):
        assert before[5] is None or before[4] < before[5], before
        if before[:4] == after[:4]:
            assert before[5] is not None
            assert before[5] < after[4], (before, after)
    assert len({row[-1] for row in rows}) == len(rows)
