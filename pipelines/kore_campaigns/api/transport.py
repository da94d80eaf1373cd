"""HTTP transport to Kore.ai: rate limit, allow-list, authentication, retries, bounded reads."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakSet

from requests import PreparedRequest, Request, Response, Session
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from tenacity import Retrying, retry_if_exception_type

from kore_campaigns.api.auth import TokenAuth
from kore_campaigns.api.endpoints import Endpoint, Routes, is_loopback
from kore_campaigns.api.rate_limit import RateLimiter
from kore_campaigns.api.responses import (
    NO_RESPONSE,
    ApiResponse,
    RetriableError,
    SlowBodyError,
    exceeded_window,
    http_date,
    is_final,
    reason_of,
    retry_after_seconds,
    shown_location,
    unreadable_encoding,
    validate_response,
)
from kore_campaigns.errors import (
    AccessRefused,
    AnswerBreaksContract,
    Interrupted,
    RateLimited,
    ServerUnavailable,
    SettingInvalid,
)

LARGEST_BODY: Final = 10_000_000
_READ_SIZE: Final = 65_536
_WINDOW_SECONDS: Final = {"minute": 60.0, "hour": 3600.0}
_SENT_HEADERS: Final = re.compile(
    "accept|accept-encoding|accountid|auth|content-length|content-type|iid|user-agent",
    re.IGNORECASE,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timeouts:
    """In seconds. `campaign_seconds` bounds one campaign with all its attempts.

    Waiting for a slot of our own rate limit is not counted; waits that the service requests are.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    campaign_seconds: float = 300.0


@dataclass(frozen=True)
class RetryPolicy:
    """`attempts` counts the first.

    A reached rate limit waits for its whole window. The backoffs of common libraries end before a
    minute does, and so does the run.
    """

    attempts: int = 5
    base_seconds: float = 1.0
    cap_seconds: float = 30.0

    def backoff_seconds(self, attempt: int, chance: float) -> float:
        """Full jitter: a share `chance` (0..1) of a span that doubles up to the cap."""
        return chance * min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1))


@dataclass(slots=True)
class Counters:
    """Requests that left or tried to, those of them that were retries, reached rate limits."""

    requests: int = 0
    retries: int = 0
    rate_limited: int = 0
    ended: int = field(default=0, compare=False)
    """Campaigns, pages and lists that were answered or have failed, after all retries."""
    answers: int = field(default=0, compare=False)
    """Requests that were answered, or failed to be."""
    answer_seconds: float = field(default=0.0, compare=False)
    """How long they took, all together."""
    clock_difference_seconds: int | None = field(default=None, compare=False)
    """How far this machine's clock is ahead: the smallest difference to the `Date` of a response,
    since others include the time on their way.
    """


def _remembered(make: Callable[..., Any], sockets: WeakSet[socket.socket], **options: Any) -> Any:
    """A connection that adds its socket to `sockets` once it is open."""
    connection = make(**options)
    connect = connection.connect

    def connect_and_remember() -> None:
        connect()
        sockets.add(connection.sock)

    connection.connect = connect_and_remember
    return connection


