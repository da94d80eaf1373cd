"""Changes between two versions of a campaign, field by field, and their meaning.

Paths: `dialingStrategy.callingHours.days[FR].end`, `contactLists[List 1]`. Elements of a list have
a name where Kore gives one, so that an element that moved does not change all elements after it.
Meaning: the kind of a change, its risk, and one sentence for all changes of a version:
``Fri 09:00-18:00 -> 09:00-20:00; DNC list `DNC CL Dec 4` removed``
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any, Final, NamedTuple

from kore_campaigns.errors import shorten
from kore_campaigns.transform.calling_hours import (
    DAY_NAMES,
    MINUTES_A_DAY,
    MINUTES_A_WEEK,
    Window,
)
from kore_campaigns.transform.values import (
    canonical,
    field_of,
    integer,
    names_by_identity,
    settled,
    text,
)


class Change(NamedTuple):
    """One field that differs; a value is None where the field does not exist."""

    path: str
    old_value: str | None
    new_value: str | None


_ABSENT: Final = object()  # null is a value


def difference(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Change]:
    """Every field that differs, in the order of `new`, then the removed ones.

    Empty exactly if both have the same canonical text, or if there is no `old`.
    """
    if old is None:
        return []
    (before, before_text), (after, after_text) = settled(old), settled(new)
    return [] if before_text == after_text else list(_compare("", before, after))


def member(path: str, key: str) -> str:
    """The path of an object's field."""
    if "." in key or not _is_plain(key):
        return f"{path}[{canonical(key)}]"
    return f"{path}.{key}" if path else key


def labels_of(path: str, elements: list[Any]) -> list[str]:
    """What paths call the elements of the list at `path`: by name, or by index where they have
    none.
    """
    name_of = _NAMED_LISTS.get(path)
    if name_of is None:
        return [str(index) for index in range(len(elements))]
    names = map(name_of, elements)
    return numbered(
        "?" if name is None else name if _is_plain(name) else canonical(name) for name in names
    )


def numbered(labels: Iterable[str]) -> list[str]:
    """Labels that are all different: `name`, then `name#2` for the next of that name."""
    seen: Counter[str] = Counter()
    found = []
    for label in labels:
        seen[label] += 1
        found.append(label if seen[label] == 1 else f"{label}#{seen[label]}")
    return found


def _compare(path: str, old: Any, new: Any) -> Iterator[Change]:
    # an object or list that appears or disappears is compared with an empty one, leaf by leaf
    if old is _ABSENT and new and isinstance(new, dict | list):
        old = type(new)()
    if new is _ABSENT and old and isinstance(old, dict | list):
        new = type(old)()
    if isinstance(old, dict | list) and type(old) is type(new):
        before, after = _parts(path, old), _parts(path, new)
        for place in after | before:
            yield from _compare(place, before.get(place, _ABSENT), after.get(place, _ABSENT))
        stayed_before = [place for place in before if place in after]
        stayed_after = [place for place in after if place in before]
        if isinstance(old, list) and stayed_before != stayed_after:
            first, last = len(path) + 1, -1  # the labels without `path[` and `]`
            yield Change(
                path,
                ", ".join(place[first:last] for place in stayed_before),
                ", ".join(place[first:last] for place in stayed_after),
            )
    elif old is _ABSENT or new is _ABSENT or canonical(old) != canonical(new):
        shown_old, shown_new = _shown(old), _shown(new)
        if shown_old == shown_new:  # the text "5" became the number 5
            shown_old, shown_new = canonical(old), canonical(new)
        yield Change(path, shown_old, shown_new)


def _parts(path: str, value: dict[str, Any] | list[Any]) -> dict[str, Any]:
    """The fields of an object, or the elements of a list, by path."""
    if isinstance(value, dict):
        return {member(path, key): inner for key, inner in value.items()}
    labels = labels_of(path, value)
    return {f"{path}[{label}]": inner for label, inner in zip(labels, value, strict=True)}


def _shown(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    return value if isinstance(value, str) else canonical(value)


def _is_plain(name: str) -> bool:
    """True if the name cannot be confused with the signs of a path or label."""
    return (
        name not in ("", "?") and name.isprintable() and not any(sign in name for sign in '[]"#,')
    )


def _weekday(window: Any) -> str | None:
    day = field_of(window, "day")
    return day if isinstance(day, str) else None


def _list_name(entry: Any) -> str | None:
    if isinstance(entry, dict):
        entry = entry.get("id") or entry.get("_id") or entry.get("name")
    return entry if isinstance(entry, str) else None


_NAMED_LISTS: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "dialingStrategy.callingHours.days": _weekday,
    "dncLists": _list_name,
    "contactLists": _list_name,
}


