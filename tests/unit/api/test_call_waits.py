"""A limit says when the next call may leave, exactly where that is known."""

from __future__ import annotations

import math

import pytest

from kore_campaigns.api.rate_limit import CLOCK_DRIFT, Limit
from kore_campaigns.errors import SettingInvalid


def test_a_window_is_longer_by_what_a_corrected_clock_may_run_fast() -> None:
    assert Limit(60, 60).window_seconds == 60 * (1 + CLOCK_DRIFT)


@pytest.mark.parametrize(("calls", "seconds"), [(0, 60), (-1, 60), (1, 0), (1, -1), (1, math.inf)])
def test_a_limit_that_lets_nothing_through_is_refused(calls: int, seconds: float) -> None:
    with pytest.raises(SettingInvalid, match="at least one call"):
        Limit(calls, seconds)
