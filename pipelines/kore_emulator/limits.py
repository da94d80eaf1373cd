"""Sliding window over arrival times: for the rate limit and for the tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


class SlidingLog:
    """Grant at most `limit` arrivals in any half-open window of `seconds`.

    None grants all and records none. Both values may change at any time.
    """

    def __init__(self, limit: int | None, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._granted: deque[float] = deque()

    def is_full(self, now: float) -> bool:
        """True if an arrival at `now` would exceed the limit."""
        if self.limit is None:
            return False
        while self._granted and now - self._granted[0] >= self.seconds:
            self._granted.popleft()
        return len(self._granted) >= self.limit

    def grant(self, now: float) -> None:
        if self.limit is not None:
            self._granted.append(now)


def busiest_window(arrivals: Sequence[float], seconds: float) -> int:
    """Largest number of arrivals in any half-open window of `seconds`."""
    first, most = 0, 0
    for last, arrival in enumerate(arrivals):
        while arrival - arrivals[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
