"""Which campaigns compete for the same contact list, caller id or queue, and for how long."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conftest import BOTH, Emulate
from kore_emulator import sample_campaigns
from support.calling_minutes import DAYS, open_minutes
from support.project import Project

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

ZONES = ("Asia/Kolkata", "Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe")
MINUTE = timedelta(minutes=1)


def campaigns(count: int, *, lists: int, caller_ids: int) -> list[dict[str, Any]]:
    rng = random.Random(11)
    found = [one for one in sample_campaigns(3 * count) if "dialingMode" in one][:count]
    for campaign in found:
        campaign["contactLists"] = [f"List {rng.randrange(lists)}"]
        campaign["dialingStrategy"] |= {
            "callerId": {"phoneNumber": f"+{rng.randrange(caller_ids)}"},
            "callingHours": {
                "frequency": "WEEKLY",
                "timezone": rng.choice(ZONES),
                "days": [
                    {"day": rng.choice(DAYS), "start": clock(rng), "end": clock(rng)}
                    for _ in range(rng.randint(0, 4))
                ],
            },
        }
    return found


def clock(rng: random.Random) -> str:
    return f"{rng.randrange(24):02}:{rng.randrange(0, 60, 15):02}"


def minutes_open(campaign: dict[str, Any], begin: datetime) -> set[int]:
    """Minutes of seven days in UTC at which it may dial, by looking at its own clock."""
    hours = campaign["dialingStrategy"]["callingHours"]
    zone = ZoneInfo(hours["timezone"])
    week = open_minutes(hours["days"])
    found = set()
    for minute in range(7 * 1440):
        local = (begin + minute * MINUTE).astimezone(zone)
        if local.weekday() * 1440 + local.hour * 60 + local.minute in week:
            found.add(minute)
    return found


def test_overlaps_are_those_that_counting_minutes_of_the_coming_week_finds(
    emulate: Emulate, project: Project
) -> None:
    many = campaigns(24, lists=6, caller_ids=5)
    project.use(emulate(many))
    project.run()

    (begin,) = project.sql("select current_date::timestamp from kore.calendar limit 1")[0]
    rows = project.sql(
        "select shared, shared_name, campaign_id, other_campaign_id, overlap_minutes,"
        " first_overlap_at from kore.campaign_overlaps"
    )

    begin = begin.replace(tzinfo=UTC)
    opened = {one["_id"]: minutes_open(one, begin) for one in many}
    expected = set()
    for one in many:
        for other in many:
            both = opened[one["_id"]] & opened[other["_id"]]
            if one["_id"] < other["_id"] and both:
                first = begin + min(both) * MINUTE
                facts = (one["_id"], other["_id"], len(both), first)
                expected |= {(shared, name, *facts) for shared, name in common(one, other)}
    assert set(rows) == expected
    assert len(rows) == len(expected) > 20


def common(one: dict[str, Any], other: dict[str, Any]) -> set[tuple[str, str]]:
    lists = set(one["contactLists"]) & set(other["contactLists"])
    found = {("contact_list", name) for name in lists}
    number, its = (each["dialingStrategy"]["callerId"]["phoneNumber"] for each in (one, other))
    return found | ({("caller_id", number)} if number == its else set())


def test_what_more_than_a_hundred_campaigns_share_is_counted_and_not_paired(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(campaigns(101, lists=1, caller_ids=40)))
    project.run()

    shared = project.sql(
        "select shared, campaign_count, is_compared from kore.shared_resources"
        " where shared = 'contact_list'"
    )
    paired = project.sql("select distinct shared from kore.campaign_overlaps")
    total = project.sql(
        "select (select sum(weekly_minutes) from kore.weekly_minutes),"
        " (select weekly_minutes from kore.shared_resources where shared = 'contact_list')"
    )

    assert shared == [("contact_list", 101, False)]
    assert paired == [("caller_id",)]
    assert total[0][0] == total[0][1] > 0


def test_a_queue_is_shared_too_once_the_listing_was_read(
    emulate: Emulate, project: Project
) -> None:
    two = campaigns(2, lists=1, caller_ids=1)
    for number, campaign in enumerate(two):
        campaign |= {"dialingMode": "Progressive", "contactLists": [f"List {number}"]}
        campaign["dialingStrategy"]["callerId"]["phoneNumber"] = f"+{number}"
        campaign["dialingStrategy"]["callingHours"]["days"] = [
            {"day": "MO", "start": "00:00", "end": "24:00"}
        ]
    project.use(emulate(two), sweep="auto")
    project.run()
    project.run()

    assert project.sql("select shared, shared_name from kore.campaign_overlaps") == [
        ("queue", "Default Queue")
    ]
