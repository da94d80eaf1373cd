"""A sweep: request the planned campaigns, account for each answer, collect the new versions."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kore_campaigns.api.client import KoreClient
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import (
    NOT_REACHED,
    AccessRefused,
    CampaignFailed,
    CampaignNotFound,
    IdNotUsable,
    Interrupted,
    ListingDoubtful,
    NotAsked,
    NotFoundInDoubt,
    VanishNotBelieved,
)
from kore_campaigns.events import log_event
from kore_campaigns.extract.fetch import Fetched, fetch_campaigns
from kore_campaigns.extract.listing import Reading
from kore_campaigns.extract.plan import Plan, Reason, errors_allowed, vanished_allowed
from kore_campaigns.extract.report import ONLY, RunReport
from kore_campaigns.extract.rows import PendingRows
from kore_campaigns.transform.campaign import is_new_version, shape
from kore_campaigns.transform.drift import times_ahead

logger = logging.getLogger(__name__)


@dataclass
class CampaignRequests:
    """Requests for campaigns, accounted for in `report`: every campaign ends exactly once."""

    settings: KoreSettings
    report: RunReport
    client: KoreClient
    stop: threading.Event
    ended: set[str] = field(default_factory=set, init=False)
    """Campaigns that were answered or have failed."""

    def fetch(self, campaign_ids: Iterable[str]) -> Iterator[Fetched]:
        """Yield the answers; refused credentials end them and are noted in the report."""
        answers = fetch_campaigns(
            list(campaign_ids),
            client=self.client,
            workers=self.settings.workers,
            stop=self.stop,
            now=lambda: datetime.now(UTC),
        )
        try:
            with closing(answers):
                yield from answers
        except AccessRefused as refused:
            self.report.access_refused = refused
        self.report.count_requests(self.client.counters)

    def fail(self, error: CampaignFailed) -> None:
        """The campaign has failed."""
        self.ended.add(error.campaign_id)
        self.report.fail(error)
        if error.code not in NOT_REACHED:
            log_event(
                logger,
                "campaign_failed",
                error.message,
                campaign_id=error.campaign_id,
                code=error.code,
                http_status=error.http_status,
            )

    def fail_answer(self, error: CampaignFailed) -> None:
        """The request has failed; too many of these stop the run."""
        self.fail(error)
        report, budget = self.report, self.settings.error_budget
        allowed = errors_allowed(report.planned, error_budget=budget)
        # of an id that is not usable nothing was sent: the service did not fail. Nor did it where a
        # user names a campaign that does not exist
        own = (CampaignNotFound, IdNotUsable) if report.sweep == ONLY else IdNotUsable
        failed = sum(not isinstance(each, own) for each in report.failures)
        if failed > allowed and report.stopped is None:
            report.stopped = (
                f"{failed} of {report.planned} planned campaigns failed, more than "
                f"the {allowed} that the setting `error_budget` = {budget:g} allows"
            )
            self.stop.set()

    def fail_unreached(self, campaign_ids: Iterable[str]) -> None:
        """Nothing configured is silently missing: unreached campaigns fail with the reason."""
        report = self.report
        for campaign_id in campaign_ids:
            if campaign_id in self.ended:
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

    plan: Plan
    rows: PendingRows
    accept_vanished: bool = False
    _missing: list[str] = field(default_factory=list, init=False)
    """Stored campaigns that answered 404 once."""
    _signs: dict[str, float] = field(default_factory=dict, init=False)
    """When each of them first answered 404 while the service was well, by `time.monotonic`."""

    def __post_init__(self) -> None:
        plan, report = self.plan, self.report
        report.sweep, report.sweep_reason = plan.sweep, plan.reason
        report.full_sweep_started_at = plan.started_at
        report.listed, report.listing_state = plan.listed, plan.listing_state
        report.listing_page_size = plan.page_size
        report.notes = plan.notes
        report.cannot_enumerate = plan.cannot_enumerate
        report.planned, report.unchanged = len(plan), len(plan.confirmed)

    def run(self) -> Generator[bool, None, None]:
        """Request all that is planned; every campaign ends in the report.

        Yields after each answer: True if a chunk is full and should be loaded.  The last chunk is
        to be loaded after the end.
        """
        settings, report = self.settings, self.report
        began, done = time.monotonic(), report.done
        try:
            with closing(self._answers()) as answers:
                for _ in answers:
                    report.count_requests(self.client.counters)
                    # also where nothing is new: the progress of a full sweep must outlast the run
                    answered, seconds = report.done - done, time.monotonic() - began
                    is_full = answered >= settings.chunk_size
                    is_full |= answered > 0 and seconds >= settings.chunk_seconds
                    if is_full:
                        self._record_progress()
                    yield is_full
                    if is_full:
                        began, done = time.monotonic(), report.done
        finally:  # also where the consumer takes no more
            self._record_progress()
            self.fail_unreached(each.campaign_id for each in self.plan.requests)

    def _answers(self) -> Generator[None, None, None]:
        """Request all, and again those that seem to be gone; unless these are so many that it is
        not believed.
        """
        plan, missing = self.plan, self._missing
        unlisted = [each.campaign_id for each in plan.requests if each.reason is Reason.NOT_LISTED]
        yield from self._request(
            each.campaign_id for each in plan.requests if each.reason is not Reason.NOT_LISTED
        )
        known = sum(map(self._is_live, plan.campaign_ids()))
        allowed = vanished_allowed(known, max_vanished=self.settings.max_vanished)
        if not self.accept_vanished and len(missing) + len(unlisted) > allowed:
            # an answer shows that the listing is wrong; then the others are requested, too
            sample, others = unlisted[: allowed + 1], unlisted[allowed + 1 :]
            yield from self._request(sample)
            if not set(sample) <= set(missing):
                yield from self._request(others)
                unlisted = []
        gone = list(dict.fromkeys([*missing, *unlisted]))
        has_answers = self.report.fetched > 0 or bool(plan.confirmed)
        if self.accept_vanished or (has_answers and len(gone) <= allowed):
            yield from self._confirm(gone)
            return
        for campaign_id in gone:
            self.fail(
                VanishNotBelieved(campaign_id, missing=len(gone), known=known, allowed=allowed)
            )

    def _confirm(self, campaign_ids: Iterable[str]) -> Iterator[None]:
        """Request campaigns that seem to be gone until there is evidence; wait no longer for it
        than it takes.
        """
        open_ = [*campaign_ids]
        # a second time if the service was unwell around the signs that the first relied on
        for _ in range(2):
            if not open_ or self.stop.is_set() or self.report.access_refused is not None:
                return
            last = max(
                [self.client.unwell_at, *(self._signs.get(each, -math.inf) for each in open_)]
            )
            seconds = last + self.settings.vanish_confirm_seconds - time.monotonic()
            if seconds > 0:
                shown = round(seconds, 1)
                log_event(logger, "vanish_confirming", count=len(open_), seconds=shown)
                self.stop.wait(seconds)
            yield from self._request(open_, is_confirming=True)
            open_ = [each for each in open_ if each not in self.ended]
        for campaign_id in open_ if not self.stop.is_set() else ():
            self.fail(NotFoundInDoubt(campaign_id))

    def _request(
        self, campaign_ids: Iterable[str], *, is_confirming: bool = False
    ) -> Iterator[None]:
        """Yields after each answer; stored campaigns that answer 404 end once it is confirmed."""
        for fetched in self.fetch(campaign_ids):
            campaign_id = fetched.campaign_id
            is_missing = isinstance(fetched.error, CampaignNotFound) and self._is_live(campaign_id)
            if is_missing and not (self._is_gone(campaign_id, time.monotonic()) and is_confirming):
                self._missing.append(campaign_id)
            else:
                self._sort(fetched)
            yield

    def _is_gone(self, campaign_id: str, now: float) -> bool:
        """Whether a 404 at this time is evidence of a deletion: the second, some time after the
        first, or the first of a campaign that a whole listing does not show.

        What the service says while it is unwell, or shortly after, is none.
        """
        apart = self.settings.vanish_confirm_seconds
        is_absent = campaign_id in self.plan.absent
        first = now if is_absent else self._signs.get(campaign_id)
        if first is None or self.client.unwell_at > first - apart:
            self._signs[campaign_id] = now
            return False
        return is_absent or now - first >= apart

    def _sort(self, fetched: Fetched) -> None:
        campaign_id, error, report = fetched.campaign_id, fetched.error, self.report
        stored = self.plan.stored.get(campaign_id)
        if error is None:
            report.fetched += 1
            if stored is not None and campaign_id in self.plan.absent:
                self._doubt_listing(stored.campaign_type, campaign_id)
            shaped = shape(fetched.data)
            ahead = times_ahead(shaped.columns, fetched.observed_at)
            report.add_drift(shaped.unknown.union(ahead))
            if is_new_version(stored, shaped.content_hash):
                report.new_versions += 1
                self.rows.add_version(campaign_id, fetched.observed_at, shaped)
            else:
                report.unchanged += 1
                self.rows.confirm(campaign_id, shaped)
        elif stored is None or not isinstance(error, CampaignNotFound):
            is_unsure = self.client.unwell_at > time.monotonic() - (
                self.settings.vanish_confirm_seconds
            )
            if is_unsure and isinstance(error, CampaignNotFound):
                error = NotFoundInDoubt(campaign_id)
            self.fail_answer(error)
        elif stored.is_deleted:
            report.unchanged += 1
        else:
            report.vanished += 1
            self.rows.add_version(campaign_id, fetched.observed_at, None)
        if campaign_id not in self.ended:
            self.ended.add(campaign_id)
            self.rows.add_answer(campaign_id, fetched.observed_at)

    def _doubt_listing(self, campaign_type: str, campaign_id: str) -> None:
        """The listing looked whole, but lacks a campaign that answers: absence is no sign."""
        report, plan = self.report, self.plan
        plan.absent.clear()
        doubt = ListingDoubtful(
            kind=campaign_type, doubt=f"does not show `{campaign_id}`, which answers"
        )
        report.listing_state = Reading.DOUBTFUL
        report.notes.append(str(doubt).rstrip("."))
        if plan.is_every:
            report.cannot_enumerate = doubt

    def fail(self, error: CampaignFailed) -> None:
        super().fail(error)
        self.rows.add_error(error)

    def _is_live(self, campaign_id: str) -> bool:
        stored = self.plan.stored.get(campaign_id)
        return stored is not None and not stored.is_deleted

    def _record_progress(self) -> None:
        """Report how far a full sweep is: known campaigns are requested by id, but answered in any
        order.

        The mark is the highest id that answered; up to it all but the unsettled have ended.  So
        one campaign that is retried again and again does not hold back those after it.
        """
        plan, report = self.plan, self.report
        report.confirmed_through, report.unsettled = None, []
        open_ = {each.campaign_id for each in plan.requests} - self.ended
        if plan.sweep == "full" and open_:
            known = {each.campaign_id for each in plan.requests if each.reason is Reason.FULL_SWEEP}
            through = max([plan.through, *(known & self.ended.union(self._missing))])
            report.confirmed_through = through
            report.unsettled = sorted(each for each in known & open_ if each <= through)
