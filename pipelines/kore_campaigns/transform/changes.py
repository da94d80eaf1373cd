"""Field-level difference between two versions of a campaign.

`dialingStrategy.callingHours.days[FR].end`, `contactLists[List 1]`: elements of a list have a name
where Kore gives one, so that an element that moved is not a change of all elements after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from kore_campaigns.transform.values import canonical, settled


class Change(NamedTuple):
    """One field that differs; a value is None where the field does not exist."""

    path: str
    old_value: str | None
    new_value: str | None


_ABSENT: Final = object()  # null is a value


def difference(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Change]:
    """Every field that differs, in the order of `new`, then what was removed.

    Empty exactly if both have the same canonical text, or if there is no `old`.
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
    """What paths call the elements of the list at `path`, each differently.

    The name of the element, `name#2` for the next of that name; its index where lists have no
    names.
    """
    name_of = _NAMED_LISTS.get(path)
    if name_of is None:
        return [str(index) for index in range(len(elements))]
    seen: Counter[str] = Counter()
    labels = []
    for element in elements:
        name = name_of(element)
        label = "?" if name is None else name if _is_plain(name) else canonical(name)
        seen[label] += 1
        labels.append(label if seen[label] == 1 else f"{label}#{seen[label]}")
    return labels


def _compare(path: str, old: Any, new: Any) -> Iterator[Change]:
    # an object or list that appears or disappears is compared with an empty one, leaf by leaf
    if old is _ABSENT and new and isinstance(new, dict | list):
        old = type(new)()
    if new is _ABSENT and old and isinstance(old, dict | list):
        new = type(old)()
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _members(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _elements(path, old, new)
    elif old is _ABSENT or new is _ABSENT or canonical(old) != canonical(new):
        before, after = _shown(old), _shown(new)
        if before == after:  # the text "5" became the number 5
            before, after = canonical(old), canonical(new)
        yield Change(path, before, after)


def _members(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for key, value in new.items():
        yield from _compare(member(path, key), old.get(key, _ABSENT), value)
    for key, value in old.items():
        if key not in new:
            yield from _compare(member(path, key), value, _ABSENT)


def _elements(path: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    before = dict(zip(labels_of(path, old), old, strict=True))
    after = dict(zip(labels_of(path, new), new, strict=True))
    for label, value in after.items():
        yield from _compare(f"{path}[{label}]", before.get(label, _ABSENT), value)
    for label, value in before.items():
        if label not in after:
            yield from _compare(f"{path}[{label}]", value, _ABSENT)
    stayed_before = [label for label in before if label in after]
    stayed_after = [label for label in after if label in before]
    if stayed_before != stayed_after:
        yield Change(path, ", ".join(stayed_before), ", ".join(stayed_after))


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
