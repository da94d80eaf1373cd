"""A full sweep: ask for every configured campaign, sort the answers, store them chunk by chunk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kore_campaigns.client import KoreClient
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    CampaignNotFound,
    Interrupted,
    NotAsked,
    VanishNotBelieved,
)
from kore_campaigns.fetch import Fetch, Fetched
from kore_campaigns.plan import errors_allowed, vanished_allowed
from kore_campaigns.report import RunReport
from kore_campaigns.settings import KoreSettings
from kore_campaigns.shape import Held, is_new_version, shape
from kore_campaigns.store import Store

# called after each answer with the report so far and a function: seconds that n more calls will
# take
Progress = Callable[[RunReport, Callable[[int], float]], None]


def utc_now() -> datetime:
    return datetime.now(UTC)


def silent(report: RunReport, eta_seconds: Callable[[int], float]) -> None:
    """No progress wanted."""


@dataclass(slots=True)
class Sweep:
    """Fills `report` and `store`; `write(is_last)` is called for each full chunk and at the end."""

    settings: KoreSettings
    report: RunReport
    client: KoreClient
    store: Store
    held: Mapping[str, Held]
    stop: threading.Event
    write: Callable[[bool], None]
    progress: Progress = silent
    accept_vanished: bool = False
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = time.monotonic
    _ended: set[str] = field(default_factory=set)

    def go(self, planned: Sequence[str]) -> None:
        """Ask for all of `planned`; every one of them ends in the report, with a reason if it
        failed.
        """
        self.report.planned = len(planned)
        missing = self._ask(planned)
        self._settle(missing, known=sum(map(self._is_live, planned)))
        self._account_for_the_rest(planned)
        self._write(is_last=True)

    def _ask(self, campaign_ids: Sequence[str], *, confirming: bool = False) -> list[str]:
        """Ask for each and sort what comes; the known campaigns that answered 404 are returned."""
        missing = []
        chunk_began = self.clock()
        fetch = Fetch(
            campaign_ids,
            client=self.client,
            workers=self.settings.workers,
            stop=self.stop,
            now=self.now,
        )
        try:
            with closing(fetch.answers()) as answers:
                for fetched in answers:
                    if not confirming and self._is_missing(fetched):
                        missing.append(fetched.campaign_id)
                    else:
                        self._sort(fetched)
                    self.progress(self.report, self.client.eta_seconds)
                    if self._is_full(chunk_began):
                        self._write(is_last=False)
                        chunk_began = self.clock()
        except AccessRefused as refused:
            self.report.access_refused = refused
        return missing

    def _is_live(self, campaign_id: str) -> bool:
        return campaign_id in self.held and not self.held[campaign_id].is_deleted

    def _is_missing(self, fetched: Fetched) -> bool:
        return isinstance(fetched.error, CampaignNotFound) and self._is_live(fetched.campaign_id)

    def _is_full(self, chunk_began: float) -> bool:
        waiting = len(self.store)
        return waiting >= self.settings.chunk_size or (
            waiting > 0 and self.clock() - chunk_began >= self.settings.chunk_seconds
        )

    def _sort(self, fetched: Fetched) -> None:
        self._ended.add(fetched.campaign_id)
        held = self.held.get(fetched.campaign_id)
        if fetched.data is not None:
            self.report.fetched += 1
            shaped = shape(fetched.data)
            self.report.add_drift(shaped.unknown)
            if is_new_version(held, shaped.content_hash):
                self.report.new_versions += 1
                self.store.add_version(fetched.campaign_id, fetched.observed_at, shaped)
            else:
                self.report.unchanged += 1
        elif held is None or not isinstance(fetched.error, CampaignNotFound):
            self._fail(fetched.error or NotAsked(fetched.campaign_id, reason="no answer"))
            self._keep_to_error_budget()
        elif held.is_deleted:
            self.report.unchanged += 1
        else:
            self.report.vanished += 1
            self.store.add_version(fetched.campaign_id, fetched.observed_at, None)

    def _settle(self, missing: Sequence[str], *, known: int) -> None:
        """Ask a second time for known campaigns that are gone, unless so many are not believed."""
        allowed = vanished_allowed(known, max_vanished=self.settings.max_vanished)
        believed = self.report.fetched > 0 and len(missing) <= allowed
        if believed or self.accept_vanished:
            self._ask(missing, confirming=True)
            return
        for campaign_id in missing:
            self._fail(
                VanishNotBelieved(campaign_id, missing=len(missing), known=known, allowed=allowed)
            )

    def _keep_to_error_budget(self) -> None:
        report = self.report
        allowed = errors_allowed(report.planned, error_budget=self.settings.error_budget)
        if report.failed > allowed and report.stopped is None:
            report.stopped = (
                f"{report.failed} of {report.planned} planned campaigns failed, more than "
                f"the {allowed} that "
                f"the setting `error_budget` = {self.settings.error_budget:g} allows"
            )
            self.stop.set()

    def _fail(self, error: CampaignFailed) -> None:
        self._ended.add(error.campaign_id)
        self.report.failures.append(error)
        self.store.add_error(error)

    def _account_for_the_rest(self, planned: Sequence[str]) -> None:
        """Nothing configured is silently missing: what was not reached fails with the reason."""
        if self.report.done == self.report.planned:
            return
        for campaign_id in planned:
            if campaign_id not in self._ended:
                self._fail(self._not_reached(campaign_id))

    def _not_reached(self, campaign_id: str) -> CampaignFailed:
        if self.report.access_refused is not None:
            return NotAsked(campaign_id, reason="the credentials were refused")
        if self.report.stopped is not None:
            return NotAsked(campaign_id, reason=self.report.stopped)
        self.report.interrupted = True
        return Interrupted(campaign_id)

    def _write(self, *, is_last: bool) -> None:
        counters = self.client.counters
        self.report.requests = counters.requests
        self.report.retries = counters.retries
        self.report.rate_limited = counters.rate_limited
        self.write(is_last)
