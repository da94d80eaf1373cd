"""Page through the account listing, and know whether it can be believed to be whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from kore_campaigns.api.client import ListingPage
from kore_campaigns.errors import AccessRefused, CampaignFailed
from kore_campaigns.transform import values
from kore_campaigns.transform.values import canonical, settled, text_hash

# of the run or of the queue, not of the campaign: no answer for a single campaign has them
_LISTING_ONLY: Final = frozenset(
    {"connection", "campaignInstanceUpdatedAt", "totalMessagesSent", "campaignExecutionType"}
)
_IDS: Final = ("_id", "id")
# a row leaves out what the campaign does not have, so these count as changed when they are gone
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
    """One campaign as the listing shows it.

    Equal `summary_hash`: nothing that the campaign itself would show is different.  Equal
    `row_hash`: neither is `connection` or `campaign_instance_updated_at`.
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
class HeldRow:
    """The row of the listing that went with a version."""

    version: int | None
    campaign_type: str
    summary_hash: str
    row_hash: str


def as_listed(row: Mapping[str, Any], campaign_type: str) -> Listed | None:
    """The row read; None if it names no campaign."""
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


def without_summary(listed: Listed) -> Listed:
    """The same, once it has been compared: ten thousand summaries take 25 MB."""
    return replace(listed, summary={})


def differing(listed: Listed, held_raw: Mapping[str, Any]) -> list[str]:
    """Names of the fields that the listing shows otherwise than what was last received."""
    keys = dict.fromkeys([*_ALWAYS_COMPARED, *listed.summary])
    return [key for key in keys if not _is_same(listed.summary.get(key), held_raw.get(key))]


def _is_same(shown: Any, held: Any) -> bool:
    return shown == held or canonical(shown) == canonical(held)


# the largest that Kore's own examples ask for; a server that gives fewer rows is gone along with
PAGE_SIZE: Final = 100
# what a page is taken to hold before one was seen
ROWS_EXPECTED: Final = 50


class Lister(Protocol):
    """What is needed of `KoreClient`."""

    def list_campaigns(
        self, *, campaign_type: str = ..., limit: int = ..., skip: int = ...
    ) -> ListingPage: ...


@dataclass(slots=True)
class Listing:
    """The listing of one campaign type, read once by `rows()`.

    Absence is proven only if `is_complete`: the last page came, every page named the same total,
    and so many different campaigns were seen.  Until then, and after any error, it proves none.
    """

    client: Lister
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
    """What does not fit together."""
    _ended: bool = False

    @property
    def is_complete(self) -> bool:
        return self._ended and self.doubt is None

    def rows(self) -> Iterator[Listed]:
        """Every row that names a campaign; one may come more than once, and differently."""
        received = 0
        while True:
            page = self._page(received)
            if page is None:
                return
            before = len(self.ids)
            yield from self._listed(page)
            received += len(page.results)
            if not self._goes_on(page, received):
                break
            if len(self.ids) == before:
                self._doubt(f"page {self.calls} brought no campaign that was not there before")
                break
            if self.calls == 1 and self._is_too_long(len(page.results)):
                self.is_too_long = True
                return
        self._ended = True
        if len(self.ids) != self.total:
            self._doubt(f"it counts {self.total} campaigns and shows {len(self.ids)}")

    def _page(self, skip: int) -> ListingPage | None:
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

    def _listed(self, page: ListingPage) -> Iterator[Listed]:
        for row in page.results:
            listed = as_listed(row, self.campaign_type)
            if listed is None:
                self._doubt(f"page {self.calls} has a row without an id")
            else:
                self.ids.add(listed.campaign_id)
                yield listed

    def _goes_on(self, page: ListingPage, received: int) -> bool:
        """True if any of the signs says so: they are known to disagree."""
        return bool(page.results) and (
            page.has_more
            or (page.total_results is not None and received < page.total_results)
            or (page.total_pages is not None and self.calls < page.total_pages)
        )

    def _is_too_long(self, rows: int) -> bool:
        return (
            self.most_calls is not None
            and self.total is not None
            and calls_for(self.total, rows=rows) > self.most_calls
        )

    def _doubt(self, what: str) -> None:
        self.doubt = self.doubt or what


def calls_for(total: int, *, rows: int = ROWS_EXPECTED) -> int:
    """Listing calls that so many campaigns take."""
    return max(1, -(-total // max(1, rows)))


def reason_of(refused: AccessRefused | CampaignFailed) -> str:
    """Why, in a clause."""
    if isinstance(refused, AccessRefused):
        return f"HTTP {refused.http_status}, `{refused.reply}`"
    return refused.message.partition(". ")[0]
