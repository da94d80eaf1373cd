"""Calling hours as cells of a week: one cell per campaign and hour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pandas as pd

DAY_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEK: Final = 7 * 1440
# 1 January 1970 was a Thursday
MONDAY_OF_1970: Final = 3 * 1440


def cells(spans: Iterable[tuple[str, int, int]]) -> pd.DataFrame:
    """Minutes in which each campaign may dial, by hour of the week.

    `spans` are name, start and end, in minutes since Monday 00:00. Minutes after the end of the
    week wrap to its start. Spans of one campaign must not overlap.
    """
    found: dict[tuple[str, int], int] = {}
    for name, opens, closes in spans:
        for hour in range(opens // 60, (closes + 59) // 60):
            minutes = min(closes, hour * 60 + 60) - max(opens, hour * 60)
            key = (name, hour % 168)
            found[key] = found.get(key, 0) + minutes
    return pd.DataFrame(
        [
            {
                "campaign": name,
                "hour": hour,
                "when": f"{DAY_NAMES[hour // 24]} {hour % 24:02}:00",
                "minutes": min(minutes, 60),
            }
            for (name, hour), minutes in sorted(found.items())
        ],
        columns=["campaign", "hour", "when", "minutes"],
    )


def spans_of(found: pd.DataFrame) -> list[tuple[str, int, int]]:
    """List name, start and end; add the id where campaigns share a name."""
    ids = found.groupby("campaign_name")["campaign_id"].nunique()
    return [
        (f"{name} ({key})" if ids[name] > 1 else str(name), int(opens), int(closes))
        for key, name, opens, closes in zip(
            found["campaign_id"],
            found["campaign_name"],
            found["opens"],
            found["closes"],
            strict=True,
        )
    ]


def of_week(minute: int) -> int:
    """Minute of the week of a minute since 1970 (UTC)."""
    return (minute + MONDAY_OF_1970) % WEEK
