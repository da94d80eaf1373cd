"""Client of Kore's read endpoints: one method each, with responses checked against the API page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from kore_campaigns.api.endpoints import Endpoint
from kore_campaigns.api.responses import ApiResponse, one_line, starts_with, vendor_message
from kore_campaigns.api.transport import Transport
from kore_campaigns.errors import AnswerBreaksContract, IdNotUsable, RequestNotAllowed

T = TypeVar("T")
OLDEST_FIRST: Final = {"createdAt": "asc"}

_JSON_NAMES: Final[dict[type, str]] = {
    type(...): "missing",
    type(None): "null",
    list: "a list",
    dict: "an object",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One page of the account listing, rows as received."""

    results: list[dict[str, Any]]
    total_results: int | None
    has_more: bool
    total_pages: int | None


class KoreClient:
    """Read campaigns and contact lists.

    Every method raises what `Transport.send` raises, and `AnswerBreaksContract` for a response that
    is not a success, or does not belong to the request.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.answered = transport.answered
        self.counters = transport.counters
        self.rate_limiter = transport.rate_limiter
        self.workers = transport.workers

    @property
    def unwell_at(self) -> float:
        """When the service last failed or refused, by `time.monotonic`."""
        return self._transport.unwell_at

    @property
    def next_retry(self) -> tuple[str, int]:
        """Why the newest retry is necessary, and in how many seconds it is sent."""
        left = max(0.0, self._transport.retry_at - self._transport.now())
        return self._transport.retry_reason, round(left)

    def campaign(self, campaign_id: str) -> dict[str, Any]:
        """The `data` object of one campaign, as received."""
        return self._one(Endpoint.DETAIL, campaign_id, "campaign")

    def contact_list(self, list_id: str) -> dict[str, Any]:
        """The `data` object of one contact or DNC list, as received.

        Errors name the list where they name a campaign otherwise.
        """
        return self._one(Endpoint.CONTACT_LIST, list_id, "list")

    def _one(self, endpoint: Endpoint, wanted: str, kind: str) -> dict[str, Any]:
        try:
            response = self._transport.send(endpoint, campaign_id=wanted)
        except RequestNotAllowed as refused:  # a listing may name any id
            raise IdNotUsable(wanted, reason=refused.reason) from None
        data = _data(response, dict, wanted)
        # details carry `_id`; some answers of the API name it `id`
        found = data.get("_id", data.get("id"))
        if found != wanted:
            _break(response, f"it holds {kind} `{one_line(str(found))}`", wanted)
        return data

    def list_campaigns(
        self,
        *,
        campaign_type: str = "voice",
        limit: int = 50,
        skip: int | None = None,
        page: int | None = None,
        sort_by: Mapping[str, str] = OLDEST_FIRST,
    ) -> ListingPage:
        """Rows of all campaigns of a type (`voice` or `sms`), after `skip` or of a `page` from 1.

        Oldest first: with the newest first, rows move between pages while campaigns change.
        """
        place = {"skip": skip or 0} if page is None else {"page": page}
        response = self._transport.send(
            Endpoint.LISTING,
            json={"type": campaign_type, "limit": limit, **place, "sortBy": dict(sort_by)},
        )
        # null or nothing where rows may be is no rows: Kore does not document the empty listing
        data = _data(response, dict, empty={})
        results = [] if data.get("results") is None else data["results"]
        if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
            _break(response, "its `data.results` is not a list of objects")
        # The API page promises totals, but nothing is lost without them.
        has_more = str(data.get("hasMore")).casefold() == "true"
        return ListingPage(
            results, _count(data, "totalResults"), has_more, _count(data, "totalPages")
        )

    def contact_lists(self) -> list[Any]:
        """Every contact list of the app, as received; the response has no pages."""
        return _data(self._transport.send(Endpoint.CONTACT_LISTS), list, empty=[])


def _count(data: Mapping[str, Any], name: str) -> int | None:
    """The number, also as a text; None if it is anything else."""
    text = str(data.get(name)).strip().removesuffix(".0")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _data(
    response: ApiResponse, expected: type[T], campaign_id: str = "", empty: T | None = None
) -> T:
    """The `data` of a success, `empty` if there is none; anything else breaks the contract."""
    try:
        answer = json.loads(response.body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        _break(response, f"the body is not JSON ({starts_with(response.body)})", campaign_id)
    if not isinstance(answer, dict):
        start = starts_with(response.body)
        _break(response, f"the body is not a JSON object ({start})", campaign_id)
    status = answer.get("status")
    if status != "success":
        found = f"status is `{one_line(str(status))}`" if "status" in answer else "it has no status"
        _break(response, f"{found}: `{vendor_message(response)}`", campaign_id)
    data = answer.get("data", ...)
    if empty is not None and data in (None, ..., [], {}):
        return empty
    if not isinstance(data, expected):
        names = f"{_JSON_NAMES[type(data)]}, not {_JSON_NAMES[expected]}"
        _break(response, f"status is `success` and `data` is {names}", campaign_id)
    return data


def _refuse_constant(constant: str) -> NoReturn:
    # Python reads NaN and Infinity, but they are not JSON: no destination could store them.
    msg = f"{constant} is not JSON"
    raise ValueError(msg)


def _break(response: ApiResponse, found: str, campaign_id: str = "") -> NoReturn:
    raise AnswerBreaksContract(campaign_id, found=found, http_status=response.status)
