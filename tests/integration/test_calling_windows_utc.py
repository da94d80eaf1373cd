"""Calling windows in UTC are exact to the minute, also where clocks change."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import numpy.typing as npt
import pytest

from conftest import Emulate
from kore_emulator import sample_campaigns
from support.calling_minutes import DAYS, open_minutes
from support.project import Project

pytestmark = pytest.mark.slow

# half hours and quarters, the south, none, rules that changed within the two years, Ramadan
ZONES = (
    *("Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Australia/Sydney", "UTC"),
    *("America/Santiago", "America/Mexico_City", "Africa/Cairo", "Asia/Tehran", "America/Phoenix"),
    *("Europe/London", "America/New_York", "Africa/Casablanca", "Pacific/Chatham"),
    *("America/St_Johns", "Pacific/Apia"),
)
BEGIN, END = datetime(2022, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
MINUTE, QUARTER = timedelta(minutes=1), 15
TWO_YEARS = """
create or replace view kore.calendar as
select cast(days.day as date) as calendar_date, isodow(days.day) as day_of_week,
    0 as days_from_today
from generate_series(date '2021-12-30', date '2024-01-02', interval 1 day) as days (day)
"""
Minutes = npt.NDArray[np.bool_]


def clock(rng: random.Random) -> str:
    # often within the hours in which clocks change
    hour = rng.choice((0, 1, 2, 3, rng.randrange(24)))
    return f"{hour:02}:{rng.choice((0, 15, 30, 45, rng.randrange(60))):02}"


def random_campaigns(count: int) -> list[dict[str, Any]]:
    rng = random.Random(3)
    campaigns = sample_campaigns(count)
    for number, campaign in enumerate(campaigns):
        campaign["dialingStrategy"]["callingHours"] = {
            "frequency": "WEEKLY",
            "timezone": ZONES[number % len(ZONES)],
            "days": [
                {"day": rng.choice(DAYS), "start": clock(rng), "end": clock(rng)}
                for _ in range(rng.randint(1, 5))
            ],
        }
    return campaigns


def local_minutes(zone: str) -> npt.NDArray[np.int32]:
    """For each minute of the two years, the minute of the week that the zone's clock shows."""
    total = (END - BEGIN) // MINUTE
    offsets = np.empty(total, dtype=np.int32)
    info = ZoneInfo(zone)

    def offset(minute: int) -> int:
        found = (BEGIN + minute * MINUTE).astimezone(info).utcoffset()
        assert found is not None
        return found // MINUTE

    ahead = offset(0)
    for quarter in range(0, total, QUARTER):
        here, ahead = ahead, offset(quarter + QUARTER)
        if here == ahead:
            offsets[quarter : quarter + QUARTER] = here
        else:
            for minute in range(quarter, quarter + QUARTER):
                offsets[minute] = offset(minute)
    monday = BEGIN.weekday() * 1440
    return (np.arange(total, dtype=np.int32) + monday + offsets) % 10080


def open_in_week(campaign: dict[str, Any]) -> Minutes:
    found = np.zeros(10080, dtype=np.bool_)
    opened = open_minutes(campaign["dialingStrategy"]["callingHours"]["days"])
    found[list(opened)] = True
    return found


