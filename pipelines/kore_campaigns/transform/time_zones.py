"""Facts of a time zone: whether it exists, its country, and when its clock changes.

From the `tzdata` package alone, so that the machine's own rules make no difference.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from importlib.metadata import version
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

_FILES: Final = resources.files("tzdata") / "zoneinfo"
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """`canonical_timezone` and `country_code` are None where there is none, or no single one."""

    is_iana: bool
    is_legacy: bool = False
    canonical_timezone: str | None = None
    country_code: str | None = None


@dataclass(frozen=True, slots=True)
class OffsetSpan:
    """A time in which the offset of a zone from UTC does not change."""

    starts_at: datetime
    ends_at: datetime
    utc_offset_minutes: int


def tzdata_version() -> str:
    """Version of the rules in use; they change several times a year."""
    return version("tzdata")


def zone_facts(name: str) -> ZoneFacts:
    """Return what the IANA time zone database has of a name, written exactly so.

    Legacy names are kept for old programs alone: a former spelling (`Asia/Calcutta`), a country or
    an abbreviation (`GB`, `EST5EDT`).
    """
    zones = _zones()
    if name not in zones.names:
        return ZoneFacts(is_iana=False)
    is_legacy = name not in zones.countries and name != "UTC" and not name.startswith("Etc/")
    if not is_legacy:
        return ZoneFacts(True, False, name, zones.countries.get(name))
    canonical = zones.links.get(name, name)
    # Zones of several countries with the same time are one in the database, so the canonical zone
    # may be in another country: `Iceland` leads to Africa/Abidjan
    first, _, rest = name.partition("/")
    if first in zones.country_codes.values():
        country: str | None = first
    elif first in zones.country_codes:
        country = zones.country_codes[first]
    else:
        country = zones.single_countries.get(canonical) if rest else None
    return ZoneFacts(True, True, canonical, country)


@dataclass(frozen=True, slots=True)
class _Zones:
    names: frozenset[str]
    links: Mapping[str, str]
    """Current name by former name."""
    countries: Mapping[str, str]
    """Country code of each zone that has a place on the map."""
    country_codes: Mapping[str, str]
    """Code by name of the country."""
    single_countries: Mapping[str, str]
    """Country code of each zone that is in one country only."""


@cache
def _zones() -> _Zones:
    # `L target link`, and `Z name ...` for each other zone
    rules = [line.split() for line in _lines("tzdata.zi") if line[:2] in ("L ", "Z ")]
    links = {rule[2]: rule[1] for rule in rules if rule[0] == "L"}
    shared = {row[2]: row[0] for row in _table("zone1970.tab")}
    return _Zones(
        names=frozenset({rule[1] for rule in rules if rule[0] == "Z"} | links.keys()) - {"Factory"},
        links=MappingProxyType(links),
        countries=MappingProxyType({row[2]: row[0] for row in _table("zone.tab")}),
        country_codes=MappingProxyType({row[1]: row[0] for row in _table("iso3166.tab")}),
        single_countries=MappingProxyType(
            {zone: codes for zone, codes in shared.items() if "," not in codes}
        ),
    )


def _table(file: str) -> list[list[str]]:
    return [line.split("\t") for line in _lines(file) if not line.startswith("#")]


def _lines(file: str) -> list[str]:
    text = _FILES.joinpath(file).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line]


def offset_spans(name: str, begin: datetime, end: datetime) -> Iterator[OffsetSpan]:
    """The zone's offsets from `begin` to `end` (UTC), to the minute, without gap; for IANA names.

    An offset of less than a day between two equal ones would be missed; none exists since clocks
    are set by law.
    """
    with _FILES.joinpath(*name.split("/")).open("rb") as file:
        zone = ZoneInfo.from_file(file, key=name)
    starts_at, offset = begin, _offset(zone, begin)
    moment = begin
    while moment < end:
        following = min(moment + _DAY, end)
        if following < end and _offset(zone, following) != offset:
            changed = _first_change(zone, moment, following)
            yield OffsetSpan(starts_at, changed, offset)
            starts_at, offset = changed, _offset(zone, changed)
            following = changed
        moment = following
    yield OffsetSpan(starts_at, end, offset)


def _first_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first minute with another offset than at `before`."""
    offset = _offset(zone, before)
    minutes = range((after - before) // _MINUTE)
    return before + _MINUTE * bisect_left(
        minutes, True, key=lambda minute: _offset(zone, before + _MINUTE * minute) != offset
    )


def _offset(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return 0 if offset is None else offset // _MINUTE
