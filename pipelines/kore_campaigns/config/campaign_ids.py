"""Read the file of campaign ids that a person keeps, and say to the line what is wrong with it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kore_campaigns.errors import CampaignIdsInvalid, FileInvalid


@dataclass(frozen=True, slots=True)
class Form:
    """What a file is to look like, in the words of its messages."""

    columns: Sequence[str]
    """The first must be in the header, the others may be; in any order."""
    header: str
    values: str
    """What is expected of a line with more cells than the header, after their number."""
    invalid: type[FileInvalid]


def read_records(path: Path, form: Form) -> Iterator[tuple[int, dict[str, str]]]:
    """Every line below the header that says something: its number and its cells by column.

    Accepts a byte-order mark, CRLF, blank lines, `#` comments and blanks around values.
    Raises `form.invalid` at the first thing that cannot be right.
    """
    file = str(path)
    rows = _rows(file, _text(path, form.header, form.invalid), form.invalid)
    if not rows:
        expected = form.header + "; the file is empty"
        raise form.invalid(file, line=None, value=None, expected=expected)
    names = _names(file, *rows[0], form)
    for line, cells in rows[1:]:
        if any(cells[len(names) :]):
            expected = f"{len(names)} {form.values}"
            raise form.invalid(file, line=line, value=",".join(cells), expected=expected)
        yield line, dict(zip(names, cells, strict=False))


def _names(file: str, line: int, cells: list[str], form: Form) -> list[str]:
    names = [cell.casefold() for cell in cells]
    is_known = form.columns[0] in names and set(names) <= set(form.columns)
    if not is_known or len(set(names)) < len(names):
        is_of_one = len(cells) == 1 and re.search(r"[;\t|]", cells[0])
        hint = "; separate columns by commas" if is_of_one else ""
        raise form.invalid(file, line=line, value=",".join(cells), expected=form.header + hint)
    return names


def _text(path: Path, header: str, invalid: type[FileInvalid]) -> str:
    try:
        raw = path.read_bytes()
    except OSError as failed:
        reason = (
            "it does not exist" if isinstance(failed, FileNotFoundError) else str(failed.strerror)
        )
        expected = f"a readable csv file with {header}; {reason}"
        raise invalid(str(path), line=None, value=None, expected=expected) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as failed:
        line = raw.count(b"\n", 0, failed.start) + 1
        value = raw[failed.start : failed.start + 4].hex(" ")
        raise invalid(
            str(path),
            line=line,
            value=value,
            expected="text in UTF-8 (in Excel: save as `CSV UTF-8`)",
        ) from None


def _rows(file: str, text: str, invalid: type[FileInvalid]) -> list[tuple[int, list[str]]]:
    reader = csv.reader(_without_comments(text), skipinitialspace=True, strict=True)
    rows = []
    try:
        for raw_cells in reader:
            for value in raw_cells:
                _check_line_breaks(file, reader.line_num, value, invalid)
            cells = [cell.strip() for cell in raw_cells]
            if any(cells):
                rows.append((reader.line_num, cells))
    except csv.Error as failed:
        raise invalid(file, line=reader.line_num, value=None, expected=f"csv ({failed})") from None
    return rows


def _without_comments(text: str) -> Iterator[str]:
    """The lines, comments left blank: a quote in one would go on into what is below it."""
    for line in io.StringIO(text, newline=""):
        yield "\n" if line.lstrip().startswith("#") else line


def _check_line_breaks(file: str, line: int, value: str, invalid: type[FileInvalid]) -> None:
    # a quote that was opened and forgotten would take what is below it for part of a value
    first, *more = re.split(r"\r\n|\r|\n", value)
    if more:
        begins = line - len(more)
        raise invalid(
            file, line=begins, value=first, expected="a value on one line, its quotes closed"
        )


# in place of an id: every campaign that the account listing shows
EVERY = "*"
FORM = Form(
    columns=("campaign_id", "note", "connection"),
    header="the header `campaign_id`, optionally followed by `note` and `connection`",
    values='value(s), as in the header; put a note that holds a comma in "quotes"',
    invalid=CampaignIdsInvalid,
)
# Not a UUID pattern: ids of voice campaigns have a first group of seven digits.  What is refused is
# only what cannot stand in a URL path by itself or is a sign of a slip (blanks, also those that
# nobody sees, quotes, separators).
ID = re.compile(
    r"""(?!\.{1,2}$)[^\s/\\?#%&;,|<>"'`{}()\[\]*\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff]{1,200}"""
)
EXPECTED_ID = (
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

    Accepts a byte-order mark, CRLF, blank lines, `#` comments and blanks around values.
    Raises `CampaignIdsInvalid` at the first thing that cannot be right.
    """
    found: dict[tuple[str, str], ConfiguredCampaign] = {}
    for line, values in read_records(path, FORM):
        campaign = _campaign(str(path), line, values)
        found.setdefault((campaign.connection, campaign.campaign_id), campaign)
    if not found:
        raise CampaignIdsInvalid(
            str(path), line=None, value=None, expected="at least one campaign id below the header"
        )
    campaigns = list(found.values())
    _check_every(str(path), campaigns)
    return campaigns


def _check_every(file: str, campaigns: list[ConfiguredCampaign]) -> None:
    """`*` names them all, so another id beside it, for the same connection, is a slip."""
    for every in (one for one in campaigns if one.campaign_id == EVERY):
        beside = [
            other
            for other in campaigns
            if other is not every and other.connection in ("", every.connection)
        ]
        if beside:
            expected = f"no other id beside `*`, but line {beside[0].line} has one"
            raise CampaignIdsInvalid(file, line=every.line, value=EVERY, expected=expected)


def _campaign(file: str, line: int, values: Mapping[str, str]) -> ConfiguredCampaign:
    campaign_id = values.get("campaign_id", "")
    if campaign_id != EVERY and not ID.fullmatch(campaign_id):
        raise CampaignIdsInvalid(file, line=line, value=campaign_id, expected=EXPECTED_ID)
    return ConfiguredCampaign(
        campaign_id, values.get("note", ""), values.get("connection", ""), line
    )
