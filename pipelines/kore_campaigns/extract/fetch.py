"""Request many campaigns concurrently, with bounded memory, and yield each answer or its error."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from kore_campaigns.api.client import KoreClient
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    CampaignNotFound,
    CampaignRefused,
    Interrupted,
)

# answers that may wait for the consumer; it bounds the memory of a run of any size
BUFFERED = 200
# refusals in a row, after successes, that mean the account and not a campaign is refused
REFUSALS_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of one request: `data` as received, or the `error` that explains its absence."""

    campaign_id: str
    observed_at: datetime
    data: dict[str, Any] = field(default_factory=dict)
    error: CampaignFailed | None = None


def stoppable_sleep(stop: threading.Event) -> Callable[[float], None]:
    """A sleep that raises `Interrupted` as soon as `stop` is set."""

    def sleep(seconds: float) -> None:
        if stop.wait(max(0.0, seconds)):
            raise Interrupted

    return sleep


def fetch_campaigns(
    campaign_ids: Sequence[str],
    *,
    client: KoreClient,
    workers: int,
    stop: threading.Event,
    now: Callable[[], datetime],
) -> Generator[Fetched, None, None]:
    """Yield one `Fetched` per campaign, in the order in which the answers arrive.

    The first campaign is requested alone until the service has accepted the credentials, so wrong
    credentials cost two calls and not two per thread.  Once `stop` is set, open requests end and no
    other starts: campaigns that were not reached are not yielded.  Raises `AccessRefused` after
    the answers that were already there; campaigns that were refused just before are not yielded.
    """
    requests = _Requests(client, stop, now)
    waiting = iter(campaign_ids)
    done: queue.SimpleQueue[Future[Fetched | None]] = queue.SimpleQueue()
    pending = 0
    fatal: BaseException | None = None
    refused: list[Fetched] = []  # of the campaign alone if another is answered, else of the account

    def submit() -> int:
        """Keep the threads busy while the consumer loads what came; returns the requests added."""
        most = workers + BUFFERED if workers > 1 and client.answered.is_set() else 1
        added = list(islice(waiting, most - pending)) if not requests.is_over() else []
        for campaign_id in added:
            pool.submit(requests.send, campaign_id).add_done_callback(done.put)
        return len(added)

    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="fetch") as pool:
        try:
            pending += submit()
            while pending:
                future = done.get()
                pending -= 1
                if future.exception() is not None:
                    fatal = fatal or future.exception()
                    continue
                fetched = future.result()
                if fetched is not None and isinstance(fetched.error, CampaignRefused):
                    refused.append(fetched)
                elif fetched is not None:
                    yield from [*refused, fetched]
                    refused.clear()
                pending += submit()
        finally:
            requests.ended.set()
    if fatal is not None:
        raise fatal
    yield from refused


@dataclass(slots=True)
class _Requests:
    """Sends single requests in the threads, and counts refusals over all of them."""

    client: KoreClient
    stop: threading.Event
    now: Callable[[], datetime]
    ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _has_success: bool = False
    _refusals: int = 0

    def is_over(self) -> bool:
        return self.stop.is_set() or self.ended.is_set()

    def send(self, campaign_id: str) -> Fetched | None:
        """None for a campaign that was not reached; raises what ends the whole run."""
        if self.is_over():
            return None
        data: dict[str, Any] = {}
        error: CampaignFailed | None = None
        try:
            data = self.client.campaign(campaign_id)
        except Interrupted:
            return None
        except AccessRefused as refused:
            with self._lock:
                self._refusals += 1
                is_account = not self._has_success or self._refusals >= REFUSALS_IN_A_ROW
            if is_account:
                self.ended.set()
                raise
            status, reply = refused.http_status, refused.reply
            error = CampaignRefused(campaign_id, http_status=status, reply=reply)
        except CampaignFailed as failed:
            error = failed
        except BaseException:
            self.ended.set()
            raise
        if error is None or isinstance(error, CampaignNotFound):
            with self._lock:  # the service answered, so the credentials are good
                self._has_success, self._refusals = True, 0
        return Fetched(campaign_id, self.now(), data, error)
