"""Fields and values of a response that this code does not know.

They stay in `raw`, and the run reports them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from kore_campaigns.transform.changes import member
from kore_campaigns.transform.values import json_type

# path and finding: a JSON type, or `value ...` where the field has a known set
Unknown = tuple[str, str]

_LISTS: Final = dict.fromkeys(("id", "_id", "name"))
# fields of voice, SMS, the listing's rows and the responses of older releases together; None for a
# value, or for any content
_FIELDS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("_id", "id", "name", "lname", "description", "status", "priority")),
    **dict.fromkeys(("dialingMode", "experienceFlow", "maxSkips", "connection")),
    **dict.fromkeys(("enableMachineDetect", "isFiltersEnabled", "isImported", "format")),
    **dict.fromkeys(("direction", "totalMessagesSent", "campaignExecutionType")),
    **dict.fromkeys(("campaignInstanceId", "campaignInstanceUpdatedAt", "createdAt", "updatedAt")),
    "schedule": None,  # its keys are documented nowhere, so none of them is unknown
    "message": dict.fromkeys(("message", "templateId", "template_name")),
    "dialingStrategy": {
        "callerId": dict.fromkeys(("phoneNumber", "direction")),
        "callingHours": {
            **dict.fromkeys(("frequency", "timezone")),
            "days": dict.fromkeys(("day", "start", "end")),
        },
        **dict.fromkeys(("dialingOrder", "maxAttemptsPerRecord", "defaultRetryPeriod")),
        **dict.fromkeys(("maxRingTime", "useSystemMappings")),
    },
    "dncLists": _LISTS,
    "contactLists": _LISTS,
}
_MAY_REPEAT: Final = ("days", "dncLists", "contactLists")
_MAY_BE_NAME: Final = ("dncLists", "contactLists")
# a name that Kore sends may be of any length
_LONGEST_PATH: Final = 200


def unknown_fields(data: Mapping[str, Any]) -> dict[str, str]:
    """Path to JSON type of every unknown field; `unexpected ...` where an object was known."""
    found: dict[str, str] = {}
    _look(data, _FIELDS, "", found)
    return found


def _look(value: Any, known: Mapping[str, Any], path: str, found: dict[str, str]) -> None:
    name = path.rstrip("[]").rpartition(".")[2]
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in known:
                found[member(path, key)[:_LONGEST_PATH]] = json_type(inner)
            elif known[key] is not None:
                _look(inner, known[key], member(path, key), found)
    elif isinstance(value, list) and name in _MAY_REPEAT:
        for element in value:
            _look(element, known, f"{path}[]", found)
    elif value is not None and not (isinstance(value, str) and name in _MAY_BE_NAME):
        found[path] = f"unexpected {json_type(value)}"


# path, and the values that any page of Kore's documentation or its user interface shows, by column
_KNOWN_VALUES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "status": (
        "status",
        (
            *("Ready", "Active", "Paused", "Preparing", "Completed", "Stopped"),
            *("Scheduled", "Rescheduled", "Rerun", "Running"),
        ),
    ),
    "dialing_mode": (
        "dialingMode",
        ("Agentless", "Progressive", "Preview", "Power", "Predictive"),
    ),
    "calling_hours_frequency": (
        "dialingStrategy.callingHours.frequency",
        ("WEEKLY", "DAILY", "CUSTOM"),
    ),
    "dialing_order": ("dialingStrategy.dialingOrder", ("FIFO", "LIFO")),
    "format": ("format", ("simple", "advanced")),
    "machine_detection": (
        "enableMachineDetect",
        ("no", "detect", "disconnect", "true", "false"),
    ),
}
# one word or a few: no number that could be a person's and no text that a person wrote
_SHORT_VALUE: Final = re.compile(r"[A-Za-z][A-Za-z _-]{0,23}")


def unknown_values(columns: Mapping[str, Any]) -> Iterator[Unknown]:
    """Values of columns that have a known set of values, and are not in it."""
    for column, (path, known) in _KNOWN_VALUES.items():
        value = columns[column]
        # a list or object is reported as unexpected
        if value and value not in known and value[0] not in "[{":
            yield path, _shown(value)


def unknown_windows(windows: Iterable[Mapping[str, Any]]) -> Iterator[Unknown]:
    """Weekdays and times of calling windows that could not be parsed."""
    path = "dialingStrategy.callingHours.days[]"
    for window in windows:
        if window["day_of_week"] is None and window["day"]:
            yield f"{path}.day", _shown(window["day"])
        if not window["is_parsed"]:
            for edge in ("start", "end"):
                if window[f"{edge}_time"] is None and window[f"{edge}_text"]:
                    yield f"{path}.{edge}", "unreadable time"


def _shown(value: str) -> str:
    return f"value {value}" if _SHORT_VALUE.fullmatch(value) else "value (not shown)"
