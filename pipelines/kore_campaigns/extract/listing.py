"""The account listing: its pages, its rows, and whether it is complete."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from kore_campaigns.api.client import KoreClient, ListingPage
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    ListingDoubtful,
    RedirectRefused,
    ServerUnavailable,
    TryLater,
    counted,
    reason_of,
)
from kore_campaigns.transform import values
from kore_campaigns.transform.values import canonical, settled, text_hash

# describe the run or the queue, not the campaign: no answer for a single campaign has them
_LISTING_ONLY: Final = frozenset(
    {"connection", "campaignInstanceUpdatedAt", "totalMessagesSent", "campaignExecutionType"}
)
NORMAL: Final = "NORMAL"
"""The execution type of an SMS campaign that follows its schedule and calling hours."""
# in every row, and in no answer for a single campaign
_NOT_COMPARED: Final = frozenset({"type"})
_IDS: Final = ("_id", "id")


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the listing.

    `summary_hash` covers what the campaign itself would show, too; `row_hash` also the fields that
    only the listing has.
    """

    campaign_id: str
    campaign_type: str
    name: str | None
    connection: str | None
    campaign_instance_updated_at: datetime | None
    status: str | None
    updated_at: datetime | None
    execution_type: str | None
    total_messages_sent: int | None
    summary_hash: str
    row_hash: str
    summary: Mapping[str, Any]
    execution_type_since: datetime | None = None
    """As stored; None if the listing shows this type for the first time."""

    def agrees_with(self, columns: Mapping[str, Any]) -> bool:
        """Whether a response has the status and the `updatedAt` of the row.

        If not, the campaign has changed between the two.
        """
        return (self.status, self.updated_at) == (columns["status"], columns["updated_at"])

    def following(self, before: StoredRow | None) -> Listed:
        """The row to store after another one: without the summary, which takes 25 MB of 10,000
        campaigns. An execution type other than `NORMAL` stays.
        """
        kept, since = self.execution_type, None
        if before is not None and before.execution_type not in (None, NORMAL, kept):
            kept = before.execution_type
        if before is not None and before.execution_type == kept:
            since = before.execution_type_since
        return replace(self, summary={}, execution_type=kept, execution_type_since=since)


@dataclass(frozen=True, slots=True)
class StoredRow:
    """The row of the listing that was stored with a version."""

    version: int | None
    campaign_type: str
    summary_hash: str
    row_hash: str
    execution_type: str | None = None
    execution_type_since: datetime | None = None


def as_listed(row: Mapping[str, Any], campaign_type: str) -> Listed | None:
    """Read a row; None if it has no campaign id."""
    # voice rows carry `_id`, SMS rows `id`
    campaign_id = row.get("_id", row.get("id"))
    if not isinstance(campaign_id, str) or not campaign_id:
        return None
    campaign_id = str(settled(campaign_id)[0])  # an id, too, must be storable
    summary, text = settled(
        {key: value for key, value in row.items() if key not in _LISTING_ONLY and key not in _IDS}
    )
    connection = values.text(settled(row.get("connection"))[0])
    instance = values.timestamp(row.get("campaignInstanceUpdatedAt"))
    execution_type = values.text(settled(row.get("campaignExecutionType"))[0])
    sent = values.integer(row.get("totalMessagesSent"))
    summary_hash = text_hash(text)
    of_sms = "" if execution_type is None and sent is None else f" {execution_type} {sent}"
    return Listed(
        campaign_id=campaign_id,
        campaign_type=campaign_type,
        name=values.text(summary.get("name")),
        connection=connection,
        campaign_instance_updated_at=instance,
        status=values.text(summary.get("status")),
        updated_at=values.timestamp(summary.get("updatedAt")),
        summary_hash=summary_hash,
        execution_type=execution_type,
        total_messages_sent=sent,
        row_hash=text_hash(f"{summary_hash} {connection} {instance}{of_sms}"),
        summary=summary,
    )


