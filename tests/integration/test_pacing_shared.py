"""The budget is one for all threads, processes and runs that share it, and outlives them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kore_campaigns.api.rate_limit import LONGEST_PAUSE_SECONDS, Limit, budget_path
from kore_campaigns.errors import SettingInvalid
from support.budgets import LEASE, ONE_A_MINUTE, WINDOW, Place, budget, call
from support.clock import FakeClock


@pytest.fixture
def clock(place: Place) -> FakeClock:
    return place.clock


class TestSharing:
    def test_two_budgets_in_one_place_share_it(self, place: Place, clock: FakeClock) -> None:
        one, other = budget(place), budget(place)
        for pacer in (one, other, one):
            call(pacer, clock)
        assert call(other, clock) == pytest.approx(WINDOW)

    def test_a_pause_holds_all_who_share_it(self, place: Place, clock: FakeClock) -> None:
        budget(place).pause(45)
        assert call(budget(place), clock) == pytest.approx(45)

    def test_what_was_used_outlives_the_run(self, place: Place, clock: FakeClock) -> None:
        first = budget(place)
        for _ in range(3):
            call(first, clock)
        first.close()
        assert call(budget(place), clock) == pytest.approx(WINDOW)

    def test_one_with_a_shorter_memory_leaves_the_calls_that_another_must_count(
        self, place: Place, clock: FakeClock
    ) -> None:
        by_hour = budget(place, Limit(2, 3600))
        for _ in range(2):
            call(by_hour, clock)
        clock.time += 600
        call(budget(place, ONE_A_MINUTE), clock)
        assert call(by_hour, clock) == pytest.approx(Limit(2, 3600).window_seconds - 600)

    def test_a_closed_budget_opens_again_when_it_is_used(
        self, place: Place, clock: FakeClock
    ) -> None:
        pacer = budget(place)
        pacer.close()
        pacer.close()
        call(pacer, clock)

    def test_a_call_that_was_never_answered_frees_its_slot_by_its_lease(
        self, place: Place, clock: FakeClock
    ) -> None:
        dying = budget(place, ONE_A_MINUTE).slot()
        dying.__enter__()
        assert call(budget(place, ONE_A_MINUTE), clock) == pytest.approx(LEASE + WINDOW)
        dying.__exit__(None, None, None)

    def test_a_call_that_outlives_its_lease_still_counts_from_its_answer(
        self, place: Place, clock: FakeClock
    ) -> None:
        pacer = budget(place, ONE_A_MINUTE)
        with pacer.slot():
            clock.time += LEASE + 3700
            call(budget(place, ONE_A_MINUTE), clock)  # its row was removed for this one
            clock.time += 10
        assert call(pacer, clock) == pytest.approx(WINDOW)

    def test_its_answer_does_not_end_the_call_that_took_its_place(
        self, place: Place, clock: FakeClock
    ) -> None:
        late, other = (budget(place, ONE_A_MINUTE).slot() for _ in range(2))
        late.__enter__()
        clock.time += LEASE + 3700
        other.__enter__()
        late.__exit__(None, None, None)
        assert call(budget(place, ONE_A_MINUTE), clock) == pytest.approx(LEASE + WINDOW)
        other.__exit__(None, None, None)

    def test_a_forked_child_shares_it_by_a_connection_of_its_own(
        self, place: Place, clock: FakeClock
    ) -> None:
        pacer = budget(place)
        call(pacer, clock)
        child = os.fork()
        if child == 0:
            for _ in range(2):
                with pacer.slot():
                    pass
            pacer.close()
            os._exit(0 if clock.sleeps == [] else 1)
        assert os.waitpid(child, 0) == (child, 0)
        assert pacer.eta_seconds(1) == pytest.approx(WINDOW)

    def test_accounts_do_not_wait_for_each_other(self, place: Place, clock: FakeClock) -> None:
        one, other = (budget(place, ONE_A_MINUTE, account=name) for name in ("one", "other"))
        call(one, clock)
        one.pause(600)
        assert call(other, clock) == 0

    def test_each_account_and_host_has_its_own_file_with_a_silent_name(
        self, tmp_path: Path
    ) -> None:
        paths = {
            budget_path(tmp_path, host=host, account_id=account)
            for host in ("https://platform.kore.ai", "https://eu-platform.kore.ai")
            for account in ("67777ce93e25326494e00000", "67777ce93e25326494e00001")
        }
        assert len(paths) == 4
        assert not any("kore.ai" in path.name or "67777" in path.name for path in paths)

    @pytest.mark.parametrize(
        "host", ["platform.kore.ai", " https://PLATFORM.kore.ai/ ", "https://platform.kore.ai:443"]
    )
    def test_one_host_written_differently_is_one_budget(self, tmp_path: Path, host: str) -> None:
        assert budget_path(tmp_path, host=host, account_id="a") == budget_path(
            tmp_path, host="https://platform.kore.ai", account_id="a"
        )

    def test_a_host_that_cannot_be_used_has_no_budget(self, tmp_path: Path) -> None:
        with pytest.raises(SettingInvalid):
            budget_path(tmp_path, host="ftp://platform.kore.ai", account_id="a")


class TestClockSetBack:
    def test_by_hours_costs_one_window(self, place: Place, clock: FakeClock) -> None:
        pacer = budget(place)
        for _ in range(3):
            call(pacer, clock)
        clock.time -= 5 * 3600
        assert call(pacer, clock) == pytest.approx(WINDOW)

    def test_with_a_call_in_flight_costs_its_lease_too(
        self, place: Place, clock: FakeClock
    ) -> None:
        dying = budget(place, ONE_A_MINUTE).slot()
        dying.__enter__()
        clock.time -= 5 * 3600
        assert call(budget(place, ONE_A_MINUTE), clock) == pytest.approx(LEASE + WINDOW)
        dying.__exit__(None, None, None)

    def test_during_a_pause_costs_the_longest_pause(self, place: Place, clock: FakeClock) -> None:
        pacer = budget(place)
        pacer.pause(60)
        clock.time -= 5 * 3600
        assert call(pacer, clock) == pytest.approx(LONGEST_PAUSE_SECONDS)
