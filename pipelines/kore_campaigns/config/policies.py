"""The file of policies: the limits that the user's own campaigns are compared with.

    name,zone,country,campaign,weekday,earliest,latest,max_attempts_per_24h,min_ring_seconds
    US federal,,US,,,8:00 AM,9:00 PM,,
    Alabama,,,*Alabama*,SU,closed,,,

A line has one limit or several; lines with the same name are one policy. `zone` and `campaign` may
contain `*` and `?`; `campaign` is the id or the name of a campaign. An empty cell limits nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kore_campaigns.config.campaign_ids import CsvFormat, read_records
from kore_campaigns.errors import FileInvalid, PoliciesInvalid
from kore_campaigns.transform.calling_hours import DAY_CODES, MINUTES_A_DAY, parse_clock

Row = dict[str, Any]

DEFAULT_POLICIES: Final = "policies.csv"
HEADER: Final = (
    *("name", "zone", "country", "campaign", "weekday", "earliest", "latest"),
    *("max_attempts_per_24h", "min_ring_seconds"),
)
FORMAT: Final = CsvFormat(
    columns=HEADER,
    header=f"the header `name`, with any of `{'`, `'.join(HEADER[1:])}`",
    values="values, as in the header",
    invalid=PoliciesInvalid,
)


def read_policies(path: Path) -> list[Row]:
    """Rows of `kore_raw.policies` without the app: one per line and weekday.

    Raises `PoliciesInvalid` at the first error.
    """
    return [
        {**row, "position": position}
        for position, (line, cells) in enumerate(read_records(path, FORMAT), start=1)
        for row in _Line(path, line, dict.fromkeys(HEADER, "") | cells).rows()
    ]


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file; every value is checked."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def rows(self) -> Iterator[Row]:
        if not self.cells["name"]:
            raise self.invalid(cell="name", expected="a name for the policy in each line")
        country = self.cells["country"].upper()
        if country and not re.fullmatch("[A-Z]{2}", country):
            raise self.invalid(
                cell="country", expected="a country's two letters (ISO 3166), such as `US`"
            )
        earliest, latest = self.hours()
        row = {
            "policy_name": self.cells["name"],
            "zone_pattern": self.cells["zone"] or None,
            "zone_like": like(self.cells["zone"]),
            "country_code": country or None,
            "campaign_pattern": self.cells["campaign"] or None,
            "campaign_like": like(self.cells["campaign"]),
            "earliest_minute": earliest,
            "latest_minute": latest,
            "max_attempts_per_24h": self.number("max_attempts_per_24h"),
            "min_ring_seconds": self.number("min_ring_seconds"),
        }
        for day in self.weekdays():
            yield {**row, "day_of_week": day}

    def hours(self) -> tuple[int | None, int | None]:
        """Earliest and latest minute; both 0 on a day without calls."""
        if "closed" in (self.cells["earliest"].casefold(), self.cells["latest"].casefold()):
            return 0, 0
        earliest, latest = self.clock("earliest"), self.clock("latest")
        if latest == 0:  # midnight as an end is the next one, as in Kore's calling hours
            latest = MINUTES_A_DAY
        if earliest is not None and latest is not None and earliest >= latest:
            raise self.invalid(cell="latest", expected="a time after `earliest`, on the same day")
        return earliest, latest

    def clock(self, name: str) -> int | None:
        value = self.cells[name]
        minute = parse_clock(value) if value else None
        if value and minute is None:
            raise self.invalid(
                cell=name, expected="a time such as `8:00 AM` or `20:00`, or `closed`"
            )
        return minute

    def number(self, name: str) -> int | None:
        value = self.cells[name]
        if value and not re.fullmatch("[0-9]{1,6}", value):
            raise self.invalid(cell=name, expected="a whole number, 0 or more")
        return int(value) if value else None

    def weekdays(self) -> list[int]:
        value = self.cells["weekday"].upper()
        if value in ("", "*"):
            return [*range(1, 8)]
        found: set[int] = set()
        for part in re.split(r"[\s,+;]+", value):
            first, _, last = part.partition("-")
            if first not in DAY_CODES or (last or first) not in DAY_CODES:
                raise self.invalid(
                    cell="weekday", expected="weekdays such as `MO`, `MO-FR` or `SA SU`"
                )
            begin, end = DAY_CODES.index(first), DAY_CODES.index(last or first)
            length = (end - begin) % 7 + 1  # FR-MO continues after Sunday
            found.update((begin + step) % 7 + 1 for step in range(length))
        return sorted(found)

    def invalid(self, *, cell: str, expected: str) -> FileInvalid:
        value = f"{cell} = {self.cells[cell]}"
        return FORMAT.error(self.path, expected, line=self.line, value=value)


def like(pattern: str) -> str | None:
    """The pattern for SQL's `like ... escape '!'`, in lower case; None for any."""
    if not pattern:
        return None
    escaped = re.sub(r"([!%_])", r"!\1", pattern.lower())
    return escaped.replace("*", "%").replace("?", "_")
