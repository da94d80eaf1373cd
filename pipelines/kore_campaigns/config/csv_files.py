"""The csv files of a project, campaign ids and policies; an error is reported to the line.

Policies are the limits that the user's own campaigns are compared with:

    name,zone,country,campaign,weekday,earliest,latest,max_attempts_per_24h,min_ring_seconds
    US federal,,US,,,8:00 AM,9:00 PM,,
    Alabama,,,*Alabama*,SU,closed,,,

A line has one limit or several; lines with the same name are one policy. `zone` and `campaign` may
contain `*` and `?`; `campaign` is the id or the name of a campaign. An empty cell limits nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from kore_campaigns.errors import CampaignIdsInvalid, FileInvalid, PoliciesInvalid, counted
from kore_campaigns.transform.calling_hours import DAY_CODES, MINUTES_A_DAY, parse_clock

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
QUOTE: Final = 'put a name or a note that holds a comma in "quotes"'

Row = dict[str, Any]


def read_records(
    path: Path, columns: Sequence[str], invalid: type[FileInvalid]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column of every line below the header that has a value.

    The first of `columns` must be in the header, the others may be; in any order.
    Accepts a byte-order mark, CRLF, blank lines, `#` comments and blanks around values.
    Raises `invalid` at the first error.
    """
    others = ", ".join(f"`{name}`" for name in columns[1:])
    header = f"the header `{columns[0]}`, optionally followed by {others}"
    lines = io.StringIO(_text(path, header, invalid), newline="")
    # a quote in a comment would include the lines below it
    uncommented = ("\n" if line.lstrip().startswith("#") else line for line in lines)
    reader = csv.reader(uncommented, skipinitialspace=True, strict=True)
    names: list[str] = []
    try:
        for raw_cells in reader:
            line = reader.line_num
            for raw_value in raw_cells:
                first, *more = _LINE_END.split(raw_value)
                if more:  # a quote that is not closed includes the lines below it
                    expected = "a value on one line, its quotes closed"
                    raise invalid(path, expected, line=line - len(more), value=first)
            cells = [cell.strip() for cell in raw_cells]
            value = ",".join(cells)
            if names and any(cells[len(names) :]):
                expected = f"{counted(len(names), 'value')}, as in the header; {QUOTE}"
                raise invalid(path, expected, line=line, value=value)
            if names and any(cells):
                yield line, dict(zip(names, cells, strict=False))
            elif any(cells):
                names = value.casefold().rstrip(",").split(",")  # Excel writes empty columns
                is_known = columns[0] in names and {*names} <= {*columns}
                if not is_known or len({*names}) < len(names):
                    is_one_cell = re.fullmatch(r"[^,]*[;\t|][^,]*", value)
                    hint = "; separate columns by commas" if is_one_cell else ""
                    raise invalid(path, header + hint, line=line, value=value)
    except csv.Error as failed:
        raise invalid(path, f"csv ({failed})", line=reader.line_num) from None
    if not names:
        raise invalid(path, header + "; the file is empty")


def _text(path: Path, header: str, invalid: type[FileInvalid]) -> str:
    try:
        raw = path.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as failed:
        is_missing = isinstance(failed, FileNotFoundError)
        absent = "it does not exist (`kore-campaigns init` writes an example)"
        reason = absent if is_missing else failed.strerror
        raise invalid(path, f"a readable csv file with {header}; {reason}") from None
    except UnicodeDecodeError as failed:
        raise invalid(
            path,
            "text in UTF-8 (in Excel: save as `CSV UTF-8`)",
            line=raw.count(b"\n", 0, failed.start) + 1,
            value=raw[failed.start : failed.start + 4].hex(" "),
        ) from None


# instead of an id: every campaign of the account listing
EVERY: Final = "*"
IDS_HEADER: Final = ("campaign_id", "note", "connection")
# No UUID pattern: ids of voice campaigns have a first group of seven digits. Refused are only signs
# that a URL path cannot have and typing errors: blanks, quotes, separators, signs beyond ASCII,
# which may be invisible or look like another
ID: Final = re.compile(r"""(?!\.{1,2}$)(?:(?![/\\?#%&;,|<>"'`{}()\[\]*])[!-~]){1,200}""")
EXPECTED_ID: Final = (
    "a campaign id such as `cd-9e14b72-88cc-4544-9a98-7aee9b7a1c2d`, without blanks, quotes, "
    "slashes or signs beyond ASCII, or `*` alone for every campaign of the account listing"
)


def spelled_out(text: str) -> str:
    """The text, with the code point of each sign outside printable ASCII: `cd-1<U+202A>`."""
    return re.sub(r"[^ -~]", lambda sign: f"<U+{ord(sign[0]):04X}>", text)


