"""What is known of a time zone by its name: is it one, where is it, when does its clock change.

From the `tzdata` package alone, so that a database says the same whatever machine wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Final
from zoneinfo import ZoneInfo

_FILES: Final = resources.files("tzdata") / "zoneinfo"
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """`canonical_name` and `country_code` are None where there is none, or no single one."""

    is_iana: bool
    is_legacy: bool = False
    canonical_name: str | None = None
    country_code: str | None = None


@dataclass(frozen=True, slots=True)
class OffsetSpan:
    """A time in which a zone's clock is so many minutes ahead of UTC."""

    starts_at: datetime
    ends_at: datetime
    utc_offset_minutes: int


def tzdata_version() -> str:
    """Of the rules in use; they change several times a year."""
    return version("tzdata")


def zone_facts(name: str) -> ZoneFacts:
    """What the IANA time zone database says of a name; names are matched to the letter.

    Legacy is what is kept for old programs alone: a former spelling (`Asia/Calcutta`), a country
    or an abbreviation (`GB`, `EST5EDT`).
    """
    if name not in _names():
        return ZoneFacts(is_iana=False)
    is_placed = name in _countries()
    is_legacy = not is_placed and name != "UTC" and not name.startswith("Etc/")
    canonical = _links().get(name, name) if is_legacy else name
    country = _countries().get(name) or (_country_of_legacy(name, canonical) if is_legacy else None)
    return ZoneFacts(True, is_legacy, canonical, country)


def offset_spans(name: str, begin: datetime, end: datetime) -> Iterator[OffsetSpan]:
    """The zone's offsets from `begin` to `end` (UTC), to the minute, without gap; for IANA names.

    An offset that holds for less than a day between two equal ones would be passed over; there has
    been none since clocks are set by law.
    """
    zone = _zone(name)
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
    while after - before > _MINUTE:
        middle = before + ((after - before) // _MINUTE // 2) * _MINUTE
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return 0 if offset is None else offset // _MINUTE


@cache
def _zone(name: str) -> ZoneInfo:
    with _FILES.joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def _rules() -> tuple[tuple[str, ...], ...]:
    """Lines of the compact source: `L target link`, and `Z name ...` for each other zone."""
    text = _FILES.joinpath("tzdata.zi").read_text(encoding="utf-8")
    return tuple(tuple(line.split()[:3]) for line in text.splitlines() if line[:2] in ("L ", "Z "))


@cache
def _links() -> dict[str, str]:
    return {line[2]: line[1] for line in _rules() if line[0] == "L"}


@cache
def _names() -> frozenset[str]:
    zones = {line[1] for line in _rules() if line[0] == "Z"}
    return frozenset(zones | _links().keys()) - {"Factory"}


@cache
def _countries() -> dict[str, str]:
    """The country of each zone that has a place on the map."""
    return {row[2]: row[0] for row in _table("zone.tab")}


def _country_of_legacy(name: str, canonical: str) -> str | None:
    """The country an old name stands for, where that can be told.

    Zones of several countries that keep the same time are one in the database, so what an old
    name leads to may lie in another country: `Iceland` leads to Africa/Abidjan.
    """
    first, _, rest = name.partition("/")
    codes = {row[1]: row[0] for row in _table("iso3166.tab")}
    if first in codes.values():
        return first
    if first in codes:
        return codes[first]
    shared = [row[0].split(",") for row in _table("zone1970.tab") if row[2] == canonical]
    return shared[0][0] if rest and shared and len(shared[0]) == 1 else None


@cache
def _table(file: str) -> tuple[tuple[str, ...], ...]:
    lines = _FILES.joinpath(file).read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split("\t")) for line in lines if line and not line.startswith("#"))
