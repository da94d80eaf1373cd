"""Calling hours as Kore writes them, read as minutes that can be compared and added up.

What Kore does not document is read the way that hides no dialling from whoever checks for it:
a window whose end equals its start is taken as 24 hours, not as none; a window whose end lies
before its start runs into the next day.  A text that is no time of day leaves its cells empty
and `is_parsed` false; the text itself is always kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from kore_campaigns.transform.values import is_blank, text

MINUTES_A_DAY = 24 * 60

# blanks may stand between the parts, the narrow no-break space of newer ICU releases among them;
# digits are spelled out, as \d would admit those of every script
_CLOCK = re.compile(
    r"\s*(?P<hour>[0-9]{1,2})"
    r"(?:\s*:\s*(?P<minute>[0-5][0-9])(?:\s*:\s*(?P<second>[0-5][0-9])(?:\.[0-9]+)?)?)?"
    r"\s*(?P<half>[ap]\.?\s*m\.?)?\s*",
    re.IGNORECASE,
)

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# two letters tell the seven apart, so Kore's MO and Mon and the whole name are read alike
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


@lru_cache(maxsize=4096)  # an account writes few different times, each of them thousands of times
def parse_clock(clock: str) -> int | None:
    """Minutes after midnight, 0 to 1440 (only `24:00`); None if the text is no time of day.

    Seconds are read and dropped. A bare hour needs its AM or PM, and AM or PM an hour from 1 to 12.
    """
    found = _CLOCK.fullmatch(clock)
    if found is None:
        return None
    hour, minute, half = int(found["hour"]), int(found["minute"] or 0), found["half"]
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        return hour % 12 * 60 + minute + (12 * 60 if half[0] in "pP" else 0)
    if found["minute"] is None:
        return None
    if hour == 24:
        return None if minute or int(found["second"] or 0) else MINUTES_A_DAY
    return hour * 60 + minute if hour < 24 else None


def clock_text(minute: int) -> str:
    """The time of day as `HH:MM:SS`, whichever day the minute lies in."""
    return f"{minute // 60 % 24:02}:{minute % 60:02}:00"


def windows(calling_hours: Any) -> list[dict[str, Any]]:
    """One row per calling window, in the order received; empty elements give none."""
    days = calling_hours.get("days") if isinstance(calling_hours, dict) else calling_hours
    return [
        _row(position, *_parts(day, window))
        for position, (day, window) in enumerate(_elements(days), start=1)
        if not is_blank(window)
    ]


def _elements(days: Any) -> Iterator[tuple[str | None, Any]]:
    """Each window with the weekday it is filed under, should `days` be an object by weekday."""
    if isinstance(days, dict) and not _WINDOW_KEYS & days.keys():
        for day, filed in days.items():
            for window in filed if isinstance(filed, list) else [filed]:
                yield day, window
    else:
        for window in days if isinstance(days, list) else [days]:
            yield None, window


def _parts(filed_under: str | None, window: Any) -> tuple[str | None, str | None, str | None]:
    """Day, start and end of a window, as texts."""
    if not isinstance(window, dict):
        return filed_under, text(window), None
    day = text(window.get("day"))
    return filed_under if day is None else day, text(window.get("start")), text(window.get("end"))


# most campaigns dial at hours that others dial at, too, and they share these rows: 35 MB less and
# 0.1 CPU-s in 10,000 campaigns.  Who needs more columns makes a row of their own
@lru_cache(maxsize=4096)
def _row(
    position: int, day: str | None, start_text: str | None, end_text: str | None
) -> dict[str, Any]:
    start, end = _minute(start_text), _minute(end_text)
    if start == MINUTES_A_DAY:  # that is the next day: not a start on this one
        start = None
    is_parsed = start is not None and end is not None
    last = None
    if start is not None and end is not None:
        last = end if end > start else end + MINUTES_A_DAY
    return {
        "position": position,
        "day": day,
        "day_of_week": None if day is None else _DAY_OF_WEEK.get(day.strip().lower()),
        "start_text": start_text,
        "end_text": end_text,
        "start_time": None if start is None else clock_text(start),
        "end_time": None if end is None else clock_text(end),
        "start_minute": start,
        "end_minute": last,
        "crosses_midnight": None if last is None else last > MINUTES_A_DAY,
        "is_parsed": is_parsed,
    }


def _minute(clock: str | None) -> int | None:
    return None if clock is None else parse_clock(clock)
