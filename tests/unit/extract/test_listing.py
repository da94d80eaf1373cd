"""The listing: what is read when pages shift, lie or fail, what that proves; and its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kore_campaigns.api.client import KoreClient, ListingPage
from kore_campaigns.errors import AnswerBreaksContract, ServerUnavailable
from kore_campaigns.extract.listing import Listing, as_listed

CAP = 50
Pages = Callable[[int, list[dict[str, Any]]], ListingPage]


class Server(KoreClient):
    """Pages as Kore gives them, `bend` being what is wrong with them."""

    def __init__(self, count: int, bend: Pages | None = None) -> None:
        self.rows = [{"_id": f"cd-{number}", "updatedAt": "x"} for number in range(count)]
        self.bend = bend
        self.skips: list[int] = []

    def list_campaigns(
        self, *, campaign_type: str = "voice", limit: int = 50, skip: int = 0
    ) -> ListingPage:
        self.skips.append(skip)
        if self.bend is not None:
            return self.bend(skip, self.rows)
        return page(skip, self.rows)


def page(skip: int, rows: Sequence[dict[str, Any]], **other: Any) -> ListingPage:
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

    assert (len(server.skips), len(listing.ids), listing.is_complete) == (calls, count, True)


@pytest.mark.parametrize(
    "told",
    [{"has_more": False}, {"total_pages": 1}, {"total_pages": None}, {"has_more": True}],
    ids=str,
)
def test_signs_that_disagree_do_not_end_the_reading_early(told: dict[str, Any]) -> None:
    listing = read(Server(120, lambda skip, rows: page(skip, rows, **told)))

    assert (len(listing.ids), listing.is_complete) == (120, True)


@pytest.mark.parametrize("total", [None, 0, 119, 121, 5000])
def test_a_total_that_is_wrong_or_missing_proves_nothing(total: int | None) -> None:
    listing = read(Server(120, lambda skip, rows: page(skip, rows, total_results=total)))

    assert (len(listing.ids), listing.is_complete) == (120, False)


def test_a_row_that_moved_to_a_page_read_before_leaves_a_doubt() -> None:
    def shrinking(skip: int, rows: list[dict[str, Any]]) -> ListingPage:
        if skip == CAP:
            del rows[3]  # deleted meanwhile: the row at 50 is now at 49
        return page(skip, rows)

    listing = read(Server(120, shrinking))

    assert not listing.is_complete
    assert listing.doubt == "its total went from 120 to 119 meanwhile"


def test_a_server_that_ignores_skip_is_not_asked_for_ever() -> None:
    server = Server(120, lambda _, rows: page(0, rows, has_more=True))
    listing = read(server)

    assert (len(server.skips), listing.is_complete) == (2, False)


def test_a_page_that_fails_leaves_what_came_before_it() -> None:
    def failing(skip: int, rows: list[dict[str, Any]]) -> ListingPage:
        if skip:
            raise ServerUnavailable("", http_status=503, reason="HTTP 503", attempts=5)
        return page(skip, rows)

    listing = read(Server(120, failing))

    assert (len(listing.ids), listing.is_complete, listing.calls) == (50, False, 2)
    assert isinstance(listing.refused, ServerUnavailable)


def test_a_listing_refused_at_once_says_so() -> None:
    def broken(skip: int, rows: list[dict[str, Any]]) -> ListingPage:
        raise AnswerBreaksContract("", found="the body is not JSON")

    listing = read(Server(120, broken))

    assert (listing.calls, listing.ids, listing.is_complete) == (1, set(), False)


def test_rows_without_an_id_prove_nothing() -> None:
    listing = read(Server(3, lambda skip, rows: page(skip, [*rows, {"name": "nameless"}])))

    assert (len(listing.ids), listing.is_complete) == (3, False)


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
