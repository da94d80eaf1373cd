"""What a response means: data, a reason to try again, or an error that ends the request."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from requests import Response
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
    RedirectRefused,
    RequestRefused,
)

# Kore documents two texts, but no HTTP code for them; gateways have others. They count under any.
_RATE_LIMIT_TEXT: Final = re.compile(
    rb"rate[ _-]?limit|too many (?:requests|calls)|throttl|quota[\w' -]{0,20}exceed"
    rb"|(?:request|call|api)s? (?:limit|quota)",
    re.IGNORECASE,
)
_HOUR: Final = re.compile(rb"hourly|per[ -]hour", re.IGNORECASE)
# Request Timeout, Conflict, Misdirected Request, Locked, Too Early
_TEMPORARY: Final = frozenset({408, 409, 421, 423, 425})
_TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*")
_LONGEST: Final = 200

RateWindow = Literal["minute", "hour"]


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response, read to its end. `body` is decoded (gzip), not parsed."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    location: str = ""
    retry_after_seconds: float | None = None


@dataclass(eq=False)
class RetriableError(Exception):
    """Another attempt may succeed: no response, a server error, or a reached rate limit.

    `window` names the limit that was reached. `is_final` rules out another attempt.
    """

    reason: str
    http_status: int | None = None
    retry_after_seconds: float | None = None
    window: RateWindow | None = None
    is_final: bool = False
    refused: AccessRefused | None = None
    """Raised instead if all attempts fail."""


def validate_response(
    response: ApiResponse, endpoint: Endpoint, campaign_id: str, *, client_id: str, stream_id: str
) -> None:
    """Raise `RetriableError`, or the error that ends the request, unless the response is a 2xx."""
    status = response.status
    window = exceeded_window(response)
    is_asked_to_wait = status >= 400 and response.retry_after_seconds is not None
    if window or status >= 500 or status in _TEMPORARY or is_asked_to_wait:
        reason = f"HTTP {status} ({vendor_message(response)})"
        raise RetriableError(reason, status, response.retry_after_seconds, window)
    if status < 300:
        return
    if status < 400:
        location = shown_location(response.location)
        raise RedirectRefused(campaign_id, http_status=status, location=location)
    message = vendor_message(response)
    if status in (401, 403):
        raise AccessRefused(
            http_status=status, reply=message, client_id=client_id, stream_id=stream_id
        )
    if status != 404 or endpoint is not Endpoint.DETAIL:
        raise RequestRefused(campaign_id, http_status=status, reply=message)
    # A campaign that is gone is marked deleted, so the 404 page of a proxy, or of another web
    # server under a wrong host name, must not pass for Kore's own.
    if response.body.strip() and json_object(response.body) is None:
        found = f"not as Kore.ai says it: the body {starts_with(response.body)}"
        raise AnswerBreaksContract(campaign_id, found=found, http_status=404)
    raise CampaignNotFound(campaign_id)


def exceeded_window(response: ApiResponse) -> RateWindow | None:
    """Which rate limit the response reports as reached, by its code or by its text."""
    if _RATE_LIMIT_TEXT.search(response.body):
        answer = json_object(response.body) if response.status < 300 else None
        # A campaign may quote that text, for example in its description. Then it is no limit.
        if answer is None or answer.get("status") != "success":
            return "hour" if _HOUR.search(response.body) else "minute"
    return "minute" if response.status == 429 else None


def retry_after_seconds(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that `Retry-After` requests: 0 for a date in the past, None if it is not readable.

    `now` is Unix time, for a date in a response without the server's own time.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    until = http_date(text)
    if until is None:
        return None
    servers_now = http_date(headers.get("Date", ""))
    return max(0.0, until - (now if servers_now is None else servers_now))


def http_date(text: str) -> float | None:
    """Unix time of a date in a header; None if it is not readable."""
    try:
        moment = parsedate_to_datetime(text)
        # RFC 9110: an HTTP date is UTC, also where it is written with the zone `-0000`
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def vendor_message(response: ApiResponse) -> str:
    """The error message of the service; without one, the kind of content that it sent."""
    answer = json_object(response.body) or {}
    errors = answer["errors"] if isinstance(answer.get("errors"), list) else []
    texts = [one.get("msg") for one in errors if isinstance(one, dict)]
    for text in (*texts, answer.get("message"), answer.get("error")):
        if isinstance(text, str) and text.strip():
            return one_line(text)
    kind = one_line(response.content_type.partition(";")[0]) or "of no stated type"
    return f"no message; {len(response.body)} bytes {kind}"


def starts_with(body: bytes) -> str:
    """The start of a body, for the message that it is not what the API page promises."""
    if not body:
        return "is empty"
    return f"starts with `{one_line(body[:200].decode(errors='replace'), 60)}`"


def one_line(text: str, longest: int = _LONGEST) -> str:
    """The text printable and on one line, without tokens, cut to `longest` characters."""
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
    """The body as a JSON object; None if it is anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


NO_RESPONSE: Final = (RequestException, HTTPError, OSError)


class SlowBodyError(OSError):
    """The time for this campaign was over before the whole body had come in."""


def reason_of(error: BaseException) -> str:
    """One clause for a message, such as `no connection in time`."""
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, ssl.SSLCertVerificationError):
            return certificate_problem(one)
        if code := _TUNNEL.search(str(one)):
            return _PROXY_LOGIN if code[1] == "407" else f"the proxy answered HTTP {code[1]}"
    for kinds, reason in _REASONS:
        if any(isinstance(one, kinds) for one in chain):
            return reason
    return f"the connection broke ({type(chain[-1]).__name__})"


def is_final(error: BaseException) -> bool:
    """True if another attempt cannot change it: a certificate was refused, or a proxy's login."""
    is_certificate = any(isinstance(one, ssl.SSLCertVerificationError) for one in _chain(error))
    return is_certificate or reason_of(error) == _PROXY_LOGIN


def certificate_problem(error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with the server's certificate, and what to do."""
    if error.verify_code in (62, 64):  # host name, address
        return "the server's certificate is for another name (correct `host`, or the DNS)"
    if error.verify_code in (9, 10):  # not yet, no longer
        return "the server's certificate is not valid at this time (check this machine's clock)"
    return (
        f"the server's certificate is not trusted here ({error.verify_message}; behind a proxy "
        "that inspects traffic, set `REQUESTS_CA_BUNDLE` to its certificates)"
    )


def unreadable_encoding(response: Response) -> str:
    """The compression of a body that cannot be undone here; empty without one."""
    names = response.headers.get("Content-Encoding", "").lower()
    known = (*response.raw.CONTENT_DECODERS, "identity", "")
    return "" if {*re.split(r"\s*,\s*", names)} <= {*known} else one_line(names, 60)


_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d+)")
_PROXY_LOGIN: Final = (
    "the proxy requires a login (HTTP 407; write it as `http://user:password@name:port` in "
    "`HTTPS_PROXY`)"
)
_REASONS: Final[tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...]] = (
    (ssl.SSLError, "no TLS connection could be agreed on"),
    (ProxyError, "the proxy gave no connection"),
    (NameResolutionError, "the host name could not be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
    ((ConnectTimeout, ConnectTimeoutError), "no connection in time"),
    (SlowBodyError, "the answer was still coming in when the time for one campaign was up"),
    ((ReadTimeout, ReadTimeoutError), "no answer in time"),
    (IncompleteRead, "the answer was cut off"),
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