class ReadOnlyAdapter(HTTPAdapter):
    """HTTP adapter that sends only requests on the allow-list. The seam to the network.

        session.mount("https://", ReadOnlyAdapter(Routes(host, stream_id, account_id)))

    Its one public method, `send`, takes a signed request. To record or replace requests, mount
    another adapter. Proxies and certificates are read from the environment once, here; what a
    session says of them does not count. Raises `SettingInvalid` for a CA bundle that is not there.
    """

    def __init__(self, routes: Routes, *, connections: int = 1) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections)
        self._routes = routes
        proxy = proxy_of(routes.host)
        self._proxies = {"https": proxy} if proxy else {}
        self.via = f" (through the proxy `{shown_location(proxy)}`)" if proxy else ""
        self._verify = ca_bundle()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self.is_aborted = False

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        """The connection pool of `requests`; `abort` knows the sockets of its connections."""
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        if not isinstance(pool.ConnectionCls, partial):
            pool.ConnectionCls = partial(_remembered, pool.ConnectionCls, self._sockets)
        return pool

    def abort(self) -> None:
        """End all open requests, from another thread: their sockets are shut down."""
        self.is_aborted = True
        for each in [*self._sockets]:
            with contextlib.suppress(OSError):  # closed already
                each.shutdown(socket.SHUT_RDWR)

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """The response, its body not yet read. What `requests` raises passes through.

        Raises `RequestNotAllowed` before a socket opens for any other verb or URL.
        """
        self._routes.check(str(request.method), str(request.url))
        # Other headers of the caller (cookies, a method override) are not sent.
        for name in [each for each in request.headers if not _SENT_HEADERS.fullmatch(each)]:
            del request.headers[name]
        try:
            return super().send(request, stream, timeout, self._verify, None, self._proxies)
        finally:
            # An error and a response keep their request: the token must not be kept with it.
            request.headers.pop("auth", None)


def proxy_of(host: str) -> str | None:
    """Address of the proxy that the environment names for a host; None without one.

    Raises `SettingInvalid` if it is not usable.
    """
    found = None if is_loopback(host) else select_proxy(host, get_environ_proxies(host))
    if not found:
        return None
    proxy = found if "://" in found else f"http://{found}"
    parts = urlsplit(proxy)
    schemes = ("http", "https", *(("socks4", "socks5", "socks5h") if find_spec("socks") else ()))
    if parts.scheme not in schemes or not parts.hostname:
        raise SettingInvalid(
            key="HTTPS_PROXY or ALL_PROXY",
            value=shown_location(proxy),
            expected=f"an address such as `http://name:port`, with {', '.join(schemes)} (socks5 "
            "after `pip install pysocks`)",
        )
    return proxy


def ca_bundle() -> str | bool:
    """The file or folder of certificates that the environment names; True for those of `requests`.

    Raises `SettingInvalid` if it is not there.
    """
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        path = os.environ.get(name)
        if path and not Path(path).exists():
            raise SettingInvalid(key=name, value=path, expected="an existing file or folder")
        if path:
            return path
    return True


@dataclass(slots=True)
class _Call:
    """One request with its retries: what to send, and how much time is left for it."""

    endpoint: Endpoint
    campaign_id: str
    json: dict[str, Any] | None
    left_seconds: float
    wait_seconds: float = 0.0
    attempts: int = 0
    requests: int = 0
    rate_limited: int = 0
    last_status: int | None = None
    has_fresh_token: bool = False


