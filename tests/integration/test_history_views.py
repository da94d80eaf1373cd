"""Which rules were in force at an instant, and what a version brought, in SQL."""

from __future__ import annotations

import pytest

from conftest import BOTH, Emulate
from kore_emulator import Emulator, demo_campaigns
from support.project import Project

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

INDIA = "cd-9e14b72-88cc-4544-9a98-7aee9b7a1c2d"
HOURS = "dialingStrategy.callingHours.days"
LONGER = [{"day": day, "start": "9:00 AM", "end": "8:00 PM"} for day in ("MO", "TU")]
SPANS = """
select version, is_current, valid_from, valid_to from kore.campaign_history
where campaign_id = ? order by version
"""


def edited(emulate: Emulate, project: Project) -> Emulator:
    """Loaded, edited in hours, DNC list and contact lists, loaded, deleted, loaded."""
    kore = emulate(demo_campaigns())
    project.use(kore)
    project.run()
    kore.edit(INDIA, {HOURS: LONGER, "dncLists": {}, "contactLists": ["India buyers", "Others"]})
    project.run()
    kore.delete(INDIA)
    project.run()
    return kore


def test_children_of_every_version_carry_the_time_it_counted(
    emulate: Emulate, project: Project
) -> None:
    edited(emulate, project)

    spans = dict(enumerate(project.sql(SPANS, INDIA), start=1))
    hours = project.sql(
        "select version, is_current, valid_from, valid_to, day, end_minute, timezone, position"
        " from kore.calling_hours_history where campaign_id = ? order by version, position",
        INDIA,
    )
    dnc = project.sql(
        "select version, is_current, valid_from, valid_to, position, dnc_list_name"
        " from kore.dnc_list_history where campaign_id = ?",
        INDIA,
    )
    lists = project.sql(
        "select version, is_current, valid_from, valid_to, position, contact_list_name"
        " from kore.contact_list_history where campaign_id = ? order by version, position",
        INDIA,
    )

    assert len(spans) == 3
    zone = "Asia/Kolkata"
    assert hours == [
        *[
            (*spans[1], day, 18 * 60, zone, position)
            for position, day in enumerate(("MO", "TU", "WE", "TH", "FR"), start=1)
        ],
        (*spans[2], "MO", 20 * 60, zone, 1),
        (*spans[2], "TU", 20 * 60, zone, 2),
    ]
    assert dnc == [(*spans[1], 1, "India DND")]
    assert lists == [
        (*spans[1], 1, "India buyers November"),
        (*spans[2], 1, "India buyers"),
        (*spans[2], 2, "Others"),
    ]


def test_one_line_gives_the_rules_of_any_instant(emulate: Emulate, project: Project) -> None:
    edited(emulate, project)
    before, after = (row[2] for row in project.sql(SPANS, INDIA)[1:])

    def windows_at(instant: str) -> list[tuple[str, int]]:
        found = project.sql(
            "select day, end_minute from kore.calling_hours_history where campaign_id = ?"
            f" and valid_from <= {instant} and ({instant} < valid_to or valid_to is null)"
            " order by position",
            INDIA,
        )
        return [(day, minute) for day, minute in found]

    weekdays = ("MO", "TU", "WE", "TH", "FR")
    assert windows_at(f"timestamptz '{before}' - interval '1 second'") == [
        (day, 18 * 60) for day in weekdays
    ]
    assert windows_at(f"timestamptz '{before}'") == [("MO", 20 * 60), ("TU", 20 * 60)]
    assert windows_at(f"timestamptz '{after}'") == []


def test_the_feed_of_changes_says_kind_and_risk_and_the_version_a_sentence(
    emulate: Emulate, project: Project
) -> None:
    edited(emulate, project)

    kinds = project.sql(
        "select distinct version, kind, is_risky from kore.campaign_changes"
        " where campaign_id = ? and path not in ('updatedAt') order by all",
        INDIA,
    )
    told = project.sql(
        "select version, change_summary from kore.campaign_history where campaign_id = ?"
        " order by version",
        INDIA,
    )

    assert kinds == [
        (2, "calling_hours", False),  # three days are gone
        (2, "calling_hours", True),  # two are longer
        (2, "dnc", True),
        (2, "lists", False),
        (3, "status", False),
    ]
    assert told == [
        (1, "first seen"),
        (
            2,
            "Mon-Tue 09:00-18:00 -> 09:00-20:00; Wed-Fri 09:00-18:00 removed; DNC list "
            "`India DND` removed; contact list `India buyers November` removed; contact list "
            "`India buyers` added; contact list `Others` added",
        ),
        (3, "deleted in Kore"),
    ]