@dataclass(frozen=True, slots=True)
class ConfiguredCampaign:
    """One line of the file."""

    campaign_id: str
    note: str
    connection: str
    line: int


def read_campaign_ids(path: Path) -> list[ConfiguredCampaign]:
    """The campaigns of the file in its order, each once per connection.

    Raises `CampaignIdsInvalid` at the first error.
    """
    found: dict[tuple[str, str], ConfiguredCampaign] = {}
    for line, cells in read_records(path, IDS_HEADER, CampaignIdsInvalid):
        campaign_id, connection = cells.get("campaign_id", ""), cells.get("connection", "")
        if campaign_id != EVERY and not ID.fullmatch(campaign_id):
            shown = spelled_out(campaign_id)
            raise CampaignIdsInvalid(path, EXPECTED_ID, line=line, value=shown)
        campaign = ConfiguredCampaign(campaign_id, cells.get("note", ""), connection, line)
        found.setdefault((connection, campaign_id), campaign)
    if not found:
        raise CampaignIdsInvalid(path, "at least one campaign id below the header")
    campaigns = list(found.values())
    for every in campaigns:
        for other in campaigns if every.campaign_id == EVERY else ():
            # `*` includes all ids of its connection, so another one is an error
            if other is not every and other.connection in ("", every.connection):
                expected = f"no other id next to `*`, but line {other.line} has one"
                raise CampaignIdsInvalid(path, expected, line=every.line, value=EVERY)
    return campaigns


DEFAULT_POLICIES: Final = "policies.csv"
POLICIES_HEADER: Final = (
    *("name", "zone", "country", "campaign", "weekday", "earliest", "latest"),
    *("max_attempts_per_24h", "min_ring_seconds", "max_dnc_age_days", "date"),
)


def read_policies(path: Path) -> list[Row]:
    """Rows of `kore_raw.policies` without the app: one per line and weekday or date.

    Raises `PoliciesInvalid` at the first error.
    """
    records = read_records(path, POLICIES_HEADER, PoliciesInvalid)
    return [
        {**row, "position": position}
        for position, (line, cells) in enumerate(records, start=1)
        for row in _Line(path, line, dict.fromkeys(POLICIES_HEADER, "") | cells).rows()
    ]


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file; every value is checked."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def rows(self) -> Iterator[Row]:
        for cell, value in self.cells.items():
            if "\0" in value:  # Postgres cannot store it
                raise self.invalid(cell=cell, expected="text without NUL signs")
        if not self.cells["name"]:
            raise self.invalid(cell="name", expected="a name for the policy in each line")
        country = self.cells["country"].upper()
        if country and not re.fullmatch("[A-Z]{2}", country):
            raise self.invalid(
                cell="country", expected="a country's two letters (ISO 3166), such as `US`"
            )
        closed = self.closed_date()
        earliest, latest = (0, 0) if closed else self.hours()
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
            "max_dnc_age_days": self.number("max_dnc_age_days"),
            "closed_date": closed,
        }
        for day in [closed.isoweekday()] if closed else self.weekdays():
            yield {**row, "day_of_week": day}

    def closed_date(self) -> date | None:
        """The date that the line closes; it has no limits besides."""
        value = self.cells["date"]
        if not value:
            return None
        others = [name for name in POLICIES_HEADER[4:] if name != "date" and self.cells[name]]
        if any(self.cells[name].casefold() != "closed" for name in others):
            expected = "no weekday and no limit on the line of a date: calls are closed on it"
            raise self.invalid(cell=others[0], expected=expected)
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007  # a date has no zone
        except ValueError:
            raise self.invalid(cell="date", expected="a date such as `2026-12-25`") from None

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
        # seconds count against the campaign, as those of its windows do
        minute = parse_clock(value, round_up=name == "earliest") if value else None
        if value and minute is None:
            raise self.invalid(
                cell=name, expected="a time such as `8:00 AM` or `20:00`, or `closed`"
            )
        return minute

    def number(self, name: str) -> int | None:
        value = self.cells[name]
        if value and not re.fullmatch("[0-9]{1,6}", value):
            raise self.invalid(cell=name, expected="a whole number from 0 to 999999")
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

    def invalid(self, *, cell: str, expected: str) -> PoliciesInvalid:
        value = f"{cell} = {spelled_out(self.cells[cell])}"
        return PoliciesInvalid(self.path, expected, line=self.line, value=value)


def like(pattern: str) -> str | None:
    """The pattern for SQL's `like ... escape '!'`, in lower case; None for any."""
    if not pattern:
        return None
    escaped = re.sub(r"([!%_])", r"!\1", pattern.lower())
    return escaped.replace("*", "%").replace("?", "_")
