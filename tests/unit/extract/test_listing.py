"""The listing: what is read when pages shift, lie or fail, what that proves; and its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kore_campaigns.api.client import OLDEST_FIRST, KoreClient, ListingPage
from kore_campaigns.errors import AnswerBreaksContract, ServerUnavailable
from kore_campaigns.extract.listing import OTHER_WAYS, Listing, Peek, Reading, as_listed

CAP = 50
Pages = Callable[[int, list[dict[str, Any]]], ListingPage]


class Server(KoreClient):
    """Pages as Kore gives them, `bend` being what is wrong with them."""

    def __init__(self, count: int, bend: Pages | None = None) -> None:
        self.rows = [{"_id": f"cd-{number}", "updatedAt": "x"} for number in range(count)]
        self.bend = bend
        self.skips: list[int] = []

    def list_campaigns(
        self,
        *,
        campaign_type: str = "voice",
        limit: int = 50,
        skip: int | None = None,
        page: int | None = None,
        sort_by: Mapping[str, str] = OLDEST_FIRST,
    ) -> ListingPage:
        start = ((page or 1) - 1) * limit if skip is None else skip
        self.skips.append(start)
        rows = self.rows[::-1] if "desc" in sort_by.values() else self.rows
        return (self.bend or page_of)(start, rows)


def page_of(skip: int, rows: Sequence[dict[str, Any]], **other: Any) -> ListingPage:
    shown = list(rows[skip : skip + CAP])
    told: dict[str, Any] = {
        "results": shown,
        "total_results": len(rows),
        "has_more": skip + len(shown) < len(rows),
        "total_pages": -(-len(rows) // CAP),
    }
    return ListingPage(**(told | other))


def read(server: Server, **options: Any) -> Listing:
    listing = Listing(server, "voice", **options)
    for _ in listing.rows():
        pass
    return listing


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (1, 1), (50, 1), (51, 2), (1000, 20)])
def test_no_call_more_than_the_pages_there_are(count: int, calls: int) -> None:
    server = Server(count)
    listing = read(server)

    assert (len(server.skips), len(listing.ids), listing.is_whole) == (calls, count, True)


@pytest.mark.parametrize(
    "told",
    [{"has_more": False}, {"total_pages": 1}, {"total_pages": None}, {"has_more": True}],
    ids=str,
)
def test_signs_that_disagree_do_not_end_the_reading_early(told: dict[str, Any]) -> None:
    listing = read(Server(120, lambda skip, rows: page_of(skip, rows, **told)))

    assert (len(listing.ids), listing.is_whole) == (120, True)


@pytest.mark.parametrize("total", [None, 0, 119, 121, 5000])
def test_a_total_that_is_wrong_or_missing_proves_nothing(total: int | None) -> None:
    listing = read(Server(120, lambda skip, rows: page_of(skip, rows, total_results=total)))

    assert (len(listing.ids), listing.is_whole) == (120, False)


def test_a_row_that_moved_to_a_page_read_before_leaves_a_doubt() -> None:
    def shrinking(skip: int, rows: list[dict[str, Any]]) -> ListingPage:
        if skip == CAP:
            del rows[3]  # deleted meanwhile: the row at 50 is now at 49
        return page_of(skip, rows)

    listing = read(Server(120, shrinking))

    assert not listing.is_whole
    assert listing.doubt == "its total went from 120 to 119 meanwhile"


def test_a_server_that_ignores_skip_is_not_asked_for_ever() -> None:
    server = Server(120, lambda _, rows: page_of(0, rows, has_more=True))
    listing = read(server, wanted=None)

    assert (len(server.skips), listing.reading) == (2 * (1 + len(OTHER_WAYS)), Reading.DOUBTFUL)
    assert str(listing.problem) == (
        "the voice listing contradicts itself after 12 calls: page 2 brought no campaign that was "
        "not there before."
    )


@pytest.mark.parametrize("told", [{}, {"has_more": False, "total_pages": None}], ids=str)
def test_without_totals_two_orders_that_agree_are_the_whole(told: dict[str, Any]) -> None:
    server = Server(120, lambda skip, rows: page_of(skip, rows, total_results=None, **told))
    listing = read(server, wanted=None)

    # each way ends with an empty page
    assert (len(server.skips), len(listing.ids), listing.reading) == (8, 120, Reading.WHOLE)
    assert listing.total == 120


def test_without_totals_a_row_that_only_another_order_shows_leaves_a_doubt() -> None:
    def without_last_row(skip: int, rows: list[dict[str, Any]]) -> ListingPage:
        found = page_of(skip, rows, total_results=None, has_more=False)
        return replace(found, results=found.results[:-1])

    listing = read(Server(51, without_last_row), wanted=None)

    assert len(listing.ids) == 51


def test_rows_that_end_every_page_and_are_lost_are_seen_in_another_order() -> None:
    def without_last_rows(skip: int, rows: list[dict[str, Any]]) -> ListingPage:
        found = page_of(skip, rows)
        return replace(found, results=found.results[:-3])

    listing = read(Server(130, without_last_rows), wanted=None)

    assert (len(listing.ids), listing.reading, listing.doubt) == (130, Reading.WHOLE, None)


def test_all_ways_together_take_no_more_than_the_stated_number_of_calls() -> None:
    def off_by_one(skip: int, rows: list[dict[str, Any]]) -> ListingPage:
        return page_of(skip, rows, total_results=1001)

    server = Server(1000, off_by_one)
    listing = read(server, wanted=None)

    assert listing.reading is Reading.DOUBTFUL
    # 1,001 campaigns need 21 calls, on which two further readings and 20 calls may follow
    assert len(server.skips) == 21 + 2 * 21 + 20


def test_a_page_that_fails_leaves_what_came_before_it() -> None:
    def failing(skip: int, rows: list[dict[str, Any]]) -> ListingPage:
        if skip:
            raise ServerUnavailable("", http_status=503, reason="HTTP 503", attempts=5)
        return page_of(skip, rows)

    listing = read(Server(120, failing), wanted=None)

    assert (len(listing.ids), listing.is_whole, listing.calls) == (100, False, 4)
    assert isinstance(listing.problem, ServerUnavailable)
    assert listing.reading is Reading.REFUSED


def test_a_listing_refused_at_once_says_so() -> None:
    def broken(skip: int, rows: list[dict[str, Any]]) -> ListingPage:
        raise AnswerBreaksContract("", found="the body is not JSON")

    listing = read(Server(120, broken), wanted=None)

    assert (listing.calls, listing.ids, listing.reading) == (4, set(), Reading.REFUSED)


def test_rows_without_an_id_prove_nothing() -> None:
    listing = read(Server(3, lambda skip, rows: page_of(skip, [*rows, {"name": "nameless"}])))

    assert (len(listing.ids), listing.is_whole) == (3, False)


@pytest.mark.parametrize(("most", "calls"), [(19, 1), (20, 20), (None, 20)])
def test_a_listing_longer_than_it_may_be_is_left_after_its_first_page(
    most: int | None, calls: int
) -> None:
    server = Server(1000)
    listing = read(server, most_calls=most)

    assert (len(server.skips), listing.is_too_long) == (calls, calls == 1)
    assert listing.total == 1000


def test_a_name_that_no_text_column_holds_is_kept_as_its_json_text() -> None:
    row = {"_id": "cd-1", "name": "a\0b", "connection": "q\0", "status": "Ready"}

    listed = as_listed(row, "voice")

    assert listed is not None
    assert "\0" not in f"{listed.name}{listed.connection}"
    assert listed.name
    assert listed.connection


def test_a_plain_name_stays_as_it_is() -> None:
    listed = as_listed({"id": "cd-1", "name": "Täglich", "connection": "Queue 1"}, "sms")

    assert listed is not None
    assert (listed.campaign_id, listed.name, listed.connection) == ("cd-1", "Täglich", "Queue 1")


@pytest.mark.parametrize(
    ("days", "problem"),
    [
        ("9881", None),
        ("9781", "its rows are not in the order of `updatedAt`"),
        ("988x", "its rows are not in the order of `updatedAt`"),
        ("8765", "it does not begin with the newest campaign"),
    ],
)
def test_a_peek_believes_a_page_in_order_that_begins_with_the_newest(
    days: str, problem: str | None
) -> None:
    server = Server(CAP + 1, lambda _, rows: page_of(0, rows[: len(days)], total_results=CAP + 1))
    # the newest first, which is the end of the list of the server
    for row, day in zip(server.rows[::-1], days, strict=False):
        row["updatedAt"] = f"2026-01-0{day}T00:00:00.000Z"
    listed = [as_listed(row, "voice") for row in server.rows]
    recorded = {row.campaign_id: row.summary_hash for row in listed if row is not None}
    newest = datetime(2026, 1, 9, tzinfo=UTC)
    peek = Peek(server, "voice", recorded=recorded, newest=newest, page_size=CAP)

    peek.read()

    assert (peek.problem, peek.shows_all) == (problem, False)


def test_a_page_that_shows_all_campaigns_needs_no_order() -> None:
    server = Server(4)
    recorded = {row["_id"]: "another hash" for row in server.rows}
    peek = Peek(server, "voice", recorded=recorded, newest=None, page_size=CAP)

    peek.read()

    assert (peek.problem, peek.shows_all, len(peek.rows)) == (None, True, 4)


def test_a_page_of_another_total_settles_nothing() -> None:
    peek = Peek(Server(3), "voice", recorded={"cd-0": ""}, newest=None, page_size=CAP)

    peek.read()

    assert peek.problem == "it counts 3 campaigns, and the last whole listing 1"
