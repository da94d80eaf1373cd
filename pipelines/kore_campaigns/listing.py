"""Page through the account listing, and know whether it can be believed to be whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from kore_campaigns.campaign_errors import CampaignFailed
from kore_campaigns.client import ListingPage
from kore_campaigns.errors import AccessRefused
from kore_campaigns.summary import Listed, as_listed

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
