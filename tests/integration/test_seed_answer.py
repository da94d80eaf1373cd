"""Kore's own sample answer, byte for byte: every value of it is where an analyst looks for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_emulator import sample_campaigns
from support.project import Project
from support.stored_tables import columns_of

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

ANSWER = (Path(__file__).parents[1] / "payloads" / "seed_sample_response.json").read_bytes()
DATA: dict[str, Any] = json.loads(ANSWER)["data"]
CAMPAIGN_ID = "cd-9e14b72-88cc-4544-9a98-7aee9b7xxxxx"
NAME = "Product Feedback Voice Campaign-3.41"
UPDATED = datetime(2025, 12, 8, 5, 32, 10, 977000, tzinfo=UTC)
PLACE = ("account_id", "stream_id", "app_name", "campaign_key", "version_key")
# told by the run or by the account listing and not by the answer, or a second name
NOT_OF_THE_ANSWER = (
    *(*PLACE, "observed_at", "content_hash", "raw", "campaign_name", "queue_or_flow"),
    *("execution_type", "execution_type_since", "total_messages_sent"),
)
DAYS = (
    *(("MO", 1, "Monday"), ("TU", 2, "Tuesday"), ("WE", 3, "Wednesday")),
    *(("TH", 4, "Thursday"), ("FR", 5, "Friday")),
)


@pytest.fixture
def seeded(emulate: Emulate, project: Project) -> Project:
    """A database that holds the sample answer and two campaigns more."""
    kore = emulate(sample_campaigns(2))
    kore.serve_bytes(CAMPAIGN_ID, ANSWER)
    project.use(kore, ids=[*kore.campaign_ids()[:2], CAMPAIGN_ID])
    assert project.run().new_versions == 3
    return project


def shown(project: Project, view: str, *but: str) -> list[tuple[Any, ...]]:
    """Whole rows of a view but for the columns named."""
    columns = columns_of(project, f"kore.{view}", *but)
    return project.sql(
        f"select {columns} from kore.{view} where campaign_id = ? order by all", CAMPAIGN_ID
    )


def test_the_campaign_is_one_row_with_every_value(seeded: Project) -> None:
    columns = {
        "campaign_id": CAMPAIGN_ID,
        "version": 1,
        "valid_from": UPDATED,
        "campaign_type": "voice",
        "name": NAME,
        "description": "This voice campaign collects quick feedback on recent purchases. It asks"
        " brief questions on satisfaction, usage, and suggestions to help improve future products"
        " and customer experience.",
        "status": "Ready",
        "priority": 5,
        "dialing_mode": "Agentless",
        "connection": None,  # the account listing's alone, as is the instance's timestamp
        "caller_id": "+148465xxxxx",
        "calling_hours_frequency": "WEEKLY",
        "timezone": "Asia/Kolkata",
        "dialing_order": "FIFO",
        "max_attempts_per_record": 3,
        "retry_period_minutes": 10,
        "max_ring_seconds": 30,
        "max_skips": None,
        "use_system_mappings": False,
        "experience_flow_id": "cf-ecfa3927-eabc-52c4-8373-8a0b75dxxxxx",
        "machine_detection": None,
        "is_filters_enabled": False,
        "format": None,
        "campaign_instance_id": None,
        "campaign_instance_updated_at": None,
        "is_scheduling_enabled": False,
        "is_recurrence_enabled": False,
        "schedule": '{"isSchedulingEnabled":false,"isRecurrenceEnabled":false}',
        "created_at": datetime(2025, 12, 8, 5, 29, 38, 298000, tzinfo=UTC),
        "updated_at": UPDATED,
    }

    assert shown(seeded, "campaigns", *NOT_OF_THE_ANSWER) == [tuple(columns.values())]
    names = seeded.sql(
        "select column_name from information_schema.columns"
        " where table_schema = 'kore' and table_name = 'campaigns' order by ordinal_position"
    )
    assert [name for (name,) in names if name not in NOT_OF_THE_ANSWER] == list(columns)


def test_it_was_read_from_this_app_of_this_account(seeded: Project) -> None:
    ((account_id, stream_id, is_past),) = seeded.sql(
        "select account_id, stream_id, observed_at <= now() from kore.campaigns"
        " where campaign_id = ?",
        CAMPAIGN_ID,
    )
    assert (account_id, stream_id, is_past) == (
        "67777ce93e25326494e00000",
        "st-0603182c-7ffb-53c3-b307-47ca14b00000",
        True,
    )


def test_raw_is_the_data_object_whole(seeded: Project) -> None:
    ((raw,),) = seeded.sql("select raw from kore.campaigns where campaign_id = ?", CAMPAIGN_ID)

    assert json.loads(raw) == DATA
    assert list(json.loads(raw)) == list(DATA)


def test_its_calling_hours_are_five_rows(seeded: Project) -> None:
    assert shown(seeded, "campaign_calling_hours", *PLACE) == [
        (
            *(CAMPAIGN_ID, 1, NAME, "Asia/Kolkata", number, day, number),
            *("9:00 AM", "6:00 PM", time(9), time(18), 540, 1080, False, True, name),
        )
        for day, number, name in DAYS
    ]


def test_its_dnc_list_is_one_row(seeded: Project) -> None:
    assert shown(seeded, "campaign_dnc_lists", *PLACE) == [
        (CAMPAIGN_ID, 1, NAME, 1, "cl-68b802a-2b99-4245-8eea-6d322a8xxxxx", "DNC CL Dec 4")
    ]


def test_its_contact_list_is_one_row(seeded: Project) -> None:
    assert shown(seeded, "campaign_contact_lists", *PLACE) == [
        (CAMPAIGN_ID, 1, NAME, 1, None, "CL Only 2020 Dec 4", "unknown")
    ]


def test_every_value_of_the_answer_is_in_the_views(seeded: Project) -> None:
    views = ("campaigns", "campaign_calling_hours", "campaign_dnc_lists", "campaign_contact_lists")
    cells = {
        cell.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if isinstance(cell, datetime)
        else str(cell)
        for view in views
        for row in shown(seeded, view, *(("raw", "schedule") if view == "campaigns" else ()))
        for cell in (
            value.astimezone(UTC) if isinstance(value, datetime) else value for value in row
        )
    }

    missing = {value for value in leaves(DATA) if str(value) not in cells}

    # Kore's own lower-case copy of the name, for its sorting
    assert missing == {DATA["lname"]}


def leaves(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [leaf for one in inner for leaf in leaves(one)] if inner else [value]


def test_the_same_bytes_again_are_no_change(seeded: Project) -> None:
    report = seeded.run()

    assert (report.new_versions, report.unchanged, report.drift) == (0, 3, [])
