"""What an answer, or none, means for a campaign: done, ask again, or give up and why."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from requests.exceptions import ConnectTimeout, ProxyError, ReadTimeout, RequestException
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    NameResolutionError,
    ReadTimeoutError,
)

from kore_campaigns.api.endpoints import Endpoint
from kore_campaigns.errors import (
    AccessRefused,
    AnswerBreaksContract,
    CampaignNotFound,
    KoreCampaignsError,
    RedirectRefused,
    RequestRefused,
)

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


NO_ANSWER: Final = (RequestException, HTTPError, OSError)


class SlowBodyError(OSError):
    """The body was still coming in when the time for this campaign was up."""


def reason_of(error: BaseException) -> str:
    """One clause for a message, such as `no connection in time`."""
    chain = list(_chain(error))
    for kinds, reason in _REASONS:
        if any(isinstance(one, kinds) for one in chain):
            return reason
    return f"the connection broke ({type(chain[-1]).__name__})"


def is_untrusted(error: BaseException) -> bool:
    """Whether the server's certificate was refused: asking again cannot change that."""
    return any(isinstance(one, ssl.SSLCertVerificationError) for one in _chain(error))


_REASONS: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    (
        (ssl.SSLCertVerificationError,),
        "the server's certificate is not trusted here (behind a proxy that inspects traffic, set "
        "`REQUESTS_CA_BUNDLE` to its certificates)",
    ),
    ((ssl.SSLError,), "no TLS connection could be agreed on"),
    ((ProxyError,), "the proxy gave no connection"),
    ((NameResolutionError,), "the host name could not be resolved"),
    ((ConnectionRefusedError,), "the connection was refused"),
    ((ConnectTimeout, ConnectTimeoutError), "no connection in time"),
    ((SlowBodyError,), "the answer was still coming in when the time for one campaign was up"),
    ((ReadTimeout, ReadTimeoutError), "no answer in time"),
    ((IncompleteRead,), "the answer was cut off"),
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and, from the outside in, those it was made from."""
    seen: set[int] = set()
    pending = [error]
    while pending:
        one = pending.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            inner = (getattr(one, "reason", None), *one.args, one.__cause__, one.__context__)
            pending += [each for each in inner if isinstance(each, BaseException)]


@dataclass(frozen=True, slots=True)
class Setback:
    """Something that another attempt may mend, unless `is_final`."""

    reason: str
    http_status: int | None = None
    asked_wait_seconds: float | None = None
    window: RateWindow | None = None
    """Which call limit was reached, if it was one."""
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, and who asked: what an error message has to name."""

    endpoint: Endpoint
    campaign_id: str
    client_id: str
    stream_id: str


def setback_of_failure(error: BaseException) -> Setback:
    """No answer, or only part of one."""
    return Setback(reason_of(error), is_final=is_untrusted(error))


def setback_of_reply(reply: Reply) -> Setback | None:
    """A reached call limit, under whatever code, or a server in trouble; None for all else."""
    window = exceeded_window(reply)
    if window is None and reply.status < 500:
        return None
    reason = f"HTTP {reply.status} ({vendor_message(reply)})"
    return Setback(reason, reply.status, reply.asked_wait_seconds, window)


def accepted(reply: Reply, question: Question) -> Reply:
    """The reply, if it is a 2xx; else raises the error that ends this campaign, or the run."""
    if reply.status < 300:
        return reply
    raise _refusal(reply, question)


def starts_with(body: bytes) -> str:
    """How a body begins, for a message that says it is not what was promised."""
    if not body:
        return "is empty"
    return f"starts with `{one_line(body[:200].decode(errors='replace'), 60)}`"


def _refusal(reply: Reply, question: Question) -> KoreCampaignsError:
    status, campaign_id = reply.status, question.campaign_id
    if status < 400:
        where = shown_location(reply.location)
        return RedirectRefused(campaign_id, http_status=status, location=where)
    if status in (401, 403):
        return AccessRefused(
            http_status=status,
            reply=vendor_message(reply),
            client_id=question.client_id,
            stream_id=question.stream_id,
        )
    if status == 404 and question.endpoint in (Endpoint.DETAIL, Endpoint.STATUS):
        return _not_found(reply, campaign_id)
    return RequestRefused(campaign_id, http_status=status, reply=vendor_message(reply))


def _not_found(reply: Reply, campaign_id: str) -> KoreCampaignsError:
    # A campaign that is gone is marked deleted, so the 404 page of a proxy, or of another web
    # server under a wrong host name, must not pass for Kore's own.
    if not reply.body.strip() or json_object(reply.body) is not None:
        return CampaignNotFound(campaign_id)
    found = f"not as Kore.ai says it: the body {starts_with(reply.body)}"
    return AnswerBreaksContract(campaign_id, found=found, http_status=404)
