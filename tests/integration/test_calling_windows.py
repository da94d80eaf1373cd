"""Calling windows as minutes of the week, in SQL: split, counted once, and what is odd of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import BOTH, Emulate
from kore_emulator import sample_campaigns
from support.calling_minutes import DAYS, open_minutes, window
from support.project import Project

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH


def load(
    emulate: Emulate, project: Project, *weeks: list[dict[str, Any]], frequency: str = "WEEKLY"
) -> list[str]:
    """Campaigns with these calling windows, loaded; their ids."""
    campaigns = sample_campaigns(len(weeks))
    for campaign, days in zip(campaigns, weeks, strict=True):
        campaign["dialingStrategy"]["callingHours"] = {
            "frequency": frequency,
            "timezone": "Europe/Berlin",
            "days": days,
        }
    project.use(emulate(campaigns))
    assert project.run().exit_code == 0
    return [campaign["_id"] for campaign in campaigns]


def windows(project: Project, campaign_id: str) -> list[tuple[Any, ...]]:
    return project.sql(
        "select position, day_of_week, start_minute, end_minute, week_start_minute,"
        " week_end_minute, minutes, is_after_midnight from kore.calling_windows"
        " where campaign_id = ? order by position, is_after_midnight, day_of_week",
        campaign_id,
    )


def checks(project: Project, campaign_id: str) -> list[tuple[Any, ...]]:
    return project.sql(
        "select check_name, position, day_of_week, start_minute, end_minute, minutes"
        " from kore.calling_window_checks where campaign_id = ? order by all",
        campaign_id,
    )


def test_a_window_past_midnight_is_split_and_goes_on_the_weekday_after(
    emulate: Emulate, project: Project
) -> None:
    (campaign_id,) = load(
        emulate, project, [window("FR", "10:00 PM", "6:00 AM"), window("SU", "11:00 PM", "1:00 AM")]
    )

    friday, saturday, sunday = 4 * 1440, 5 * 1440, 6 * 1440
    assert windows(project, campaign_id) == [
        (1, 5, 1320, 1440, friday + 1320, friday + 1440, 120, False),
        (1, 6, 0, 360, saturday, saturday + 360, 360, True),
        (2, 7, 1380, 1440, sunday + 1380, sunday + 1440, 60, False),
        (2, 1, 0, 60, 0, 60, 60, True),
    ]
    assert project.sql("select weekly_minutes, weekend_minutes from kore.weekly_minutes") == [
        (600, 420)
    ]


@pytest.mark.parametrize(("frequency", "days"), [("DAILY", 7), ("WEEKLY", 0), ("CUSTOM", 0)])
def test_a_window_without_weekday_counts_for_all_seven_where_the_campaign_dials_daily(
    emulate: Emulate, project: Project, frequency: str, days: int
) -> None:
    (campaign_id,) = load(
        emulate, project, [window(None, "9:00 AM", "6:00 PM")], frequency=frequency
    )

    assert [row[1] for row in windows(project, campaign_id)] == [*range(1, days + 1)]
    assert project.sql(
        "select weekly_minutes, window_count, weekday_count from kore.weekly_minutes"
    ) == [(days * 540, 1, days)]
    assert [row[0] for row in checks(project, campaign_id)] == ([] if days else ["unparsed"])


def test_every_campaign_has_its_weekly_minutes_also_one_without_windows(
    emulate: Emulate, project: Project
) -> None:
    overlapping = [window("MO", "9:00 AM", "1:00 PM"), window("MO", "12:00 PM", "3:00 PM")]
    weekend = [window("SA", "10:00 AM", "11:00 AM"), window("SU", "8:00 AM", "24:00")]
    ids = load(emulate, project, [], overlapping, weekend, [window("MO", "nine", "ten")])

    found = project.sql(
        "select campaign_id, weekly_minutes, weekend_minutes, window_count, weekday_count,"
        " first_minute, last_minute, timezone from kore.weekly_minutes"
    )

    assert sorted(found) == sorted(
        [
            (ids[0], 0, 0, 0, 0, None, None, "Europe/Berlin"),
            (ids[1], 360, 0, 2, 1, 540, 900, "Europe/Berlin"),
            (ids[2], 60 + 960, 60 + 960, 2, 2, 480, 1440, "Europe/Berlin"),
            (ids[3], 0, 0, 1, 0, None, None, "Europe/Berlin"),
        ]
    )


def test_what_is_odd_about_windows_is_named_with_place_and_minutes(
    emulate: Emulate, project: Project
) -> None:
    ids = load(
        emulate,
        project,
        # a break at noon, and one that is none: the windows touch
        [
            window("MO", "9:00 AM", "12:00 PM"),
            window("MO", "1:00 PM", "5:00 PM"),
            window("MO", "5:00 PM", "6:00 PM"),
        ],
        # the third is the first again, the fourth overlaps both
        [
            window("TU", "9:00 AM", "12:00 PM"),
            window("WE", "9:00 AM", "12:00 PM"),
            window("TU", "9:00 AM", "12:00 PM"),
            window("TU", "11:00 AM", "2:00 PM"),
        ],
        # neither weekday nor time can be read; the last ends when it begins
        [
            window("Someday", "9:00 AM", "5:00 PM"),
            window("TH", "nine", "5:00 PM"),
            window("FR", "9:00 AM", "9:00 AM"),
        ],
        # begins like the other and goes on past midnight: no duplicate
        [window("SA", "10:00 PM", "12:00 AM"), window("SA", "10:00 PM", "2:00 AM")],
    )

    assert checks(project, ids[0]) == [("gap", None, 1, 720, 780, 60)]
    assert checks(project, ids[1]) == [
        ("duplicate", 3, 2, 540, 720, 180),
        ("overlap", 4, 2, 660, 840, 60),
    ]
    assert checks(project, ids[2]) == [
        ("unparsed", 1, None, 540, 1020, None),
        ("unparsed", 2, 4, None, None, None),
        ("zero_length", 3, 5, 540, 1980, 1440),
    ]
    assert checks(project, ids[3]) == [("overlap", 2, 6, 1320, 1440, 120)]


CLOCK = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
WEEK = st.lists(st.builds(window, st.sampled_from(DAYS), CLOCK, CLOCK), max_size=6)


@settings(
    max_examples=2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(weeks=st.lists(WEEK, min_size=40, max_size=40))
def test_minutes_of_the_week_are_those_that_counting_one_by_one_finds(
    emulate: Emulate, project: Project, weeks: list[list[dict[str, Any]]]
) -> None:
    project.database.unlink(missing_ok=True)
    ids = load(emulate, project, *weeks)

    spans = project.sql(
        "select campaign_id, day_of_week, start_minute, end_minute, minutes from kore.open_hours"
    )
    minutes = dict(project.sql("select campaign_id, weekly_minutes from kore.weekly_minutes"))
    for campaign_id, week in zip(ids, weeks, strict=True):
        counted = open_minutes(week)
        found = [
            (day - 1) * 1440 + minute
            for key, day, start, end, _ in spans
            if key == campaign_id
            for minute in range(start, end)
        ]
        assert sorted(found) == sorted(counted)
        assert minutes[campaign_id] == len(counted)
