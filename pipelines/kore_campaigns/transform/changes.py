"""What one version brought, as a sentence for people.

`Fri 09:00-18:00 -> 09:00-20:00; DNC list `DNC CL Dec 4` removed`

"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple

from kore_campaigns.transform import values
from kore_campaigns.transform.calling_hours import DAY_NAMES, MINUTES_A_DAY, clock_text, windows
from kore_campaigns.transform.values import canonical, settled


class Change(NamedTuple):
    """One field that differs; a value is None where the field is not there at all."""

    path: str
    old_value: str | None
    new_value: str | None


class _Absent:
    """A field that is not there, as opposed to one that is null."""


_ABSENT: Final = _Absent()


def difference(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Change]:
    """Every field that differs, in the order of `new`, then what was removed.

    Empty exactly if both have the same canonical text, or if there is nothing to compare with.
    """
    if old is None:
        return []
    (before, before_text), (after, after_text) = settled(old), settled(new)
    return [] if before_text == after_text else list(_members("", before, after))


def member(path: str, key: str) -> str:
    """The path of an object's field."""
    if "." in key or not _is_plain(key):
        return f"{path}[{canonical(key)}]"
    return f"{path}.{key}" if path else key


def labels_of(path: str, elements: list[Any]) -> list[str]:
    """What the elements of the list at `path` are called in paths, in their order."""
    return [*_labels(elements, _NAMED_LISTS.get(path))]


