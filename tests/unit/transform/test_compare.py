"""What counts as a difference between a row that would be written and the row that SQL returns."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

import pytest

from kore_campaigns.transform.row_diff import differences

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expected", "stored"),
    [
        ({"name": "A"}, {"name": "A", "version": 3}),
        ({"updated_at": NOON}, {"updated_at": NOON.astimezone(timezone(timedelta(hours=5)))}),
        ({"start_time": "09:00:00"}, {"start_time": time(9)}),
        ({"schedule": {"b": 1, "a": [None]}}, {"schedule": '{"a": [null], "b": 1}'}),
        ({"schedule": None}, {"schedule": None}),
        ({"raw": '{"a":1,"b":2}'}, {"raw": '{"b": 2, "a": 1}'}),
        ({"dnc_lists": []}, {"dnc_lists": []}),
        (
            {"dnc_lists": [{"position": 1, "dnc_list_name": "N"}]},
            {"dnc_lists": [{"position": 1, "dnc_list_name": "N", "campaign_id": "cd-1"}]},
        ),
    ],
)
def test_the_same_in_another_form_is_no_difference(
    expected: dict[str, Any], stored: dict[str, Any]
) -> None:
    assert differences(expected, stored) == []


@pytest.mark.parametrize(
    ("expected", "stored", "told"),
    [
        ({"name": "A"}, {"name": "B"}, ("name", "B", "A")),
        ({"name": "A"}, {"name": None}, ("name", None, "A")),
        ({"name": None}, {"name": ""}, ("name", "", None)),
        ({"name": "A"}, {}, ("name", None, "A")),
        ({"priority": 5}, {"priority": 4}, ("priority", "4", "5")),
        ({"is_deleted": True}, {"is_deleted": False}, ("is_deleted", "false", "true")),
        (
            {"updated_at": NOON},
            {"updated_at": NOON + timedelta(microseconds=1)},
            ("updated_at", "2026-01-31T12:00:00.000001+00:00", "2026-01-31T12:00:00+00:00"),
        ),
        ({"end_time": "18:00:00"}, {"end_time": time(17)}, ("end_time", "17:00:00", "18:00:00")),
        ({"schedule": {"a": 1}}, {"schedule": '{"a":2}'}, ("schedule", '{"a":2}', '{"a":1}')),
        ({"schedule": ["9:00"]}, {"schedule": '["09:00"]'}, ("schedule", '["09:00"]', '["9:00"]')),
        ({"raw": '{"a":{"b":1}}'}, {"raw": '{"a":{"b":null}}'}, ("raw.a.b", "null", "1")),
        ({"raw": '{"a":1}'}, {"raw": "no JSON"}, ("raw", "no JSON", '{"a":1}')),
        ({"raw": "{}"}, {"raw": None}, ("raw", None, "{}")),
    ],
)
def test_a_difference_is_told_with_both_values(
    expected: dict[str, Any], stored: dict[str, Any], told: tuple[Any, ...]
) -> None:
    assert differences(expected, stored) == [told]


def window(position: int, **fields: Any) -> dict[str, Any]:
    return {"position": position, "day": "MO", "end_text": "6:00 PM", **fields}


@pytest.mark.parametrize(
    ("expected", "stored", "told"),
    [
        ([window(1)], [window(1, end_text="8 PM")], ("[1].end_text", "8 PM", "6:00 PM")),
        ([], [window(2, version=1)], ("[2]", '{"day":"MO","end_text":"6:00 PM"}', None)),
        ([window(3)], [], ("[3]", None, '{"day":"MO","end_text":"6:00 PM"}')),
        (
            [window(1), window(2, day="TU")],
            [window(1), window(2, day="WE")],
            ("[2].day", "WE", "TU"),
        ),
        (
            [window(1)],
            [window(1), window(1)],
            ("[1#2]", '{"day":"MO","end_text":"6:00 PM"}', None),
        ),
    ],
    ids=["other", "only stored", "only expected", "second of two", "doubled"],
)
def test_lists_are_compared_row_by_row(
    expected: list[dict[str, Any]], stored: list[dict[str, Any]], told: tuple[Any, ...]
) -> None:
    field, *values = told
    found = differences({"calling_hours": expected}, {"calling_hours": stored})
    assert found == [(f"calling_hours{field}", *values)]


def test_every_difference_is_told() -> None:
    raw = json.dumps({"name": "A", "status": "Ready"})
    expected = {"name": "A", "status": "Ready", "raw": raw, "dnc_lists": [{"position": 1}]}
    stored: dict[str, Any] = {"name": "B", "status": "Ready", "raw": "{}", "dnc_lists": []}

    told = [each.field for each in differences(expected, stored)]

    assert told == ["name", "raw.name", "raw.status", "dnc_lists[1]"]
