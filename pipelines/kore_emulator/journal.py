"""Record of the received requests and their answers."""

from __future__ import annotations

import threading
from array import array
from collections import Counter, deque
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from .limits import busiest_window
from .request import Endpoint, Request


@dataclass(slots=True)
class RecordedRequest:
    """One request, without the text of its token."""

    at: float
    """Monotonic seconds of its arrival."""
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case; `auth` is left out."""
    has_token: bool
    endpoint: Endpoint
    campaign_id: str | None
    jti: str | None = None
    iat: float | None = None
    status: int | None = None
    """None until the answer is sent; 0 if the connection was dropped."""


@dataclass(slots=True)
class Counters:
    """Exact totals since the start or the last reset."""

    requests: int = 0
    by_campaign: Counter[str] = field(default_factory=Counter)
    """Number of detail requests for each id."""
    by_status: Counter[int] = field(default_factory=Counter)
    """HTTP codes; 0 stands for a dropped connection."""
    by_endpoint: Counter[str] = field(default_factory=Counter)
    rate_limited: int = 0
    listing_requests: int = 0
    detail_requests: int = 0
    rejected_tokens: int = 0
    writes: int = 0


class Journal:
    """The last `record_last` requests and exact totals; safe to read from any thread."""

    def __init__(self, record_last: int) -> None:
        self._lock = threading.Lock()
        self._requests: deque[RecordedRequest] = deque(maxlen=record_last)
        self._reset()

    def _reset(self) -> None:
        self._counters = Counters()
        self._writes: list[RecordedRequest] = []
        self._requests.clear()
        # eight bytes per request keep the busiest window exact in long runs
        self._arrivals = array("d")

    def reset(self) -> None:
        with self._lock:
            self._reset()

    def arrived(self, request: Request, now: float) -> RecordedRequest:
        headers = {name: value for name, value in request.headers.items() if name != "auth"}
        record = RecordedRequest(
            at=now,
            method=request.method,
            path=request.path,
            query=request.query,
            headers=headers,
            has_token="auth" in request.headers,
            endpoint=request.endpoint,
            campaign_id=request.subject_id,
        )
        with self._lock:
            self._arrivals.append(now)
            self._requests.append(record)
            self._count_arrival(record)
        return record

    def _count_arrival(self, record: RecordedRequest) -> None:
        counters = self._counters
        counters.requests += 1
        counters.by_endpoint[record.endpoint] += 1
        if record.endpoint is Endpoint.DETAIL:
            counters.detail_requests += 1
            counters.by_campaign[str(record.campaign_id)] += 1
        elif record.endpoint is Endpoint.LISTING:
            counters.listing_requests += 1
        elif record.endpoint is Endpoint.WRITE:
            counters.writes += 1
            self._writes.append(record)

    def identified(self, record: RecordedRequest, claims: Mapping[str, Any]) -> None:
        record.jti = claims.get("jti", claims.get("kore_jti"))
        record.iat = claims.get("iat")

    def token_rejected(self) -> None:
        with self._lock:
            self._counters.rejected_tokens += 1

    def answered(self, record: RecordedRequest, status: int) -> None:
        with self._lock:
            record.status = status
            self._counters.by_status[status] += 1
            if status == 429:
                self._counters.rate_limited += 1

    def counters(self) -> Counters:
        with self._lock:
            return deepcopy(self._counters)

    def requests(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._requests)

    def writes(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._writes)

    def worst_window(self, seconds: float) -> int:
        with self._lock:
            arrivals = self._arrivals[:]
        return busiest_window(arrivals, seconds)