@dataclass(kw_only=True, eq=False, repr=False)
class Transport:
    """Send requests to Kore's read endpoints, for one app; safe to use from many threads.

        response = transport.send(Endpoint.DETAIL, campaign_id="cd-...")

    Raises at construction `SettingInvalid` for a host, verb or CA bundle that cannot be used.
    """

    host: str
    stream_id: str
    account_id: str
    auth: TokenAuth
    rate_limiter: RateLimiter
    detail_method: str = "GET"
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    workers: int = 8
    """Connections kept open at most."""
    user_agent: str = "kore-campaigns"
    now: Callable[[], float] = time.monotonic
    unix_now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    answered: threading.Event = field(default_factory=threading.Event, init=False)
    """Set at the first response that is not a 401: the credentials are accepted."""
    unwell_at: float = field(default=-math.inf, init=False)
    """When the service last failed, refused or did not answer, by `now`."""
    _has_data: bool = field(default=False, init=False)
    """Set at the first success: later refusals may be temporary."""
    retry_at: float = field(default=-math.inf, init=False)
    """When the newest retry is sent, by `now`."""
    retry_reason: str = field(default="", init=False)
    counters: Counters = field(default_factory=Counters, init=False)
    """Requests so far, retries, and reached rate limits."""

    def __post_init__(self) -> None:
        self._routes = Routes(self.host, self.stream_id, self.account_id, self.detail_method)
        self._adapter = ReadOnlyAdapter(self._routes, connections=self.workers)
        self._session = Session()
        self._session.trust_env = False  # the adapter reads it, and a .netrc is not for this
        self._session.auth = self.auth
        self._session.headers = {
            "User-Agent": self.user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "iid": self.stream_id,
            "accountId": self.account_id,
        }
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, self._adapter)
        self._lock = threading.Lock()

    def send(
        self,
        endpoint: Endpoint,
        *,
        campaign_id: str = "",
        json: dict[str, Any] | None = None,
    ) -> ApiResponse:
        """A 2xx response, whatever its body.

        Raises `RequestNotAllowed` before anything is sent, `AccessRefused`, or a `CampaignFailed`
        (`CampaignNotFound`, `RequestRefused`, `RedirectRefused`, `AnswerBreaksContract`,
        `RateLimited`, `ServerUnavailable`, `Interrupted`) that names the campaign.
        """
        call = _Call(endpoint, campaign_id, json, self.timeouts.campaign_seconds)
        retrying = Retrying(
            retry=retry_if_exception_type(RetriableError),
            wait=lambda _: call.wait_seconds,
            sleep=self.sleep,
        )
        try:
            return retrying(self._attempt, call)
        except Interrupted:
            raise Interrupted(campaign_id) from None
        finally:
            with self._lock:
                self.counters.ended += 1

    def close(self) -> None:
        """Close the connections; the rate limiter is its owner's to close."""
        self._session.close()

    def abort(self) -> None:
        """End all open requests with `Interrupted`, from another thread."""
        self._adapter.abort()

    def _attempt(self, call: _Call) -> ApiResponse:
        """A 2xx response. After `RetriableError` there is another attempt."""
        call.attempts += 1
        try:
            response = self._exchange(call)
            is_refused = response.status == 401 and exceeded_window(response) is None
            if is_refused and not call.has_fresh_token and call.left_seconds > 0:
                # Once: the token may have expired on its way, or its jti have been seen before.
                call.has_fresh_token = True
                self.unwell_at = self.now()
                response = self._exchange(call)
            validate_response(
                response,
                call.endpoint,
                call.campaign_id,
                client_id=self.auth.client_id,
                stream_id=self.stream_id,
            )
        except AccessRefused as refused:
            self.unwell_at = self.now()
            # no run depends on the lists: their refusal is a note, and not waited for
            if not self._has_data or call.endpoint in (
                Endpoint.CONTACT_LISTS,
                Endpoint.CONTACT_LIST,
            ):
                raise
            refused = replace(refused, attempts=call.requests)
            error = RetriableError(f"HTTP {refused.http_status}", refused=refused)
            self._plan_retry(call, error)
            raise error from None
        except RetriableError as error:
            self.unwell_at = self.now()
            self._plan_retry(call, error)
            raise
        self._has_data = True
        return response

    def _exchange(self, call: _Call) -> ApiResponse:
        """Send one request and read its response, within the time that is left."""
        status = None
        failed = None
        try:
            with self.rate_limiter.slot(patience_seconds=call.left_seconds):
                call.requests += 1
                with self._lock:
                    self.counters.requests += 1
                    self.counters.retries += call.requests > 1
                started = self.now()
                try:
                    response = self._send(call)
                finally:
                    with self._lock:
                        self.counters.answers += 1
                        self.counters.answer_seconds += self.now() - started
            self._compare_clocks(response)
            with response:
                call.last_status = status = response.status_code
                if status != 401:
                    self.answered.set()
                body = self._read_body(response, call, until=started + call.left_seconds)
        except RateLimited as paused:
            raise self._rate_limited(call, paused.wait_seconds) from None
        except NO_RESPONSE as error:
            reason = reason_of(error) + self._adapter.via
            failed = RetriableError(reason, status, is_final=is_final(error))
        call.left_seconds -= self.now() - started
        if self._adapter.is_aborted:  # an answer that was cut off may look whole
            raise Interrupted(call.campaign_id)
        if failed is not None:
            # Raised outside of `except`: the frames of the library's error may hold the token.
            raise failed
        headers = response.headers
        if response.status_code < 300 and (encoding := unreadable_encoding(response)):
            found = f"the body is compressed with `{encoding}`, which was not requested"
            raise AnswerBreaksContract(
                call.campaign_id, found=found, http_status=response.status_code
            )
        return ApiResponse(
            response.status_code,
            body,
            content_type=headers.get("Content-Type", ""),
            location=headers.get("Location", ""),
            retry_after_seconds=retry_after_seconds(headers, now=self.unix_now()),
        )

    def _compare_clocks(self, response: Response) -> None:
        servers_now = http_date(response.headers.get("Date", ""))
        if servers_now is not None and "Age" not in response.headers:  # not from a cache
            ahead, least = int(self.unix_now() - servers_now), self.counters
            ahead = 0 if abs(ahead) == 1 else ahead  # a date has whole seconds
            known = least.clock_difference_seconds
            least.clock_difference_seconds = ahead if known is None else min(ahead, known, key=abs)

    def _send(self, call: _Call) -> Response:
        request = self._session.prepare_request(
            Request(
                self._routes.method(call.endpoint),
                self._routes.url(call.endpoint, call.campaign_id),
                json=call.json,
            )
        )
        connect = min(self.timeouts.connect_seconds, call.left_seconds)
        read = min(self.timeouts.read_seconds, call.left_seconds)
        # Not `Session.send`: it keeps cookies, and of a redirect that it does not follow it still
        # parses the address and reads the whole body, however long that is and takes.
        return self._adapter.send(request, stream=True, timeout=(connect, read))

    def _read_body(self, response: Response, call: _Call, *, until: float) -> bytes:
        """The whole body. A read returns what has come in, so a trickle cannot outlast `until`."""
        body = bytearray()
        while part := response.raw.read1(_READ_SIZE, decode_content=True):
            body += part
            if len(body) > LARGEST_BODY:
                found = f"the body is larger than {LARGEST_BODY:,} bytes"
                raise AnswerBreaksContract(
                    call.campaign_id, found=found, http_status=response.status_code
                )
            if self.now() > until:
                raise SlowBodyError
        return bytes(body)

    def _plan_retry(self, call: _Call, error: RetriableError) -> None:
        """Set the wait before the next attempt, or raise the error that ends the request.

        A reached rate limit pauses the whole account.
        """
        hint = error.retry_after_seconds
        wait = hint or self.retry.backoff_seconds(call.attempts, self.random())
        if error.refused is not None:  # often all threads at once, and over in a second or two
            wait = max(wait, self.retry.base_seconds)
        if error.window is not None:
            call.rate_limited += 1
            window = _WINDOW_SECONDS[error.window]
            if hint is None:
                wait = window
            elif call.rate_limited > 1:
                # A hint that proved too short is not believed again: others use the same account.
                wait = max(hint, window)
            with self._lock:
                self.counters.rate_limited += 1
            self.rate_limiter.pause(wait)
        is_last = error.is_final or call.attempts >= self.retry.attempts
        if is_last or wait >= call.left_seconds:
            if error.window is not None:
                raise self._rate_limited(call, wait) from None
            if error.refused is not None:
                raise error.refused
            requested = f", with a requested wait of {hint:.0f} s," if hint else ""
            raise ServerUnavailable(
                call.campaign_id,
                http_status=error.http_status,
                reason=f"{error.reason}{requested}",
                attempts=call.requests,
            ) from None
        self.retry_at, self.retry_reason = self.now() + wait, error.reason
        call.wait_seconds = wait
        call.left_seconds -= wait
        _log.info(
            "retry campaign_id=%s attempt=%d wait_seconds=%.1f reason=%s",
            call.campaign_id,
            call.requests,
            wait,
            error.reason,
        )

    def _rate_limited(self, call: _Call, wait_seconds: float) -> RateLimited:
        return RateLimited(
            call.campaign_id,
            http_status=call.last_status,
            attempts=call.requests,
            wait_seconds=wait_seconds,
        )
