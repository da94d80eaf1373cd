"""What an answer says, in words fit for a message: one short line, no token, no page of HTML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

# Kore documents these two texts, but no HTTP code for them, so they count under any code.
_RATE_TEXT: Final = re.compile(rb"exceeded the (per-minute|hourly) rate limit", re.IGNORECASE)
_TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*")
_LONGEST: Final = 200

RateWindow = Literal["minute", "hour"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end. `body` is decoded (gzip), not parsed."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    location: str = ""
    asked_wait_seconds: float | None = None


def exceeded_window(reply: Reply) -> RateWindow | None:
    """Which call limit the answer reports as reached, by its code or by its text."""
    found = _RATE_TEXT.search(reply.body)
    # A campaign may well quote that text, in its description for one: not a limit, then.
    if found and not _is_success(reply):
        return "hour" if found[1].lower() == b"hourly" else "minute"
    return "minute" if reply.status == 429 else None


def vendor_message(reply: Reply) -> str:
    """What the service says went wrong; if it says nothing, what it sent instead."""
    answer = json_object(reply.body)
    if answer is not None:
        errors = answer.get("errors")
        texts = (
            [one.get("msg") for one in errors if isinstance(one, dict)]
            if isinstance(errors, list)
            else []
        )
        for text in (*texts, answer.get("message"), answer.get("error")):
            if isinstance(text, str) and text.strip():
                return one_line(text)
    kind = one_line(reply.content_type.partition(";")[0]) or "of no stated type"
    return f"no message; {len(reply.body)} bytes {kind}"


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Printable and on one line, anything like a token blotted out, cut to `longest` characters."""
    shown = _TOKEN.sub("[token]", text)
    shown = " ".join("".join(sign if sign.isprintable() else " " for sign in shown).split())
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def shown_location(url: str) -> str:
    """Where a redirect points, without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an unreadable address"
    host = parts.netloc.rpartition("@")[2]
    return one_line(parts._replace(netloc=host, query="", fragment="").geturl()) or "nowhere"


def json_object(body: bytes) -> dict[str, Any] | None:
    """The body as a JSON object, or None when it is anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_success(reply: Reply) -> bool:
    answer = json_object(reply.body) if 200 <= reply.status < 300 else None
    return answer is not None and answer.get("status") == "success"
