"""The account listing: its pages, its rows, and whether it is complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from kore_campaigns.api.client import KoreClient, ListingPage
from kore_campaigns.errors import AccessRefused, CampaignFailed
from kore_campaigns.transform import values
from kore_campaigns.transform.values import canonical, settled, text_hash

# describe the run or the queue, not the campaign: no answer for a single campaign has them
_LISTING_ONLY: Final = frozenset(
    {"connection", "campaignInstanceUpdatedAt", "totalMessagesSent", "campaignExecutionType"}
)
_IDS: Final = ("_id", "id")
# a row omits what the campaign does not have, so these count as changed when they are missing
_ALWAYS_COMPARED: Final = (
    "updatedAt",
    "status",
    "name",
    "priority",
    "dialingMode",
    "dncLists",
    "contactLists",
    "schedule",
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the listing.

    `summary_hash` covers what the campaign itself would show, too; `row_hash` also `connection`
    and `campaign_instance_updated_at`.
    """

    campaign_id: str
    campaign_type: str
    name: str | None
    connection: str | None
    campaign_instance_updated_at: datetime | None
    summary_hash: str
    row_hash: str
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredRow:
    """The row of the listing that was stored with a version."""

    version: int | None
    campaign_type: str
    summary_hash: str
    row_hash: str


def as_listed(row: Mapping[str, Any], campaign_type: str) -> Listed | None:
    """Read a row; None if it has no campaign id."""
    # voice rows carry `_id`, SMS rows `id`
    campaign_id = row.get("_id", row.get("id"))
    if not isinstance(campaign_id, str) or not campaign_id:
        return None
    summary, text = settled(
        {key: value for key, value in row.items() if key not in _LISTING_ONLY and key not in _IDS}
    )
    connection = values.text(settled(row.get("connection"))[0])
    instance = values.timestamp(row.get("campaignInstanceUpdatedAt"))
    summary_hash = text_hash(text)
    return Listed(
        campaign_id=campaign_id,
        campaign_type=campaign_type,
        name=values.text(summary.get("name")),
        connection=connection,
        campaign_instance_updated_at=instance,
        summary_hash=summary_hash,
        row_hash=text_hash(f"{summary_hash} {connection} {instance}"),
        summary=summary,
    )


def differing_fields(listed: Listed, raw: Mapping[str, Any]) -> list[str]:
    """Names of the fields in which the listing differs from the stored object."""
    differing = []
    for key in dict.fromkeys([*_ALWAYS_COMPARED, *listed.summary]):
        shown, stored = listed.summary.get(key), raw.get(key)
        if shown != stored and canonical(shown) != canonical(stored):
            differing.append(key)
    return differing


# the largest that Kore's own examples request; a server that returns fewer rows is followed
PAGE_SIZE: Final = 100
# estimate before a page was seen
ROWS_EXPECTED: Final = 50


@dataclass(slots=True)
class Listing:
    """The listing of one campaign type, read once by `rows()`.

    Absence is proven only if `is_complete`: the last page came, every page named the same total,
    and so many different campaigns were seen.  Until then, and after any error, it proves none.
    """

    client: KoreClient
    campaign_type: str
    most_calls: int | None = None
    """Reading stops after the first page if more calls than these would be needed."""
    ids: set[str] = field(default_factory=set)
    total: int | None = None
    calls: int = 0
    refused: AccessRefused | CampaignFailed | None = None
    """Why the listing, or the rest of it, could not be read."""
    is_too_long: bool = False
    doubt: str | None = None
    """The first contradiction in it."""
    _has_ended: bool = False

    @property
    def is_complete(self) -> bool:
        return self._has_ended and self.doubt is None

    def rows(self) -> Iterator[Listed]:
        """Every row that has a campaign id; a campaign may come twice, and differently."""
        received = 0
        has_more = True
        while has_more:
            page = self._read_page(skip=received)
            if page is None:
                return
            known_before = len(self.ids)
            for row in page.results:
                listed = as_listed(row, self.campaign_type)
                if listed is None:
                    self._doubt(f"page {self.calls} has a row without an id")
                else:
                    self.ids.add(listed.campaign_id)
                    yield listed
            received += len(page.results)
            # one of these signs is enough: they are known to disagree
            has_more = bool(page.results) and (
                page.has_more
                or (page.total_results is not None and received < page.total_results)
                or (page.total_pages is not None and self.calls < page.total_pages)
            )
            if has_more and len(self.ids) == known_before:
                self._doubt(f"page {self.calls} brought no campaign that was not there before")
                break
            if has_more and self.calls == 1 and self.total is not None:
                needed = calls_for(self.total, rows=len(page.results))
                if self.most_calls is not None and needed > self.most_calls:
                    self.is_too_long = True
                    return
        self._has_ended = True
        if len(self.ids) != self.total:
            self._doubt(f"it counts {self.total} campaigns and shows {len(self.ids)}")

    def _read_page(self, *, skip: int) -> ListingPage | None:
        try:
            self.calls += 1
            page = self.client.list_campaigns(
                campaign_type=self.campaign_type, limit=PAGE_SIZE, skip=skip
            )
        except (AccessRefused, CampaignFailed) as refused:
            self.refused = refused
            return None
        if self.calls > 1 and page.total_results != self.total:
            self._doubt(f"its total went from {self.total} to {page.total_results} meanwhile")
        self.total = page.total_results
        return page

    def _doubt(self, what: str) -> None:
        self.doubt = self.doubt or what


def calls_for(total: int, *, rows: int = ROWS_EXPECTED) -> int:
    """Listing calls for `total` campaigns, with `rows` on a page."""
    return max(1, -(-total // max(1, rows)))


def reason_of(refused: AccessRefused | CampaignFailed) -> str:
    """Why a request failed, in a clause."""
    if isinstance(refused, AccessRefused):
        return f"HTTP {refused.http_status}, `{refused.reply}`"
    return refused.message.partition(". ")[0]
