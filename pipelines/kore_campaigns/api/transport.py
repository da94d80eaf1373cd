"""The one seam to the network: per attempt pace, sign, send; and ask again where that may help."""

from __future__ import annotations

import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies

from kore_campaigns.api.auth import TokenMinter
from kore_campaigns.api.endpoints import Endpoint, Routes, is_loopback
from kore_campaigns.api.rate_limit import Pacer
from kore_campaigns.api.responses import (
    NO_ANSWER,
    Question,
    Reply,
    Setback,
    SlowBodyError,
    accepted,
    setback_of_failure,
    setback_of_reply,
)
from kore_campaigns.errors import (
    AnswerBreaksContract,
    Interrupted,
    RateLimited,
    ServerUnavailable,
    SettingInvalid,
)

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


_HOUR_SECONDS: Final = 3600.0


@dataclass(slots=True)
class Course:
    """`left_seconds` is what is left of the time for this campaign."""

    question: Question
    left_seconds: float
    attempts: int = 0
    rate_answers: int = 0
    last_status: int | None = None
    owed_seconds: float = 0.0
    """A wait that the service asked for, which the budget carries out before the next slot."""
    has_fresh_token: bool = False

    def begin_attempt(self) -> None:
        """A slot was granted, so what the service asked to wait is over."""
        self.left_seconds -= self.owed_seconds
        self.owed_seconds = 0.0
        self.attempts += 1

    def deserves_fresh_token(self, status: int) -> bool:
        """Once after a 401: the token may have expired on its way, or its jti have been seen."""
        renew = status == 401 and not self.has_fresh_token and self.left_seconds > 0
        self.has_fresh_token = self.has_fresh_token or renew
        return renew

    def wait_seconds(self, setback: Setback, policy: RetryPolicy, chance: float) -> float:
        """How long this setback has to be waited out. `chance` is 0..1."""
        asked = setback.asked_wait_seconds
        if setback.window is None:
            return asked or policy.backoff_seconds(self.attempts, chance)
        self.rate_answers += 1
        usual = policy.rate_window_seconds if setback.window == "minute" else _HOUR_SECONDS
        if asked is None:
            return usual
        # A hint that proved too short is not believed again: others use the same account.
        if self.rate_answers > 1:
            return max(asked, usual)
        return asked or policy.backoff_seconds(self.attempts, chance)

    def give_up(self, setback: Setback, policy: RetryPolicy, wait_seconds: float) -> None:
        """Raises `RateLimited` or `ServerUnavailable` if another attempt is not worth that wait."""
        out_of_attempts = self.attempts >= policy.attempts or setback.is_final
        if not out_of_attempts and wait_seconds < self.left_seconds:
            return
        if setback.window is not None:
            raise self.rate_limited(wait_seconds)
        asked = setback.asked_wait_seconds
        raise ServerUnavailable(
            self.question.campaign_id,
            http_status=setback.http_status,
            reason=f"{setback.reason}, asking to wait {asked:.0f} s," if asked else setback.reason,
            attempts=self.attempts,
        )

    def rate_limited(self, wait_seconds: float) -> RateLimited:
        """The error for a wait that is longer than this campaign may take."""
        return RateLimited(
            self.question.campaign_id,
            http_status=self.last_status,
            attempts=self.attempts,
            wait_seconds=wait_seconds,
        )


