"""A sweep: request the planned campaigns, account for each answer, collect the new versions."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kore_campaigns.api.client import KoreClient
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    Interrupted,
    NotAsked,
    VanishNotBelieved,
)
from kore_campaigns.events import log_event
from kore_campaigns.extract.fetch import Fetched, fetch_campaigns
from kore_campaigns.extract.plan import Reason, Watermark, errors_allowed, vanished_allowed
from kore_campaigns.extract.planner import PlannedRun
from kore_campaigns.extract.report import RunReport
from kore_campaigns.extract.rows import PendingRows
from kore_campaigns.transform.campaign import is_new_version, shape

logger = logging.getLogger(__name__)

# these state why the run ended, so one event for all of them is logged at its end
NOT_REACHED = (NotAsked, Interrupted)

# called after each answer with the report so far and a function: seconds that n more calls will
# take
Progress = Callable[[RunReport, Callable[[int], float]], None]


def silent(report: RunReport, eta_seconds: Callable[[int], float]) -> None:
    """No progress wanted."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class CampaignRequests:
    """Requests for campaigns, accounted for in `report`: every campaign ends exactly once."""

    settings: KoreSettings
    report: RunReport
    client: KoreClient
    stop: threading.Event
    _ended: set[str] = field(default_factory=set, init=False)

    def fetch(self, campaign_ids: Iterable[str]) -> Iterator[Fetched]:
        """Yield the answers; refused credentials end them and are noted in the report."""
        answers = fetch_campaigns(
            list(campaign_ids),
            client=self.client,
            workers=self.settings.workers,
            stop=self.stop,
            now=utc_now,
        )
        try:
            with closing(answers):
                yield from answers
        except AccessRefused as refused:
            self.report.access_refused = refused
        self.report.count_requests(self.client.counters)

    def end(self, campaign_id: str) -> None:
        """The campaign was answered or has failed."""
        self._ended.add(campaign_id)

    def fail(self, error: CampaignFailed) -> None:
        """The campaign has failed."""
        self.end(error.campaign_id)
        self.report.fail(error)
        if not isinstance(error, NOT_REACHED):
            log_event(
                logger,
                "campaign_failed",
                error.message,
                campaign_id=error.campaign_id,
                code=error.code,
                http_status=error.http_status,
            )

    def fail_answer(self, fetched: Fetched) -> None:
        """The request has failed; too many of these stop the run."""
        self.fail(fetched.error or NotAsked(fetched.campaign_id, reason="no answer"))
        report, budget = self.report, self.settings.error_budget
        allowed = errors_allowed(report.planned, error_budget=budget)
        if report.failed > allowed and report.stopped is None:
            report.stopped = (
                f"{report.failed} of {report.planned} planned campaigns failed, more than "
                f"the {allowed} that the setting `error_budget` = {budget:g} allows"
            )
            self.stop.set()

    def fail_unreached(self, campaign_ids: Iterable[str]) -> None:
        """Nothing configured is silently missing: unreached campaigns fail with the reason."""
        report = self.report
        for campaign_id in campaign_ids:
            if campaign_id in self._ended:
                continue
            if report.access_refused is not None:
                self.fail(NotAsked(campaign_id, reason="the credentials were refused"))
            elif report.stopped is not None:
                self.fail(NotAsked(campaign_id, reason=report.stopped))
            else:
                report.interrupted = True
                self.fail(Interrupted(campaign_id))


