"""Read the file of policies: the limits that the user's own campaigns are held against.

    name,zone,country,campaign,weekday,earliest,latest,max_attempts_per_24h,min_ring_seconds
    US federal,,US,,,8:00 AM,9:00 PM,,
    Alabama,,,*Alabama*,SU,closed,,,

One line is one limit or several; lines with the same name are one policy.  `zone` and `campaign`
may hold `*` and `?`; a campaign is meant by its id or its name.  What is left empty limits nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from kore_campaigns.config.campaign_ids import Form, read_records
from kore_campaigns.errors import PoliciesInvalid
from kore_campaigns.transform.calling_hours import DAY_CODES, MINUTES_A_DAY, parse_clock

Row = dict[str, Any]

DEFAULT_POLICIES: Final = "policies.csv"
HEADER: Final = (
    "name",
    "zone",
    "country",
    "campaign",
    "weekday",
    "earliest",
    "latest",
    "max_attempts_per_24h",
    "min_ring_seconds",
)
FORM: Final = Form(
    columns=HEADER,
    header=f"the header `name`, beside any of `{'`, `'.join(HEADER[1:])}`",
    values="values, as in the header",
    invalid=PoliciesInvalid,
)
CLOSED = "closed"


def read_policies(path: Path) -> list[Row]:
    """Rows of `kore_raw.policies` but for the app they are for: one per line and weekday.

    Raises `PoliciesInvalid` at the first thing that cannot be right.
    """
    return [
        row
        for position, (line, values) in enumerate(read_records(path, FORM), start=1)
        for row in _Line(str(path), line, values).rows(position)
    ]


class _Line:
    """One line of the file, every value checked."""

    def __init__(self, file: str, line: int, values: Mapping[str, str]) -> None:
        self._file, self._line, self._values = file, line, values

    def rows(self, position: int) -> list[Row]:
        name = self._value("name")
        if not name:
            self._refuse("name", "a name for the policy in each line")
        earliest, latest = self._hours()
        country = self._value("country").upper()
        if country and not re.fullmatch("[A-Z]{2}", country):
            self._refuse("country", "a country's two letters (ISO 3166), such as `US`")
        zone, campaign = self._value("zone"), self._value("campaign")
        row = {
            "policy_name": name,
            "position": position,
            "zone_pattern": zone or None,
            "zone_like": like(zone),
            "country_code": country or None,
            "campaign_pattern": campaign or None,
            "campaign_like": like(campaign),
            "earliest_minute": earliest,
            "latest_minute": latest,
            "max_attempts_per_24h": self._number("max_attempts_per_24h"),
            "min_ring_seconds": self._number("min_ring_seconds"),
        }
        return [row | {"day_of_week": day} for day in self._weekdays()]

    def _value(self, name: str) -> str:
        return self._values.get(name, "")

    def _hours(self) -> tuple[int | None, int | None]:
        """Earliest and latest minute; both 0 on a day on which nobody may be called."""
        if CLOSED in (self._value("earliest").casefold(), self._value("latest").casefold()):
            return 0, 0
        earliest, latest = self._clock("earliest"), self._clock("latest")
        if latest == 0:  # midnight as an end is the next one, as in Kore's calling hours
            latest = MINUTES_A_DAY
        if earliest is not None and latest is not None and earliest >= latest:
            self._refuse("latest", "a time after `earliest`, on the same day")
        return earliest, latest

    def _clock(self, name: str) -> int | None:
        value = self._value(name)
        minute = parse_clock(value) if value else None
        if value and minute is None:
            self._refuse(name, "a time such as `8:00 AM` or `20:00`, or `closed`")
        return minute

    def _number(self, name: str) -> int | None:
        value = self._value(name)
        if not value:
            return None
        if not re.fullmatch("[0-9]{1,6}", value):
            self._refuse(name, "a whole number, 0 or more")
        return int(value)

    def _weekdays(self) -> list[int]:
        value = self._value("weekday").upper()
        if value in ("", "*"):
            return [*range(1, 8)]
        found: set[int] = set()
        for part in re.split(r"[\s,+;]+", value):
            first, _, last = part.partition("-")
            if first not in DAY_CODES or (last or first) not in DAY_CODES:
                self._refuse("weekday", "weekdays such as `MO`, `MO-FR` or `SA SU`")
            begin, end = DAY_CODES.index(first), DAY_CODES.index(last or first)
            length = (end - begin) % 7 + 1  # FR-MO goes on past Sunday
            found.update((begin + step) % 7 + 1 for step in range(length))
        return sorted(found)

    def _refuse(self, name: str, expected: str) -> NoReturn:
        raise PoliciesInvalid(
            self._file,
            line=self._line,
            value=f"{name} = {self._value(name)}",
            expected=expected,
        )


def like(pattern: str) -> str | None:
    """The pattern as SQL's `like ... escape '!'` wants it, in small letters; None for any."""
    if not pattern:
        return None
    escaped = re.sub(r"([!%_])", r"!\1", pattern.lower())
    return escaped.replace("*", "%").replace("?", "_")
