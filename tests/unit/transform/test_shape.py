from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from kore_campaigns import schema
from kore_campaigns.transform.calling_hours import Window
from kore_campaigns.transform.campaign import Shaped, shape
from kore_campaigns.transform.values import (
    INT64,
    canonical,
    is_blank,
    settled,
    text_hash,
    timestamp,
)
from support.strategies import campaigns, json_objects, name_lists

SEED = Path(__file__).parents[2] / "payloads" / "seed_sample_response.json"
NAMES = schema.CAMPAIGN_VERSIONS.column_names()
CONTENT = NAMES[NAMES.index("campaign_type") : NAMES.index("updated_at") + 1]
NOTHING = dict.fromkeys(CONTENT)


@pytest.fixture
def seed() -> Any:
    return json.loads(SEED.read_text("utf-8"))["data"]


def working_day(position: int, day: str) -> Window:
    return Window(
        position=position,
        day=day,
        day_of_week=position,
        start_text="9:00 AM",
        end_text="6:00 PM",
        start_time="09:00:00",
        end_time="18:00:00",
        start_minute=540,
        end_minute=1080,
        crosses_midnight=False,
        is_parsed=True,
    )


def test_the_sample_of_the_api_page_fills_its_columns(seed: Any) -> None:
    assert shape(seed) == Shaped(
        raw=json.dumps(seed, ensure_ascii=False, separators=(",", ":")),
        content_hash=text_hash(canonical(seed)),
        columns=NOTHING
        | {
            "campaign_type": "voice",
            "name": "Product Feedback Voice Campaign-3.41",
            "description": seed["description"],
            "status": "Ready",
            "priority": 5,
            "dialing_mode": "Agentless",
            "caller_id": "+148465xxxxx",
            "calling_hours_frequency": "WEEKLY",
            "timezone": "Asia/Kolkata",
            "dialing_order": "FIFO",
            "max_attempts_per_record": 3,
            "retry_period_minutes": 10,
            "max_ring_seconds": 30,
            "use_system_mappings": False,
            "experience_flow_id": "cf-ecfa3927-eabc-52c4-8373-8a0b75dxxxxx",
            "is_filters_enabled": False,
            "is_scheduling_enabled": False,
            "is_recurrence_enabled": False,
            "schedule": {"isSchedulingEnabled": False, "isRecurrenceEnabled": False},
            "created_at": timestamp("2025-12-08T05:29:38.298Z"),
            "updated_at": timestamp("2025-12-08T05:32:10.977Z"),
        },
        calling_hours=[working_day(n, d) for n, d in enumerate(["MO", "TU", "WE", "TH", "FR"], 1)],
        dnc_lists=[
            {
                "position": 1,
                "dnc_list_id": "cl-68b802a-2b99-4245-8eea-6d322a8xxxxx",
                "dnc_list_name": "DNC CL Dec 4",
            }
        ],
        contact_lists=[
            {"position": 1, "contact_list_id": None, "contact_list_name": "CL Only 2020 Dec 4"}
        ],
        unknown=frozenset(),
    )


def test_an_sms_campaign_is_told_by_its_lack_of_a_dialing_mode() -> None:
    found = shape({"format": "advanced", "isImported": False, "dncLists": {"name": "testdnc"}})
    assert found.columns == NOTHING | {"campaign_type": "sms", "format": "advanced"}
    assert found.dnc_lists == [{"position": 1, "dnc_list_id": None, "dnc_list_name": "testdnc"}]
    assert not found.unknown


def test_an_empty_answer_says_nothing_but_has_every_column() -> None:
    columns = NOTHING | {"campaign_type": "sms"}
    assert shape({}) == Shaped("{}", text_hash(canonical({})), columns, [], [], [])


@pytest.mark.parametrize(
    ("data", "column", "value"),
    [
        ({"dialingMode": "Predictive"}, "campaign_type", "voice"),
        ({"dialingMode": ""}, "campaign_type", "sms"),
        ({"direction": "simple"}, "format", "simple"),
        ({"format": None, "direction": "simple"}, "format", "simple"),
        ({"format": "", "direction": "simple"}, "format", ""),
        ({"format": "advanced", "direction": "outbound"}, "format", "advanced"),
        ({"enableMachineDetect": True}, "machine_detection", "true"),
        ({"enableMachineDetect": "detect"}, "machine_detection", "detect"),
        ({"maxSkips": "3"}, "max_skips", 3),
        ({"priority": " 5 "}, "priority", 5),
        ({"name": " as sent "}, "name", " as sent "),
        ({"name": 5}, "name", "5"),
        ({"isFiltersEnabled": "yes"}, "is_filters_enabled", True),
        ({"schedule": {"isSchedulingEnabled": 1}}, "is_scheduling_enabled", True),
        ({"schedule": ["any", 1]}, "schedule", ["any", 1]),
        ({"campaignInstanceId": "cid-1"}, "campaign_instance_id", "cid-1"),
    ],
)
def test_a_column_is_read_from_what_is_sent(data: Any, column: str, value: Any) -> None:
    found = shape(data)
    assert found.columns[column] == value
    assert not found.unknown


