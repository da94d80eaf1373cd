"""Fields and values of a response that this code does not know.

They stay in `raw`, and the run reports them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from kore_campaigns.schema import CAMPAIGN_VERSIONS
from kore_campaigns.transform.calling_hours import Window
from kore_campaigns.transform.changes import member
from kore_campaigns.transform.values import json_type

# path and finding: a JSON type, `value ...` where the field has a known set, `in the future`
Unknown = tuple[str, str]

# fields without a column of their own: of voice, SMS, the listing's rows and the responses of older
# releases together
_OTHER_FIELDS: Final = (
    *("_id", "id", "lname", "connection", "direction", "isImported", "campaignExecutionType"),
    *("campaignInstanceUpdatedAt", "totalMessagesSent"),
    *("message.message", "message.templateId", "message.template_name"),
    "dialingStrategy.callerId.direction",
    *(f"dialingStrategy.callingHours.days.{key}" for key in ("day", "start", "end")),
    *(f"{lists}.{key}" for lists in ("dncLists", "contactLists") for key in ("_id", "id", "name")),
)


_PATHS: Final = {each.name: each.path for each in CAMPAIGN_VERSIONS.columns if each.path}
# by names: fields of any content (Kore documents no key of `schedule`), and objects around them
_FIELDS: Final = {tuple(path.split(".")) for path in (*_PATHS.values(), *_OTHER_FIELDS)}
_OBJECTS: Final = {names[:depth] for names in _FIELDS for depth in range(1, len(names))}
_MAY_REPEAT: Final = ("days", "dncLists", "contactLists")
_MAY_BE_NAME: Final = ("dncLists", "contactLists")
# a name that Kore sends may be of any length
_LONGEST_PATH: Final = 200


def unknown_fields(data: Mapping[str, Any]) -> dict[str, str]:
    """Path to JSON type of every unknown field; `unexpected ...` where an object was known."""
    found: dict[str, str] = {}
    _look(data, (), "", found)
    return found


def _look(value: Any, names: tuple[str, ...], path: str, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if (field := (*names, key)) in _FIELDS:
                continue
            if field in _OBJECTS:
                _look(inner, field, member(path, key), found)
            else:
                found[member(path, key)[:_LONGEST_PATH]] = json_type(inner)
    elif isinstance(value, list) and names[-1] in _MAY_REPEAT:
        for element in value:
            _look(element, names, f"{path}[]", found)
    elif value is not None and not (isinstance(value, str) and names[-1] in _MAY_BE_NAME):
        found[path] = f"unexpected {json_type(value)}"


# values that any page of Kore's documentation or its user interface shows, by column
_KNOWN_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "status": (
        *("Ready", "Active", "Paused", "Preparing", "Completed", "Stopped"),
        *("Scheduled", "Rescheduled", "Rerun", "Running"),
    ),
    "dialing_mode": ("Agentless", "Progressive", "Preview", "Power", "Predictive"),
    "calling_hours_frequency": ("WEEKLY", "DAILY", "CUSTOM"),
    "dialing_order": ("FIFO", "LIFO"),
    "format": ("simple", "advanced"),
    "machine_detection": ("no", "detect", "disconnect", "true", "false"),
}
# one word or a few: no number that could be a person's and no text that a person wrote
_SHORT_VALUE: Final = re.compile(r"[A-Za-z][A-Za-z _-]{0,23}")


def unknown_values(columns: Mapping[str, Any]) -> Iterator[Unknown]:
    """Values of columns that have a known set of values, and are not in it."""
    for column, known in _KNOWN_VALUES.items():
        value = columns[column]
        # a list or object is reported as unexpected
        if value and value not in known and value[0] not in "[{":
            yield _PATHS[column], _shown(value)


def unknown_windows(windows: Iterable[Window]) -> Iterator[Unknown]:
    """Weekdays and times of calling windows that could not be parsed."""
    path = "dialingStrategy.callingHours.days[]"
    for window in windows:
        if window.day_of_week is None and window.day:
            yield f"{path}.day", _shown(window.day)
        if window.start_time is None and window.start_text:
            yield f"{path}.start", "unreadable time"
        if window.end_time is None and window.end_text:
            yield f"{path}.end", "unreadable time"


# more than that is no difference of two clocks
_CLOCKS_DIFFER: Final = timedelta(minutes=1)


def times_ahead(columns: Mapping[str, Any], now: datetime) -> Iterator[Unknown]:
    """Times of the past that are in the future: Kore's clock is wrong, or a time has no zone."""
    for column in ("created_at", "updated_at"):
        if (value := columns[column]) is not None and value > now + _CLOCKS_DIFFER:
            yield _PATHS[column], "in the future"


def _shown(value: str) -> str:
    return f"value {value}" if _SHORT_VALUE.fullmatch(value) else "value (not shown)"