def with_two_years(project: Project, tmp_path: Path) -> dict[str, list[tuple[int, int]]]:
    """Per campaign the view's spans, in minutes since the beginning of the two years."""
    copy = tmp_path / "two_years.duckdb"
    shutil.copyfile(project.database, copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute(TWO_YEARS)
        rows = connection.execute(
            "select campaign_id, epoch(starts_at) / 60 - ?, epoch(ends_at) / 60 - ?, minutes"
            " from kore.calling_windows_utc",
            [BEGIN.timestamp() / 60, BEGIN.timestamp() / 60],
        ).fetchall()
    spans: dict[str, list[tuple[int, int]]] = {}
    for campaign_id, opens, closes, minutes in rows:
        assert closes - opens == minutes > 0
        spans.setdefault(campaign_id, []).append((int(opens), int(closes)))
    return spans


@pytest.mark.exhaustive
def test_they_are_those_that_looking_at_a_clock_each_minute_of_two_years_finds(
    emulate: Emulate, project: Project, tmp_path: Path
) -> None:
    campaigns = random_campaigns(200)
    project.use(emulate(campaigns))
    assert project.run().exit_code == 0
    shown = {zone: local_minutes(zone) for zone in ZONES}

    spans = with_two_years(project, tmp_path)

    total = (END - BEGIN) // MINUTE
    for campaign in campaigns:
        expected = open_in_week(campaign)[
            shown[campaign["dialingStrategy"]["callingHours"]["timezone"]]
        ]
        found = np.zeros(total, dtype=np.bool_)
        for opens, closes in spans[campaign["_id"]]:
            found[max(opens, 0) : max(closes, 0)] = True
        assert np.array_equal(found, expected), campaign


@pytest.mark.parametrize(
    ("zone", "day", "window", "spans"),
    [
        # the clock goes from 2:00 to 3:00: the window lasts an hour, not two
        (
            "Europe/Berlin",
            "2022-03-27",
            ("1:30 AM", "3:30 AM"),
            [("00:30", "01:00", 60), ("01:00", "01:30", 120)],
        ),
        # and from 3:00 back to 2:00: its hour comes twice
        (
            "Europe/Berlin",
            "2022-10-30",
            ("2:00 AM", "2:30 AM"),
            [("00:00", "00:30", 120), ("01:00", "01:30", 60)],
        ),
        # wholly within the hour that is left out
        ("Europe/Berlin", "2022-03-27", ("2:15 AM", "2:45 AM"), []),
        (
            "Australia/Lord_Howe",
            "2022-04-03",
            ("1:30 AM", "2:00 AM"),
            [
                ("14:30", "15:00", 660),
                ("15:00", "15:30", 630),
            ],
        ),
    ],
)
def test_an_hour_left_out_is_no_calling_time_and_one_shown_twice_is_it_twice(
    emulate: Emulate,
    project: Project,
    tmp_path: Path,
    zone: str,
    day: str,
    window: tuple[str, str],
    spans: list[tuple[str, str, int]],
) -> None:
    (campaign,) = sample_campaigns(1)
    start, end = window
    campaign["dialingStrategy"]["callingHours"] = {
        "frequency": "WEEKLY",
        "timezone": zone,
        "days": [{"day": "SU", "start": start, "end": end}],
    }
    project.use(emulate([campaign]))
    project.run()
    copy = tmp_path / "copy.duckdb"
    shutil.copyfile(project.database, copy)

    with duckdb.connect(str(copy)) as connection:
        connection.execute(TWO_YEARS)
        connection.execute("set timezone = 'UTC'")
        found = connection.execute(
            "select strftime(starts_at, '%H:%M'), strftime(ends_at, '%H:%M'), utc_offset_minutes"
            " from kore.calling_windows_utc where calendar_date = ? order by starts_at",
            [day],
        ).fetchall()

    assert found == spans


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_what_views_of_these_days_show_is_not_a_matter_of_the_readers_own_clock(
    emulate: Emulate, project: Project, zone: str
) -> None:
    campaigns = random_campaigns(12)
    for one in campaigns:
        one["contactLists"] = ["Shared"]
    project.use(emulate(campaigns))
    project.run()

    def shown(reader: str) -> list[Any]:
        with duckdb.connect(str(project.database), read_only=True) as connection:
            connection.execute(f"set timezone = '{reader}'")
            instants = "epoch(starts_at) as starts_at, epoch(ends_at) as ends_at"
            return [
                connection.execute(f"select {columns} from kore.{view} order by all").fetchall()
                for view, columns in (
                    ("calendar", "*"),
                    (
                        "calling_windows_utc",
                        f"* replace ({instants})",
                    ),
                    (
                        "campaign_overlaps",
                        "* exclude (first_overlap_at)",
                    ),
                )
            ]

    assert shown(zone) == shown("UTC")
    assert all(shown("UTC"))


def test_the_view_shows_a_week_back_and_four_weeks_ahead(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(random_campaigns(1)))
    project.run()

    first, last = project.sql(
        "select min(calendar_date) - current_date, max(calendar_date) - current_date "
        "from kore.calling_windows_utc"
    )[0]
    # the campaign does not dial each day
    assert -7 <= first < 0
    assert 21 < last <= 28
