"""Looks at a run as it goes on, and tells as events what is new since the last look."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from kore_campaigns import events
from kore_campaigns.campaign_errors import CampaignFailed, Interrupted, NotAsked, VanishNotBelieved
from kore_campaigns.events import Tell
from kore_campaigns.problems import problems
from kore_campaigns.report import RunReport

# as in `sweep`
Progress = Callable[[RunReport, Callable[[int], float]], None]
# the run's reason, not the campaign's: one event says it for however many
NOT_REACHED: Final = (NotAsked, Interrupted)


class Wire(Protocol):
    """What is needed of `Counters`."""

    @property
    def rate_limited(self) -> int: ...


@dataclass(slots=True)
class Watch:
    """`wire` gives the counts of requests so far; `look` may be called as often as one likes."""

    report: RunReport
    wire: Callable[[], Wire]
    tell: Tell
    clock: Callable[[], float] = time.monotonic
    _failures: int = 0
    _rate_limited: int = 0
    _not_reached: Counter[tuple[str, str]] = field(default_factory=Counter)
    _not_believed: list[CampaignFailed] = field(default_factory=list)

    def begin(self, *, stream_id: str, tool_version: str) -> None:
        started = events.run_started(self.report, stream_id=stream_id, tool_version=tool_version)
        self.tell(started)

    def plan(self, *, to_ask: int) -> None:
        self.tell(events.sweep_planned(self.report, to_ask=to_ask))

    def beside(self, progress: Progress) -> Progress:
        """The same progress, and a look after each answer."""

        def look_too(report: RunReport, eta_seconds: Callable[[int], float]) -> None:
            progress(report, eta_seconds)
            self.look()

        return look_too

    def look(self) -> None:
        """Tell of failures and rate answers that were not there at the last look."""
        failures = self.report.failures
        while self._failures < len(failures):
            self._see(failures[self._failures])
            self._failures += 1
        count = self.wire().rate_limited
        if count > self._rate_limited:
            self._rate_limited = count
            self.tell(events.rate_limited(count=count))

    def loads(self, write: Callable[[], None], *, versions: int) -> None:
        """Have a chunk written, and tell of it once it is durable."""
        began = self.clock()
        write()
        self.look()
        seconds = self.clock() - began
        self.tell(events.chunk_loaded(self.report, versions=versions, load_seconds=seconds))

    def end(self) -> None:
        """Tell what is only known when all is done."""
        self.look()
        if self._not_believed:
            message = self._not_believed[0].message
            self.tell(events.vanish_not_believed(message, count=len(self._not_believed)))
        for (code, message), count in self._not_reached.items():
            self.tell(events.campaigns_not_reached(message, code=code, count=count))
        for problem in problems(self.report):
            self.tell(events.problem_told(problem))
        for drift in self.report.drift:
            self.tell(events.drift_found(**drift))
        self.tell(events.run_finished(self.report))

    def _see(self, failed: CampaignFailed) -> None:
        if isinstance(failed, NOT_REACHED):
            self._not_reached[failed.code, failed.message] += 1
            return
        if isinstance(failed, VanishNotBelieved):
            self._not_believed.append(failed)
        self.tell(events.campaign_failed(failed))
