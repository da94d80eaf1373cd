"""What to ask for, in which order, and when to stop believing or asking. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a campaign is asked for."""

    FULL_SWEEP = "full sweep"
    UNKNOWN = "never loaded"
    FAILED_LAST_TIME = "failed last time"


@dataclass(frozen=True, slots=True)
class Planned:
    campaign_id: str
    reason: Reason


def plan_full(
    campaign_ids: Iterable[str], *, known: Collection[str], failed_last_time: Collection[str]
) -> list[Planned]:
    """Every configured campaign: those that worked first, then new ones, then those that failed.

    The order matters twice.  The first request shows whether the credentials are accepted, so it
    should be for a campaign known to be ours; and where the error budget ends a run, campaigns
    that fail every night must not have used it up before the others had their turn.
    """
    worked, new, failed = [], [], []
    for campaign_id in campaign_ids:
        if campaign_id in failed_last_time:
            failed.append(Planned(campaign_id, Reason.FAILED_LAST_TIME))
        elif campaign_id in known:
            worked.append(Planned(campaign_id, Reason.FULL_SWEEP))
        else:
            new.append(Planned(campaign_id, Reason.UNKNOWN))
    return worked + new + failed


def errors_allowed(planned: int, *, error_budget: float) -> int:
    """How many of the planned campaigns may fail before the run stops asking; one always may."""
    return max(1, int(planned * error_budget))


def vanished_allowed(known: int, *, max_vanished: float) -> int:
    """How many known campaigns may be gone at once before it is not believed; one always may.

    A wrong stream id or a revoked scope can look as if every campaign had been deleted.
    """
    return max(1, int(known * max_vanished))
