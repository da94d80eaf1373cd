"""The emulator's budget is a true sliding window, and the observer's count is exact."""

from __future__ import annotations

import time

import pytest

from kore_emulator import Emulator, sample_campaigns
from kore_emulator.limits import SlidingLog, busiest_window
from support.emulator_client import Caller

PER_MINUTE = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."
PER_HOUR = "You've exceeded the hourly rate limit. Please wait for sometime before retrying."


def test_beyond_the_budget_the_answer_is_429_without_a_hint() -> None:
    with Emulator(campaigns=sample_campaigns(1), requests_per_minute=2) as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        assert [caller.status(campaign_id) for _ in range(2)] == [200, 200]
        response = caller.detail(campaign_id)
        assert response.status_code == 429
        assert response.json() == {"errors": [{"msg": PER_MINUTE, "code": 429}]}
        assert "Retry-After" not in response.headers
        assert not [name for name in response.headers if "ratelimit" in name.lower()]
        assert (kore.counters.rate_limited, kore.worst_window()) == (1, 3)


def test_the_window_slides_and_refusals_use_up_nothing() -> None:
    with Emulator(campaigns=sample_campaigns(1), requests_per_minute=2, window_seconds=1.0) as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        assert [caller.status(campaign_id) for _ in range(5)] == [200, 200, 429, 429, 429]
        time.sleep(1.05)
        assert [caller.status(campaign_id) for _ in range(3)] == [200, 200, 429]


def test_every_endpoint_shares_the_budget() -> None:
    with Emulator(campaigns=sample_campaigns(1), requests_per_minute=1) as kore:
        caller = Caller(kore)
        assert caller.listing().status_code == 200
        assert caller.status(kore.campaign_ids()[0]) == 429


def test_the_hourly_limit_has_its_own_text() -> None:
    with Emulator(campaigns=sample_campaigns(1), requests_per_hour=1) as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        caller.detail(campaign_id)
        assert caller.detail(campaign_id).json() == {"errors": [{"msg": PER_HOUR, "code": 429}]}


def test_no_limit_lets_all_pass() -> None:
    with Emulator(campaigns=sample_campaigns(1), requests_per_minute=None) as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        assert {caller.status(campaign_id) for _ in range(70)} == {200}
        assert kore.worst_window() == 70


def test_another_limit_counts_from_the_next_request() -> None:
    with Emulator(campaigns=sample_campaigns(1), requests_per_minute=1) as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        assert [caller.status(campaign_id) for _ in range(2)] == [200, 429]
        kore.requests_per_minute = 2
        assert [caller.status(campaign_id) for _ in range(2)] == [200, 429]
        kore.requests_per_minute, kore.requests_per_hour = None, 1
        assert [caller.status(campaign_id) for _ in range(2)] == [200, 429]
        kore.requests_per_minute, kore.requests_per_hour = 1, None
        kore.window_seconds = 0.01
        time.sleep(0.02)
        assert caller.status(campaign_id) == 200


@pytest.mark.parametrize("latency", [0.2, (0.2, 0.25)])
def test_latency_delays_each_answer(latency: float | tuple[float, float]) -> None:
    with Emulator(campaigns=sample_campaigns(1), latency=latency) as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        started = time.monotonic()
        caller.detail(campaign_id)
        finished = time.monotonic()
        assert finished - started >= 0.2
        # half of the way has passed when the request arrives
        assert started + 0.1 <= kore.requests[0].at <= finished - 0.1


def test_the_log_is_half_open() -> None:
    log = SlidingLog(2, 10.0)
    log.grant(0.0)
    log.grant(1.0)
    assert [log.is_full(now) for now in (1.0, 9.9, 10.0)] == [True, True, False]


def test_the_busiest_window_is_half_open() -> None:
    assert busiest_window([], 10.0) == 0
    assert busiest_window([0.0, 10.0, 20.0], 10.0) == 1
    assert busiest_window([0.0, 4.0, 9.9, 10.0, 13.0, 30.0], 10.0) == 4
