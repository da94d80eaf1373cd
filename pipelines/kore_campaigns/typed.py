"""JSON values read as the types of our columns: what cannot be read is None, never a guess."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from kore_campaigns.json_text import INT64, canonical

_WHOLE_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,19})(?:\.0*)?\s*")
_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# smaller numbers could as well be seconds: read as milliseconds they lie before March 1973;
# larger ones lie beyond the year 9999
_EPOCH_MILLISECONDS = range(10**11, 253_402_300_800_000)


def text(value: Any) -> str | None:
    """Text as it was sent; any other value as its canonical JSON text."""
    if value is None or isinstance(value, str):
        return value
    return canonical(value)


def integer(value: Any) -> int | None:
    """A whole number of 64 bits, also from `5.0` or from text such as `"5"`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    elif isinstance(value, str) and (digits := _WHOLE_NUMBER.fullmatch(value)):
        value = int(digits[1])
    return value if isinstance(value, int) and value in INT64 else None


def boolean(value: Any) -> bool | None:
    """True or false, also from the usual words and from 1 and 0."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower())
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def timestamp(value: Any) -> datetime | None:
    """A moment in UTC, from ISO 8601 text (no zone means UTC) or from epoch milliseconds."""
    if isinstance(value, int | float):
        whole = integer(value)
        if whole is None or whole not in _EPOCH_MILLISECONDS:
            return None
        return _EPOCH + timedelta(milliseconds=whole)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip().upper())
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the first or last hours of the calendar may leave it
        return None


def is_blank(value: Any) -> bool:
    """True for what says nothing: null, an empty text, an empty object, an empty list."""
    return value is None or value in ("", {}, [])


def json_type(value: Any) -> str:
    """The JSON name of the value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"
