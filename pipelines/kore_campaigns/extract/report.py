"""Report of a run: its counters, its outcome and the problems to show to the operator."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    KoreCampaignsError,
    NotAsked,
    TryLater,
    counted,
    reason_of,
)
from kore_campaigns.events import log_event

if TYPE_CHECKING:
    from kore_campaigns.api.client import KoreClient
    from kore_campaigns.api.transport import Counters
    from kore_campaigns.transform.drift import Unknown

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class RunCounters:
    """Counters of a run: columns of `extraction_runs`, keys of `--json`, metrics."""

    planned: int = 0
    fetched: int = 0
    new_versions: int = 0
    unchanged: int = 0
    vanished: int = 0
    failed: int = 0
    requests: int = 0
    retries: int = 0
    rate_limited: int = 0

    @property
    def in_words(self) -> str:
        """The campaigns of the run by their result."""
        return (
            f"{counted(self.new_versions, 'new version')}, {self.unchanged} unchanged, "
            f"{self.vanished} vanished, {self.failed} failed"
        )


ONLY: Final = "only"
"""The kind of sweep of a run with `--only` or `--only-failed`."""
COUNTERS: Final = tuple(each.name for each in fields(RunCounters))
JSON_KEYS: Final = (
    *("run_id", "sweep", "sweep_reason", "listed"),
    *COUNTERS,
    *("drift", "seconds", "database", "is_complete"),
)

# an object whose names are dates or ids would otherwise fill the report; none is lost from `raw`
MOST_DRIFTS = 200
_BEYOND = ("(more)", f"more than {MOST_DRIFTS} kinds")


@dataclass(slots=True, kw_only=True)
class RunReport(RunCounters):
    """Result of a run; its attributes are the columns of `extraction_runs` and the keys of
    `--json`.

    Every planned campaign ends in exactly one of `new_versions`, `unchanged`, `vanished`, `failed`.
    """

    database: str
    stream_id: str = ""
    run_number: int = 0
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock_went_back_seconds: float = 0.0
    """How far an earlier run recorded a moment after the start of this one."""
    clock_difference_seconds: int | None = None
    """This machine's clock is ahead of Kore's by this, as its responses say."""
    run_id: str = ""
    """Sorts by time."""
    sweep: str = "full"
    seconds: float = 0.0
    failures: list[CampaignFailed] = field(default_factory=list)
    drifts: Counter[Unknown] = field(default_factory=Counter)
    """Campaigns with each field, value or type that this version of the program does not know."""
    sweep_reason: str = ""
    listed: int | None = None
    """Campaigns that the account listing counts; None if it was not read."""
    listing_state: str | None = None
    """`whole`, `doubtful` or `refused`; None if the account listing was not read, or in part."""
    listing_page_size: int | None = None
    """Rows of a page of the account listing; None if it was not read whole."""
    notes: list[str] = field(default_factory=list)
    """Contradictions and errors of the listing."""
    notes_of_database: list[str] = field(default_factory=list)
    """Views that could not be replaced, or another program that writes into the published file."""
    list_notes: list[str] = field(default_factory=list)
    """Why the contact lists, or some of them, may not be as Kore has them now."""
    dnc_list_notes: list[str] = field(default_factory=list)
    """Which DNC lists Kore did not show, and why."""
    notify_problem: str | None = None
    """Why the message to `notify_url` was not sent."""
    full_sweep_started_at: datetime | None = None
    confirmed_through: str | None = None
    """The campaign id that a full sweep has reached; None once it is finished."""
    unsettled: list[str] = field(default_factory=list)
    """Campaigns up to that id that are still to be requested, or to be requested again."""
    access_refused: AccessRefused | None = None
    cannot_enumerate: AccessRefused | CampaignFailed | None = None
    """Every campaign is configured, and the listing that names them could not be read whole."""
    stopped: str | None = None
    interrupted: bool = False
    deadline_seconds: float | None = None
    """The deadline, once it was reached."""
    waited_for: str | None = None
    """What the run waited for when the deadline was reached."""

    def __post_init__(self) -> None:
        self.run_id = self.run_id or f"{self.started_at:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
        self.failed = len(self.failures)

    @property
    def done(self) -> int:
        """Campaigns that have ended."""
        return self.new_versions + self.unchanged + self.vanished + self.failed

    @property
    def is_complete(self) -> bool:
        """True if every planned campaign was answered and stored."""
        return self.done == self.planned and not self.failed and self.cannot_enumerate is None

    @property
    def drift(self) -> list[dict[str, Any]]:
        """Unknown fields by path: type or value, and how many campaigns have it."""
        return [
            {"path": path, "example_type": kind, "count": count}
            for (path, kind), count in sorted(self.drifts.items())
        ]

    @property
    def exit_code(self) -> int:
        """0 ok, 3 access refused, 4 partial, 5 contract broken throughout, 75 try later."""
        if self.access_refused is not None:
            return AccessRefused.exit_code
        if self.interrupted:
            return TryLater.exit_code
        if not self.failed:
            return 0 if self.cannot_enumerate is None else self.cannot_enumerate.exit_code
        codes = {error.exit_code for error in self.failures if not isinstance(error, NotAsked)}
        all_alike = self.failed == self.planned and len(codes) == 1
        return codes.pop() if all_alike else CampaignFailed.exit_code

    def fail(self, error: CampaignFailed) -> None:
        """Add a campaign that failed."""
        self.failures.append(error)
        self.failed += 1

    def measure_seconds(self) -> None:
        """Set `seconds` to the time since the start."""
        self.seconds = round((datetime.now(UTC) - self.started_at).total_seconds(), 3)

    def count_requests(self, counters: Counters) -> None:
        """Copy what the client has counted so far."""
        self.requests, self.retries = counters.requests, counters.retries
        self.clock_difference_seconds = counters.clock_difference_seconds
        if counters.rate_limited > self.rate_limited:
            self.rate_limited = counters.rate_limited
            log_event(logger, "rate_limited", count=self.rate_limited)

    def add_drift(self, unknown: Iterable[Unknown]) -> None:
        """Count the unknown fields of one campaign."""
        is_beyond = False
        for found in sorted(unknown):
            if found in self.drifts or len(self.drifts) < MOST_DRIFTS:
                self.drifts[found] += 1
            else:
                is_beyond = True
        if is_beyond:
            self.drifts[_BEYOND] += 1

    def as_json(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in JSON_KEYS}


@dataclass(slots=True)
class Progress:
    """How far a run is. The run writes it; a display may read it at any time, from any thread."""

    report: RunReport | None = None
    """The report so far; None before the run has its database."""
    context: Context = field(default_factory=copy_context)
    """In which events of this run are logged."""
    _client: KoreClient | None = None
    _calls: int = 0
    _ended_before: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def following(self, report: RunReport, client: KoreClient) -> Iterator[None]:
        """Show this run as long as its client is open."""
        with self._lock:
            self.report, self._client, self._calls = report, client, 0
            self.context = copy_context()
        try:
            yield
        finally:
            with self._lock:
                self._client = None

    def plan(self, calls: int) -> None:
        """Expect so many calls from now on."""
        if self._client is not None:
            self._calls, self._ended_before = calls, self._client.counters.ended

    @property
    def requests(self) -> int:
        """Requests that were sent."""
        client = self._client
        return 0 if client is None else client.counters.requests

    @property
    def waiting_for(self) -> str | None:
        """What all calls wait for before the next one may leave, and how long; None if none does.

        The call budget, a wait that Kore.ai requested, or the next attempt after an error.
        """
        client = self._client
        if client is None:
            return None
        seconds = round(client.rate_limiter.waiting_seconds)
        if seconds:
            of_kore = "the end of the call limit, as Kore.ai requested"
            return f"{of_kore if client.rate_limiter.is_paused else 'the call budget'}: {seconds} s"
        reason, seconds = client.next_retry
        is_idle = client.counters.requests == client.counters.answers
        return f"the next attempt, after {reason}: {seconds} s" if seconds > 0 and is_idle else None

    @property
    def open_answers(self) -> str | None:
        """How many requests Kore.ai has not answered yet; None without one."""
        counters = None if self._client is None else self._client.counters
        count = 0 if counters is None else counters.requests - counters.answers
        return f"{counted(count, 'answer')} of Kore.ai" if count > 0 else None

    @property
    def calls_left(self) -> int:
        """Planned calls that are not yet answered; each of them may need retries."""
        client = self._client
        return 0 if client is None else self._calls_left(client)

    def _calls_left(self, client: KoreClient) -> int:
        return max(0, self._calls - (client.counters.ended - self._ended_before))

    def seconds_left(self) -> float | None:
        """An estimate by the call budget, or by the answers so far if these take longer.

        None if it cannot be made.
        """
        with self._lock, suppress(KoreCampaignsError):  # the run reports its error itself
            if self._client is None:
                return None
            counters, calls = self._client.counters, self._calls_left(self._client)
            retried = counters.retries - counters.rate_limited
            calls = round(calls * (1 + max(0, retried) / max(1, counters.answers - retried)))
            in_flight = counters.requests - counters.answers
            by_budget = self._client.rate_limiter.eta_seconds(calls - in_flight)
            a_call = counters.answer_seconds / max(1, counters.answers)
            return max(by_budget, a_call * calls / self._client.workers)
        return None


class Problem(NamedTuple):
    event: str
    message: str


def duration(seconds: float) -> str:
    """`45 s`, `16 min`, `3 h 20 min`, `2 days`."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