STRATEGY: Final = "dialingStrategy"
HOURS: Final = f"{STRATEGY}.callingHours"
DAYS: Final = f"{HOURS}.days"
ATTEMPTS: Final = f"{STRATEGY}.maxAttemptsPerRecord"
RETRY: Final = f"{STRATEGY}.defaultRetryPeriod"
RING: Final = f"{STRATEGY}.maxRingTime"

# by the first of these that the path is or lies below
_KINDS: Final[Mapping[str, str]] = {
    HOURS: "calling_hours",
    "dncLists": "dnc",
    f"{STRATEGY}.callerId": "caller_id",
    ATTEMPTS: "retry",
    RETRY: "retry",
    RING: "retry",
    "maxSkips": "retry",
    "priority": "priority",
    "status": "status",
    "is_deleted": "status",
    "schedule": "schedule",
    "contactLists": "lists",
    "name": "text",
    "lname": "text",
    "description": "text",
    "message": "text",
}
KINDS: Final = (*dict.fromkeys(_KINDS.values()), "other")


def kind_of(path: str) -> str:
    """One of `KINDS`."""
    for place, kind in _KINDS.items():
        if path == place or path.startswith((f"{place}.", f"{place}[")):
            return kind
    return "other"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a version of a campaign permits, as far as changes are judged by it."""

    windows: Sequence[Window]
    minutes_by_label: Mapping[str, int | None]
    """The minutes of each window, by what paths call it; None if they are not known."""
    dnc_lists: Mapping[str, str]
    """Name by id, or by name where there is no id."""
    contact_lists: Mapping[str, str]
    open_minutes: int
    """A bit for each minute of the week in which any window is open."""


def rules_of(received: Mapping[str, Any], windows: Sequence[Window]) -> Rules:
    """The rules of a response, of any form, with its parsed calling windows."""
    hours = field_of(received, STRATEGY, "callingHours")
    is_daily = text(field_of(hours, "frequency")) == "DAILY"
    days = field_of(hours, "days")
    labels = labels_of(DAYS, days) if isinstance(days, list) else []
    minutes = [_minutes(each, is_daily=is_daily) for each in windows]
    placed = zip(windows, minutes, strict=True) if labels else ()
    return Rules(
        windows=windows,
        minutes_by_label={labels[window.position - 1]: minutes for window, minutes in placed},
        dnc_lists=names_by_identity(received.get("dncLists")),
        contact_lists=names_by_identity(received.get("contactLists")),
        open_minutes=reduce(or_, filter(None, minutes), 0),
    )


def _minutes(window: Window, *, is_daily: bool) -> int | None:
    """A bit for each minute of the week; None if the window cannot be placed in the week."""
    if window.start_minute is None or window.end_minute is None:
        return None
    if window.day_of_week is not None:
        days: Iterable[int] = (window.day_of_week,)
    elif window.day is None and is_daily:
        days = range(1, 8)
    else:
        return None
    length = window.end_minute - window.start_minute
    found = 0
    for day in days:
        bits = ((1 << length) - 1) << ((day - 1) * MINUTES_A_DAY + window.start_minute)
        # Sunday night continues on Monday
        found |= bits & ((1 << MINUTES_A_WEEK) - 1) | bits >> MINUTES_A_WEEK
    return found


def is_risky(change: Change, before: Rules, after: Rules) -> bool:
    """Whether a change lets the campaign do more than before."""
    kind = kind_of(change.path)
    if kind == "calling_hours":
        return _opens(change, before, after)
    if kind == "dnc":
        gone = before.dnc_lists.keys() - after.dnc_lists.keys()
        return change.old_value is not None and bool(gone)
    if change.path not in (ATTEMPTS, RETRY, RING):
        return False
    old, new = integer(change.old_value), integer(change.new_value)
    if old is None:  # a limit that did not exist limited nothing
        return False
    if new is None:
        return change.path == ATTEMPTS
    return new > old if change.path == ATTEMPTS else new < old


def _opens(change: Change, before: Rules, after: Rules) -> bool:
    """Whether a change of the calling hours opens a minute that was closed."""
    if change.path == f"{HOURS}.timezone":
        return True
    if not after.windows:  # no window limits the campaign any more
        return bool(before.windows)
    if change.path.startswith(f"{DAYS}["):
        label = change.path.removeprefix(f"{DAYS}[").partition("]")[0]
        if label in after.minutes_by_label:
            minutes = after.minutes_by_label[label]
            return minutes is None or bool(minutes & ~before.open_minutes)
        if label in before.minutes_by_label:
            return False  # it is gone; the window that replaces it has a change of its own
    return bool(after.open_minutes & ~before.open_minutes)


FIRST: Final = "first seen"
DELETED: Final = "deleted in Kore"
# what Kore restores has at least another `updatedAt`
NEVER_GONE: Final = "live again, nothing else changed: it was probably not deleted"

# names and units as users know them
_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    f"{HOURS}.timezone": ("zone", ""),
    f"{HOURS}.frequency": ("calling hours", ""),
    f"{STRATEGY}.callerId.phoneNumber": ("caller id", ""),
    ATTEMPTS: ("attempts", ""),
    RETRY: ("retry period", " min"),
    RING: ("ring time", " s"),
    "maxSkips": ("skips", ""),
    "priority": ("priority", ""),
    "status": ("status", ""),
    "dialingMode": ("dialling mode", ""),
    "name": ("name", ""),
}
# moves with every write, or repeats another field
_SILENT: Final = ("updatedAt", "lname")
_NAMED_OTHERS: Final = 3


def summary(changes: Sequence[Change], before: Rules, after: Rules) -> str:
    """One sentence for all changes: hours by weekday, lists by name, then field by field."""
    if not changes:
        return "not compared with the version before"
    if changes == [Change("is_deleted", "true", "false")]:
        return NEVER_GONE
    parts = [
        DELETED if change.new_value == "true" else "live again"
        for change in changes
        if change.path == "is_deleted"
    ]
    if any(change.path.startswith(HOURS) for change in changes):
        parts += _hours(before, after)
    parts += _lists("DNC list", before.dnc_lists, after.dnc_lists)
    parts += _lists("contact list", before.contact_lists, after.contact_lists)
    for change in changes:
        if change.path in _FIELDS:
            name, unit = _FIELDS[change.path]
            old, new = (
                "none" if value is None else value + unit
                for value in (change.old_value, change.new_value)
            )
            parts.append(f"{name} {old} -> {new}")
    parts += _others(changes)
    if parts:
        return "; ".join(parts)
    if any(change.path not in _SILENT for change in changes):
        return "formatting changed, same meaning"
    return "only `updatedAt` moved"


def _hours(before: Rules, after: Rules) -> Iterator[str]:
    """What differs, weekday by weekday; neighbouring days with the same difference are one part."""
    spans = {day: (_open(before, day), _open(after, day)) for day in (*range(1, 8), None)}
    different = [(day, pair) for day, pair in spans.items() if pair[0] != pair[1]]
    for (old, new), alike in groupby(different, key=lambda each: each[1]):
        for days in _neighbours([day for day, _ in alike]):
            if old and new:
                yield f"{days} {old} -> {new}"
            else:
                yield f"{days} {old or new} {'removed' if old else 'added'}"


def _open(rules: Rules, day: int | None) -> str:
    """The windows of a day, such as `09:00-12:00, 13:00-18:00`."""
    spans = []
    for window in rules.windows:
        if window.day_of_week != day:
            continue
        if window.start_time and window.end_time:
            until = "24:00" if window.end_minute == MINUTES_A_DAY else window.end_time[:5]
            spans.append(f"{window.start_time[:5]}-{until}")
        else:
            spans.append(f"`{window.start_text or ''}`-`{window.end_text or ''}`")
    return ", ".join(spans)


def _neighbours(days: Sequence[int | None]) -> Iterator[str]:
    """`Mon-Wed`, `Fri`: spans of days that follow each other."""
    numbers = [day for day in days if day is not None]
    for _, span in groupby(enumerate(numbers), key=lambda each: each[1] - each[0]):
        names = [DAY_NAMES[day - 1] for _, day in span]
        yield names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}"
    if None in days:
        yield "without weekday"


def _lists(kind: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for identity, name in old.items():
        if identity not in new:
            yield f"{kind} `{name}` removed"
        elif new[identity] != name:
            yield f"{kind} `{name}` is now `{new[identity]}`"
    for identity, name in new.items():
        if identity not in old:
            yield f"{kind} `{name}` added"


def _others(changes: Iterable[Change]) -> Iterator[str]:
    """The fields that have no part of their own, by path."""
    if any(kind_of(change.path) == "schedule" for change in changes):
        yield "schedule changed"
    paths = [
        f"`{change.path}`"
        for change in changes
        if kind_of(change.path) not in ("calling_hours", "dnc", "lists", "schedule")
        and change.path not in (*_FIELDS, *_SILENT, "is_deleted")
    ]
    if paths:
        yield f"{shorten(paths, _NAMED_OTHERS)} changed"
