"""Kore's read endpoints as methods; an answer is data only if it is what the API page promises."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any, NoReturn

from kore_campaigns.api.endpoints import Endpoint
from kore_campaigns.api.responses import Reply, one_line, starts_with, vendor_message
from kore_campaigns.api.transport import Counters, Transport
from kore_campaigns.errors import AnswerBreaksContract


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One page of the account listing, rows as received."""

    results: list[dict[str, Any]]
    total_results: int | None
    has_more: bool
    total_pages: int | None


class KoreClient:
    """Reads campaigns and contact lists. Besides what `Transport.send` raises, every method raises
    `AnswerBreaksContract` for an answer that is not a success, or not to this question.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def answered(self) -> threading.Event:
        """Set once the service has accepted the credentials."""
        return self._transport.answered

    @property
    def counters(self) -> Counters:
        """What went over the wire so far."""
        return self._transport.counters

    def eta_seconds(self, calls: int) -> float:
        """Seconds until the last of `calls` more calls may leave, by the budget alone."""
        return self._transport.budget.eta_seconds(calls)

    def campaign(self, campaign_id: str) -> dict[str, Any]:
        """The `data` object of one campaign, as received."""
        reply = self._transport.detail(campaign_id)
        data = _data(reply, campaign_id)
        # details carry `_id`; some answers of the API name it `id`
        found = data.get("_id", data.get("id"))
        if found != campaign_id:
            _breaks(reply, campaign_id, f"it holds campaign `{one_line(str(found))}`")
        return data

    def list_campaigns(
        self, *, campaign_type: str = "voice", limit: int = 50, skip: int = 0
    ) -> ListingPage:
        """Rows `skip` to `skip + limit` of all campaigns of a type (`voice` or `sms`).

        Oldest first: with the newest first, rows move between pages while campaigns change.
        """
        asked = {
            "type": campaign_type,
            "limit": limit,
            "skip": skip,
            "sortBy": {"createdAt": "asc"},
        }
        reply = self._transport.send(Endpoint.LISTING, body=json.dumps(asked).encode())
        page = _data(reply, "")
        results = page.get("results")
        if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
            _breaks(reply, "", "its `data.results` is not a list of objects")
        return ListingPage(
            results=results,
            total_results=_count(page.get("totalResults")),
            has_more=page.get("hasMore") is True,
            total_pages=_count(page.get("totalPages")),
        )

    def contact_lists(self) -> list[Any]:
        """Every contact list of the app, as received; the answer has no pages."""
        reply = self._transport.send(Endpoint.CONTACT_LISTS)
        data = _data_of_success(reply, "")
        if not isinstance(data, list):
            _breaks(reply, "", f"status is `success` and `data` is {_named(data)}, not a list")
        return data


def _data(reply: Reply, campaign_id: str) -> dict[str, Any]:
    """The `data` object of a success; all else breaks the contract."""
    data = _data_of_success(reply, campaign_id)
    if not isinstance(data, dict):
        kind = _named(data)
        _breaks(reply, campaign_id, f"status is `success` and `data` is {kind}, not an object")
    return data


def _data_of_success(reply: Reply, campaign_id: str) -> Any:
    """The `data` of a success, `...` if it has none; all else breaks the contract."""
    try:
        answer = json.loads(reply.body, parse_constant=_not_a_number)
    except (ValueError, RecursionError):
        _breaks(reply, campaign_id, f"the body is not JSON ({starts_with(reply.body)})")
    if not isinstance(answer, dict):
        _breaks(reply, campaign_id, f"the body is not a JSON object ({starts_with(reply.body)})")
    status = answer.get("status")
    if status != "success":
        said = f"status is `{one_line(str(status))}`" if "status" in answer else "it has no status"
        _breaks(reply, campaign_id, f"{said}: `{vendor_message(reply)}`")
    return answer.get("data", ...)


def _named(data: Any) -> str:
    return _JSON_NAMES[type(data)]


def _not_a_number(constant: str) -> NoReturn:
    # NaN and Infinity, which Python reads and JSON does not know: no destination could store them
    msg = f"{constant} is not JSON"
    raise ValueError(msg)


def _count(value: object) -> int | None:
    """A total that is a number; the API page promises one, but nothing is lost without it."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _breaks(reply: Reply, campaign_id: str, found: str) -> NoReturn:
    raise AnswerBreaksContract(campaign_id, found=found, http_status=reply.status)


_JSON_NAMES = {
    type(...): "missing",
    type(None): "null",
    list: "a list",
    dict: "an object",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}
