"""Backoff grows with full jitter; `Retry-After` is read in every form a server may send."""

from __future__ import annotations

import pytest

from kore_campaigns.api.transport import RetryPolicy, asked_wait

NOON = 1_783_000_800.0  # Thu, 02 Jul 2026 14:00:00 GMT


def test_a_backoff_doubles_up_to_the_cap() -> None:
    policy = RetryPolicy(base_seconds=1, cap_seconds=30)
    longest = [policy.backoff_seconds(attempt, 1.0) for attempt in range(1, 8)]
    assert longest == [1, 2, 4, 8, 16, 30, 30]


def test_a_backoff_is_any_share_of_that() -> None:
    policy = RetryPolicy(base_seconds=1, cap_seconds=30)
    assert [policy.backoff_seconds(3, chance) for chance in (0.0, 0.25, 0.999)] == [0, 1, 3.996]


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 120 ", 120),
        ("3600", 3600),
        ("Thu, 02 Jul 2026 14:01:30 GMT", 90),
        ("Thu, 02 Jul 2026 14:01:30 -0000", 90),
        ("Thursday, 02-Jul-26 14:01:30 GMT", 90),
        ("Thu Jul  2 14:01:30 2026", 90),
        ("Thu, 02 Jul 2026 13:00:00 GMT", 0),
    ],
)
def test_seconds_and_dates_are_understood(asked: str, seconds: float) -> None:
    assert asked_wait({"Retry-After": asked}, now=NOON) == seconds


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "-5",
        "soon",
        "1.5e3",
        "١٢",
        "12345678901234567890",
        "Thu, 99 Jul 2026 14:01:30 GMT",
        "NaN",
    ],
)
def test_garbage_is_as_good_as_nothing(asked: str) -> None:
    assert asked_wait({"Retry-After": asked}, now=NOON) is None


def test_no_header_asks_for_nothing() -> None:
    assert asked_wait({}, now=NOON) is None


def test_a_date_is_measured_by_the_servers_own_clock_where_it_tells_it() -> None:
    headers = {
        "Retry-After": "Thu, 02 Jul 2026 15:01:30 GMT",
        "Date": "Thu, 02 Jul 2026 15:00:00 GMT",
    }
    assert asked_wait(headers, now=NOON) == 90
