"""What one version brought, as a sentence for people.

`Fri 09:00-18:00 -> 09:00-20:00; DNC list `DNC CL Dec 4` removed`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from kore_campaigns.calling_hours import DAY_NAMES, clock_text
from kore_campaigns.change_meaning import ATTEMPTS, HOURS, RETRY, RING, Rules, kind_of
from kore_campaigns.changes import Change
from kore_campaigns.named_lists import names_by_identity

FIRST: Final = "first seen"
DELETED: Final = "deleted in Kore"

# what these are called by those who set them, and the unit of the number
_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    f"{HOURS}.timezone": ("zone", ""),
    f"{HOURS}.frequency": ("calling hours", ""),
    "dialingStrategy.callerId.phoneNumber": ("caller id", ""),
    ATTEMPTS: ("attempts", ""),
    RETRY: ("retry period", " min"),
    RING: ("ring time", " s"),
    "maxSkips": ("skips", ""),
    "priority": ("priority", ""),
    "status": ("status", ""),
    "dialingMode": ("dialling mode", ""),
    "name": ("name", ""),
}
# moves with every write, or says again what another field says
_SILENT: Final = ("updatedAt", "lname")
_NAMED_OTHERS: Final = 3


def summary(
    changes: Sequence[Change],
    before: tuple[Mapping[str, Any], Rules],
    after: tuple[Mapping[str, Any], Rules],
) -> str:
    """One sentence for all changes: hours by weekday, lists by name, then field by field."""
    if not changes:
        return "not compared with the version before"
    parts = [*_life(changes)]
    if any(change.path.startswith(HOURS) for change in changes):
        parts += _hours(before[1], after[1])
    parts += _lists("DNC list", "dncLists", before[0], after[0])
    parts += _lists("contact list", "contactLists", before[0], after[0])
    parts += _fields(changes)
    parts += _others(changes)
    return "; ".join(parts) or _nothing_much(changes)


def _life(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        if change.path == "is_deleted":
            yield DELETED if change.new_value == "true" else "live again"


def _hours(before: Rules, after: Rules) -> Iterator[str]:
    """What differs, weekday by weekday; neighbours that differ alike are one part."""
    spans = {day: (_open(before, day), _open(after, day)) for day in (*range(1, 8), None)}
    different = [(day, pair) for day, pair in spans.items() if pair[0] != pair[1]]
    for (old, new), alike in groupby(different, key=lambda each: each[1]):
        for days in _neighbours([day for day, _ in alike]):
            if old and new:
                yield f"{days} {old} -> {new}"
            else:
                yield f"{days} {old or new} {'removed' if old else 'added'}"


def _open(rules: Rules, day: int | None) -> str:
    return ", ".join(_span(row) for row in rules.windows if row["day_of_week"] == day)


def _span(window: Mapping[str, Any]) -> str:
    if not window["is_parsed"]:
        return f"`{window['start_text'] or ''}`-`{window['end_text'] or ''}`"
    end = window["end_minute"]
    return f"{_clock(window['start_minute'])}-{'24:00' if end == 24 * 60 else _clock(end)}"


def _clock(minute: int) -> str:
    return clock_text(minute)[:5]


def _neighbours(days: Sequence[int | None]) -> Iterator[str]:
    """`Mon-Wed`, `Fri`: spans of days that follow each other."""
    span: list[int] = []
    for day in days:
        if day is None:
            continue
        if span and day != span[-1] + 1:
            yield _named(span)
            span = []
        span.append(day)
    if span:
        yield _named(span)
    if None in days:
        yield "without weekday"


def _named(span: Sequence[int]) -> str:
    first, last = DAY_NAMES[span[0] - 1], DAY_NAMES[span[-1] - 1]
    return first if len(span) == 1 else f"{first}-{last}"


def _lists(
    kind: str, field: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[str]:
    old, new = names_by_identity(before.get(field)), names_by_identity(after.get(field))
    for identity, name in old.items():
        if identity not in new:
            yield f"{kind} `{name}` removed"
        elif new[identity] != name:
            yield f"{kind} `{name}` is now `{new[identity]}`"
    for identity, name in new.items():
        if identity not in old:
            yield f"{kind} `{name}` added"


def _fields(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        if change.path in _FIELDS:
            name, unit = _FIELDS[change.path]
            old, new = (_value(value, unit) for value in (change.old_value, change.new_value))
            yield f"{name} {old} -> {new}"


def _value(value: str | None, unit: str) -> str:
    return "none" if value is None else f"{value}{unit}"


def _others(changes: Iterable[Change]) -> Iterator[str]:
    if any(kind_of(change.path) == "schedule" for change in changes):
        yield "schedule changed"
    told = ("calling_hours", "dnc", "lists", "schedule")
    paths = [
        change.path
        for change in changes
        if kind_of(change.path) not in told
        and change.path not in (*_FIELDS, *_SILENT, "is_deleted")
    ]
    if paths:
        named = ", ".join(f"`{path}`" for path in paths[:_NAMED_OTHERS])
        more = f" and {len(paths) - _NAMED_OTHERS} more" if len(paths) > _NAMED_OTHERS else ""
        yield f"{named}{more} changed"


def _nothing_much(changes: Sequence[Change]) -> str:
    if any(change.path not in _SILENT for change in changes):
        return "written otherwise, means the same"
    return "only `updatedAt` moved"
