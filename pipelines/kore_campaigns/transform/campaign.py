"""A campaign as Kore answers it, turned into rows of our tables. No answer is refused here.

Whatever a column cannot hold stays in `raw`, and is named in `Shaped.unknown`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kore_campaigns.schema import CAMPAIGN_VERSIONS, DataType
from kore_campaigns.transform import values
from kore_campaigns.transform.calling_hours import windows
from kore_campaigns.transform.changes import (
    DELETED,
    FIRST,
    Change,
    difference,
    kind_of,
    list_rows,
    risky,
    rules_of,
    summary,
)
from kore_campaigns.transform.drift import Unknown, unknown_fields, unknown_values, unknown_windows
from kore_campaigns.transform.values import canonical, content_hash, in_order, settled, text_hash

__all__ = [
    "Held",
    "Shaped",
    "canonical",
    "content_hash",
    "deletion_row",
    "is_new_version",
    "shape",
    "version_row",
]

Row = dict[str, Any]

_STRATEGY = "dialingStrategy"
# where Kore keeps the value of a column; three columns more have a rule of their own
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name",),
    "description": ("description",),
    "status": ("status",),
    "priority": ("priority",),
    "dialing_mode": ("dialingMode",),
    "caller_id": (_STRATEGY, "callerId", "phoneNumber"),
    "calling_hours_frequency": (_STRATEGY, "callingHours", "frequency"),
    "timezone": (_STRATEGY, "callingHours", "timezone"),
    "dialing_order": (_STRATEGY, "dialingOrder"),
    "max_attempts_per_record": (_STRATEGY, "maxAttemptsPerRecord"),
    "retry_period_minutes": (_STRATEGY, "defaultRetryPeriod"),
    "max_ring_seconds": (_STRATEGY, "maxRingTime"),
    "max_skips": ("maxSkips",),
    "use_system_mappings": (_STRATEGY, "useSystemMappings"),
    "experience_flow_id": ("experienceFlow",),
    "machine_detection": ("enableMachineDetect",),
    "is_filters_enabled": ("isFiltersEnabled",),
    "campaign_instance_id": ("campaignInstanceId",),
    "is_scheduling_enabled": ("schedule", "isSchedulingEnabled"),
    "is_recurrence_enabled": ("schedule", "isRecurrenceEnabled"),
    "created_at": ("createdAt",),
    "updated_at": ("updatedAt",),
}
_READERS: Final[Mapping[DataType, Callable[[Any], Any]]] = {
    "text": values.text,
    "bigint": values.integer,
    "bool": values.boolean,
    "timestamp": values.timestamp,
}
_FIELDS = tuple(
    (column.name, _PLACES[column.name], _READERS[column.data_type])
    for column in CAMPAIGN_VERSIONS.columns
    if column.name in _PLACES
)


@dataclass(frozen=True, slots=True)
class Shaped:
    """What one answer says: the content columns, the rows of its lists, and its unknown fields.

    With `raw` as text it takes no more memory than the parsed answer did.
    """

    raw: str
    content_hash: str
    columns: Row
    calling_hours: list[Row]
    dnc_lists: list[Row]
    contact_lists: list[Row]
    unknown: frozenset[Unknown] = frozenset()


@dataclass(frozen=True, slots=True)
class Held:
    """What the destination holds of a campaign: its newest version."""

    version: int
    content_hash: str
    valid_from: datetime
    updated_at: datetime | None
    is_deleted: bool
    observed_at: datetime
    campaign_type: str


def shape(data: Mapping[str, Any]) -> Shaped:
    """Columns and list rows of any JSON object, each column present, None where it says nothing."""
    raw, text = settled(data)
    unknown = set(unknown_fields(raw).items())
    columns = _columns(raw, unknown)
    strategy = raw.get(_STRATEGY)
    hours = windows(strategy.get("callingHours") if isinstance(strategy, dict) else None)
    unknown.update(unknown_values(columns), unknown_windows(hours))
    return Shaped(
        raw=in_order(raw),
        content_hash=text_hash(text),
        columns=columns,
        calling_hours=hours,
        dnc_lists=list_rows(raw.get("dncLists"), "dnc_list_id", "dnc_list_name"),
        contact_lists=list_rows(raw.get("contactLists"), "contact_list_id", "contact_list_name"),
        unknown=frozenset(unknown),
    )


def is_new_version(held: Held | None, content_hash: str) -> bool:
    """True if a campaign found with this content needs a row: new, different, or back again."""
    return held is None or held.is_deleted or held.content_hash != content_hash


def version_row(
    shaped: Shaped,
    *,
    account_id: str,
    stream_id: str,
    campaign_id: str,
    observed_at: datetime,
    held: Held | None,
    held_raw: Mapping[str, Any] | None,
) -> Row:
    """The row of `campaign_versions` for the state received, with the rows of its nested tables."""
    key = _key(stream_id, campaign_id, held)
    changes, what = ([], FIRST) if held is None else _compared(key, held, held_raw, shaped)
    return {
        "account_id": account_id,
        **key,
        "content_hash": shaped.content_hash,
        "observed_at": observed_at,
        "valid_from": _valid_from(held, shaped.columns["updated_at"], observed_at),
        "is_deleted": False,
        "change_summary": what,
        **shaped.columns,
        "raw": shaped.raw,
        "calling_hours": [key | row for row in shaped.calling_hours],
        "dnc_lists": [key | row for row in shaped.dnc_lists],
        "contact_lists": [key | row for row in shaped.contact_lists],
        "changes": changes,
    }


def deletion_row(
    held_raw: Mapping[str, Any],
    *,
    account_id: str,
    stream_id: str,
    campaign_id: str,
    observed_at: datetime,
    held: Held,
) -> Row:
    """The row that marks a campaign as gone: what was last known of it, and no list rows."""
    shaped = shape(held_raw)
    key = _key(stream_id, campaign_id, held)
    changes = [Change("is_deleted", "false", "true")]
    return {
        "account_id": account_id,
        **key,
        "content_hash": held.content_hash,
        "observed_at": observed_at,
        "valid_from": max(observed_at, held.valid_from),
        "is_deleted": True,
        "change_summary": DELETED,
        **shaped.columns,
        "raw": shaped.raw,
        "calling_hours": [],
        "dnc_lists": [],
        "contact_lists": [],
        "changes": _change_rows(key, changes, [False]),
    }


def _key(stream_id: str, campaign_id: str, held: Held | None) -> Row:
    version = 1 if held is None else held.version + 1
    return {"stream_id": stream_id, "campaign_id": campaign_id, "version": version}


def _compared(
    key: Row, held: Held, held_raw: Mapping[str, Any] | None, shaped: Shaped
) -> tuple[list[Row], str]:
    """The rows of `changes` against the version before, and what they come to in a sentence."""
    before, after = held_raw or {}, json.loads(shaped.raw)
    changes = [Change("is_deleted", "true", "false")] if held.is_deleted else []
    changes += difference(held_raw, after)
    rules = rules_of(before), rules_of(after)
    rows = _change_rows(key, changes, risky(changes, *rules))
    return rows, summary(changes, (before, rules[0]), (after, rules[1]))


def _change_rows(key: Row, changes: Sequence[Change], risks: Sequence[bool]) -> list[Row]:
    return [
        {
            **key,
            "position": position,
            **change._asdict(),
            "kind": kind_of(change.path),
            "is_risky": is_risky,
        }
        for position, (change, is_risky) in enumerate(zip(changes, risks, strict=True), start=1)
    ]


def _valid_from(held: Held | None, updated_at: datetime | None, observed_at: datetime) -> datetime:
    if held is None:
        return updated_at or observed_at
    if updated_at is not None and held.updated_at != updated_at > held.valid_from:
        return updated_at
    return max(observed_at, held.valid_from)  # a clock set back must not reorder history


def _columns(data: Mapping[str, Any], unknown: set[Unknown]) -> Row:
    columns: Row = {"campaign_type": "sms" if values.is_blank(data.get("dialingMode")) else "voice"}
    for name, place, read in _FIELDS:
        value: Any = data
        for step in place:
            value = value.get(step) if isinstance(value, dict) else None
        columns[name] = read(value)
        if isinstance(value, dict | list):
            unknown.add((".".join(place), f"unexpected {values.json_type(value)}"))
        elif columns[name] is None and not values.is_blank(value):
            unknown.add((".".join(place), f"unreadable {values.json_type(value)}"))
    # SMS answers of older releases call the format `direction`
    sms_format = data.get("format")
    columns["format"] = values.text(data.get("direction") if sms_format is None else sms_format)
    # the loader takes a json column's text for JSON, so only what is JSON may pass
    schedule = data.get("schedule")
    columns["schedule"] = schedule if isinstance(schedule, dict | list) else None
    if columns["schedule"] is None and schedule is not None:
        unknown.add(("schedule", f"unexpected {values.json_type(schedule)}"))
    return columns
