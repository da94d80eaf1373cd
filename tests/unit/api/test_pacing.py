"""No more calls than the account's budget in any window, whatever the latency and who calls."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import ExitStack
from itertools import count
from typing import Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kore_campaigns.api.rate_limit import LONGEST_PAUSE_SECONDS, Budget, Limit, Pacer, Unlimited
from kore_campaigns.errors import Interrupted, RateLimited
from support.budgets import LEASE, ONE_A_MINUTE, WINDOW, Place, budget, call, closed_later
from support.clock import FakeClock

_ONE_PLACE = HealthCheck.function_scoped_fixture
_EXAMPLES = count(1)


@pytest.fixture
def clock(place: Place | None) -> FakeClock:
    return place.clock if place else FakeClock()


class TestWindow:
    def test_calls_within_the_limit_leave_at_once(self, place: Place, clock: FakeClock) -> None:
        pacer = budget(place)
        for _ in range(3):
            call(pacer, clock)
        assert clock.sleeps == []

    def test_the_next_waits_exactly_until_the_first_slot_is_free(
        self, place: Place, clock: FakeClock
    ) -> None:
        pacer = budget(place)
        call(pacer, clock)
        clock.time += 10
        for _ in range(2):
            call(pacer, clock)
        assert call(pacer, clock) == pytest.approx(WINDOW - 10)
        assert len(clock.sleeps) == 1

    def test_a_slot_is_kept_until_a_window_after_the_answer(
        self, place: Place, clock: FakeClock
    ) -> None:
        pacer = budget(place)
        for latency in (5.0, 0.0, 0.0):
            call(pacer, clock, lasting=latency)
        assert call(pacer, clock) == pytest.approx(WINDOW)

    def test_a_call_in_flight_is_waited_for_no_longer_than_its_answer_takes(
        self, place: Place
    ) -> None:
        with OverlappingCalls(place, ONE_A_MINUTE) as overlapping:
            overlapping.begin(5.0)
            overlapping.begin(0.0)
        first, second = overlapping.arrivals
        assert second - first == pytest.approx(5 + WINDOW)

    def test_minute_and_hour_hold_at_once(self, place: Place, clock: FakeClock) -> None:
        pacer = budget(place, Limit(2, 60), Limit(5, 3600))
        start = clock()
        left = []
        for _ in range(7):
            call(pacer, clock)
            left.append(round(clock() - start))
        assert left == [0, 0, 60, 60, 120, 3602, 3602]

    def test_no_limits_at_all_keep_pauses_only(self, place: Place, clock: FakeClock) -> None:
        pacer = closed_later(
            Budget(place.store(), limits=(), lease_seconds=LEASE, sleep=clock.sleep)
        )
        pacer.pause(7)
        for _ in range(100):
            call(pacer, clock)
        assert clock.sleeps == [pytest.approx(7)]

    # each example begins with calls of nobody: it has an account of its own
    @settings(max_examples=60, deadline=None, suppress_health_check=[_ONE_PLACE])
    @given(
        calls=st.integers(1, 4),
        latencies=st.lists(st.floats(0, 30), min_size=1, max_size=25),
        on_the_way=st.floats(0, 1),
    )
    def test_no_window_of_arrivals_exceeds_the_limit_for_any_latencies(
        self,
        place: Place,
        calls: int,
        latencies: list[float],
        on_the_way: float,
    ) -> None:
        """Calls overlap; each arrives a share of its latency after it left."""
        limit, account = Limit(calls, 10), f"account-{next(_EXAMPLES)}"
        with OverlappingCalls(place, limit, account=account) as overlapping:
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

    def __init__(self, place: Place, limit: Limit, *, account: str = "account") -> None:
        self.clock = place.clock
        self.arrivals: list[float] = []
        self._ends: list[tuple[float, ExitStack]] = []
        self._pacer = budget(place, limit, sleep=self._sleep, account=account)

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


@pytest.mark.parametrize("place", ["file", "postgres", "nowhere"], indirect=True)
class TestPause:
    @pytest.fixture
    def pacer(self, place: Place | None, clock: FakeClock) -> Pacer:
        return budget(place) if place else Unlimited(now=clock, sleep=clock.sleep)

    def test_nobody_calls_before_it_ends(self, pacer: Pacer, clock: FakeClock) -> None:
        pacer.pause(45)
        assert pacer.paused_for() == pytest.approx(45)
        assert call(pacer, clock) == pytest.approx(45)
        assert pacer.paused_for() == 0

    def test_a_shorter_one_does_not_shorten_it(self, pacer: Pacer, clock: FakeClock) -> None:
        pacer.pause(45)
        pacer.pause(5)
        assert pacer.paused_for() == pytest.approx(45)

    def test_an_absurd_one_is_cut(self, pacer: Pacer, clock: FakeClock) -> None:
        pacer.pause(1e9)
        assert pacer.paused_for() == pytest.approx(LONGEST_PAUSE_SECONDS)

    def test_beyond_the_callers_patience_it_is_an_error_at_once(
        self, pacer: Pacer, clock: FakeClock
    ) -> None:
        pacer.pause(600)
        with pytest.raises(RateLimited) as raised, pacer.slot(patience_seconds=300):
            pass
        assert raised.value.wait_seconds == pytest.approx(600)
        assert "nothing was sent" in str(raised.value)
        assert clock.sleeps == []

    def test_it_counts_in_the_estimate(self, pacer: Pacer, clock: FakeClock) -> None:
        pacer.pause(20)
        assert pacer.eta_seconds(1) == pytest.approx(20)
        assert pacer.eta_seconds(0) == 0
        pacer.close()


class TestEstimate:
    def test_is_what_the_calls_then_take(self, place: Place, clock: FakeClock) -> None:
        pacer = budget(place, Limit(3, 60), Limit(5, 3600))
        call(pacer, clock)
        clock.time += 20
        for calls in (1, 2, 3, 4, 5, 9):
            before, start = pacer.eta_seconds(calls), clock()
            for _ in range(calls):
                call(pacer, clock)
            # both limits at once may cost a window more than either alone
            assert clock() - start == pytest.approx(before, abs=61)

    def test_is_exact_for_one_limit(self, place: Place, clock: FakeClock) -> None:
        pacer = budget(place)
        call(pacer, clock)
        clock.time += 20
        estimates = [round(pacer.eta_seconds(calls)) for calls in range(10)]
        assert estimates == [0, 0, 0, 40, 60, 60, 100, 120, 120, 160]

    def test_takes_a_call_in_flight_to_end_now(self, place: Place, clock: FakeClock) -> None:
        pacer = budget(place, ONE_A_MINUTE)
        with pacer.slot():
            assert pacer.eta_seconds(1) == pytest.approx(WINDOW)


class TestInterruption:
    def test_what_sleep_raises_passes_and_takes_no_slot(
        self, place: Place, clock: FakeClock
    ) -> None:
        def stopped(_: float) -> None:
            raise Interrupted

        first = budget(place)
        for _ in range(3):
            call(first, clock)
        pacer = budget(place, sleep=stopped)
        for _ in range(2):  # twice: the first left no lock behind
            with pytest.raises(Interrupted), pacer.slot():
                pass
        clock.time += WINDOW
        for _ in range(3):
            call(pacer, clock)

    def test_a_call_that_failed_gives_its_slot_back_like_any_other(
        self, place: Place, clock: FakeClock
    ) -> None:
        pacer = budget(place, ONE_A_MINUTE)
        with pytest.raises(ConnectionError), pacer.slot():
            raise ConnectionError
        assert call(pacer, clock) == pytest.approx(WINDOW)
