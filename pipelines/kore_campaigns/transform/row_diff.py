"""Difference between a row as this version would write it and the stored row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any, Final, NamedTuple

from kore_campaigns.schema import CAMPAIGN_VERSIONS, CHILD_KEY
from kore_campaigns.transform.changes import difference, numbered
from kore_campaigns.transform.values import canonical

Row = Mapping[str, Any]

_RAW: Final = "raw"
_JSON: Final = {each.name for each in CAMPAIGN_VERSIONS.columns if each.data_type == "json"}
# columns of a list row that only say to which campaign it belongs, or say another one in words
_KEYS: Final = ("campaign_key", "version_key", "app_name")
_PLACE: Final = {*CHILD_KEY, *_KEYS, "account_id", "campaign_name", "timezone", "day_name"}


class Difference(NamedTuple):
    """One field: `status`, `raw.schedule.startTime`, `calling_hours[3].end_text`.

    A value is None where there is none.
    """

    field: str
    stored: str | None
    expected: str | None


def differences(expected: Row, stored: Row) -> list[Difference]:
    """Every field of `expected` that is different in `stored`, as SQL returns it; lists row by row.

    Columns that only `stored` has are ignored.
    """
    return list(_fields(expected, stored, ""))


def _fields(expected: Row, stored: Row, place: str) -> Iterator[Difference]:
    for name, value in expected.items():
        found = stored.get(name)
        if isinstance(found, list):  # JSON comes as text: these are the rows of a nested table
            yield from _rows(name, value, found)
            continue
        if name in _JSON:
            value, found = _parsed(value), _parsed(found)
        if name == _RAW and isinstance(found, dict) and isinstance(value, dict):
            for path, old, new in difference(found, value):
                yield Difference(path if path.startswith("[") else f"{_RAW}.{path}", old, new)
            continue
        before, after = _plain(found), _plain(value)
        if before != after:
            yield Difference(f"{place}{name}", _text(before), _text(after))


def _rows(name: str, expected: Sequence[Row], stored: Sequence[Row]) -> Iterator[Difference]:
    # by position; a second row of a position has a label of its own, so that none is overlooked
    wanted, found = (
        dict(zip(numbered(str(row["position"]) for row in rows), rows, strict=True))
        for rows in (expected, stored)
    )
    for label in wanted | found:
        before, after = found.get(label), wanted.get(label)
        if before and after:
            yield from _fields(after, before, f"{name}[{label}].")
        else:
            yield Difference(f"{name}[{label}]", _row_text(before), _row_text(after))


def _row_text(row: Row | None) -> str | None:
    if row is None:
        return None
    return canonical(
        {
            name: _plain(value)
            for name, value in row.items()
            if name not in _PLACE and value is not None and not name.startswith("_dlt")
        }
    )


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:  # no JSON: shown as it is
        return value


def _plain(value: Any) -> Any:
    """A value in a form that is equal for equal values of all databases."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, time):
        return value.isoformat()
    return canonical(value) if isinstance(value, dict | list) else value


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else canonical(value)
