"""The raw table of the limits that the user's campaigns are held against."""

from __future__ import annotations

from typing import Final

from kore_campaigns.columns import Table, int_column, text_column
from kore_campaigns.run_tables import STREAM_ID

POLICIES: Final = Table(
    "policies",
    "One row per line of the file of policies and weekday: the limits that the user set.",
    ("stream_id", "policy_name", "position", "day_of_week"),
    (
        STREAM_ID,
        text_column("policy_name", "The policy the limit belongs to."),
        int_column("position", "Place of the line in the file, from 1."),
        int_column("day_of_week", "ISO weekday, 1 = Monday to 7 = Sunday."),
        text_column(
            "zone_pattern", "Zones of campaigns it applies to, with `*` and `?`; empty: all."
        ),
        text_column("zone_like", "`zone_pattern` for SQL's `like ... escape '!'`."),
        text_column(
            "country_code",
            "Country a zone lies in, ISO 3166-1 alpha-2; empty if it is in none or in several.",
        ),
        text_column(
            "campaign_pattern",
            "Campaigns it applies to, by id or name, with `*` and `?`; empty: all.",
        ),
        text_column("campaign_like", "`campaign_pattern` for SQL's `like ... escape '!'`."),
        int_column(
            "earliest_minute",
            "First permitted minute of the day, 0 to 1439, local to the campaign's zone; empty: "
            "no limit.",
        ),
        int_column(
            "latest_minute",
            "Minute of the day by which calling must end, 1 to 1440; 0: no call on this day; "
            "empty: no limit.",
        ),
        int_column("max_attempts_per_24h", "Most tries of one contact in 24 hours; empty: any."),
        int_column("min_ring_seconds", "Least time a call must ring; empty: any."),
    ),
)
