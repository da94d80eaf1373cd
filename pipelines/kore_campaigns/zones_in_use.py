"""Rows of `time_zones` and `zone_offsets` for every zone that a campaign version names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kore_campaigns import tables
from kore_campaigns.held import Reader, query
from kore_campaigns.reference import Reference, held_rows
from kore_campaigns.time_zones import offset_spans, tzdata_version, zone_facts

FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
YEARS_AHEAD: Final = 3
# the offsets are made anew in time for whoever asks about the coming year
_ENOUGH: Final = timedelta(days=550)

_IN_USE = "select distinct timezone from {versions} where timezone is not null and timezone <> ''"


def zone_references(reader: Reader, *, now: datetime) -> Sequence[Reference]:
    """Both tables as they should be; none if what is held is still good.

    They are made anew for a new zone, for new rules, and before the offsets end.
    """
    names = sorted(name for (name,) in query(reader, _IN_USE))
    held = {row["timezone"]: row for row in held_rows(reader, tables.TIME_ZONES, {})}
    if names == sorted(held) and all(_is_good(row, now) for row in held.values()):
        return ()
    until = datetime(now.year + YEARS_AHEAD, 1, 1, tzinfo=UTC)
    offsets = [row for name in names for row in _offset_rows(name, until)]
    return (
        Reference(tables.TIME_ZONES, [_zone_row(name, until) for name in names]),
        Reference(tables.ZONE_OFFSETS, offsets),
    )


def _is_good(row: Mapping[str, Any], now: datetime) -> bool:
    return bool(row["tzdata_version"] == tzdata_version() and row["covered_until"] >= now + _ENOUGH)


def _zone_row(name: str, until: datetime) -> dict[str, Any]:
    facts = zone_facts(name)
    return {
        "timezone": name,
        "is_iana": facts.is_iana,
        "is_legacy": facts.is_legacy,
        "canonical_timezone": facts.canonical_name,
        "country_code": facts.country_code,
        "tzdata_version": tzdata_version(),
        "covered_until": until,
    }


def _offset_rows(name: str, until: datetime) -> list[dict[str, Any]]:
    if not zone_facts(name).is_iana:
        return []
    return [
        {
            "timezone": name,
            "starts_at": span.starts_at,
            "ends_at": span.ends_at,
            "utc_offset_minutes": span.utc_offset_minutes,
        }
        for span in offset_spans(name, FROM, until)
    ]
