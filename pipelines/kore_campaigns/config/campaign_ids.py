"""The file of campaign ids, and the csv reader that reports an error to the line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kore_campaigns.errors import CampaignIdsInvalid, FileInvalid


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """Columns of a csv file, and the texts that describe it in messages."""

    columns: Sequence[str]
    """The first must be in the header, the others may be; in any order."""
    header: str
    values: str
    """The expected values of a line that has more cells than the header."""
    invalid: type[FileInvalid]

    def error(
        self, path: Path, expected: str, *, line: int | None = None, value: str | None = None
    ) -> FileInvalid:
        return self.invalid(str(path), line=line, value=value, expected=expected)


def read_records(path: Path, form: CsvFormat) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column of every line below the header that has a value.

    Accepts a byte-order mark, CRLF, blank lines, `#` comments and blanks around values.
    Raises `form.invalid` at the first error.
    """
    lines = io.StringIO(_text(path, form), newline="")
    # a quote in a comment would include the lines below it
    uncommented = ("\n" if line.lstrip().startswith("#") else line for line in lines)
    reader = csv.reader(uncommented, skipinitialspace=True, strict=True)
    names: list[str] = []
    try:
        for raw_cells in reader:
            line = reader.line_num
            for raw_value in raw_cells:
                # a quote that is not closed would include the lines below it
                first, *more = re.split(r"\r\n|\r|\n", raw_value)
                if more:
                    expected = "a value on one line, its quotes closed"
                    raise form.error(path, expected, line=line - len(more), value=first)
            cells = [cell.strip() for cell in raw_cells]
            value = ",".join(cells)
            if names and any(cells[len(names) :]):
                raise form.error(path, f"{len(names)} {form.values}", line=line, value=value)
            if names and any(cells):
                yield line, dict(zip(names, cells, strict=False))
            elif any(cells):
                names = [cell.casefold() for cell in cells]
                is_known = form.columns[0] in names and {*names} <= {*form.columns}
                if not is_known or len({*names}) < len(names):
                    is_one_cell = re.fullmatch(r"[^,]*[;\t|][^,]*", value)
                    hint = "; separate columns by commas" if is_one_cell else ""
                    raise form.error(path, form.header + hint, line=line, value=value)
    except csv.Error as failed:
        raise form.error(path, f"csv ({failed})", line=reader.line_num) from None
    if not names:
        raise form.error(path, form.header + "; the file is empty")


def _text(path: Path, form: CsvFormat) -> str:
    try:
        raw = path.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as failed:
        is_missing = isinstance(failed, FileNotFoundError)
        reason = "it does not exist" if is_missing else failed.strerror
        raise form.error(path, f"a readable csv file with {form.header}; {reason}") from None
    except UnicodeDecodeError as failed:
        raise form.error(
            path,
            "text in UTF-8 (in Excel: save as `CSV UTF-8`)",
            line=raw.count(b"\n", 0, failed.start) + 1,
            value=raw[failed.start : failed.start + 4].hex(" "),
        ) from None


# instead of an id: every campaign of the account listing
EVERY: Final = "*"
FORMAT: Final = CsvFormat(
    columns=("campaign_id", "note", "connection"),
    header="the header `campaign_id`, optionally followed by `note` and `connection`",
    values='value(s), as in the header; put a note that holds a comma in "quotes"',
    invalid=CampaignIdsInvalid,
)
# No UUID pattern: ids of voice campaigns have a first group of seven digits. Refused are only signs
# that a URL path cannot have and typing errors: blanks, also invisible ones, quotes, separators
ID: Final = re.compile(
    r"""(?!\.{1,2}$)[^\s/\\?#%&;,|<>"'`{}()\[\]*\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff]{1,200}"""
)
EXPECTED_ID: Final = (
    "a campaign id such as `cd-9e14b72-88cc-4544-9a98-7aee9b7a1c2d`, without blanks, "
    "quotes or slashes, or `*` alone for every campaign of the account listing"
)


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
    for line, cells in read_records(path, FORMAT):
        campaign_id, connection = cells.get("campaign_id", ""), cells.get("connection", "")
        if campaign_id != EVERY and not ID.fullmatch(campaign_id):
            raise FORMAT.error(path, EXPECTED_ID, line=line, value=campaign_id)
        campaign = ConfiguredCampaign(campaign_id, cells.get("note", ""), connection, line)
        found.setdefault((connection, campaign_id), campaign)
    if not found:
        raise FORMAT.error(path, "at least one campaign id below the header")
    campaigns = list(found.values())
    for every in campaigns:
        for other in campaigns if every.campaign_id == EVERY else ():
            # `*` includes all ids of its connection, so another one is an error
            if other is not every and other.connection in ("", every.connection):
                expected = f"no other id next to `*`, but line {other.line} has one"
                raise FORMAT.error(path, expected, line=every.line, value=EVERY)
    return campaigns
