"""Fields and values of an answer that this code does not know: kept in `raw`, and named to the
operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kore_campaigns.transform.changes import member
from kore_campaigns.transform.values import json_type

# where, and what was found there: a JSON type, or `value ...` where the field has a known set
Unknown = tuple[str, str]

# a name that Kore sends may be of any length
_LONGEST_PATH: Final = 200
_WINDOWS: Final = "dialingStrategy.callingHours.days[]"
# path, and the values that any page of Kore's documentation or its user interface shows, by column
_KNOWN_VALUES: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "status": (
        "status",
        frozenset(
            (
                *("Ready", "Active", "Paused", "Preparing", "Completed", "Stopped"),
                *("Scheduled", "Rescheduled", "Rerun", "Running"),
            )
        ),
    ),
    "dialing_mode": (
        "dialingMode",
        frozenset(("Agentless", "Progressive", "Preview", "Power", "Predictive")),
    ),
    "calling_hours_frequency": (
        "dialingStrategy.callingHours.frequency",
        frozenset(("WEEKLY", "DAILY", "CUSTOM")),
    ),
    "dialing_order": ("dialingStrategy.dialingOrder", frozenset(("FIFO", "LIFO"))),
    "format": ("format", frozenset(("simple", "advanced"))),
    "machine_detection": (
        "enableMachineDetect",
        frozenset(("no", "detect", "disconnect", "true", "false")),
    ),
}
# one word or a few: neither a number that could be somebody's nor a text that somebody wrote
_SHORT_VALUE = re.compile(r"[A-Za-z][A-Za-z _-]{0,23}")


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
                    found[member(path, key)[:_LONGEST_PATH]] = json_type(inner_value)
        for key, inner in part.fields.items():
            if inner is not None and key in value:
                _look(value[key], inner, member(path, key), found)
    elif isinstance(value, list) and part.may_repeat:
        for element in value:
            _look(element, part, f"{path}[]", found)
    elif value is not None and not (part.or_name and isinstance(value, str)):
        found[path] = f"unexpected {json_type(value)}"


def unknown_values(columns: Mapping[str, Any]) -> Iterator[Unknown]:
    """Values of the columns that have a known set, and are none of it."""
    for column, (path, known) in _KNOWN_VALUES.items():
        value = columns[column]
        if value and value not in known and value[0] not in "[{":  # a list or object is named so
            yield path, _shown(value)


def unknown_windows(windows: Iterable[Mapping[str, Any]]) -> Iterator[Unknown]:
    """Weekdays and times of calling windows that could not be read."""
    for window in windows:
        if window["day_of_week"] is None and window["day"]:
            yield f"{_WINDOWS}.day", _shown(window["day"])
        if not window["is_parsed"]:
            for edge in ("start", "end"):
                if window[f"{edge}_time"] is None and window[f"{edge}_text"]:
                    yield f"{_WINDOWS}.{edge}", "unreadable time"


def _shown(value: str) -> str:
    return f"value {value}" if _SHORT_VALUE.fullmatch(value) else "value (not shown)"
