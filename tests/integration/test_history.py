"""After a campaign changed: its newest state whole, the older ones kept, the difference named."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_emulator import REMOVED, Emulator, demo_campaigns
from support.project import Project
from support.saved_history import saved_history
from support.stored_tables import GAPS, campaign_rows

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

UK = "cd-16b9f7d-8c40-4a53-9d2e-4b7c1e6f0a98"
SMS = "cd-78d3f0a9-8f42-5d8c-af8d-d6a63ea10b27"
EU_OPT_OUTS = ("cl-0d5e9b2-64af-4f18-8c3b-7a1d9e5f2b06", "EU opt-outs")
DAYS = ("MO", "TU", "WE", "TH", "FR")
HOURS = "dialingStrategy.callingHours.days"
WINDOW = ("9:00 AM", "5:00 PM", time(9), time(17), 540, 1020, False, True)

SHOWN_HOURS = """
select version, campaign_name, timezone, position, day, day_of_week, start_text, end_text,
    start_time, end_time, start_minute, end_minute, crosses_midnight, is_parsed
from kore.campaign_calling_hours where campaign_id = ? order by position
"""
KEPT_HOURS = """
select version, position, day, day_of_week, start_text, end_text, start_time,
    end_time, start_minute, end_minute, crosses_midnight, is_parsed
from kore_raw.campaign_versions__calling_hours where campaign_id = ? order by version, position
"""
CHANGES = """
select version, campaign_name, path, old_value, new_value from kore.campaign_changes
where campaign_id = ? and path <> 'updatedAt' order by version, position
"""
HISTORY = """
select version, valid_from, valid_to, observed_at, updated_at, is_current, is_deleted
from kore.campaign_history where campaign_id = ? order by version
"""


def loaded(emulate: Emulate, project: Project) -> Emulator:
    """A company's twelve campaigns after the first run."""
    kore = emulate(demo_campaigns())
    project.use(kore)
    with saved_history("demo", kore, project) as run:
        run()
    return kore


def days_of(kore: Emulator, campaign_id: str) -> list[dict[str, Any]]:
    days: list[dict[str, Any]] = kore.campaign(campaign_id)["dialingStrategy"]["callingHours"][
        "days"
    ]
    return days


