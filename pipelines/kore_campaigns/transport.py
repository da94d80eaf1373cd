"""The one seam to the network: per attempt pace, sign, send; and ask again where that may help."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from requests import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict

from kore_campaigns.adapter import ReadOnlyAdapter
from kore_campaigns.answers import Reply
from kore_campaigns.auth import TokenMinter
from kore_campaigns.campaign_errors import AnswerBreaksContract, Interrupted, RateLimited
from kore_campaigns.course import Course
from kore_campaigns.endpoints import Endpoint, Routes
from kore_campaigns.failures import NO_ANSWER, SlowBodyError
from kore_campaigns.pacing import Pacer
from kore_campaigns.retry import RetryPolicy, Timeouts, asked_wait
from kore_campaigns.verdicts import (
    Question,
    Setback,
    accepted,
    setback_of_failure,
    setback_of_reply,
)

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
