"""The rule of the call budget: how long the calls that are known make the next one wait."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

from kore_campaigns.errors import SettingInvalid

# Beyond this, a call each quarter of an hour asks anew: one absurd header, or a clock that was set
# back, must not silence a machine for a day.
LONGEST_PAUSE_SECONDS: Final = 900.0

# A clock that is being corrected runs up to 500 parts in a million fast (Linux, adjtimex). Windows
# are this much longer, so that they are whole by the server's clock too.
CLOCK_DRIFT: Final = 0.0005


@dataclass(frozen=True)
class Limit:
    """At most `calls` calls in any span of `seconds`. Raises `SettingInvalid` if that is none."""

    calls: int
    seconds: float

    def __post_init__(self) -> None:
        if self.calls < 1 or not 0 < self.seconds < math.inf:
            raise SettingInvalid(
                key="requests_per_minute",
                value=f"{self.calls} calls in {self.seconds:g} s",
                expected="at least one call in a positive time",
            )

    @property
    def window_seconds(self) -> float:
        return self.seconds * (1 + CLOCK_DRIFT)


class Calls(Protocol):
    """The calls of one account, in a transaction that nobody else is in.

    A call's end is when its answer came back; of one in flight, when its lease runs out.
    """

    @property
    def now(self) -> float:
        """Seconds since 1970, by the one clock of all who share the budget."""

    @property
    def paused_until(self) -> float: ...

    def end(self, place: int) -> float | None:
        """The end of the call at this place, 0 for the one that ends last; None if none is."""

    def take(self, *, lease_ends: float, forget: float) -> int:
        """The id of a call that leaves now; those that ended by `forget` are removed."""

    def give_back(self, call_id: int) -> None:
        """The call ends now, also one that was removed meanwhile."""

    def pause(self, until: float) -> None:
        """Nobody calls before `until`, whatever was asked for earlier."""

    def draw_back(self, *, answered: float, in_flight: float) -> bool:
        """No call ends later than this; whether one did."""


def wait_under(limit: Limit, calls: Calls) -> float:
    """Seconds until this limit may let a call leave; 0 or less: now."""
    # The calls that ended last hold the slots; the oldest of these is the first to free one.
    held = calls.end(limit.calls - 1)
    if held is None:
        return 0.0
    # One in flight ends now at the earliest, so it cannot be free before a whole window.
    return min(held + limit.window_seconds - calls.now, limit.window_seconds)


def last_leaves_after(limit: Limit, calls: Calls, count: int) -> float:
    """Seconds until the last of `count` more calls leaves, if each is answered at once."""
    window = limit.window_seconds
    rounds, place = divmod(count - 1, limit.calls)
    # The slots free themselves in the order in which their calls ended; unused ones come first.
    held = calls.end(limit.calls - 1 - place)
    first_round = 0.0 if held is None else min(held + window - calls.now, window)
    return rounds * window + max(0.0, first_round)


def pause_left(calls: Calls) -> float:
    """Seconds that the pause still lasts, 0 when there is none."""
    longest = calls.now + LONGEST_PAUSE_SECONDS
    if calls.paused_until > longest:  # asked for before the clock was set back
        calls.pause(longest)
    return max(0.0, calls.paused_until - calls.now)


def mend_clock(calls: Calls, lease_seconds: float) -> bool:
    """Whether calls lay in the future: the clock was set back, be it by seconds or by years.

    Such a call is taken to have ended just now (in flight: to have left just now). That is later
    than it did, so the bound holds, and one window is the longest that a wrong clock can cost.
    """
    return calls.draw_back(answered=calls.now, in_flight=calls.now + lease_seconds)
