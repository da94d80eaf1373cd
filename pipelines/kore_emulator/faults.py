"""Faults of the emulator by name, and the faults that are switched on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from . import misbehaviour as play
from .answers import PER_MINUTE_TEXT, Answer
from .misbehaviour import Scene
from .request import Endpoint, Request

READS = frozenset(Endpoint) - {Endpoint.WRITE, Endpoint.WRONG_METHOD, Endpoint.UNKNOWN}
DETAIL = frozenset({Endpoint.DETAIL})
LISTING = frozenset({Endpoint.LISTING})


class Fault(StrEnum):
    RATE_LIMIT = "rate_limit"
    RATE_LIMIT_RETRY_AFTER = "rate_limit_retry_after"
    RATE_LIMIT_TEXT = "rate_limit_text"
    SERVER_ERROR = "server_error"
    SLOW = "slow"
    SLOW_BODY = "slow_body"
    RESET = "reset"
    TRUNCATED_JSON = "truncated_json"
    CUT_BODY = "cut_body"
    HTML = "html"
    STATUS_FAILURE = "status_failure"
    WRONG_ID = "wrong_id"
    NO_DATA = "no_data"
    NOT_JSON_OBJECT = "not_json_object"
    NOT_FOUND = "not_found"
    REDIRECT = "redirect"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    SCOPE = "scope"
    UNKNOWN_FIELD = "unknown_field"
    SILENT_CHANGE = "silent_change"
    PARTIAL_LISTING = "partial_listing"
    LYING_LISTING = "lying_listing"
    LISTING_IGNORES = "listing_ignores"
    LISTING_ORDER = "listing_order"
    LISTING_LIMIT = "listing_limit"
    LISTING_TOTALS = "listing_totals"
    SHIFTING_LISTING = "shifting_listing"
    NULL_LISTING = "null_listing"


@dataclass(frozen=True, slots=True)
class FaultKind:
    effect: str
    play: Callable[[Scene], Answer]
    options: Mapping[str, Any] = field(default_factory=dict)
    """Names with their defaults."""
    endpoints: frozenset[Endpoint] = READS


FAULTS: Mapping[Fault, FaultKind] = {
    Fault.RATE_LIMIT: FaultKind(
        "429 with the per-minute text and no `Retry-After`", play.rate_limit
    ),
    Fault.RATE_LIMIT_RETRY_AFTER: FaultKind(
        "429 with a `Retry-After` of your choice: seconds, an HTTP date, or an invalid value",
        play.rate_limit_retry_after,
        {"retry_after": 1},
    ),
    Fault.RATE_LIMIT_TEXT: FaultKind(
        "the rate limit's text, or another, under another HTTP status",
        play.rate_limit_text,
        {"status": 200, "text": PER_MINUTE_TEXT, "retry_after": None},
    ),
    Fault.SERVER_ERROR: FaultKind(
        "500, 502, 503 or 504 with a proxy's HTML page",
        play.server_error,
        {"status": 500, "retry_after": None},
    ),
    Fault.SLOW: FaultKind("the correct response, late", play.slow, {"seconds": 5.0}),
    Fault.SLOW_BODY: FaultKind(
        "headers at once, then the body in small pieces", play.slow_body, {"seconds": 5.0}
    ),
    Fault.RESET: FaultKind("TCP RST and no response", play.reset),
    Fault.TRUNCATED_JSON: FaultKind(
        "200 with half of the JSON, complete by `Content-Length`", play.truncated_json
    ),
    Fault.CUT_BODY: FaultKind("the connection closes in the middle of the body", play.cut_body),
    Fault.HTML: FaultKind("200 with a login page", play.html),
    Fault.STATUS_FAILURE: FaultKind(
        '200 with `"status": "failure"`',
        play.status_failure,
        {"message": "Unable to retrieve the campaign"},
    ),
    Fault.WRONG_ID: FaultKind("another campaign's configuration", play.wrong_id, endpoints=DETAIL),
    Fault.NO_DATA: FaultKind(
        "`success` whose `data` is `null`, a `list`, or `missing`",
        play.no_data,
        {"data": "null"},
        DETAIL,
    ),
    Fault.NOT_JSON_OBJECT: FaultKind("200 with a JSON array", play.not_json_object),
    Fault.NOT_FOUND: FaultKind("404 Campaign not found", play.not_found, endpoints=DETAIL),
    Fault.REDIRECT: FaultKind(
        "301, 302, 307 or 308 to another address",
        play.redirect,
        {"location": "https://login.example.com/", "status": 302},
    ),
    Fault.UNAUTHORIZED: FaultKind("401 Invalid SDK credentials", play.unauthorized),
    Fault.FORBIDDEN: FaultKind("403 Forbidden", play.forbidden),
    Fault.SCOPE: FaultKind("401 Permission denied. Scope is incorrect!", play.scope),
    Fault.UNKNOWN_FIELD: FaultKind(
        "an undocumented field, at the top level and inside `dialingStrategy`",
        play.unknown_field,
        {"field": "futureField"},
        DETAIL,
    ),
    Fault.SILENT_CHANGE: FaultKind(
        "the campaign changes and its `updatedAt` does not",
        play.silent_change,
        {"changes": {"description": "Changed without a new updatedAt"}},
        DETAIL,
    ),
    Fault.PARTIAL_LISTING: FaultKind(
        "the page lacks its last rows, but the totals include them",
        play.partial_listing,
        {"drop": 1},
        LISTING,
    ),
    Fault.LYING_LISTING: FaultKind(
        "wrong `totalResults`, the first row twice, or one campaign hidden",
        play.lying_listing,
        {"total_results": None, "duplicate": False, "hide": None},
        LISTING,
    ),
    Fault.LISTING_IGNORES: FaultKind(
        "parts of the request do not count: `skip`, `page`, `sortBy` or `limit`; one or a list",
        play.listing_ignores,
        {"ignores": "skip"},
        LISTING,
    ),
    Fault.LISTING_ORDER: FaultKind(
        "rows come in this order, whatever the request says",
        play.listing_order,
        {"sort_by": {"createdAt": "desc"}},
        LISTING,
    ),
    Fault.LISTING_LIMIT: FaultKind(
        "412, or another status, for pages of more rows",
        play.listing_limit,
        {"most": 50, "status": 412},
        LISTING,
    ),
    Fault.LISTING_TOTALS: FaultKind(
        "totals and `hasMore` are `missing`, a `text`, or those of the `page` alone",
        play.listing_totals,
        {"totals": "missing"},
        LISTING,
    ),
    Fault.SHIFTING_LISTING: FaultKind(
        "newest first whatever the request says, and each page changes the oldest campaign, so "
        "rows move between pages",
        play.shifting_listing,
        {},
        LISTING,
    ),
    Fault.NULL_LISTING: FaultKind(
        "`data.results`, or `data`, is null; for `voice`, `sms` or both",
        play.null_listing,
        {"where": "results", "type": None},
        LISTING,
    ),
}


class UnknownFaultError(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"no fault `{name}`; there are {', '.join(Fault)}")


class UnknownOptionError(ValueError):
    def __init__(self, fault: Fault, name: str) -> None:
        known = ", ".join(FAULTS[fault].options) or "none"
        super().__init__(f"fault `{fault}` has no option `{name}`; it has: {known}")


@dataclass(slots=True)
class ActiveFault:
    fault: Fault
    campaign_id: str | None
    times_left: int | None
    options: Mapping[str, Any]
    endpoints: frozenset[Endpoint]
    after: int = 0
    """Requests that it still lets pass."""
    for_seconds: float | None = None
    ends_at: float | None = None
    """Known from its first effect on."""

    def concerns(self, request: Request) -> bool:
        if request.endpoint not in self.endpoints:
            return False
        if self.campaign_id not in (None, request.subject_id):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        now = time.monotonic()
        if self.for_seconds is not None and self.ends_at is None:
            self.ends_at = now + self.for_seconds
        return self.ends_at is None or now < self.ends_at


class FaultPlan:
    """Faults that are switched on. Each request triggers at most one.

    A fault of the campaign comes before a general one, and the oldest comes first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[ActiveFault] = []

    def add(
        self, name: str, campaign_id: str | None, times: int | None, options: Mapping[str, Any]
    ) -> None:
        """Switch a fault on.

        Options of all: `endpoint` limits it to one endpoint, `after` lets so many requests pass
        before it, and `for_seconds` ends it so long after its first effect.
        """
        if name not in list(Fault):
            raise UnknownFaultError(name)
        fault = Fault(name)
        kind = FAULTS[fault]
        given = dict(options)
        endpoint = given.pop("endpoint", None)
        after, for_seconds = given.pop("after", 0), given.pop("for_seconds", None)
        for option in given:
            if option not in kind.options:
                raise UnknownOptionError(fault, option)
        endpoints = kind.endpoints if endpoint is None else frozenset({Endpoint(endpoint)})
        active = ActiveFault(
            fault, campaign_id, times, {**kind.options, **given}, endpoints, after, for_seconds
        )
        with self._lock:
            self._active.append(active)
            self._active.sort(key=lambda one: one.campaign_id is None)

    def clear(self) -> None:
        with self._lock:
            self._active.clear()

    def take(self, request: Request) -> ActiveFault | None:
        """Take the fault for this request, and count it."""
        if not self._active:
            return None
        with self._lock:
            for active in self._active:
                if active.concerns(request):
                    if active.times_left is not None:
                        active.times_left -= 1
                        if active.times_left <= 0:
                            self._active.remove(active)
                    return active
        return None
