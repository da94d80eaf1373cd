"""The raw tables of time zones: what SQL dialects disagree about is computed in Python, once."""

from __future__ import annotations

from typing import Final

from kore_campaigns.columns import Table, at_column, bool_column, int_column, text_column

_TIMEZONE = text_column(
    "timezone",
    "Zone of the calling hours, IANA name; a contact's own zone takes precedence.",
)
TIME_ZONES: Final = Table(
    "time_zones",
    "One row per time zone that a campaign version names.",
    ("timezone",),
    (
        _TIMEZONE,
        bool_column(
            "is_iana", "True if the IANA database has the name; else the hours cannot be placed."
        ),
        bool_column("is_legacy", "True for an old name that is kept for old programs alone."),
        text_column("canonical_timezone", "The name in use today; empty if it is no IANA name."),
        text_column(
            "country_code",
            "Country a zone lies in, ISO 3166-1 alpha-2; empty if it is in none or in several.",
        ),
        text_column("tzdata_version", "Release of the rules that the offsets were made with."),
        at_column("covered_until", "Until when `zone_offsets` has the zone's offsets (UTC)."),
    ),
)
ZONE_OFFSETS: Final = Table(
    "zone_offsets",
    "One row per time zone and span in which its clock stays as it is against UTC.",
    ("timezone", "starts_at"),
    (
        _TIMEZONE,
        at_column("starts_at", "From when (UTC)."),
        at_column("ends_at", "Until when (UTC), exclusive."),
        int_column("utc_offset_minutes", "Minutes that the local clock is ahead of UTC."),
    ),
)
