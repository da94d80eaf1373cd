"""What a change means to those who answer for it: its kind, and whether more may be dialled now.

Risky is what widens what a campaign may do: a window opened, a zone moved, a DNC list gone, more
attempts, a shorter pause between them, a shorter ring.  What cannot be told counts as risky.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kore_campaigns import typed
from kore_campaigns.calling_hours import MINUTES_A_DAY, windows
from kore_campaigns.changes import Change, labels_of
from kore_campaigns.named_lists import names_by_identity

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
    is_daily = typed.text(hours.get("frequency")) == "DAILY" if isinstance(hours, dict) else False
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
    before, after = typed.integer(change.old_value), typed.integer(change.new_value)
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
