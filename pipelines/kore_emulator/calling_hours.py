"""Calling hours in all the forms that an answer may have."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
WEEKDAYS = DAYS[:5]
ZONES = (
    "Asia/Kolkata",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Europe/Kyiv",
    "Australia/Sydney",
    # names that Kore's own list still offers and slim time zone data lacks
    "GB-Eire",
    "Asia/Saigon",
    "Hongkong",
    "GMT+0",
)
OFFICE = (("9:00 AM", "6:00 PM"),)
SHIFTS = (("9:00 AM", "12:30 PM"), ("2:00 PM", "6:00 PM"))
PADDED = (("09:00 AM", "08:30 PM"),)
OVERNIGHT = (("8:00 PM", "2:00 AM"),)
TO_MIDNIGHT = (("4:00 PM", "12:00 AM"),)
LATE = (("10:00 AM", "9:45 PM"),)

Windows = tuple[tuple[str, str], ...]


def weekly(zone: str, windows: Windows, days: Iterable[str] = WEEKDAYS) -> dict[str, Any]:
    """Repeat the windows on each of the days, with keys in the order of Kore's voice answers."""
    return {
        "frequency": "WEEKLY",
        "days": [
            {"start": start, "end": end, "day": day} for day in days for start, end in windows
        ],
        "timezone": zone,
    }


def sample_calling_hours(rng: random.Random) -> dict[str, Any]:
    """Make mostly office hours, and sometimes each of the forms that a careless parser misreads."""
    zone = rng.choice(ZONES)
    match rng.randrange(12):
        case 0:
            return weekly(zone, SHIFTS)
        case 1:
            return weekly(zone, OVERNIGHT, ("TH", "FR", "SA"))
        case 2:
            return weekly(zone, TO_MIDNIGHT, DAYS)
        case 3:
            return weekly(zone, PADDED) | {"frequency": "CUSTOM"}
        case 4:
            return weekly(zone, OFFICE, DAYS) | {"frequency": "DAILY"}
        case 5:
            return {"frequency": "DAILY", "timezone": zone}
        case 6:
            # a daily window without a day
            return {
                "timezone": zone,
                "frequency": "DAILY",
                "days": [{"start": "8:30 AM", "end": "5:15 PM"}],
            }
        case 7:
            return weekly(zone, LATE, (*WEEKDAYS, "SA"))
        case 8:
            hours = weekly(zone, OFFICE)
            # SMS answers have the keys of a window in this order
            days = [{key: day[key] for key in ("day", "start", "end")} for day in hours["days"]]
            return hours | {"days": days}
    return weekly(zone, OFFICE)
