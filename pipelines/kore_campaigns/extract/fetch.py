"""Ask for many campaigns at once, in bounded memory, and hand on each answer or its reason."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    CampaignNotFound,
    CampaignRefused,
    Interrupted,
)

# answers waiting to be taken; beyond it the threads wait, so memory does not grow with the run
BUFFERED = 200
# refusals in a row, after successes, that mean the account and not a campaign is refused
REFUSALS_IN_A_ROW = 3


class Client(Protocol):
    """What is needed of `KoreClient`."""

    @property
    def answered(self) -> threading.Event: ...

    def campaign(self, campaign_id: str) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """The end of one request: `data` as received, or the `error` that says why there is none."""

    campaign_id: str
    observed_at: datetime
    data: dict[str, Any] | None = None
    error: CampaignFailed | None = None


def stoppable_sleep(stop: threading.Event) -> Callable[[float], None]:
    """A sleep that ends with `Interrupted` as soon as `stop` is set."""

    def sleep(seconds: float) -> None:
        if stop.wait(max(0.0, seconds)):
            raise Interrupted

    return sleep


class Fetch:
    """Asks for `campaign_ids` with `workers` threads; `answers()` gives one `Fetched` each.

    The first campaign is asked for alone until the service has accepted the credentials, so wrong
    ones cost two calls and not two per thread.  Once `stop` is set, requests under way end and no
    other is begun: campaigns not reached simply do not come out.  Raises `AccessRefused` after the
    answers that were already there.
    """

    def __init__(
        self,
        campaign_ids: Sequence[str],
        *,
        client: Client,
        workers: int,
        stop: threading.Event,
        now: Callable[[], datetime],
    ) -> None:
        self._ids = iter(campaign_ids)
        self._client = client
        self._stop = stop
        self._now = now
        self._workers = max(1, min(workers, len(campaign_ids)))
        self._lock = threading.Lock()
        self._answers: queue.Queue[Fetched | None] = queue.Queue(maxsize=BUFFERED)
        self._closed = threading.Event()
        self._successes = 0
        self._refusals = 0
        self._fatal: BaseException | None = None

    def answers(self) -> Generator[Fetched, None, None]:
        """One `Fetched` per campaign, in the order they come in."""
        threads = [
            threading.Thread(target=self._work, args=(number,), name=f"fetch-{number}", daemon=True)
            for number in range(self._workers)
        ]
        for thread in threads:
            thread.start()
        running = len(threads)
        try:
            while running:
                fetched = self._answers.get()
                if fetched is None:
                    running -= 1
                else:
                    yield fetched
        finally:
            self._closed.set()
            while running:  # a consumer that left early must not leave threads waiting for it
                running -= self._answers.get() is None
            for thread in threads:
                thread.join()
        if self._fatal is not None:
            raise self._fatal

    def _work(self, number: int) -> None:
        try:
            if number > 0:
                self._wait_for_first_answer()
            while (campaign_id := self._next()) is not None:
                fetched = self._ask(campaign_id)
                if fetched is not None:
                    self._answers.put(fetched)
        except BaseException as fatal:  # handed to the consumer, which raises it
            self._fatal = self._fatal or fatal
        finally:
            self._client.answered.set()
            self._answers.put(None)

    def _wait_for_first_answer(self) -> None:
        while not self._client.answered.wait(0.05):
            if self._ended():
                return

    def _ended(self) -> bool:
        return self._stop.is_set() or self._closed.is_set() or self._fatal is not None

    def _next(self) -> str | None:
        with self._lock:
            return None if self._ended() else next(self._ids, None)

    def _ask(self, campaign_id: str) -> Fetched | None:
        try:
            data = self._client.campaign(campaign_id)
        except Interrupted:
            return None
        except AccessRefused as refused:
            return Fetched(campaign_id, self._now(), error=self._refused(campaign_id, refused))
        except CampaignNotFound as failed:
            self._accepted()
            return Fetched(campaign_id, self._now(), error=failed)
        except CampaignFailed as failed:
            return Fetched(campaign_id, self._now(), error=failed)
        self._accepted()
        return Fetched(campaign_id, self._now(), data=data)

    def _accepted(self) -> None:
        """Kore itself answered, be it that there is no such campaign: the token is good."""
        with self._lock:
            self._successes += 1
            self._refusals = 0

    def _refused(self, campaign_id: str, refused: AccessRefused) -> CampaignRefused:
        """One refusal among successes is the campaign's; the first, or several in a row,
        everybody's.
        """
        with self._lock:
            self._refusals += 1
            if not self._successes or self._refusals >= REFUSALS_IN_A_ROW:
                raise refused
        return CampaignRefused(campaign_id, http_status=refused.http_status, reply=refused.reply)
