"""A sweep: ask for what is planned, sort the answers, store them chunk by chunk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kore_campaigns.api.client import KoreClient
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    CampaignNotFound,
    Interrupted,
    NotAsked,
    VanishNotBelieved,
)
from kore_campaigns.events import log_event
from kore_campaigns.extract.fetch import Fetch, Fetched
from kore_campaigns.extract.plan import Reason, Watermark, errors_allowed, vanished_allowed
from kore_campaigns.extract.planner import Survey
from kore_campaigns.extract.report import RunReport
from kore_campaigns.extract.rows import Store
from kore_campaigns.transform.campaign import is_new_version, shape

logger = logging.getLogger(__name__)

# the run's reason, not the campaign's: one event at the end says it for all of them
NOT_REACHED = (NotAsked, Interrupted)

# called after each answer with the report so far and a function: seconds that n more calls will
# take
Progress = Callable[[RunReport, Callable[[int], float]], None]


def utc_now() -> datetime:
    return datetime.now(UTC)


def silent(report: RunReport, eta_seconds: Callable[[int], float]) -> None:
    """No progress wanted."""


def nothing_more() -> None:
    """Campaigns are all there is to ask for."""


@dataclass(slots=True)
class Sweep:
    """Fills `report` and `store`; `write(is_last)` is called for each full chunk and at the end,
    `ask_last` before that one.
    """

    settings: KoreSettings
    report: RunReport
    client: KoreClient
    store: Store
    survey: Survey
    stop: threading.Event
    write: Callable[[bool], None]
    progress: Progress = silent
    accept_vanished: bool = False
    ask_last: Callable[[], None] = nothing_more
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = time.monotonic
    _ended: set[str] = field(default_factory=set)
    _watermark: Watermark = field(init=False)

    def __post_init__(self) -> None:
        plan, report = self.survey.plan, self.report
        report.sweep, report.sweep_reason = plan.sweep, plan.reason
        report.full_sweep_started_at = plan.started_at
        report.listed, report.notes = self.survey.listed, self.survey.notes
        report.cannot_enumerate = self.survey.cannot_enumerate
        report.planned, report.unchanged = len(plan), len(plan.settled)
        self._watermark = Watermark(plan)

    def go(self) -> None:
        """Ask for all that is planned; every campaign ends in the report, with a reason if it
        failed.
        """
        ask = self.survey.plan.ask
        unlisted = [step.campaign_id for step in ask if step.reason is Reason.NOT_LISTED]
        missing = self._ask(step.campaign_id for step in ask if step.reason != Reason.NOT_LISTED)
        self._settle(missing, unlisted)
        self._account_for_the_rest()
        self.ask_last()
        self._write(is_last=True)

    def _ask(self, campaign_ids: Iterable[str], *, confirming: bool = False) -> list[str]:
        """Ask for each and sort what comes; the known campaigns that answered 404 are returned."""
        missing: list[str] = []
        chunk_began, done_before = self.clock(), self.report.done
        fetch = Fetch(
            list(campaign_ids),
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
                        self._watermark.pass_by(fetched.campaign_id)
                    else:
                        self._sort(fetched)
                    self._count_requests()
                    self.progress(self.report, self.client.eta_seconds)
                    if self._is_full(chunk_began, done_before):
                        self._write(is_last=False)
                        chunk_began, done_before = self.clock(), self.report.done
        except AccessRefused as refused:
            self.report.access_refused = refused
        return missing

    def _is_live(self, campaign_id: str) -> bool:
        held = self.survey.held.get(campaign_id)
        return held is not None and not held.is_deleted

    def _is_missing(self, fetched: Fetched) -> bool:
        return isinstance(fetched.error, CampaignNotFound) and self._is_live(fetched.campaign_id)

    def _is_full(self, chunk_began: float, done_before: int) -> bool:
        # also where nothing is new: how far a full sweep is must outlast the run
        brought = self.report.done - done_before
        if brought >= self.settings.chunk_size:
            return True
        return brought > 0 and self.clock() - chunk_began >= self.settings.chunk_seconds

    def _sort(self, fetched: Fetched) -> None:
        self._ended.add(fetched.campaign_id)
        self._watermark.end(fetched.campaign_id)
        held = self.survey.held.get(fetched.campaign_id)
        if fetched.data is not None:
            self.report.fetched += 1
            shaped = shape(fetched.data)
            self.report.add_drift(shaped.unknown)
            if is_new_version(held, shaped.content_hash):
                self.report.new_versions += 1
                self.store.add_version(fetched.campaign_id, fetched.observed_at, shaped)
            else:
                self.report.unchanged += 1
                self.store.confirm(fetched.campaign_id)
        elif held is None or not isinstance(fetched.error, CampaignNotFound):
            self._fail(fetched.error or NotAsked(fetched.campaign_id, reason="no answer"))
            self._keep_to_error_budget()
        elif held.is_deleted:
            self.report.unchanged += 1
        else:
            self.report.vanished += 1
            self.store.add_version(fetched.campaign_id, fetched.observed_at, None)

    def _settle(self, missing: list[str], unlisted: list[str]) -> None:
        """Known campaigns that answered 404 are asked a second time, those that a whole listing
        lacks a first time; unless so many are gone that it is not believed.
        """
        plan = self.survey.plan
        known = sum(map(self._is_live, (*plan.settled, *(step.campaign_id for step in plan.ask))))
        allowed = vanished_allowed(known, max_vanished=self.settings.max_vanished)
        if not self.accept_vanished and len(missing) + len(unlisted) > allowed:
            missing, unlisted = [*missing, *self._sound_out(unlisted, allowed)], []
        gone = [*missing, *unlisted]
        if self.accept_vanished or (self._has_answers() and len(gone) <= allowed):
            self._ask(gone, confirming=True)
            return
        for campaign_id in gone:
            self._fail(
                VanishNotBelieved(campaign_id, missing=len(gone), known=known, allowed=allowed)
            )

    def _has_answers(self) -> bool:
        return self.report.fetched > 0 or bool(self.survey.plan.settled)

    def _sound_out(self, unlisted: list[str], allowed: int) -> list[str]:
        """Those of too many unlisted campaigns that are gone: all, if the first few are.

        One that answers shows that the listing lies; then the others are asked for as well.
        """
        some = allowed + 1
        gone = self._ask(unlisted[:some])
        if len(gone) < len(unlisted[:some]):
            return [*gone, *self._ask(unlisted[some:])]
        return unlisted

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
        self._watermark.end(error.campaign_id)
        self.report.failures.append(error)
        self.store.add_error(error)
        if not isinstance(error, NOT_REACHED):
            log_event(
                logger,
                "campaign_failed",
                error.message,
                campaign_id=error.campaign_id,
                code=error.code,
                http_status=error.http_status,
            )

    def _account_for_the_rest(self) -> None:
        """Nothing configured is silently missing: what was not reached fails with the reason."""
        self._watermark.stop()
        if self.report.done == self.report.planned:
            return
        for step in self.survey.plan.ask:
            if step.campaign_id not in self._ended:
                self._fail(self._not_reached(step.campaign_id))

    def _not_reached(self, campaign_id: str) -> CampaignFailed:
        if self.report.access_refused is not None:
            return NotAsked(campaign_id, reason="the credentials were refused")
        if self.report.stopped is not None:
            return NotAsked(campaign_id, reason=self.report.stopped)
        self.report.interrupted = True
        return Interrupted(campaign_id)

    def _count_requests(self) -> None:
        report, counters = self.report, self.client.counters
        report.requests = counters.requests
        report.retries = counters.retries
        if counters.rate_limited > report.rate_limited:
            report.rate_limited = counters.rate_limited
            log_event(logger, "rate_limited", count=report.rate_limited)

    def _write(self, *, is_last: bool) -> None:
        report = self.report
        self._count_requests()
        report.confirmed_through, report.unsettled = self._watermark.read()
        self.write(is_last)
