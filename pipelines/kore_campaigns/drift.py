"""Fields of an answer that this code does not know: kept in `raw`, and named to the operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kore_campaigns.changes import member
from kore_campaigns.typed import json_type


@dataclass(frozen=True, slots=True)
class _Part:
    """An object Kore is known to send, and its fields: None for a value, or for any content."""

    fields: Mapping[str, _Part | None]
    may_repeat: bool = False  # a list of such objects will do as well
    or_name: bool = False  # so will a mere name
    any_of: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "any_of", frozenset(self.fields))


def _values(*names: str) -> dict[str, _Part | None]:
    return dict.fromkeys(names)


_LISTS = _Part(_values("id", "_id", "name"), may_repeat=True, or_name=True)
_DAYS = _Part(_values("day", "start", "end"), may_repeat=True)
_DIALING_STRATEGY = _Part(
    {
        "callerId": _Part(_values("phoneNumber", "direction")),
        "callingHours": _Part({**_values("frequency", "timezone"), "days": _DAYS}),
        **_values("dialingOrder", "maxAttemptsPerRecord", "defaultRetryPeriod", "maxRingTime"),
        **_values("useSystemMappings"),
    }
)
# voice, SMS, the listing's rows and the answers of older releases together
_CAMPAIGN = _Part(
    {
        **_values("_id", "id", "name", "lname", "description", "status", "priority"),
        **_values("dialingMode", "experienceFlow", "maxSkips", "connection"),
        **_values("enableMachineDetect", "isFiltersEnabled", "isImported", "format", "direction"),
        **_values("totalMessagesSent", "campaignExecutionType"),
        **_values("campaignInstanceId", "campaignInstanceUpdatedAt", "createdAt", "updatedAt"),
        **_values("schedule"),  # its keys are documented nowhere, so none of them is unknown
        "message": _Part(_values("message", "templateId", "template_name")),
        "dialingStrategy": _DIALING_STRATEGY,
        "dncLists": _LISTS,
        "contactLists": _LISTS,
    }
)


def unknown_fields(data: Mapping[str, Any]) -> dict[str, str]:
    """Path to JSON type of every unknown field; `unexpected ...` where an object was known."""
    found: dict[str, str] = {}
    _look(data, _CAMPAIGN, "", found)
    return found


def _look(value: Any, part: _Part, path: str, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        if not value.keys() <= part.any_of:
            for key, inner_value in value.items():
                if key not in part.any_of:
                    found[member(path, key)] = json_type(inner_value)
        for key, inner in part.fields.items():
            if inner is not None and key in value:
                _look(value[key], inner, member(path, key), found)
    elif isinstance(value, list) and part.may_repeat:
        for element in value:
            _look(element, part, f"{path}[]", found)
    elif value is not None and not (part.or_name and isinstance(value, str)):
        found[path] = f"unexpected {json_type(value)}"
