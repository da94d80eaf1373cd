"""No more calls than the account's budget in any window, whatever the latency and who calls."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgets import LEASE, ONE_A_MINUTE, THREE_A_MINUTE, WINDOW, budget, call, closed_later
from fake_clock import FakeClock
from kore_campaigns.campaign_errors import Interrupted, RateLimited
from kore_campaigns.pacing import LONGEST_PAUSE_SECONDS, Budget, Limit, Pacer, Unlimited


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "calls.sqlite"


class TestWindow:
    def test_calls_within_the_limit_leave_at_once(self, path: Path, clock: FakeClock) -> None:
        pacer = budget(path, clock)
        for _ in range(3):
            call(pacer, clock)
        assert clock.sleeps == []

    def test_the_next_waits_exactly_until_the_first_slot_is_free(
        self, path: Path, clock: FakeClock
    ) -> None:
        pacer = budget(path, clock)
        call(pacer, clock)
        clock.time += 10
        for _ in range(2):
            call(pacer, clock)
        assert call(pacer, clock) == pytest.approx(WINDOW - 10)
        assert len(clock.sleeps) == 1

    def test_a_slot_is_kept_until_a_window_after_the_answer(
        self, path: Path, clock: FakeClock
    ) -> None:
        pacer = budget(path, clock)
        for latency in (5.0, 0.0, 0.0):
            call(pacer, clock, lasting=latency)
        assert call(pacer, clock) == pytest.approx(WINDOW)

    def test_a_call_in_flight_is_waited_for_no_longer_than_its_answer_takes(
        self, path: Path
    ) -> None:
        with OverlappingCalls(path, ONE_A_MINUTE) as overlapping:
            overlapping.begin(5.0)
            overlapping.begin(0.0)
        first, second = overlapping.arrivals
        assert second - first == pytest.approx(5 + WINDOW)

    def test_minute_and_hour_hold_at_once(self, path: Path, clock: FakeClock) -> None:
        pacer = budget(path, clock, Limit(2, 60), Limit(5, 3600))
        start = clock()
        left = []
        for _ in range(7):
            call(pacer, clock)
            left.append(round(clock() - start))
        assert left == [0, 0, 60, 60, 120, 3602, 3602]

    def test_no_limits_at_all_keep_pauses_only(self, path: Path, clock: FakeClock) -> None:
        pacer = closed_later(
            Budget(path, limits=(), lease_seconds=LEASE, now=clock, sleep=clock.sleep)
        )
        pacer.pause(7)
        for _ in range(100):
            call(pacer, clock)
        assert clock.sleeps == [pytest.approx(7)]

    @settings(max_examples=60, deadline=None)
    @given(
        calls=st.integers(1, 4),
        latencies=st.lists(st.floats(0, 30), min_size=1, max_size=25),
        on_the_way=st.floats(0, 1),
    )
    def test_no_window_of_arrivals_exceeds_the_limit_for_any_latencies(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        calls: int,
        latencies: list[float],
        on_the_way: float,
    ) -> None:
        """Calls overlap; each arrives a share of its latency after it left."""
        path = tmp_path_factory.mktemp("b") / "calls"
        with OverlappingCalls(path, Limit(calls, 10)) as overlapping:
            for latency in latencies:
                overlapping.begin(latency, arriving_after=latency * on_the_way)
        arrivals = sorted(overlapping.arrivals)
        # what leaves a rounding error early is not early
        most = max(i - bisect_left(arrivals, at - 10 + 1e-6) + 1 for i, at in enumerate(arrivals))
        assert most <= calls


class OverlappingCalls:
    """Begins calls as soon as the budget grants them; others end while it waits, the last with the
    `with` block.
    """

    def __init__(self, path: Path, limit: Limit) -> None:
        self.clock = FakeClock()
        self.arrivals: list[float] = []
        self._ends: list[tuple[float, ExitStack]] = []
        self._pacer = Budget(
            path, limits=(limit,), lease_seconds=LEASE, now=self.clock, sleep=self._sleep
        )

    def begin(self, latency: float, *, arriving_after: float = 0.0) -> None:
        held = ExitStack()
        held.enter_context(self._pacer.slot())
        self.arrivals.append(self.clock() + arriving_after)
        self._ends.append((self.clock() + latency, held))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failed: object) -> None:
        for _, held in self._ends:
            held.close()
        self._pacer.close()

    def _sleep(self, seconds: float) -> None:
        until = self.clock() + seconds
        self._ends.sort(key=lambda end: end[0])
        while self._ends and self._ends[0][0] <= until:
            self.clock.time, held = self._ends.pop(0)
            held.close()
        self.clock.time = until


@pytest.mark.parametrize("kind", ["shared", "unlimited"])
class TestPause:
    def pacer(self, kind: str, path: Path, clock: FakeClock) -> Pacer:
        if kind == "shared":
            return budget(path, clock)
        return Unlimited(now=clock, sleep=clock.sleep)

    def test_nobody_calls_before_it_ends(self, kind: str, path: Path, clock: FakeClock) -> None:
        pacer = self.pacer(kind, path, clock)
        pacer.pause(45)
        assert pacer.paused_for() == pytest.approx(45)
        assert call(pacer, clock) == pytest.approx(45)
        assert pacer.paused_for() == 0

    def test_a_shorter_one_does_not_shorten_it(
        self, kind: str, path: Path, clock: FakeClock
    ) -> None:
        pacer = self.pacer(kind, path, clock)
        pacer.pause(45)
        pacer.pause(5)
        assert pacer.paused_for() == pytest.approx(45)

    def test_an_absurd_one_is_cut(self, kind: str, path: Path, clock: FakeClock) -> None:
        pacer = self.pacer(kind, path, clock)
        pacer.pause(1e9)
        assert pacer.paused_for() == pytest.approx(LONGEST_PAUSE_SECONDS)

    def test_beyond_the_callers_patience_it_is_an_error_at_once(
        self, kind: str, path: Path, clock: FakeClock
    ) -> None:
        pacer = self.pacer(kind, path, clock)
        pacer.pause(600)
        with pytest.raises(RateLimited) as raised, pacer.slot(patience_seconds=300):
            pass
        assert raised.value.wait_seconds == pytest.approx(600)
        assert "nothing was sent" in str(raised.value)
        assert clock.sleeps == []

    def test_it_counts_in_the_estimate(self, kind: str, path: Path, clock: FakeClock) -> None:
        pacer = self.pacer(kind, path, clock)
        pacer.pause(20)
        assert pacer.eta_seconds(1) == pytest.approx(20)
        assert pacer.eta_seconds(0) == 0
        pacer.close()


class TestEstimate:
    def test_is_what_the_calls_then_take(self, path: Path, clock: FakeClock) -> None:
        pacer = budget(path, clock, Limit(3, 60), Limit(5, 3600))
        call(pacer, clock)
        clock.time += 20
        for calls in (1, 2, 3, 4, 5, 9):
            before, start = pacer.eta_seconds(calls), clock()
            for _ in range(calls):
                call(pacer, clock)
            # both limits at once may cost a window more than either alone
            assert clock() - start == pytest.approx(before, abs=61)

    def test_is_exact_for_one_limit(self, path: Path, clock: FakeClock) -> None:
        pacer = budget(path, clock)
        call(pacer, clock)
        clock.time += 20
        estimates = [round(pacer.eta_seconds(calls)) for calls in range(10)]
        assert estimates == [0, 0, 0, 40, 60, 60, 100, 120, 120, 160]

    def test_takes_a_call_in_flight_to_end_now(self, path: Path, clock: FakeClock) -> None:
        pacer = budget(path, clock, ONE_A_MINUTE)
        with pacer.slot():
            assert pacer.eta_seconds(1) == pytest.approx(WINDOW)


class TestInterruption:
    def test_what_sleep_raises_passes_and_takes_no_slot(self, path: Path, clock: FakeClock) -> None:
        def stopped(_: float) -> None:
            raise Interrupted

        first = budget(path, clock)
        for _ in range(3):
            call(first, clock)
        pacer = closed_later(
            Budget(path, limits=(THREE_A_MINUTE,), lease_seconds=LEASE, now=clock, sleep=stopped)
        )
        for _ in range(2):  # twice: the first left no lock behind
            with pytest.raises(Interrupted), pacer.slot():
                pass
        clock.time += WINDOW
        for _ in range(3):
            call(pacer, clock)

    def test_a_call_that_failed_gives_its_slot_back_like_any_other(
        self, path: Path, clock: FakeClock
    ) -> None:
        pacer = budget(path, clock, ONE_A_MINUTE)
        with pytest.raises(ConnectionError), pacer.slot():
            raise ConnectionError
        assert call(pacer, clock) == pytest.approx(WINDOW)
