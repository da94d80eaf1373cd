"""How long and how often one question is asked: time limits, backoff, and `Retry-After`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Timeouts:
    """In seconds. `campaign_seconds` bounds one campaign with all its attempts.

    Waiting for a slot of our own budget is not counted; waits that the service asks for are.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    campaign_seconds: float = 300.0


@dataclass(frozen=True)
class RetryPolicy:
    """`attempts` counts the first. A rate answer waits `rate_window_seconds`, not for a backoff:
    the backoffs of common libraries end before a minute does, and so does the run.
    """

    attempts: int = 5
    base_seconds: float = 1.0
    cap_seconds: float = 30.0
    rate_window_seconds: float = 60.0

    def backoff_seconds(self, attempt: int, chance: float) -> float:
        """Full jitter: a share `chance` (0..1) of a span that doubles up to the cap."""
        return chance * min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1))


def asked_wait(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that `Retry-After` asks for: 0 for a date that is past, None if it is not readable.

    `now` is Unix time, used for a date when the answer does not tell the server's own time.
    """
    asked = headers.get("Retry-After", "").strip()
    if not asked:
        return None
    if _SECONDS.fullmatch(asked):
        return float(asked)
    until = _http_date(asked)
    if until is None:
        return None
    servers_now = _http_date(headers.get("Date", ""))
    return max(0.0, until - (now if servers_now is None else servers_now))


def _http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        # RFC 9110: an HTTP date is UTC, also where it is written with the zone `-0000`
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
