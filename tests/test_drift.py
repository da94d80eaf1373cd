from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from kore_campaigns.drift import unknown_fields
from payload_strategies import campaigns

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
