"""A campaign as Kore answers it, turned into rows of our tables. No response is rejected here.

What a column cannot store stays in `raw` and is named in `Shaped.unknown`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kore_campaigns.schema import CAMPAIGN_VERSIONS, DataType
from kore_campaigns.transform import values
from kore_campaigns.transform.calling_hours import Window, windows_of
from kore_campaigns.transform.changes import (
    DELETED,
    FIRST,
    Change,
    difference,
    is_risky,
    kind_of,
    rules_of,
    summary,
)
from kore_campaigns.transform.drift import Unknown, unknown_fields, unknown_values, unknown_windows
from kore_campaigns.transform.values import in_order, list_rows, settled, text_hash

Row = dict[str, Any]

_READERS: Final[Mapping[DataType, Callable[[Any], Any]]] = {
    "text": values.text,
    "bigint": values.integer,
    "bool": values.boolean,
    "timestamp": values.timestamp,
    # the loader takes the text of a json column for JSON, so only JSON may pass
    "json": values.document,
}
_FIELDS = tuple(
    (column, column.path.split("."), _READERS[column.data_type])
    for column in CAMPAIGN_VERSIONS.columns
    if column.path
)


@dataclass(frozen=True, slots=True)
class Shaped:
    """One response as content columns, rows of its lists, and its unknown fields.

    `raw` is text, since the parsed response would take more memory.
    """

    raw: str
    content_hash: str
    columns: Row
    calling_hours: list[Window]
    dnc_lists: list[Row]
    contact_lists: list[Row]
    unknown: frozenset[Unknown] = frozenset()


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """The newest version of a campaign that the destination has."""

    version: int
    content_hash: str
    valid_from: datetime
    updated_at: datetime | None
    is_deleted: bool
    observed_at: datetime
    campaign_type: str


def shape(data: Mapping[str, Any]) -> Shaped:
    """Turn any JSON object into columns and list rows; a column without a value is None."""
    raw, text = settled(data)
    unknown = set(unknown_fields(raw).items())
    columns = _columns(raw, unknown)
    windows = windows_of(raw)
    unknown.update(unknown_values(columns), unknown_windows(windows))
    return Shaped(
        raw=in_order(raw),
        content_hash=text_hash(text),
        columns=columns,
        calling_hours=windows,
        dnc_lists=list_rows(raw.get("dncLists"), "dnc_list_id", "dnc_list_name"),
        contact_lists=list_rows(raw.get("contactLists"), "contact_list_id", "contact_list_name"),
        unknown=frozenset(unknown),
    )


def is_new_version(stored: StoredVersion | None, content_hash: str) -> bool:
    """True if a campaign with this content needs a row: new, different, or live again."""
    return stored is None or stored.is_deleted or stored.content_hash != content_hash


def version_row(
    shaped: Shaped,
    *,
    account_id: str,
    stream_id: str,
    campaign_id: str,
    observed_at: datetime,
    stored: StoredVersion | None,
    stored_raw: Mapping[str, Any] | None,
) -> Row:
    """The row of `campaign_versions` for a response, with the rows of its nested tables.

    `stored` and `stored_raw` are the version before, which the changes are compared with.
    """
    version = 1 if stored is None else stored.version + 1
    key = {"stream_id": stream_id, "campaign_id": campaign_id, "version": version}
    updated_at = shaped.columns["updated_at"] or observed_at
    if stored is None:
        changes: list[Row] = []
        what = FIRST
        has_moved = True
    else:
        changes, what = _changes(key, stored, stored_raw, shaped)
        # an older program let `valid_from` be later than `observed_at`
        has_moved = stored.updated_at != updated_at > min(stored.valid_from, stored.observed_at)
    return {
        "account_id": account_id,
        **key,
        "content_hash": shaped.content_hash,
        "observed_at": observed_at,
        # Kore's clock may be ahead, or without a zone: nothing counts before it was seen
        "valid_from": min(updated_at, observed_at) if has_moved else observed_at,
        "is_deleted": False,
        "change_summary": what,
        **shaped.columns,
        "raw": shaped.raw,
        "calling_hours": [key | window._asdict() for window in shaped.calling_hours],
        "dnc_lists": [key | row for row in shaped.dnc_lists],
        "contact_lists": [key | row for row in shaped.contact_lists],
        "changes": changes,
    }


def deletion_row(
    stored_raw: Mapping[str, Any], *, observed_at: datetime, stored: StoredVersion, **ids: str
) -> Row:
    """The row that marks a campaign as deleted: its last known columns, and no list rows."""
    row = version_row(
        shape(stored_raw), observed_at=observed_at, stored=stored, stored_raw=None, **ids
    )
    key = {name: row[name] for name in CAMPAIGN_VERSIONS.key}
    return row | {
        "content_hash": stored.content_hash,
        "valid_from": observed_at,
        "is_deleted": True,
        "change_summary": DELETED,
        "calling_hours": [],
        "dnc_lists": [],
        "contact_lists": [],
        "changes": _change_rows(key, [Change("is_deleted", "false", "true")], [False]),
    }


def _changes(
    key: Row, stored: StoredVersion, stored_raw: Mapping[str, Any] | None, shaped: Shaped
) -> tuple[list[Row], str]:
    """The rows of `changes` compared with the version before, and their summary."""
    old, new = stored_raw or {}, json.loads(shaped.raw)
    changes = [Change("is_deleted", "true", "false")] if stored.is_deleted else []
    changes += difference(stored_raw, new)
    hours_changed = any(kind_of(change.path) == "calling_hours" for change in changes)
    before = rules_of(old, windows_of(old) if hours_changed else shaped.calling_hours)
    after = rules_of(new, shaped.calling_hours)
    risks = [is_risky(change, before, after) for change in changes]
    return _change_rows(key, changes, risks), summary(changes, before, after)


def _change_rows(key: Row, changes: Sequence[Change], risks: Sequence[bool]) -> list[Row]:
    return [
        {
            **key,
            "position": position,
            **change._asdict(),
            "kind": kind_of(change.path),
            "is_risky": risk,
        }
        for position, (change, risk) in enumerate(zip(changes, risks, strict=True), start=1)
    ]


def _columns(data: Mapping[str, Any], unknown: set[Unknown]) -> Row:
    """The content columns; adds to `unknown` the values that a column cannot store."""
    columns: Row = {"campaign_type": "sms" if values.is_blank(data.get("dialingMode")) else "voice"}
    for column, steps, read in _FIELDS:
        value = values.field_of(data, *steps)
        columns[column.name] = read(value)
        is_nested = isinstance(value, dict | list)
        if value is not None and is_nested != (column.data_type == "json"):
            unknown.add((column.path, f"unexpected {values.json_type(value)}"))
        elif columns[column.name] is None and not values.is_blank(value):
            unknown.add((column.path, f"unreadable {values.json_type(value)}"))
    if columns["format"] is None:  # SMS responses of older releases call it `direction`
        columns["format"] = values.text(data.get("direction"))
    return columns
