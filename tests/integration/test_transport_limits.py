"""A reached call limit is waited out by everybody on the account, or given up at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from kore_campaigns.api.rate_limit import Limit, Unlimited
from kore_campaigns.api.transport import Counters, RetryPolicy, Timeouts
from kore_campaigns.errors import Interrupted, RateLimited
from kore_emulator import Emulator, sample_campaigns
from support.budgets import InFile
from support.budgets import budget as budget_of
from support.clock import START, FakeClock
from support.scripted_server import ScriptedAnswer
from support.transport import asked_id, failure, wired


@pytest.fixture
def kore() -> Iterator[Emulator]:
    with Emulator(campaigns=sample_campaigns(3), requests_per_minute=None) as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


HOURLY = "You've exceeded the hourly rate limit. Please wait for sometime before retrying."


def stopped(_: float) -> None:
    raise Interrupted


def test_the_window_is_waited_for_and_not_a_backoff(kore: Emulator, clock: FakeClock) -> None:
    kore.fault("rate_limit", times=3)
    transport = wired(kore, clock)
    assert transport.detail(asked_id(kore)).status == 200
    assert clock.sleeps == [60, 60, 60]
    assert transport.counters == Counters(requests=4, retries=3, rate_limited=3)


@pytest.mark.parametrize("status", [200, 400, 403, 503])
def test_its_text_counts_under_any_code(kore: Emulator, clock: FakeClock, status: int) -> None:
    kore.fault("rate_limit_text", times=1, status=status)
    assert wired(kore, clock).detail(asked_id(kore)).status == 200
    assert clock.sleeps == [60]


def test_it_pauses_all_who_share_the_budget(kore: Emulator, clock: FakeClock) -> None:
    kore.fault("rate_limit", times=1)
    budget = Unlimited(now=clock, sleep=stopped)
    failed = failure(kore, clock, budget=budget)
    assert isinstance(failed, Interrupted)
    assert budget.paused_for() == 60


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (17, 17),
        (0, 1),  # at once, says the service: a small backoff all the same
        ("Thu, 01 Jan 1998 00:00:00 GMT", 1),
        (-5, 60),
        ("soon", 60),
        (10**12, 60),
    ],
)
def test_the_wait_is_what_the_service_asks_for(
    kore: Emulator, clock: FakeClock, asked: object, waited: float
) -> None:
    kore.fault("rate_limit_retry_after", times=1, retry_after=asked)
    assert wired(kore, clock).detail(asked_id(kore)).status == 200
    assert clock.sleeps == [waited]


def test_its_text_counts_with_a_wait_too(clock: FakeClock, kore: Emulator) -> None:
    """Under 200, where no client looks for `Retry-After`."""
    answer = {"status": "failure", "message": HOURLY}
    with ScriptedAnswer(answer, headers={"Retry-After": "1200"}) as scripted:
        failed = failure(kore, clock, host=scripted.url)
    assert isinstance(failed, RateLimited)
    assert failed.wait_seconds == 1200


def test_a_date_is_waited_for(kore: Emulator, clock: FakeClock) -> None:
    kore.fault("rate_limit_retry_after", times=1, retry_after=formatdate(time.time() + 30))
    assert wired(kore, clock).detail(asked_id(kore)).status == 200
    assert clock.sleeps == [pytest.approx(30, abs=2)]


def test_a_hint_that_proved_too_short_is_not_believed_again(
    kore: Emulator, clock: FakeClock
) -> None:
    kore.fault("rate_limit_retry_after", times=3, retry_after=1)
    assert wired(kore, clock).detail(asked_id(kore)).status == 200
    assert clock.sleeps == [1, 60, 60]


def test_a_wait_beyond_the_time_for_a_campaign_is_given_up_at_once(
    kore: Emulator, clock: FakeClock
) -> None:
    kore.fault("rate_limit_retry_after", retry_after=3600)
    failed = failure(kore, clock)
    assert isinstance(failed, RateLimited)
    assert failed.http_status == 429
    assert failed.wait_seconds == 3600
    assert "(HTTP 429, 1 attempt; the service asks to wait 3600 s)" in str(failed)
    assert clock.sleeps == []


def test_the_hourly_limit_is_given_up_at_once(kore: Emulator, clock: FakeClock) -> None:
    kore.fault("status_failure", message=HOURLY)
    failed = failure(kore, clock)
    assert isinstance(failed, RateLimited)
    assert failed.wait_seconds == 3600
    assert clock.sleeps == []


def test_after_a_long_one_other_campaigns_fail_without_a_request(
    kore: Emulator, clock: FakeClock
) -> None:
    """Else each campaign of a run would ask once, only to hear the same."""
    kore.fault("status_failure", message=HOURLY)
    budget = Unlimited(now=clock, sleep=clock.sleep)
    failure(kore, clock, budget=budget)
    failed = failure(kore, clock, budget=budget)
    assert isinstance(failed, RateLimited)
    assert "nothing was sent" in failed.message
    assert kore.counters.requests == 1


def test_a_limit_that_stays_reached_ends_within_the_time_for_a_campaign(
    kore: Emulator, clock: FakeClock
) -> None:
    kore.fault("rate_limit")
    start = clock()
    failed = failure(kore, clock, retry=RetryPolicy(attempts=50))
    assert isinstance(failed, RateLimited)
    assert clock() - start == 240  # a fifth minute would leave no time to ask
    assert kore.counters.requests == 5


def test_attempts_are_limited_too(kore: Emulator, clock: FakeClock) -> None:
    kore.fault("rate_limit")
    failed = failure(kore, clock, retry=RetryPolicy(attempts=2))
    assert isinstance(failed, RateLimited)
    assert kore.counters.requests == 2


def test_waiting_for_our_own_budget_is_not_counted(
    kore: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    budget = budget_of(InFile(tmp_path / "calls.sqlite", clock), Limit(1, 1000))
    transport = wired(kore, clock, budget=budget, timeouts=Timeouts(campaign_seconds=10))
    for _ in range(3):
        assert transport.detail(asked_id(kore)).status == 200
    assert sum(clock.sleeps) > 2000


def test_each_attempt_takes_a_slot_of_the_budget(
    kore: Emulator, clock: FakeClock, tmp_path: Path
) -> None:
    kore.fault("server_error", times=2, status=502)
    budget = budget_of(InFile(tmp_path / "calls.sqlite", clock), Limit(1, 60))
    assert wired(kore, clock, budget=budget).detail(asked_id(kore)).status == 200
    assert clock() - START >= 120
