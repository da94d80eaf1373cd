"""Calling hours minute by minute, as somebody counts who has no other means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def window(day: str | None, start: str, end: str) -> dict[str, Any]:
    return {"start": start, "end": end} | ({} if day is None else {"day": day})


def open_minutes(windows: Iterable[Mapping[str, Any]]) -> set[int]:
    """Minutes of the week in which a window is open; its times are written `HH:MM`."""
    found = set()
    for each in windows:
        start, end = (int(each[key][:2]) * 60 + int(each[key][3:]) for key in ("start", "end"))
        begin = DAYS.index(each["day"]) * 1440 + start
        found |= {(begin + step) % 10080 for step in range((end - start - 1) % 1440 + 1)}
    return found
