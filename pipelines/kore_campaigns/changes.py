"""What differs between two states of a campaign, field by field, in paths a reader recognises.

A path is unique within a result: whatever could be taken for syntax in a name is written as a
JSON string, `contactLists["A, B"]`.  Lists whose elements have a name are compared by name, so
that a list added in front does not make every other one look changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from kore_campaigns.json_text import canonical, settled


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
