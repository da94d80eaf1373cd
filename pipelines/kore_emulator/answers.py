"""Answers of the emulator, and how they are sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
CREDENTIALS_CODE = 4002


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response. The last four fields describe faults of the transmission."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    """Seconds until the first byte."""
    trickle: float = 0.0
    """Seconds over which the body is spread; headers come at once."""
    cut: bool = False
    """`Content-Length` promises the whole body; the connection closes in the middle."""
    reset: bool = False
    """No response: the client sees a TCP RST."""


def encode(value: object) -> bytes:
    """Write compact JSON, as Kore sends it; half of a surrogate pair stays its escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace")


def success(message: str | None, data: object) -> Answer:
    """Envelope of a successful answer. The status endpoint sends no message: `message=None`."""
    envelope: dict[str, Any] = {"status": "success"}
    if message is not None:
        envelope["message"] = message
    return Answer(200, encode({**envelope, "data": data}))


def refusal(status: int, text: str, code: int | None = None) -> Answer:
    """Error of the gateway. For credentials, Kore's own code differs from the HTTP status."""
    return Answer(
        status, encode({"errors": [{"msg": text, "code": status if code is None else code}]})
    )


INVALID_CREDENTIALS = refusal(401, "Invalid SDK credentials", CREDENTIALS_CODE)
INVALID_JWT = refusal(401, "Invalid JWT token", CREDENTIALS_CODE)
SCOPE_MISSING = refusal(401, "Permission denied. Scope is incorrect!", CREDENTIALS_CODE)
JTI_TOO_LONG = refusal(401, 'error verifying the jwt: if "jti" claim "exp" must be <= 1 hour(s)')
JTI_REPLAYED = refusal(401, "error verifying the jwt: possibly a replay")
METHOD_NOT_ALLOWED = refusal(405, "Method Not Allowed")
INVALID_ARGUMENTS = refusal(412, "Validation errors/ Invalid arguments")
CAMPAIGN_NOT_FOUND = refusal(404, "Campaign not found")
LIST_NOT_FOUND = refusal(404, "Contact list not found")
NOT_FOUND = refusal(404, "Not Found")
PER_MINUTE_TEXT = (
    "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."
)
PER_HOUR_TEXT = "You've exceeded the hourly rate limit. Please wait for sometime before retrying."
PER_MINUTE_EXCEEDED = refusal(429, PER_MINUTE_TEXT)
PER_HOUR_EXCEEDED = refusal(429, PER_HOUR_TEXT)