def differing_fields(listed: Listed, raw: Mapping[str, Any]) -> list[str]:
    """Names of the fields of the row that differ in the stored object.

    A field that the row does not have says nothing.
    """
    differing = []
    for key, shown in listed.summary.items():
        stored = raw.get(key)
        is_equal = shown == stored or canonical(shown) == canonical(stored)
        if not is_equal and key not in _NOT_COMPARED:
            differing.append(key)
    return differing


# estimate before a page was seen
ROWS_EXPECTED: Final = 50


class Reading(StrEnum):
    """How far a listing can be trusted."""

    WHOLE = "whole"
    DOUBTFUL = "doubtful"
    REFUSED = "refused"


class Way(NamedTuple):
    """A way to read all pages: in this order, so many rows at once, by `page` or by `skip`."""

    sort_by: str
    direction: str
    limit: int
    by_page: bool = False


# Kore documents no largest page.  A service may give fewer rows, or refuse so many.
PAGE_SIZES: Final = (1_000, 100, 50)
_SMALLEST_PAGE: Final = 10
# help where a service ignores `skip`, or loses the last rows of a page
OTHER_WAYS: Final = (
    Way("createdAt", "desc", 50, by_page=True),
    Way("name", "asc", 50),
    Way("name", "desc", 50, by_page=True),
    Way("createdAt", "asc", 10, by_page=True),
    Way("createdAt", "asc", 10),
)
# all other ways together may take twice the calls that the campaigns need, and so many more
OTHER_CALLS: Final = 20