MOST_CLOCK_DIFFERENCE: Final = 60


def clock_problem(ahead_seconds: float | None) -> str | None:
    """A sentence if the clock of this machine differs from Kore's by more than a minute."""
    if ahead_seconds is None or abs(ahead_seconds) <= MOST_CLOCK_DIFFERENCE:
        return None
    direction = "ahead of" if ahead_seconds > 0 else "behind"
    return (
        f"the clock of this machine is {duration(abs(ahead_seconds))} {direction} the clock of "
        "Kore.ai, which may refuse the credentials for this alone. Next: set it, for example with "
        "`timedatectl set-ntp true`."
    )


def _clock_problems(report: RunReport) -> Iterator[Problem]:
    if differs := clock_problem(report.clock_difference_seconds):
        yield Problem("clock_differs", differs)
    if report.clock_went_back_seconds > MOST_CLOCK_DIFFERENCE:
        yield Problem(
            "clock_differs",
            f"the clock of this machine went back: an earlier run recorded a moment "
            f"{duration(report.clock_went_back_seconds)} after the start of this run. Runs are "
            "ordered by their number. Next: nothing, if the clock is right now.",
        )


def unreadable_listing(
    failed: AccessRefused | CampaignFailed, then: str, *, is_explained: bool
) -> str:
    """What is said of it. A refusal that nothing else explains is explained here."""
    is_refusal = isinstance(failed, AccessRefused) and not is_explained
    why = str(failed) if is_refusal else f"{reason_of(failed)}. {then}"
    return (
        "the file of campaign ids says `*`, and the account listing that names the campaigns "
        f"could not be read whole: {why}"
    )