def _compare(path: str, old: Any, new: Any) -> Iterator[Change]:
    # what appears or goes is told leaf by leaf, as if it had been empty
    old, new = _emptied(old, new), _emptied(new, old)
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _members(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _elements(path, old, new)
    elif old is _ABSENT or new is _ABSENT or canonical(old) != canonical(new):
        yield _leaf(path, old, new)


def _emptied(value: Any, other: Any) -> Any:
    return type(other)() if value is _ABSENT and other and isinstance(other, dict | list) else value


def _members(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for key, value in new.items():
        before = old.get(key, _ABSENT)
        if not (isinstance(value, str) and value == before):  # most are: no path is built for them
            yield from _compare(member(path, key), before, value)
    for key, value in old.items():
        if key not in new:
            yield from _compare(member(path, key), value, _ABSENT)


def _elements(path: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    name_of = _NAMED_LISTS.get(path)
    before = dict(zip(_labels(old, name_of), old, strict=True))
    after = dict(zip(_labels(new, name_of), new, strict=True))
    for label, value in after.items():
        yield from _compare(f"{path}[{label}]", before.get(label, _ABSENT), value)
    for label, value in before.items():
        if label not in after:
            yield from _compare(f"{path}[{label}]", value, _ABSENT)
    stayed_before = [label for label in before if label in after]
    stayed_after = [label for label in after if label in before]
    if stayed_before != stayed_after:
        yield Change(path, ", ".join(stayed_before), ", ".join(stayed_after))


def _labels(elements: list[Any], name_of: Callable[[Any], str | None] | None) -> Iterator[str]:
    """A label per element, unique in its list: its name, `name#2` for the next of that name."""
    if name_of is None:
        yield from map(str, range(len(elements)))
        return
    seen: Counter[str] = Counter()
    for element in elements:
        name = name_of(element)
        label = "?" if name is None else name if _is_plain(name) else canonical(name)
        seen[label] += 1
        yield label if seen[label] == 1 else f"{label}#{seen[label]}"


def _weekday(window: Any) -> str | None:
    day = window.get("day") if isinstance(window, dict) else None
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


def _is_plain(name: str) -> bool:
    """True if the name cannot be mistaken for a path's or a label's own signs."""
    return (
        name not in ("", "?") and name.isprintable() and not any(sign in name for sign in '[]"#,')
    )


def _leaf(path: str, old: Any, new: Any) -> Change:
    before, after = _shown(old), _shown(new)
    if before == after:  # the text "5" became the number 5
        before, after = canonical(old), canonical(new)
    return Change(path, before, after)


def _shown(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    return value if isinstance(value, str) else canonical(value)


def list_rows(lists: Any, id_column: str, name_column: str) -> list[dict[str, Any]]:
    """One row per list, whether Kore sends objects, names, or a single one of either."""
    rows = []
    for position, entry in enumerate(lists if isinstance(lists, list) else [lists], start=1):
        if not values.is_blank(entry):
            list_id, name = _identity(entry)
            rows.append({"position": position, id_column: list_id, name_column: name})
    return rows


def names_by_identity(lists: Any) -> dict[str, str]:
    """The name of each list by its id, or by its name where it has none."""
    found = (_identity(entry) for entry in (lists if isinstance(lists, list) else [lists]) if entry)
    return {list_id or name or "": name or list_id or "" for list_id, name in found}


def _identity(entry: Any) -> tuple[str | None, str | None]:
    if not isinstance(entry, dict):
        return None, values.text(entry)
    list_id, name = values.text(entry.get("id") or entry.get("_id")), values.text(entry.get("name"))
    if not list_id and not name:  # of a kind unforeseen: better odd than lost
        return None, canonical(entry)
    return list_id, name


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

_WEEK: Final = 7 * MINUTES_A_DAY


def kind_of(path: str) -> str:
    """One of `KINDS`."""
    for place, kind in _KINDS.items():
        if path == place or path.startswith((f"{place}.", f"{place}[")):
            return kind
    return "other"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a state of a campaign permits, as far as changes are judged by it."""

    windows: Sequence[Mapping[str, Any]]
    is_daily: bool
    labels: Mapping[int, str]
    """What a window is called in paths, by its `position`."""
    dnc_lists: Mapping[str, str]
    """Name by id, or by name where there is no id."""
    open_minutes: int
    """A bit for each minute of the week in which a window is open."""

    def window(self, label: str) -> Mapping[str, Any] | None:
        """The window that paths call so."""
        found = (row for row in self.windows if self.labels.get(row["position"]) == label)
        return next(found, None)


def rules_of(received: Mapping[str, Any]) -> Rules:
    """The rules of an answer as it was received, whatever it looks like."""
    strategy = received.get(STRATEGY)
    hours = strategy.get("callingHours") if isinstance(strategy, dict) else None
    rows = windows(hours)
    is_daily = values.text(hours.get("frequency")) == "DAILY" if isinstance(hours, dict) else False
    days = hours.get("days") if isinstance(hours, dict) else None
    labels = labels_of(DAYS, days) if isinstance(days, list) else []
    return Rules(
        windows=rows,
        is_daily=is_daily,
        labels=dict(enumerate(labels, start=1)),
        dnc_lists=names_by_identity(received.get("dncLists")),
        open_minutes=_open_minutes(rows, is_daily=is_daily),
    )


def risky(changes: Iterable[Change], before: Rules, after: Rules) -> list[bool]:
    """For each change, whether it lets the campaign do more than before."""
    is_dnc_gone = bool(before.dnc_lists.keys() - after.dnc_lists.keys())
    return [_is_risky(change, before, after, is_dnc_gone=is_dnc_gone) for change in changes]


def _is_risky(change: Change, before: Rules, after: Rules, *, is_dnc_gone: bool) -> bool:
    kind = kind_of(change.path)
    if kind == "calling_hours":
        return _opens(change, before, after)
    if kind == "dnc":
        return is_dnc_gone and change.old_value is not None
    if change.path in (ATTEMPTS, RETRY, RING):
        return _is_pressing(change)
    return False


def _opens(change: Change, before: Rules, after: Rules) -> bool:
    if change.path == f"{HOURS}.timezone":
        return True
    if not after.windows:  # nothing is left that would hold it back
        return bool(before.windows)
    label = change.path.removeprefix(f"{DAYS}[").partition("]")[0]
    is_of_one = change.path.startswith(f"{DAYS}[")
    if is_of_one and (window := after.window(label)) is not None:
        minutes = _minutes(window, is_daily=after.is_daily)
        return minutes is None or bool(minutes & ~before.open_minutes)
    if is_of_one and before.window(label) is not None:
        return False  # it is gone, and what took its place is told with its own label
    return bool(after.open_minutes & ~before.open_minutes)


def _is_pressing(change: Change) -> bool:
    before, after = values.integer(change.old_value), values.integer(change.new_value)
    if before is None:  # what was never there limited nothing
        return False
    if after is None:
        return change.path == ATTEMPTS
    return after > before if change.path == ATTEMPTS else after < before


def _open_minutes(rows: Iterable[Mapping[str, Any]], *, is_daily: bool) -> int:
    found = 0
    for row in rows:
        found |= _minutes(row, is_daily=is_daily) or 0
    return found


def _minutes(window: Mapping[str, Any], *, is_daily: bool) -> int | None:
    """A bit for each minute of the week; None if it cannot be told which those are."""
    if not window["is_parsed"]:
        return None
    if window["day_of_week"] is not None:
        days: Iterable[int] = (window["day_of_week"],)
    elif window["day"] is None and is_daily:
        days = range(1, 8)
    else:
        return None
    length = window["end_minute"] - window["start_minute"]
    found = 0
    for day in days:
        bits = ((1 << length) - 1) << ((day - 1) * MINUTES_A_DAY + window["start_minute"])
        found |= bits & ((1 << _WEEK) - 1) | bits >> _WEEK  # Sunday night goes on on Monday
    return found


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