@pytest.mark.parametrize(
    ("data", "column", "value", "unknown"),
    [
        ({"priority": "high"}, "priority", None, {"priority": "unreadable string"}),
        ({"priority": 2.5}, "priority", None, {"priority": "unreadable number"}),
        ({"maxSkips": True}, "max_skips", None, {"maxSkips": "unreadable boolean"}),
        ({"priority": ""}, "priority", None, {}),
        ({"updatedAt": "now"}, "updated_at", None, {"updatedAt": "unreadable string"}),
        ({"name": {"en": "x"}}, "name", '{"en":"x"}', {"name": "unexpected object"}),
        ({"schedule": "daily"}, "schedule", None, {"schedule": "unexpected string"}),
        (
            {"dialingStrategy": {"callerId": "+1"}},
            "caller_id",
            None,
            {"dialingStrategy.callerId": "unexpected string"},
        ),
    ],
)
def test_what_a_column_cannot_hold_is_named(
    data: Any, column: str, value: Any, unknown: dict[str, str]
) -> None:
    found = shape(data)
    assert found.columns[column] == value
    assert found.unknown == set(unknown.items())


@pytest.mark.parametrize(
    ("lists", "rows"),
    [
        (None, []),
        ({}, []),
        ([], []),
        ("", []),
        ([None, {}, ""], []),
        ("A", [(1, None, "A")]),
        (["A", None, "A"], [(1, None, "A"), (3, None, "A")]),
        ({"id": "cl-1", "name": "A"}, [(1, "cl-1", "A")]),
        ([{"_id": "cl-1"}, {"id": "cl-2", "_id": "x"}], [(1, "cl-1", None), (2, "cl-2", None)]),
        ([{"id": "", "name": "A"}], [(1, None, "A")]),
        ([{"id": 7, "name": True}], [(1, "7", "true")]),
        ([{"title": "A"}], [(1, None, '{"title":"A"}')]),
        ([7, ["A"], False], [(1, None, "7"), (2, None, '["A"]'), (3, None, "false")]),
    ],
)
def test_lists_in_any_shape_lose_nothing(lists: Any, rows: list[Any]) -> None:
    found = shape({"dncLists": lists, "contactLists": lists})
    assert [tuple(row.values()) for row in found.dnc_lists] == rows
    assert [tuple(row.values()) for row in found.contact_lists] == rows


def test_shaping_leaves_the_answer_as_it_was(seed: Any) -> None:
    before = copy.deepcopy(seed)
    shape(seed)
    text_hash(canonical(seed))
    assert seed == before


def well_typed(columns: dict[str, Any]) -> bool:
    """Every value is one the loader takes for the declared type without changing it."""
    kinds = {"text": str, "bigint": int, "bool": bool, "json": dict | list}
    for column in schema.CAMPAIGN_VERSIONS.columns:
        value = columns.get(column.name)
        if value is not None and column.data_type != "timestamp":
            kind: Any = kinds[column.data_type]
            if not isinstance(value, kind) or (column.data_type == "bigint" and value not in INT64):
                return False
    return True


@given(campaigns | json_objects)
def test_no_answer_is_refused_and_every_row_is_whole(data: dict[str, Any]) -> None:
    found = shape(data)
    assert tuple(sorted(found.columns)) == tuple(sorted(CONTENT))
    assert well_typed(found.columns)
    canonical([found.calling_hours, found.dnc_lists, found.contact_lists]).encode()


@given(name_lists)
def test_no_list_and_no_id_is_lost(lists: Any) -> None:
    found = shape({"contactLists": lists}).contact_lists
    held = settled(lists)[0]
    sent = [entry for entry in (held if isinstance(held, list) else [held]) if not is_blank(entry)]
    assert len(found) == len(sent)
    for row, entry in zip(found, sent, strict=True):
        told = {row["contact_list_id"], row["contact_list_name"]}
        if isinstance(entry, str):
            assert entry in told
        elif isinstance(entry, dict) and any(entry.get(key) for key in ("id", "_id", "name")):
            shown = {canonical(entry[k]) for k in ("id", "_id", "name") if entry.get(k)}
            assert any(canonical(text) in shown or text in shown for text in told)
        else:
            assert canonical(entry) in told
