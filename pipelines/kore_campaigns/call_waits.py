"""How long the calls of a calls file make the next one wait."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from typing import Final

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


def wait_under(limit: Limit, db: sqlite3.Connection, now: float) -> float:
    """Seconds until this limit may let a call leave; 0 or less: now."""
    # The calls that ended last hold the slots; the oldest of these is the first to free one.
    held = db.execute(
        "select ends from calls order by ends desc limit 1 offset ?", (limit.calls - 1,)
    ).fetchone()
    if held is None:
        return 0.0
    # One in flight ends now at the earliest, so it cannot be free before a whole window.
    return min(float(held[0]) + limit.window_seconds - now, limit.window_seconds)


def last_leaves_after(limit: Limit, db: sqlite3.Connection, now: float, calls: int) -> float:
    """Seconds until the last of `calls` more calls leaves, if each is answered at once."""
    window = limit.window_seconds
    rounds, place = divmod(calls - 1, limit.calls)
    # The slots free themselves in the order in which their calls ended; unused ones come first.
    held = db.execute(
        "select ends from calls order by ends desc limit 1 offset ?", (limit.calls - 1 - place,)
    ).fetchone()
    first_round = 0.0 if held is None else min(float(held[0]) + window - now, window)
    return rounds * window + max(0.0, first_round)


def pause_left(db: sqlite3.Connection, now: float) -> float:
    """Seconds that the pause still lasts, 0 when there is none."""
    until = float(db.execute("select until from pause").fetchone()[0])
    if until > now + LONGEST_PAUSE_SECONDS:  # asked for before the clock was set back
        until = now + LONGEST_PAUSE_SECONDS
        db.execute("update pause set until = ?", (until,))
    return max(0.0, until - now)


def mend_clock(db: sqlite3.Connection, now: float, lease_seconds: float) -> bool:
    """Whether calls lay in the future: the clock was set back, be it by seconds or by years.

    Such a call is taken to have ended just now (in flight: to have left just now). That is later
    than it did, so the bound holds, and one window is the longest that a wrong clock can cost.
    """
    answered = db.execute(
        "update calls set ends = :end where ends > :end and not in_flight", {"end": now}
    ).rowcount
    in_flight = db.execute(
        "update calls set ends = :end where ends > :end and in_flight",
        {"end": now + lease_seconds},
    ).rowcount
    return answered + in_flight > 0
