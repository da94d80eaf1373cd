"""The budget as the server sees it: real processes, real threads, real latency."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kore_emulator import Emulator, sample_campaigns
from support import budget_process as caller
from support.postgres import Postgres

pytestmark = pytest.mark.slow

SECONDS = 6.0
CALLS = 60


@pytest.fixture
def kore() -> Iterator[Emulator]:
    """Counts calls, and refuses none."""
    unlimited = Emulator(
        campaigns=sample_campaigns(20), requests_per_minute=None, latency=(0.0, 0.2)
    )
    with unlimited as running:
        yield running


@pytest.fixture(params=["file", "postgres"])
def counted_in(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """All that the processes share."""
    if request.param == "file":
        return str(tmp_path / "calls.sqlite")
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


def test_two_processes_of_eight_threads_keep_it_and_use_it(kore: Emulator, counted_in: str) -> None:
    orders = caller.orders(kore, counted_in, limits=[(CALLS, SECONDS)], calls=90)
    both = [caller.start(orders), caller.start(orders)]
    assert [caller.finish(each) for each in both] == [90, 90]
    assert kore.worst_window(SECONDS) <= CALLS
    arrivals = [request.at for request in kore.requests]
    # after the first 60, which leave at once, the other 120 are worth two windows
    assert 2 * SECONDS / (arrivals[-1] - arrivals[CALLS - 1]) >= 0.9


def test_a_run_right_after_another_takes_its_calls_into_account(
    kore: Emulator, counted_in: str
) -> None:
    orders = caller.orders(kore, counted_in, limits=[(CALLS, SECONDS)], calls=50)
    for _ in range(2):
        assert caller.finish(caller.start(orders)) == 50
    assert kore.worst_window(SECONDS) <= CALLS


def test_minute_and_hour_hold_at_once(kore: Emulator, counted_in: str) -> None:
    """Scaled down: 10 in 0.5 s and 25 in 3 s."""
    orders = caller.orders(kore, counted_in, limits=[(10, 0.5), (25, 3.0)], calls=40)
    assert caller.finish(caller.start(orders)) == 40
    assert kore.worst_window(0.5) <= 10
    assert kore.worst_window(3.0) <= 25


def test_slots_of_a_killed_process_come_back_and_not_too_early(
    kore: Emulator, counted_in: str
) -> None:
    kore.latency = 1.0
    limits = [(10, 1.0)]
    killed = caller.start(caller.orders(kore, counted_in, limits=limits, calls=100))
    while kore.counters.requests < 8:
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    kore.latency = 0.0
    started = time.monotonic()
    assert (
        caller.finish(caller.start(caller.orders(kore, counted_in, limits=limits, calls=30))) == 30
    )
    assert kore.worst_window(1.0) <= 10
    # eight slots were lost for the lease (5 s) and a window: the two others alone take 15 s
    assert time.monotonic() - started < 12