@dataclass(slots=True)
class Listing:
    """The listing of one campaign type, read once by `rows()`: in several ways, if need be.

    It is whole if all pages of a way, or of all ways, name the same total and so many campaigns
    were seen.  A service that names no total must show the same campaigns in two ways.
    """

    client: KoreClient
    campaign_type: str
    most_calls: int | None = None
    """Reading stops after the first page if more calls than these would be needed."""
    wanted: Collection[str] | None = ()
    """Campaigns that need a request each unless it shows them; None for `*`: all that there are."""
    page_size: int = PAGE_SIZES[0]
    """Rows to request at first; once it was read whole, how many the service gives."""
    ids: set[str] = field(default_factory=set)
    total: int | None = None
    calls: int = 0
    refused: AccessRefused | CampaignFailed | None = None
    """The first error, if it could not be read to its end in any way."""
    is_too_long: bool = False
    doubt: str | None = None
    """The first contradiction in it."""
    is_whole: bool = False
    is_over: bool = False
    """The service is unwell, or refuses more than this way."""
    _has_ended: bool = False
    """Some way came to an end of the pages."""
    _is_odd: bool = False
    """It has rows without an id, or more pages than it has campaigns."""
    _ends_full: bool = False
    """By its totals it ends with a full page, and no page after that was seen to be empty."""
    _totals: set[int | None] = field(default_factory=set)
    _largest_page: int = 0
    _refused_limit: float = math.inf

    @property
    def reading(self) -> Reading:
        """The one value on which `*`, absence, status and exit code rest."""
        if self.is_whole:
            return Reading.WHOLE
        return Reading.DOUBTFUL if self.refused is None else Reading.REFUSED

    @property
    def problem(self) -> AccessRefused | CampaignFailed | None:
        """Why it may lack campaigns; None if it is whole."""
        if self.is_whole:
            return None
        doubt = f"contradicts itself after {counted(self.calls, 'call')}: {self.doubt}"
        return self.refused or ListingDoubtful(kind=self.campaign_type, doubt=doubt)

    def rows(self) -> Iterator[Listed]:
        """Every row that has a campaign id; a campaign may come twice, and differently."""
        most = math.inf if self.most_calls is None else self.most_calls
        sizes = [self.page_size, *(size for size in PAGE_SIZES if size < self.page_size)]
        for way in [*(Way("createdAt", "asc", size) for size in sizes), *OTHER_WAYS]:
            is_first = self.calls == 0
            if not is_first and (self.calls >= most or not self._is_worth_another_way()):
                break
            if not self._may_help(way):
                continue
            if not self._largest_page:
                self.page_size = way.limit
            yield from self._read(way, math.inf if is_first else most)
            if self.is_whole or self.is_too_long or self.is_over:
                break
            if is_first:
                most = min(most, self.calls + 2 * self._calls_needed() + OTHER_CALLS)
        if self.is_whole:
            self.doubt, self.total, self.refused = None, len(self.ids), None
            if self.total > self._largest_page >= _SMALLEST_PAGE:
                self.page_size = self._largest_page
        elif self.doubt is not None:
            self.refused = None

    def _may_help(self, way: Way) -> bool:
        """Smaller pages help where large ones are refused, other orders where a way is in doubt."""
        return way in OTHER_WAYS if self._largest_page else way.limit < self._refused_limit

    def _read(self, way: Way, most: float) -> Iterator[Listed]:
        """Read all pages in one way, then judge whether the listing is whole."""
        seen: set[str] = set()
        totals: set[int | None] = set()
        known_before, received, pages = len(self.ids), 0, 0
        limit = min(way.limit, self._largest_page or way.limit)
        full_page = min(limit, ROWS_EXPECTED)
        has_more = True
        while has_more and self.calls < most:
            page = self._read_page(way, limit, received=received, pages=pages)
            if page is None:
                return
            total = self.total = page.total_results
            if totals and total not in totals:
                self._doubt(f"its total went from {next(iter(totals))} to {total} meanwhile")
            totals.add(total)
            pages += 1
            seen_before = len(seen)
            for row in page.results:
                listed = as_listed(row, self.campaign_type)
                if listed is None:
                    self._is_odd = True
                    self._doubt(f"page {pages} has a row without an id")
                else:
                    seen.add(listed.campaign_id)
                    self.ids.add(listed.campaign_id)
                    yield listed
            self._largest_page = max(self._largest_page, len(page.results))
            # one of these signs is enough: they are known to disagree
            has_more = bool(page.results) and (
                total is None
                or page.has_more
                or received + len(page.results) < total
                or pages < (page.total_pages or 0)
            )
            is_full = self.wanted is None and len(page.results) >= full_page
            full_page = max(full_page, len(page.results))
            if (has_more or is_full) and len(seen) == seen_before:
                self._is_odd |= has_more and total is not None and received >= total
                self._ends_full |= is_full and not has_more
                self._doubt(f"page {pages} brought no campaign that was not there before")
                has_more = True
                break
            has_more |= is_full
            received += len(page.results)
            is_counted = known_before > 0 and totals | self._totals == {len(self.ids)}
            if is_counted and not (is_full and self._ends_full):
                break
            if has_more and self.calls == 1 and self.most_calls is not None:
                self.is_too_long = self._calls_needed() > self.most_calls
                if self.is_too_long:
                    return
        self._totals |= totals
        self._ends_full &= has_more
        self._judge(len(seen), totals, known_before, has_ended=not has_more)

    def _judge(
        self, seen: int, totals: set[int | None], known_before: int, *, has_ended: bool
    ) -> None:
        """Whether it is whole, after a way that saw so many campaigns."""
        count = len(self.ids)
        if self.total is None:
            self.is_whole = self._has_ended and has_ended and seen == known_before == count
            self._doubt("it names no total")
        else:
            is_counted = self._totals == {count} and not self._ends_full
            self.is_whole = (has_ended and totals == {seen}) or is_counted
        self.is_whole &= not self._is_odd
        self._has_ended |= has_ended
        self._doubt(f"it counts {self.total} campaigns and shows {count}")

    def _read_page(self, way: Way, limit: int, *, received: int, pages: int) -> ListingPage | None:
        self.calls += 1
        place = {"page": pages + 1} if way.by_page else {"skip": received}
        try:
            return self.client.list_campaigns(
                campaign_type=self.campaign_type,
                limit=limit,
                sort_by={way.sort_by: way.direction},
                **place,
            )
        except (AccessRefused, CampaignFailed) as refused:
            # a server may fail because the page is large, but not twice
            is_first_failure = isinstance(refused, ServerUnavailable) and self.refused is None
            final = AccessRefused | RedirectRefused | TryLater
            self.is_over = isinstance(refused, final) and not is_first_failure
            self.refused = self.refused or refused
            self._refused_limit = PAGE_SIZES[-1] + 1 if is_first_failure else limit
            return None

    def _is_worth_another_way(self) -> bool:
        if self.wanted is None:
            return True
        return sum(each not in self.ids for each in self.wanted) > self._calls_needed()

    def _calls_needed(self) -> int:
        count = max(self.total or 0, len(self.ids))
        return calls_for(count, rows=self._largest_page or ROWS_EXPECTED)

    def _doubt(self, what: str) -> None:
        self.doubt = self.doubt or what