class ReadOnlyAdapter(HTTPAdapter):
    """Sends the requests of `routes`, each with a fresh token, and no others.

    Raises `RequestNotAllowed` before a socket opens for any other verb or URL, whoever calls, and
    `SettingInvalid` at construction for a CA bundle that is not there.
    """

    def __init__(
        self, routes: Routes, minter: TokenMinter, *, user_agent: str, workers: int
    ) -> None:
        super().__init__(pool_connections=1, pool_maxsize=workers)
        self._routes = routes
        self._minter = minter
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "iid": routes.stream_id,
            "accountId": routes.account_id,
        }
        # The environment is read once, here.
        self._proxies = {} if is_loopback(routes.host) else get_environ_proxies(routes.host)
        self._verify = ca_bundle()
        self._pool: Any = None

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """The answer, its body still to be read; what `requests` raises passes through."""
        self._routes.check(str(request.method), str(request.url))
        # Headers that a caller brought (cookies, a method override) stay behind.
        request.headers = self._fresh_headers(request.body)
        request.headers["auth"] = self._minter.mint()
        try:
            return super().send(request, stream, timeout, self._verify, None, self._proxies)
        finally:
            # An error and a response keep their request: the token must not be kept with it.
            del request.headers["auth"]

    # One host, one proxy, one CA bundle: what HTTPAdapter works out for each call is the same for
    # all. Worked out once, and without cookies, a call costs half the CPU time (0.39 to 0.17 ms).

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        if self._pool is None:
            pool = super().get_connection_with_tls_context(*args, **kwargs)
            super().cert_verify(pool, self._routes.host, self._verify, None)  # type: ignore[no-untyped-call]  # types-requests
            self._pool = pool
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: done when the pool was made."""

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        url = str(request.url)
        # an http proxy would want the whole URL; plain http is for loopback, never through a proxy
        return url[len(self._routes.host) :]

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        response = Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw = resp
        response.url = str(req.url)
        response.request = req
        return response

    def _fresh_headers(self, body: Any) -> CaseInsensitiveDict[str]:
        headers = CaseInsensitiveDict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
            headers["Content-Length"] = str(len(body))
        return headers


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


__all__ = ["Counters", "Endpoint", "Reply", "RetryPolicy", "Timeouts", "Transport"]

LARGEST_BODY: Final = 10_000_000
_READ_SIZE: Final = 65_536

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Counters:
    """Requests that left or tried to, those of them that were repeats, and rate answers."""

    requests: int = 0
    retries: int = 0
    rate_limited: int = 0


@dataclass(kw_only=True, eq=False, repr=False)
class Transport:
    """Asks Kore's read endpoints for one app; safe to use from many threads.

    Raises at construction `SettingInvalid` for a host, verb or CA bundle that cannot be used.
    """

    host: str
    stream_id: str
    account_id: str
    minter: TokenMinter
    budget: Pacer
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
    """Set at the first answer that is not a 401: the credentials are accepted."""

    def __post_init__(self) -> None:
        self._routes = Routes(self.host, self.stream_id, self.account_id, self.detail_method)
        self._adapter = ReadOnlyAdapter(
            self._routes, self.minter, user_agent=self.user_agent, workers=self.workers
        )
        self._counters = Counters()
        self._lock = threading.Lock()

    @property
    def counters(self) -> Counters:
        """What went over the wire so far."""
        return self._counters

    def detail(self, campaign_id: str) -> Reply:
        """The answer to the question for one campaign; see `send`."""
        return self.send(Endpoint.DETAIL, campaign_id=campaign_id)

    def send(
        self, endpoint: Endpoint, *, campaign_id: str = "", body: bytes | None = None
    ) -> Reply:
        """A 2xx answer, whatever it holds.

        Raises `RequestNotAllowed` before anything is sent, `AccessRefused`, or a `CampaignFailed`
        (`CampaignNotFound`, `RequestRefused`, `RedirectRefused`, `AnswerBreaksContract`,
        `RateLimited`, `ServerUnavailable`, `Interrupted`) that names the campaign.
        """
        request = self._request(endpoint, campaign_id, body)
        question = Question(endpoint, campaign_id, self.minter.client_id, self.stream_id)
        course = Course(question, self.timeouts.campaign_seconds)
        try:
            while True:
                outcome = self._attempt(request, course)
                setback = outcome if isinstance(outcome, Setback) else setback_of_reply(outcome)
                if setback is not None:
                    self._wait(setback, course)
                elif isinstance(outcome, Reply) and not course.deserves_fresh_token(outcome.status):
                    return accepted(outcome, question)
        except Interrupted:
            raise Interrupted(campaign_id) from None

    def close(self) -> None:
        """Closes the connections; the budget is its owner's to close."""
        self._adapter.close()

    def _request(self, endpoint: Endpoint, campaign_id: str, body: bytes | None) -> PreparedRequest:
        request = PreparedRequest()
        request.method = self._routes.method(endpoint)
        request.url = self._routes.url(endpoint, campaign_id)
        request.headers = CaseInsensitiveDict()
        request.body = body
        self._routes.check(request.method, request.url)
        return request

    def _attempt(self, request: PreparedRequest, course: Course) -> Reply | Setback:
        try:
            with self.budget.slot(patience_seconds=course.left_seconds):
                course.begin_attempt()
                self._count(requests=1, retries=int(course.attempts > 1))
                started = self.now()
                response = self._sent(request, course)
        except RateLimited as paused:
            raise course.rate_limited(paused.wait_seconds) from None
        if isinstance(response, Response):
            outcome = self._read(response, course, until=started + course.left_seconds)
        else:
            outcome = response
        course.left_seconds -= self.now() - started
        return outcome

    def _sent(self, request: PreparedRequest, course: Course) -> Response | Setback:
        left = course.left_seconds
        limits = (min(self.timeouts.connect_seconds, left), min(self.timeouts.read_seconds, left))
        try:
            return self._adapter.send(request, timeout=limits)
        except NO_ANSWER as error:
            return setback_of_failure(error)

    def _read(self, response: Response, course: Course, *, until: float) -> Reply | Setback:
        course.last_status = status = response.status_code
        if status != 401:
            self.answered.set()
        try:
            body = self._body(response, course, until=until)
        except NO_ANSWER as error:
            response.raw.close()
            return replace(setback_of_failure(error), http_status=status)
        headers = response.headers
        reply = Reply(status, body, headers.get("Content-Type", ""), headers.get("Location", ""))
        asked = asked_wait(headers, now=self.unix_now())
        return reply if asked is None else replace(reply, asked_wait_seconds=asked)

    def _body(self, response: Response, course: Course, *, until: float) -> bytes:
        """The whole body. A read returns what has come in, so a trickle cannot outlast `until`."""
        body = bytearray()
        while part := response.raw.read1(_READ_SIZE, decode_content=True):
            body += part
            if len(body) > LARGEST_BODY:
                response.raw.close()
                found = f"the body is larger than {LARGEST_BODY:,} bytes"
                raise AnswerBreaksContract(
                    course.question.campaign_id, found=found, http_status=response.status_code
                )
            if self.now() > until:
                raise SlowBodyError
        return bytes(body)

    def _wait(self, setback: Setback, course: Course) -> None:
        """Waits as long as this setback takes, or raises when that is longer than it may."""
        wait = course.wait_seconds(setback, self.retry, self.random())
        if setback.window is not None:
            # The limit is the account's: nobody who shares the budget calls meanwhile.
            self._count(rate_limited=1)
            self.budget.pause(wait)
        course.give_up(setback, self.retry, wait)
        _log.info(
            "retry campaign_id=%s attempt=%d wait_seconds=%.1f reason=%s",
            course.question.campaign_id,
            course.attempts,
            wait,
            setback.reason,
        )
        if setback.window is not None:
            course.owed_seconds = wait
        else:
            self.sleep(wait)
            course.left_seconds -= wait

    def _count(self, *, requests: int = 0, retries: int = 0, rate_limited: int = 0) -> None:
        with self._lock:
            was = self._counters
            self._counters = Counters(
                was.requests + requests, was.retries + retries, was.rate_limited + rate_limited
            )