def problems(report: RunReport) -> Iterator[Problem]:
    """Problems of the run as a whole, worst first; failures of single campaigns are not here."""
    yield from _clock_problems(report)
    if report.access_refused is not None:
        yield Problem("access_refused", str(report.access_refused))
    if report.stopped is not None:
        yield Problem(
            "run_stopped",
            f"stopped fetching: {report.stopped}. The campaigns fetched so far are stored. Next: "
            "fix the first failures, or raise `error_budget`, then run again.",
        )
    if report.cannot_enumerate is not None:
        is_refused = isinstance(report.cannot_enumerate, AccessRefused)
        cure = "run again; if it stays, name the ids in the file"
        yield Problem(
            "listing_unreadable",
            unreadable_listing(
                report.cannot_enumerate,
                "Campaigns that neither it nor the database shows may be missing. Next: "
                f"{'correct what Kore.ai refuses, then run again' if is_refused else cure}.",
                is_explained=report.access_refused is not None,
            ),
        )
    elif report.notes and report.sweep == "listing":
        yield Problem(
            "listing_doubted",
            f"{'; '.join(report.notes)}. So it proved no campaign deleted. Campaigns that it did "
            "not show were fetched one by one. Next: nothing, if it does not happen every time.",
        )
    yield from (Problem("database_noted", f"{note}.") for note in report.notes_of_database)
    yield from (Problem("contact_lists_unread", f"{note}.") for note in report.list_notes)
    yield from (Problem("dnc_lists_unread", f"{note}.") for note in report.dnc_list_notes)
    if report.notify_problem is not None:
        yield Problem(
            "notify_failed",
            f"the message to `notify_url` was not sent: {report.notify_problem}. The run is not "
            "affected, and the next run sends it. Next: nothing, unless it happens again; then "
            "compare `notify_url` and `notify_format` with the page of the webhook.",
        )
    if report.deadline_seconds is not None and report.interrupted:
        waited = f" while the run waited for {report.waited_for}" if report.waited_for else ""
        yield Problem(
            "deadline_reached",
            f"the deadline of {duration(report.deadline_seconds)} was reached{waited}; the "
            "campaigns fetched so far are stored. Next: `kore-campaigns run` continues from here.",
        )
    elif report.interrupted:
        yield Problem(
            "run_interrupted",
            "interrupted; the campaigns fetched so far are stored. Next: `kore-campaigns run` "
            "continues from here.",
        )


def in_one_line(report: RunReport) -> str:
    """The run in one line, for monitors and logs."""
    outcome = "complete" if report.is_complete else f"NOT complete, exit code {report.exit_code}"
    return (
        f"run {report.run_id}: {outcome}, in {duration(report.seconds)}; {report.planned} planned: "
        f"{report.in_words}"
    )
