"""Dates on which a policy permits no calls: who may dial on them in the coming 60 days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.config.csv_files import POLICIES_HEADER, read_policies
from kore_campaigns.errors import PoliciesInvalid
from kore_emulator import sample_campaigns
from support.calling_minutes import DAYS, open_minutes, window
from support.project import Project

DESTINATIONS = BOTH
# far ahead of UTC and far behind it: for hours of each day their dates differ
ZONES = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Chicago")
FOUND = """
select campaign_id, policy_name, sentence, minutes, open_since <= now() from kore.findings
where finding = 'dials_on_closed_date' order by all
"""


def write(project: Project, *lines: str) -> None:
    text = "\n".join(["name,country,zone,campaign,date", *lines]) + "\n"
    (project.folder / "policies.csv").write_text(text, encoding="utf-8")


def campaigns(*days: dict[str, Any]) -> list[dict[str, Any]]:
    """One campaign in each zone, with these hours."""
    found = sample_campaigns(len(ZONES))
    for each, zone in zip(found, ZONES, strict=True):
        each["dialingStrategy"]["callingHours"] = {
            "frequency": "WEEKLY",
            "timezone": zone,
            "days": list(days),
        }
    return found


@pytest.mark.slow
def test_each_date_of_the_coming_60_days_is_told_in_the_zone_of_the_campaign(
    emulate: Emulate, project: Project
) -> None:
    hours = [window("MO", "09:00", "17:00"), window("FR", "20:00", "02:30"), *2 * [DAY_AND_NIGHT]]
    now = datetime.now(UTC)
    dates = [now.date() + timedelta(days=day) for day in range(-3, 64)]
    write(project, *(f"Closed,,,,{each}" for each in dates))
    account = campaigns(*hours)
    project.use(emulate(account))
    assert project.run().exit_code == 0

    found = {
        (campaign_id, sentence.split()[4]): minutes
        for campaign_id, _, sentence, minutes, is_open in project.sql(FOUND)
        if is_open
    }

    by_day = [0] * 7
    for minute in open_minutes(hours):
        by_day[minute // 1440] += 1
    expected = {}
    for each, zone in zip(account, ZONES, strict=True):
        today = now.astimezone(ZoneInfo(zone)).date()
        for closed in dates:
            minutes = by_day[closed.weekday()]
            if minutes and today <= closed <= today + timedelta(days=60):
                expected[each["_id"], closed.isoformat()] = minutes
    assert found == expected


DAY_AND_NIGHT = window("TU", "00:00", "00:00")


@pytest.mark.slow
def test_it_counts_for_the_campaigns_of_its_country_zone_and_name(
    emulate: Emulate, project: Project
) -> None:
    account = campaigns(*(window(day, "09:00", "17:00") for day in DAYS))
    account[2]["name"] = "Sales"
    day = datetime.now(UTC).date() + timedelta(days=10)
    write(
        project,
        f"Thanksgiving,US,,,{day}",
        f"Islands,,Pacific/*,,{day}",
        f"Sales alone,,,sal*,{day}",
        f"Elsewhere,DE,,,{day}",
    )
    project.use(emulate(account))
    project.run()
    ids = [each["_id"] for each in account]

    expected = [(ids[0], "Islands"), (ids[1], "Islands")]
    expected += [(ids[2], "Sales alone"), (ids[2], "Thanksgiving")]
    assert [row[:2] for row in project.sql(FOUND)] == sorted(expected)
    told = f"may dial on {day:%A} {day} 09:00-17:00, a date on which `Sales alone` permits no calls"
    assert told in [row[2] for row in project.sql(FOUND)]
    # a date is no limit of a weekday, and no finding of the past
    for view in ("policies", "policy_limits", "policy_history"):
        assert project.sql(f"select count(*) from kore.{view}") == [(0,)]
    assert project.sql("select count(*) from kore.closed_dates") == [(4,)]
    outside = "select count(*) from kore.findings_history where finding = 'outside_permitted_hours'"
    assert project.sql(outside) == [(0,)]

    write(project)
    project.run()

    assert project.sql(FOUND) == project.sql("select 1 from kore.closed_dates") == []


def rows(tmp_path: Path, *lines: str) -> list[dict[str, Any]]:
    path = tmp_path / "policies.csv"
    path.write_text("\n".join([",".join(POLICIES_HEADER), *lines]) + "\n", encoding="utf-8")
    return read_policies(path)


def test_a_line_with_a_date_is_one_row_and_permits_nothing(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "Christmas,,US,,,closed,,,,,2026-12-25")

    assert (row["closed_date"], row["day_of_week"]) == (date(2026, 12, 25), 5)
    assert (row["earliest_minute"], row["latest_minute"]) == (0, 0)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("P,,,,,,,,,,2026-02-30", "expected a date such as `2026-12-25`"),
        ("P,,,,,,,,,,25.12.2026", "expected a date such as `2026-12-25`"),
        ("P,,,,FR,,,,,,2026-12-25", "found `weekday = FR`; expected no weekday and no limit"),
        ("P,,,,,8:00,,,,,2026-12-25", "found `earliest = 8:00`; expected no weekday and no limit"),
        ("P,,,,,,,3,,,2026-12-25", "found `max_attempts_per_24h = 3`; expected no weekday"),
    ],
)
def test_what_cannot_be_a_closed_date_is_named(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(PoliciesInvalid) as refused:
        rows(tmp_path, line)

    assert told in str(refused.value)


@pytest.mark.slow
def test_the_calendar_is_a_year_back_and_a_year_ahead(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(1)))
    project.run()
    today = datetime.now(UTC).date()

    found = project.sql(
        "select calendar_date, day_name, days_from_today from kore.calendar order by 1"
    )

    assert found == [
        (today + timedelta(days=day), f"{today + timedelta(days=day):%A}", day)
        for day in range(-366, 367)
    ]
