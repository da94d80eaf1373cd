"""Readers of JSON values as the types of our columns. They reject nothing: None, never a guess."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

# one encoder for all calls: json.dumps builds a new one each time it is given options
_ENCODE = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
).encode
_ENCODE_IN_ORDER = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, check_circular=False
).encode

# What some destination refuses, as it appears in the text: a NUL, NaN or infinity, half a surrogate
# pair, an integer beyond 64 bits, more levels than the loader's serialiser has (254), and texts
# that begin with a sign by which dlt marks types: it strips the sign and parses the rest as a
# number. A false alarm only costs a closer look.
_REFUSED = ("\\u0000", "NaN", "Infinity")
_TYPE_MARKS = "\uf026-\uf02e"
_REFUSED_SIGNS = re.compile(f'[\ud800-\udfff]|"[{_TYPE_MARKS}]')
_MARKED = re.compile(f"[{_TYPE_MARKS}]")
_LONG_NUMBER = re.compile(
    r"[:,\[-][0-9]{19}"
)  # with `^` as an alternative it takes three times as long
_MAX_DEPTH = 100
INT64 = range(-(2**63), 2**63)


def canonical(value: Any) -> str:
    """One text for equal JSON values: keys sorted, no blanks, non-ASCII as it is."""
    return settled(value)[1]


def in_order(value: Any) -> str:
    """The JSON text of a settled value, its keys in the order received."""
    return _ENCODE_IN_ORDER(value)


def text_hash(canonical_text: str) -> str:
    """SHA-256 of a canonical text, which ignores the order of keys and nothing else."""
    return hashlib.sha256(canonical_text.encode()).hexdigest()


def settled(value: Any) -> tuple[Any, str]:
    """The value in a form that every destination can store, and its canonical text.

    Usually the given object itself. Otherwise the parts that a destination would refuse, and with
    them the whole load, are replaced by their text.
    """
    text = _ENCODE(value)
    is_suspect = (
        any(token in text for token in _REFUSED)
        or text.count("{") + text.count("[") > _MAX_DEPTH
        or _LONG_NUMBER.search(text) is not None
        or text[:19].isdigit()
        or (not text.isascii() and _REFUSED_SIGNS.search(text) is not None)
    )
    if not is_suspect:
        return value, text
    stored = _storable(value, 0)
    return stored, _ENCODE(stored)


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _storable_text(value)
    if isinstance(value, dict | list) and depth == _MAX_DEPTH:
        return _storable_text(_ENCODE(value))
    if isinstance(value, dict):
        return {_storable_text(key): _storable(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner, depth + 1) for inner in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return _ENCODE(value)
    if isinstance(value, int) and value not in INT64:
        return str(value)
    return value


def _storable_text(text: str) -> str:
    if _MARKED.match(text):
        text = f"\\u{ord(text[0]):04x}{text[1:]}"
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")


_WHOLE_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,19})(?:\.0*)?\s*")
_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# smaller numbers could as well be seconds: read as milliseconds they lie before March 1973;
# larger ones lie beyond the year 9999
_EPOCH_MILLISECONDS = range(10**11, 253_402_300_800_000)


def field_of(value: Any, *names: str) -> Any:
    """The value of a field of an object, or of a field in a field; None if there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


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


def document(value: Any) -> Any:
    """An object or a list as it was sent."""
    return value if isinstance(value, dict | list) else None


def list_rows(lists: Any, id_column: str, name_column: str) -> list[dict[str, Any]]:
    """One row per list, whether Kore sends objects, names, or a single one of either."""
    rows = []
    for position, entry in enumerate(lists if isinstance(lists, list) else [lists], start=1):
        if not is_blank(entry):
            list_id, name = _identity(entry)
            rows.append({"position": position, id_column: list_id, name_column: name})
    return rows


def names_by_identity(lists: Any) -> dict[str, str]:
    """The name of each list by its id, or by its name where it has none."""
    found = (_identity(entry) for entry in (lists if isinstance(lists, list) else [lists]) if entry)
    return {list_id or name or "": name or list_id or "" for list_id, name in found}


def _identity(entry: Any) -> tuple[str | None, str | None]:
    if not isinstance(entry, dict):
        return None, text(entry)
    list_id, name = text(entry.get("id") or entry.get("_id")), text(entry.get("name"))
    if not list_id and not name:  # an unknown form: stored as it is rather than lost
        return None, canonical(entry)
    return list_id, name


def is_blank(value: Any) -> bool:
    """True for null, an empty text, an empty object and an empty list."""
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