@dataclass(slots=True)
class Peek:
    """The newest rows of the listing of one campaign type, by `updatedAt`.

    They settle all campaigns if nothing contradicts what the last whole listing showed.
    """

    client: KoreClient
    campaign_type: str
    recorded: Mapping[str, str]
    """The `summary_hash` of each row of the last whole listing, by campaign."""
    newest: datetime | None
    """The latest `updatedAt` that is stored."""
    page_size: int
    rows: list[Listed] = field(default_factory=list)
    shows_all: bool = False
    problem: str | None = None
    """Why they say nothing about the other rows."""

    def read(self) -> None:
        """Read pages until all rows of one are as recorded."""
        seen: set[str] = set()
        is_settled = False
        while not is_settled:
            try:
                page = self.client.list_campaigns(
                    campaign_type=self.campaign_type,
                    limit=self.page_size,
                    skip=len(self.rows),
                    sort_by={"updatedAt": "desc"},
                )
            except (AccessRefused, CampaignFailed) as refused:
                self.problem = reason_of(refused)
                return
            listed = [as_listed(row, self.campaign_type) for row in page.results]
            rows = [row for row in listed if row is not None]
            seen_before = len(seen)
            seen.update(row.campaign_id for row in rows)
            self.shows_all = len(seen) == len(self.recorded)
            if len(rows) < len(listed):
                self.problem = "a row has no id"
            elif len(seen) == seen_before and not self.shows_all:
                self.problem = "a page brought no campaign that was not there before"
            else:
                self.problem = self._contradiction(rows, page.total_results)
            if self.problem is not None:
                return
            self.rows += rows
            is_settled = self.shows_all or all(map(self._is_recorded, rows))

    def _contradiction(self, rows: Iterable[Listed], total: int | None) -> str | None:
        """What contradicts the last whole listing, or the requested order."""
        # no total where there is nothing is no contradiction
        if (total or 0) != len(self.recorded):
            return f"it counts {total} campaigns, and the last whole listing {len(self.recorded)}"
        last = self.rows[-1].updated_at if self.rows else None
        for row in rows:
            if row.campaign_id not in self.recorded:
                return f"`{row.campaign_id}` is new"
            if self.shows_all:  # in whatever order
                continue
            if row.updated_at is None or (last is not None and row.updated_at > last):
                return "its rows are not in the order of `updatedAt`"
            if last is None and self.newest is not None and row.updated_at < self.newest:
                return "it does not begin with the newest campaign"
            last = row.updated_at
        return None

    def _is_recorded(self, row: Listed) -> bool:
        return self.recorded[row.campaign_id] == row.summary_hash


def calls_for(total: int, *, rows: int = ROWS_EXPECTED) -> int:
    """Listing calls for `total` campaigns, with `rows` on a page."""
    return max(1, -(-total // max(1, rows)))
