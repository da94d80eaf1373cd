from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from kore_campaigns.transform.campaign import shape
from kore_campaigns.transform.drift import unknown_fields
from kore_emulator import demo_campaigns, sample_campaigns
from support.strategies import campaigns

# every field any page of Kore's documentation shows in an answer
DOCUMENTED: dict[str, Any] = {
    **dict.fromkeys(["_id", "id", "name", "lname", "description", "status", "priority"], "x"),
    **dict.fromkeys(["dialingMode", "experienceFlow", "connection", "format", "direction"], "x"),
    **dict.fromkeys(["campaignExecutionType", "campaignInstanceId"], "x"),
    **dict.fromkeys(["createdAt", "updatedAt", "campaignInstanceUpdatedAt"], "x"),
    **dict.fromkeys(["maxSkips", "totalMessagesSent"], 1),
    **dict.fromkeys(["enableMachineDetect", "isFiltersEnabled", "isImported"], False),
    "message": {"message": "x", "templateId": "", "template_name": "x"},
    "dncLists": {"id": "x", "name": "x"},
    "contactLists": ["x"],
    "dialingStrategy": {
        "callerId": {"phoneNumber": "x", "direction": "outbound"},
        "callingHours": {
            "frequency": "x",
            "timezone": "x",
            "days": [{"day": "x", "start": "x", "end": "x"}],
        },
        **dict.fromkeys(["dialingOrder", "maxAttemptsPerRecord", "defaultRetryPeriod"], 1),
        **dict.fromkeys(["maxRingTime", "useSystemMappings"], 1),
    },
    "schedule": {"isSchedulingEnabled": True, "whatever": {"recurType": "Daily"}},
}


def test_no_documented_field_is_drift() -> None:
    assert unknown_fields(DOCUMENTED) == {}


@pytest.mark.parametrize("entries", [None, "A", [], ["A", None, {"_id": "x", "name": "A"}], {}])
def test_lists_of_lists_may_come_in_several_shapes(entries: Any) -> None:
    assert unknown_fields({"dncLists": entries, "contactLists": entries}) == {}


@pytest.mark.parametrize(
    ("data", "unknown"),
    [
        ({"pacing": None}, {"pacing": "null"}),
        ({"b": 1, "a": [], "name": "x"}, {"b": "number", "a": "array"}),
        ({"a.b": True}, {'["a.b"]': "boolean"}),
        ({"dialingStrategy": {"pacing": {"a": 1}}}, {"dialingStrategy.pacing": "object"}),
        ({"dialingStrategy": "x"}, {"dialingStrategy": "unexpected string"}),
        ({"dialingStrategy": [{}]}, {"dialingStrategy": "unexpected array"}),
        ({"message": 7}, {"message": "unexpected number"}),
        ({"dncLists": [7]}, {"dncLists[]": "unexpected number"}),
        ({"dncLists": [{"id": "x", "size": 7}]}, {"dncLists[].size": "number"}),
        ({"contactLists": {"size": "7"}}, {"contactLists.size": "string"}),
    ],
)
def test_unknown_fields_are_named_with_their_type(data: Any, unknown: dict[str, str]) -> None:
    found = unknown_fields(data)
    assert found == unknown
    assert list(found) == list(unknown)


@pytest.mark.parametrize(
    ("days", "unknown"),
    [
        ([{"day": "MO", "date": "2026-01-01"}], {"[].date": "string"}),
        (["always"], {"[]": "unexpected string"}),
        ({"MO": {}}, {".MO": "object"}),
        ("always", {"": "unexpected string"}),
    ],
)
def test_unknown_parts_of_windows_are_named(days: Any, unknown: dict[str, str]) -> None:
    prefix = "dialingStrategy.callingHours.days"
    found = unknown_fields({"dialingStrategy": {"callingHours": {"days": days}}})
    assert found == {f"{prefix}{rest}": name for rest, name in unknown.items()}


@given(campaigns)
def test_any_unknown_field_at_the_top_is_named(campaign: dict[str, Any]) -> None:
    unknown = unknown_fields({**campaign, "brandNew": 1})
    assert unknown.pop("brandNew") == "number"
    assert len(unknown) >= len(campaign.keys() - DOCUMENTED.keys() - {"brandNew"})


def hours(**facts: Any) -> dict[str, Any]:
    return {"dialingStrategy": {"callingHours": facts}}


DAYS = "dialingStrategy.callingHours.days[]"
SOMEBODY = "a note about +1 484 655 0100 that somebody wrote into the wrong field"


@pytest.mark.parametrize(
    ("data", "path", "value"),
    [
        ({"status": "Archived"}, "status", "value Archived"),
        ({"status": "READY"}, "status", "value READY"),
        ({"dialingMode": "Blended"}, "dialingMode", "value Blended"),
        (hours(frequency="MONTHLY"), "dialingStrategy.callingHours.frequency", "value MONTHLY"),
        ({"dialingStrategy": {"dialingOrder": "RANDOM"}}, "dialingStrategy.dialingOrder", "RANDOM"),
        ({"format": "rich"}, "format", "value rich"),
        ({"enableMachineDetect": "beep"}, "enableMachineDetect", "value beep"),
        (hours(days=[{"day": "HOLIDAY"}]), f"{DAYS}.day", "value HOLIDAY"),
        (hours(days=[{"start": "noon", "end": "6:00 PM"}]), f"{DAYS}.start", "unreadable time"),
        (hours(days=[{"start": "9:00", "end": 25}]), f"{DAYS}.end", "unreadable time"),
        ({"status": 7}, "status", "value (not shown)"),
    ],
)
def test_a_value_beyond_the_known_set_is_named(data: Any, path: str, value: str) -> None:
    ((found_path, found_value),) = shape(data).unknown
    assert found_path == path
    assert found_value.endswith(value)


@pytest.mark.parametrize("text", [SOMEBODY, "+14846550100", "jo@example.org", "x" * 25, "a\nb"])
def test_a_value_that_could_be_anything_is_counted_but_not_shown(text: str) -> None:
    unknown = shape({"status": text, "dialingMode": text} | hours(days=[{"day": text}])).unknown

    assert unknown == {
        (path, "value (not shown)") for path in ("status", "dialingMode", f"{DAYS}.day")
    }


def test_two_unknown_values_in_one_campaign_are_two() -> None:
    days = [{"day": day, "start": "9:00 AM", "end": "6:00 PM"} for day in ("HO", "MO", "XX", "HO")]

    assert shape(hours(days=days)).unknown == {
        (f"{DAYS}.day", "value HO"),
        (f"{DAYS}.day", "value XX"),
    }


def test_a_name_of_any_length_is_cut() -> None:
    ((path, kind),) = shape({"x" * 5000: 1}).unknown
    assert (len(path), kind) == (200, "number")


def test_what_kore_documents_is_no_drift() -> None:
    campaigns = [*sample_campaigns(600), *demo_campaigns()]
    assert {found for campaign in campaigns for found in shape(campaign).unknown} == set()


@given(campaigns)
def test_whatever_comes_only_short_texts_are_handed_on(campaign: dict[str, Any]) -> None:
    for path, kind in shape(campaign).unknown:
        assert len(path) <= 200
        assert len(kind) <= len("value ") + 24