def test_a_removed_day_is_gone_from_the_view_kept_in_history_and_named(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    kore.edit(UK, {HOURS: [day for day in days_of(kore, UK) if day["day"] != "FR"]})

    project.run()

    name, zone = "Eye Test Reminder UK", "Europe/London"
    assert project.sql(SHOWN_HOURS, UK) == [
        (2, name, zone, number, DAYS[number - 1], number, *WINDOW) for number in (1, 2, 3, 4)
    ]
    assert project.sql(KEPT_HOURS, UK) == [
        *[(1, number, DAYS[number - 1], number, *WINDOW) for number in (1, 2, 3, 4, 5)],
        *[(2, number, DAYS[number - 1], number, *WINDOW) for number in (1, 2, 3, 4)],
    ]
    assert project.sql(CHANGES, UK) == [
        (2, name, f"{HOURS}[FR].start", "9:00 AM", None),
        (2, name, f"{HOURS}[FR].end", "5:00 PM", None),
        (2, name, f"{HOURS}[FR].day", "FR", None),
    ]


def test_all_days_removed_leave_no_row_in_the_view(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    kore.edit(UK, {"dialingStrategy.callingHours": None})

    project.run()

    assert project.sql(SHOWN_HOURS, UK) == []
    assert len(project.sql(KEPT_HOURS, UK)) == 5


def test_an_emptied_dnc_list_is_gone_from_the_view_kept_in_history_and_named(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    shown = (
        "select version, campaign_name, position, dnc_list_id, dnc_list_name"
        " from kore.campaign_dnc_lists where campaign_id = ?"
    )
    before = project.sql(shown, UK)
    kore.edit(UK, {"dncLists": REMOVED})

    project.run()

    name = "Eye Test Reminder UK"
    assert before == [(1, name, 1, *EU_OPT_OUTS)]
    assert project.sql(shown, UK) == []
    assert project.sql(
        "select version, position, dnc_list_id, dnc_list_name"
        " from kore_raw.campaign_versions__dnc_lists where campaign_id = ?",
        UK,
    ) == [(1, 1, *EU_OPT_OUTS)]
    assert project.sql(CHANGES, UK) == [
        (2, name, "dncLists.id", EU_OPT_OUTS[0], None),
        (2, name, "dncLists.name", EU_OPT_OUTS[1], None),
    ]


def test_a_contact_list_swapped_for_another_leaves_one_row(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    kore.edit(UK, {"contactLists": ["Eye test overdue UK"]})

    project.run()

    assert project.sql(
        "select version, position, contact_list_id, contact_list_name"
        " from kore.campaign_contact_lists where campaign_id = ?",
        UK,
    ) == [(2, 1, None, "Eye test overdue UK")]
    assert [row[2:] for row in project.sql(CHANGES, UK)] == [
        ("contactLists[Eye test overdue UK]", None, "Eye test overdue UK"),
        ("contactLists[Eye test due UK]", "Eye test due UK", None),
    ]


def test_only_what_changed_gets_a_version(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    rows = campaign_rows(project)
    kore.edit(UK, {"priority": "1"})

    report = project.run()

    added = {
        name: [row for row in now if row not in rows[name]]
        for name, now in campaign_rows(project).items()
    }
    assert (report.new_versions, report.unchanged) == (1, 11)
    assert {name: len(rows) for name, rows in added.items()} == {
        "campaign_versions": 1,
        "campaign_versions__calling_hours": 5,
        "campaign_versions__dnc_lists": 1,
        "campaign_versions__contact_lists": 1,
        "campaign_versions__changes": 2,
    }
    kept = campaign_rows(project)
    assert all(row in kept[name] for name in rows for row in rows[name])


def test_a_change_without_a_new_updated_at_is_seen_and_counts_from_when_it_was_seen(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    began = datetime.now(UTC)
    kore.edit(UK, {"status": "Active"}, silent=True)

    project.run()

    first, second = project.sql(HISTORY, UK)
    version, valid_from, valid_to, observed_at, updated_at, *flags = second
    assert (version, valid_to, flags) == (2, None, [True, False])
    assert valid_from == observed_at > began
    assert updated_at == first[4]
    assert project.sql("select status from kore.campaigns where campaign_id = ?", UK) == [
        ("Active",)
    ]


def test_a_change_that_moves_updated_at_counts_from_then(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    kore.edit(UK, {"status": "Active", "updatedAt": "2026-02-03T04:05:06.789Z"})

    project.run()

    moved = datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
    _, (version, valid_from, valid_to, observed_at, updated_at, *flags) = project.sql(HISTORY, UK)
    assert (version, valid_from, valid_to, updated_at) == (2, moved, None, moved)
    assert observed_at > moved
    assert flags == [True, False]


def test_versions_follow_each_other_without_gap_or_overlap(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    for number in (2, 3, 4):
        kore.edit(UK, {"priority": str(number)}, silent=number == 3)
        project.run()

    rows = project.sql(HISTORY, UK)

    assert [row[0] for row in rows] == [1, 2, 3, 4]
    assert [row[2] for row in rows] == [*[row[1] for row in rows[1:]], None]
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    assert [row[5:] for row in rows] == [(False, False)] * 3 + [(True, False)]
    assert project.sql(GAPS) == []
    assert [row[0] for row in project.sql(CHANGES, UK)] == [2, 3, 4]
    assert project.sql(
        "select version, priority from kore.campaigns where campaign_id = ?", UK
    ) == [(4, 4)]


def test_a_change_undone_is_a_version_too(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    for status in ("Active", "Completed"):
        kore.edit(UK, {"status": status}, silent=True)
        project.run()

    statuses = project.sql(
        "select version, status from kore.campaign_history where campaign_id = ? order by version",
        UK,
    )

    assert statuses == [(1, "Completed"), (2, "Active"), (3, "Completed")]


def test_an_sms_campaign_is_a_row_like_the_others(emulate: Emulate, project: Project) -> None:
    loaded(emulate, project)

    rows = project.sql(
        "select version, campaign_type, name, dialing_mode, format, timezone, max_skips,"
        " experience_flow_id, max_attempts_per_record from kore.campaigns where campaign_id = ?",
        SMS,
    )

    zone = "America/New_York"
    assert rows == [(1, "sms", "Order Ready Text US", None, "simple", zone, None, None, None)]
    assert len(project.sql(SHOWN_HOURS, SMS)) == 7
    assert project.sql(
        "select position, dnc_list_id, dnc_list_name"
        " from kore.campaign_dnc_lists where campaign_id = ?",
        SMS,
    ) == [(1, None, "Text STOP replies")]
