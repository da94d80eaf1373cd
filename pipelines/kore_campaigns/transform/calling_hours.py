"""Calling hours as Kore writes them, parsed to minutes that can be compared and added up.

Undocumented forms are read so that no dialling is hidden: a window whose end equals its start is
24 hours; a window whose end is before its start ends on the next day; a start with seconds is
rounded down, an end up. A text that is no time of day leaves its cells empty and `is_parsed` false;
the text itself is always kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from kore_campaigns.transform.values import field_of, is_blank, text

MINUTES_A_DAY: Final = 24 * 60
MINUTES_A_WEEK: Final = 7 * MINUTES_A_DAY

# blanks may stand between the parts, the narrow no-break space of newer ICU releases among them;
# digits are spelled out, as \d would admit those of every script
_CLOCK = re.compile(
    r"\s*(?P<hour>[0-9]{1,2})"
    r"(?:\s*:\s*(?P<minute>[0-5][0-9])(?:\s*:\s*(?P<second>[0-5][0-9](?:\.[0-9]+)?))?)?"
    r"\s*(?P<half>[ap]\.?\s*m\.?)?\s*",
    re.IGNORECASE,
)

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# two letters identify a day, so Kore's MO, Mon and the whole name are parsed alike
_DAY_OF_WEEK = {
    name[:length]: number
    for number, name in enumerate(_WEEKDAYS, start=1)
    for length in range(2, len(name) + 1)
}
DAY_CODES: Final = tuple(name[:2].upper() for name in _WEEKDAYS)
"""As Kore writes them: `MO` ..."""
DAY_NAMES: Final = tuple(name[:3].capitalize() for name in _WEEKDAYS)
"""As people read them: `Mon` ..."""
_WINDOW_KEYS = {"day", "start", "end"}


def parse_clock(clock: str, *, round_up: bool = False) -> int | None:
    """Minutes after midnight, 0 to 1440; None if the text is no time of day.

    A bare hour needs its AM or PM, and AM or PM an hour from 1 to 12.
    """
    seconds = _seconds_of(clock)
    return None if seconds is None else int((math.ceil if round_up else math.floor)(seconds / 60))


def _seconds_of(clock: str) -> float | None:
    """Seconds after midnight, at most those of `24:00`."""
    found = _CLOCK.fullmatch(clock)
    if found is None:
        return None
    hour, minute, half = int(found["hour"]), int(found["minute"] or 0), found["half"]
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    elif found["minute"] is None:
        return None
    seconds = hour * 3600 + minute * 60 + float(found["second"] or 0)
    return seconds if hour < 24 or seconds == MINUTES_A_DAY * 60 else None


def clock_text(minute: int) -> str:
    """The time of day as `HH:MM:SS`, whichever day the minute lies in."""
    return f"{minute // 60 % 24:02}:{minute % 60:02}:00"


class Window(NamedTuple):
    """A calling window: the columns of `calling_hours` without the key of the version."""

    position: int
    day: str | None
    day_of_week: int | None
    start_text: str | None
    end_text: str | None
    start_time: str | None
    end_time: str | None
    start_minute: int | None
    end_minute: int | None
    crosses_midnight: bool | None
    is_parsed: bool


def windows_of(received: Mapping[str, Any]) -> list[Window]:
    """The calling windows of a campaign, of any form, as received; empty elements give none."""
    calling_hours = field_of(received, "dialingStrategy", "callingHours")
    days = calling_hours.get("days") if isinstance(calling_hours, dict) else calling_hours
    if isinstance(days, dict) and not _WINDOW_KEYS & days.keys():  # an object by weekday
        elements = [
            (day, window)
            for day, filed in days.items()
            for window in (filed if isinstance(filed, list) else [filed])
        ]
    else:
        elements = [(None, window) for window in (days if isinstance(days, list) else [days])]
    return [
        parse_window(position, *_texts(day, window))
        for position, (day, window) in enumerate(elements, start=1)
        if not is_blank(window)
    ]


def _texts(day: str | None, window: Any) -> tuple[str | None, str | None, str | None]:
    """Weekday, start and end as sent; `day` is the weekday from outside, if there is one."""
    if not isinstance(window, dict):
        return day, text(window), None
    own_day = text(window.get("day"))
    return day if own_day is None else own_day, text(window.get("start")), text(window.get("end"))


@lru_cache(maxsize=10_000)  # many campaigns have the same windows, so each is in memory once
def parse_window(
    position: int, day: str | None, start_text: str | None, end_text: str | None
) -> Window:
    """Parse the texts of a calling window; a `Window` is immutable and may be shared."""
    start = None if start_text is None else parse_clock(start_text)
    end = None if end_text is None else parse_clock(end_text, round_up=True)
    if start == MINUTES_A_DAY:  # 24:00 is the next day
        start = None
    last = None
    if start is not None and end is not None:
        is_later = (_seconds_of(end_text or "") or 0) > (_seconds_of(start_text or "") or 0)
        last = end if is_later else min(end, start) + MINUTES_A_DAY
    return Window(
        position=position,
        day=day,
        day_of_week=None if day is None else _DAY_OF_WEEK.get(day.strip().lower()),
        start_text=start_text,
        end_text=end_text,
        start_time=None if start is None else clock_text(start),
        end_time=None if end is None else clock_text(end if last is None else last),
        start_minute=start,
        end_minute=last,
        crosses_midnight=None if last is None else last > MINUTES_A_DAY,
        is_parsed=last is not None,
    )
