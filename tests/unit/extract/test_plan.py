"""What is asked for, in which order, and when a run stops believing or asking."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kore_campaigns.extract.plan import (
    Plan,
    PlannedRequest,
    Reason,
    errors_allowed,
    plan_full,
    vanished_allowed,
)
from kore_campaigns.extract.state import Known
from kore_campaigns.transform.campaign import StoredVersion

ids = st.lists(st.text(min_size=1, max_size=3), unique=True, max_size=12)
NOW = datetime(2026, 3, 4, tzinfo=UTC)
VERSION = StoredVersion(
    version=1,
    content_hash="",
    valid_from=NOW,
    updated_at=None,
    is_deleted=False,
    observed_at=NOW,
    campaign_type="voice",
)


def full_sweep(configured: list[str], *, known: Iterable[str], failed: Iterable[str]) -> Plan:
    state = Known(stored=dict.fromkeys(known, VERSION), failed={*failed})
    return plan_full(configured, state, reason="as requested", now=NOW, every_hours=24)


def test_those_that_worked_come_first_then_new_ones_then_those_that_failed() -> None:
    plan = full_sweep(
        ["failed", "new", "worked", "failed and unknown", "worked too"],
        known={"failed", "worked", "worked too", "no longer configured"},
        failed={"failed", "failed and unknown", "no longer configured"},
    )

    assert plan.requests == [
        PlannedRequest("worked", Reason.FULL_SWEEP),
        PlannedRequest("worked too", Reason.FULL_SWEEP),
        PlannedRequest("new", Reason.UNKNOWN),
        PlannedRequest("failed", Reason.FAILED_LAST_TIME),
        PlannedRequest("failed and unknown", Reason.FAILED_LAST_TIME),
    ]


@given(configured=ids, known=ids, failed=ids)
def test_every_configured_campaign_is_planned_once_whatever_is_known(
    configured: list[str], known: list[str], failed: list[str]
) -> None:
    plan = full_sweep(configured, known=known, failed=failed)

    assert sorted(step.campaign_id for step in plan.requests) == sorted(configured)


@pytest.mark.parametrize(
    ("planned", "share", "allowed"),
    [(0, 0.2, 1), (1, 0.0, 1), (4, 0.2, 1), (10, 0.2, 2), (14, 0.2, 2), (60, 0.2, 12), (7, 1, 7)],
)
def test_a_share_of_the_campaigns_may_fail_or_vanish_and_one_always(
    planned: int, share: float, allowed: int
) -> None:
    assert errors_allowed(planned, error_budget=share) == allowed
    assert vanished_allowed(planned, max_vanished=share) == allowed
