"""One run as discrete events: calls, answers, failures and repeats under the project's own pacing.

Time is a number: no request is sent and no thread waits. `Limit.wait_seconds` says when a call may
leave, as in `kore-campaigns`; `RetryPolicy` says how long a retry waits.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from kore_campaigns.api.rate_limit import Limit
from kore_campaigns.api.transport import RetryPolicy

# longer than any call here takes; the program's own is about as long
LEASE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Kore:
    """How the service answers."""

    latency: tuple[float, float] = (0.2, 0.4)
    """Seconds of a round trip, evenly spread."""
    failing: float = 0.0
    """Share of the attempts that are answered with HTTP 5xx."""


@dataclass(frozen=True, slots=True)
class Work:
    """Requests of a run."""

    pages: int = 0
    """Calls of the listing: one after the other, before anything else."""
    setbacks: Sequence[int] = ()
    """Failed attempts before the first success, for each campaign to fetch."""
    last_calls: int = 0
    """Calls at the end, one after the other (contact lists)."""


@dataclass(slots=True)
class Outcome:
    """What happened, in seconds from the first call's request for a slot."""

    arrivals: list[float] = field(default_factory=list)
    retries: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def calls(self) -> int:
        return len(self.arrivals)

    @property
    def asking_seconds(self) -> float:
        return asking_seconds(self.arrivals)


def asking_seconds(arrivals: Sequence[float]) -> float:
    """From the first call to the last, as the server sees them."""
    return max(arrivals) - min(arrivals) if arrivals else 0.0


def draw_setbacks(campaigns: int, kore: Kore, *, attempts: int, seed: int) -> list[int]:
    """Failures of each campaign in a row, drawn with the share of attempts that fail."""
    chance = random.Random(seed)  # noqa: S311 - a simulation that can be repeated
    found = []
    for _ in range(campaigns):
        failures = 0
        while failures < attempts and chance.random() < kore.failing:
            failures += 1
        found.append(failures)
    return found


# what a process waits for: seconds, or `None` for a slot of the budget
Step = Generator[float | None, None, None]
_ENDED = -1.0


class SimulatedCalls:
    """Calls of an account for the rate limit rule, by the simulated clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self._ends: dict[int, float] = {}
        self._taken = 0

    def end_of(self, place: int) -> float | None:
        found = heapq.nlargest(place + 1, self._ends.values())
        return found[place] if place < len(found) else None

    def take(self, *, lease_ends: float, forget: float) -> int:
        self._ends = {call_id: end for call_id, end in self._ends.items() if end > forget}
        self._taken += 1
        self._ends[self._taken] = lease_ends
        return self._taken

    def give_back(self, call_id: int) -> None:
        self._ends[call_id] = self.now


class SimulatedRun:
    """A run of one account with an unused budget."""

    def __init__(
        self,
        work: Work,
        *,
        kore: Kore,
        limits: Sequence[Limit],
        workers: int = 8,
        retry: RetryPolicy | None = None,
        seed: int = 0,
    ) -> None:
        self._work, self._kore, self._limits = work, kore, tuple(limits)
        self._workers = workers
        self._retry = retry or RetryPolicy()
        self._chance = random.Random(seed)  # noqa: S311 - a simulation that can be repeated
        self._now = 0.0
        self._timers: list[tuple[float, int, Step | None]] = []
        self._number = 0
        self._waiting: deque[Step] = deque()
        self._looks_again_at = 0.0
        self._calls = SimulatedCalls()
        self.outcome = Outcome()

    def go(self) -> Outcome:
        """Runs to the end."""
        self._resume(self._whole_run())
        self._grant()
        while self._timers:
            self._now, _, process = heapq.heappop(self._timers)
            self._calls.now = self._now
            if process is not None:
                self._resume(process)
                self.outcome.seconds = self._now
            self._grant()
        return self.outcome

    def _whole_run(self) -> Step:
        for _ in range(self._work.pages):
            yield from self._call()
        campaigns = iter(self._work.setbacks)
        left = [min(self._workers, len(self._work.setbacks))]
        for _ in range(left[0]):
            self._after(0.0, self._worker(campaigns, left))
        if not left[0]:
            yield from self._last_calls()

    def _worker(self, campaigns: Iterator[int], left: list[int]) -> Step:
        for setbacks in campaigns:
            yield from self._campaign(setbacks)
        left[0] -= 1
        if left[0] == 0:
            yield from self._last_calls()

    def _last_calls(self) -> Step:
        for _ in range(self._work.last_calls):
            yield from self._call()

    def _campaign(self, setbacks: int) -> Step:
        for attempt in range(1, self._retry.attempts + 1):
            self.outcome.retries += attempt > 1
            yield from self._call()
            if attempt > setbacks:
                return
            if attempt < self._retry.attempts:
                yield self._retry.backoff_seconds(attempt, self._chance.random())
        self.outcome.failed += 1

    def _call(self) -> Step:
        yield None
        latency = self._chance.uniform(*self._kore.latency)
        self.outcome.arrivals.append(self._now + latency / 2)
        longest = max((limit.window_seconds for limit in self._limits), default=0.0)
        call_id = self._calls.take(lease_ends=self._now + LEASE_SECONDS, forget=self._now - longest)
        yield latency
        self._calls.give_back(call_id)

    def _resume(self, process: Step) -> None:
        wanted = next(process, _ENDED)
        if wanted is None:
            self._waiting.append(process)
        elif wanted >= 0:
            self._after(wanted, process)

    def _after(self, seconds: float, process: Step | None) -> None:
        self._number += 1
        heapq.heappush(self._timers, (self._now + seconds, self._number, process))

    def _grant(self) -> None:
        while self._waiting:
            waits = [
                limit.wait_seconds(self._calls.end_of(limit.calls - 1), self._now)
                for limit in self._limits
            ]
            wait = max(waits, default=0.0)
            if wait > 0:
                if self._now >= self._looks_again_at:
                    self._looks_again_at = self._now + wait
                    self._after(wait, None)
                return
            self._resume(self._waiting.popleft())