@dataclass
class Sweep(CampaignRequests):
    """The requests of a run; new versions are collected in `rows`."""

    planned: PlannedRun
    rows: PendingRows
    accept_vanished: bool = False
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        plan, report = self.planned.plan, self.report
        report.sweep, report.sweep_reason = plan.sweep, plan.reason
        report.full_sweep_started_at = plan.started_at
        report.listed, report.notes = self.planned.listed, self.planned.notes
        report.cannot_enumerate = self.planned.cannot_enumerate
        report.planned, report.unchanged = len(plan), len(plan.confirmed)
        self._watermark = Watermark(plan)
        self._chunk_began, self._chunk_done = self.clock(), report.done

    def run(self) -> Generator[bool, None, None]:
        """Request all that is planned; every campaign ends in the report.

        Yields after each answer: True if a chunk is full and should be loaded.  The last chunk is
        to be loaded after the end.
        """
        requests = self.planned.plan.requests
        unlisted = [each.campaign_id for each in requests if each.reason is Reason.NOT_LISTED]
        missing = yield from self._request(
            each.campaign_id for each in requests if each.reason is not Reason.NOT_LISTED
        )
        yield from self._confirm_vanished(missing, unlisted)
        self._watermark.stop()
        self.fail_unreached(each.campaign_id for each in requests)
        self._record_progress()

    def _request(
        self, campaign_ids: Iterable[str], *, is_confirming: bool = False
    ) -> Generator[bool, None, list[str]]:
        """Returns the stored campaigns that answered 404, unless this request confirms it."""
        missing: list[str] = []
        for fetched in self.fetch(campaign_ids):
            campaign_id = fetched.campaign_id
            if fetched.is_not_found and not is_confirming and self._is_live(campaign_id):
                missing.append(campaign_id)
                self._watermark.pass_by(campaign_id)
            else:
                self._sort(fetched)
            self.report.count_requests(self.client.counters)
            # also where nothing is new: the progress of a full sweep must outlast the run
            is_full = self._is_chunk_full()
            if is_full:
                self._record_progress()
            yield is_full
            if is_full:
                self._chunk_began, self._chunk_done = self.clock(), self.report.done
        return missing

    def _sort(self, fetched: Fetched) -> None:
        campaign_id, report = fetched.campaign_id, self.report
        stored = self.planned.stored.get(campaign_id)
        if fetched.data is not None:
            self.end(campaign_id)
            report.fetched += 1
            shaped = shape(fetched.data)
            report.add_drift(shaped.unknown)
            if is_new_version(stored, shaped.content_hash):
                report.new_versions += 1
                self.rows.add_version(campaign_id, fetched.observed_at, shaped)
            else:
                report.unchanged += 1
                self.rows.confirm(campaign_id)
        elif stored is None or not fetched.is_not_found:
            self.fail_answer(fetched)
        elif stored.is_deleted:
            self.end(campaign_id)
            report.unchanged += 1
        else:
            self.end(campaign_id)
            report.vanished += 1
            self.rows.add_version(campaign_id, fetched.observed_at, None)

    def end(self, campaign_id: str) -> None:
        super().end(campaign_id)
        self._watermark.end(campaign_id)

    def fail(self, error: CampaignFailed) -> None:
        super().fail(error)
        self.rows.add_error(error)

    def _is_live(self, campaign_id: str) -> bool:
        stored = self.planned.stored.get(campaign_id)
        return stored is not None and not stored.is_deleted

    def _is_chunk_full(self) -> bool:
        answered = self.report.done - self._chunk_done
        if answered >= self.settings.chunk_size:
            return True
        return answered > 0 and self.clock() - self._chunk_began >= self.settings.chunk_seconds

    def _record_progress(self) -> None:
        self.report.confirmed_through, self.report.unsettled = self._watermark.read()

    def _confirm_vanished(self, missing: list[str], unlisted: list[str]) -> Iterator[bool]:
        """Request campaigns that answered 404 a second time, and those that a complete listing
        does not show once; unless so many are gone that it is not believed.
        """
        plan = self.planned.plan
        known = sum(map(self._is_live, plan.campaign_ids()))
        allowed = vanished_allowed(known, max_vanished=self.settings.max_vanished)
        if not self.accept_vanished and len(missing) + len(unlisted) > allowed:
            # an answer shows that the listing is wrong; then the others are requested, too
            sample, others = unlisted[: allowed + 1], unlisted[allowed + 1 :]
            gone = yield from self._request(sample)
            if len(gone) < len(sample):
                gone += yield from self._request(others)
            else:
                gone = unlisted
            missing, unlisted = [*missing, *gone], []
        gone = [*missing, *unlisted]
        has_answers = self.report.fetched > 0 or bool(plan.confirmed)
        if self.accept_vanished or (has_answers and len(gone) <= allowed):
            yield from self._request(gone, is_confirming=True)
            return
        for campaign_id in gone:
            self.fail(
                VanishNotBelieved(campaign_id, missing=len(gone), known=known, allowed=allowed)
            )
