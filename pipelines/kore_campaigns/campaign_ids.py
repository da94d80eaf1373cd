"""Read the file of campaign ids that a person keeps, and say to the line what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kore_campaigns.csv_file import Form, read_records
from kore_campaigns.errors import CampaignIdsInvalid

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
