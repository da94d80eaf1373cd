"""What to ask for, in which order, and when to stop believing or asking. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from kore_campaigns.shape import Held

Sweep = Literal["full", "listing"]


class Reason(StrEnum):
    """Why a campaign is asked for."""

    FULL_SWEEP = "full sweep"
    UNKNOWN = "never loaded"
    FAILED_LAST_TIME = "failed last time"
    DIFFERENT = "the listing differs"
    LISTED_AGAIN = "marked deleted, and listed"
    NOT_LISTED = "not in the listing"
    NOT_SEEN = "the listing could not be read to its end"


# Where the error budget ends a run, campaigns that fail every night must not have used it up
# before the others had their turn; and the first request shows whether the credentials are
# accepted, so it should be for a campaign known to be ours.
_LAST: Final = (Reason.UNKNOWN, Reason.FAILED_LAST_TIME)


@dataclass(frozen=True, slots=True)
class Planned:
    """A campaign to ask for."""

    campaign_id: str
    reason: Reason
    fields: tuple[str, ...] = ()
    """What the listing shows otherwise."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every configured campaign once: to be asked for, or settled without a call."""

    sweep: Sweep
    reason: str
    ask: list[Planned]
    settled: list[str] = field(default_factory=list)
    """As we hold them: the listing shows it, or the part of this full sweep that is done."""
    started_at: datetime | None = None
    """When the full sweep began; None for a sweep by listing."""
    through: str = ""
    """How far an earlier run of the same full sweep has come, by id."""

    def __len__(self) -> int:
        return len(self.ask) + len(self.settled)


def plan_full(
    campaign_ids: Iterable[str],
    *,
    known: Collection[str],
    failed_last_time: Collection[str],
    done: Collection[str] = (),
    reason: str = "",
    started_at: datetime | None = None,
    through: str = "",
) -> Plan:
    """Every configured campaign but those `done` by an earlier run of the same sweep.

    Known ones come by id, so that one id says how far the sweep is, then new ones, then those
    that failed.
    """
    ask, settled = [], []
    for campaign_id in campaign_ids:
        if campaign_id in failed_last_time:
            ask.append(Planned(campaign_id, Reason.FAILED_LAST_TIME))
        elif campaign_id in done:
            settled.append(campaign_id)
        elif campaign_id in known:
            ask.append(Planned(campaign_id, Reason.FULL_SWEEP))
        else:
            ask.append(Planned(campaign_id, Reason.UNKNOWN))
    return Plan("full", reason, in_order(ask), settled, started_at, through)


def in_order(ask: Iterable[Planned]) -> list[Planned]:
    """Known campaigns by id, then new ones in the order of the file, then those that failed."""
    places = {reason: place for place, reason in enumerate(_LAST, start=1)}
    return sorted(ask, key=lambda step: (places.get(step.reason, 0), _id_of_known(step)))


def _id_of_known(step: Planned) -> str:
    return "" if step.reason in _LAST else step.campaign_id


def done_in(
    known: Mapping[str, Held], *, started_at: datetime, through: str, unsettled: Collection[str]
) -> set[str]:
    """What a full sweep that was stopped had asked for and stored."""
    return {
        campaign_id
        for campaign_id, held in known.items()
        if held.observed_at >= started_at
        or (campaign_id <= through and campaign_id not in unsettled)
    }


@dataclass(frozen=True, slots=True)
class Choice:
    """The kind of sweep, and why."""

    sweep: Sweep
    reason: str


def choose_sweep(
    wanted: str,
    *,
    saves: int,
    costs: int,
    last_full_at: datetime | None,
    now: datetime,
    full_sweep_every_hours: float,
) -> Choice:
    """The cheapest sweep that keeps the promises.

    A listing `costs` so many calls and at best `saves` one for each known campaign.  It shows a
    summary only, so a full sweep is due every `full_sweep_every_hours`.
    """
    if wanted == "full":
        return Choice("full", "as asked for")
    if wanted == "listing":
        return Choice("listing", "as asked for")
    if last_full_at is None:
        return Choice("full", "no full sweep was finished yet")
    age = now - last_full_at
    if age >= timedelta(hours=full_sweep_every_hours):
        hours = age.total_seconds() / 3600
        return Choice(
            "full",
            f"due: the last one began {hours:.1f} h ago, and is to be repeated after "
            f"{full_sweep_every_hours:g} h (`full_sweep_every_hours`)",
        )
    if costs >= saves:
        return Choice(
            "full", f"as cheap: the listing takes {costs} calls, {saves} campaigns are known"
        )
    return Choice("listing", f"cheaper: about {costs} listing calls instead of {saves}")


def errors_allowed(planned: int, *, error_budget: float) -> int:
    """How many of the planned campaigns may fail before the run stops asking; one always may."""
    return max(1, int(planned * error_budget))


def vanished_allowed(known: int, *, max_vanished: float) -> int:
    """How many known campaigns may be gone at once before it is not believed; one always may.

    A wrong stream id or a revoked scope can look as if every campaign had been deleted.
    """
    return max(1, int(known * max_vanished))
