"""The account listing beside what is held: which campaigns it settles without a call. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal

from kore_campaigns.extract.listing import HeldRow, Listed, differing, without_summary
from kore_campaigns.transform.campaign import Held

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


class Watermark:
    """Known campaigns are asked for by id; answers come in another order.

    Up to the mark all but the unsettled have ended.  The mark is the farthest that answered: one
    that is tried again and again must not hold back what came after it.
    """

    def __init__(self, plan: Plan) -> None:
        self._is_full = plan.sweep == "full"
        known = [step.campaign_id for step in plan.ask if step.reason is Reason.FULL_SWEEP]
        self._open = set(known if self._is_full else [])
        self._known = frozenset(self._open)
        self._through = plan.through
        self._new = {step.campaign_id for step in plan.ask if step.reason is not Reason.FULL_SWEEP}
        self._is_stopped = False

    def end(self, campaign_id: str) -> None:
        """The campaign has come to its end in this run, a failure included."""
        if not self._is_stopped:
            self._open.discard(campaign_id)
            self._new.discard(campaign_id)
            self.pass_by(campaign_id)

    def pass_by(self, campaign_id: str) -> None:
        """The campaign answered; unless it has ended, it is to be asked again before it counts."""
        if campaign_id in self._known:
            self._through = max(self._through, campaign_id)

    def stop(self) -> None:
        """What ends from here on was not asked for."""
        self._is_stopped = True

    def read(self) -> tuple[str | None, list[str]]:
        """The mark, None once the sweep is through, and what of it is not settled."""
        is_through = not self._open and not self._new
        unsettled = sorted(key for key in self._open if key <= self._through)
        return (None if is_through or not self._is_full else self._through), unsettled


_TWICE: Final = "(shown twice, differently)"


@dataclass(slots=True)
class Comparison:
    """Takes the rows of the listing in, one by one, and sorts the campaigns they are of."""

    wanted: Collection[str] | None
    """The configured campaigns; None for every campaign of the listing."""
    held: Mapping[str, Held]
    rows: Mapping[str, HeldRow]
    failed: Collection[str]
    read_raw: Callable[[Mapping[str, Held]], Iterable[tuple[str, Mapping[str, Any]]]]
    """The objects last received of some campaigns, by id."""
    ask: dict[str, Planned] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    to_record: dict[str, tuple[Listed, int | None]] = field(default_factory=dict)
    """Rows that are new, with the version that they agree with."""
    asked_rows: dict[str, Listed] = field(default_factory=dict)
    """Rows of campaigns to ask for, to be recorded with the version that is found."""
    seen: dict[str, str] = field(default_factory=dict)
    """Summary hash by campaign."""
    _unclear: dict[str, Listed] = field(default_factory=dict)

    def add_all(self, rows: Iterable[Listed]) -> None:
        for listed in rows:
            self.add(listed)
        self._look_closer()

    def add(self, listed: Listed) -> None:
        campaign_id = listed.campaign_id
        if campaign_id in self.seen:
            if self.seen[campaign_id] != listed.summary_hash and self._is_wanted(campaign_id):
                self._ask(listed, Reason.DIFFERENT, _TWICE)
            return
        self.seen[campaign_id] = listed.summary_hash
        held = self.held.get(campaign_id)
        if not self._is_wanted(campaign_id):
            self._record(listed, self._agreed_before(listed))
        elif campaign_id in self.failed:
            self._ask(listed, Reason.FAILED_LAST_TIME)
        elif held is None:
            self._ask(listed, Reason.UNKNOWN)
        elif held.is_deleted:
            self._ask(listed, Reason.LISTED_AGAIN)
        else:
            self._compare(listed, held)

    def _agreed_before(self, listed: Listed) -> int | None:
        """The version that this very row went with; nobody compares what is not configured."""
        row = self.rows.get(listed.campaign_id)
        return row.version if row and row.summary_hash == listed.summary_hash else None

    def _is_wanted(self, campaign_id: str) -> bool:
        return self.wanted is None or campaign_id in self.wanted

    def _compare(self, listed: Listed, held: Held) -> None:
        row = self.rows.get(listed.campaign_id)
        if row and row.version == held.version and row.summary_hash == listed.summary_hash:
            self._settle(listed, held)
            return
        self._unclear[listed.campaign_id] = listed

    def _look_closer(self) -> None:
        """Field by field, where the row is not the one that went with our newest version."""
        unclear, self._unclear = self._unclear, {}
        held = {campaign_id: self.held[campaign_id] for campaign_id in unclear}
        for campaign_id, raw in self.read_raw(held) if held else ():
            listed = unclear.pop(campaign_id)
            fields = differing(listed, raw)
            if fields:
                self._ask(listed, Reason.DIFFERENT, *fields)
            else:
                self._settle(listed, held[campaign_id])
        for listed in unclear.values():  # no `raw` to compare with
            self._ask(listed, Reason.DIFFERENT)

    def _settle(self, listed: Listed, held: Held) -> None:
        if listed.campaign_id not in self.ask:
            self.settled.add(listed.campaign_id)
            self._record(listed, held.version)

    def _ask(self, listed: Listed, reason: Reason, *fields: str) -> None:
        campaign_id = listed.campaign_id
        self.settled.discard(campaign_id)
        self.to_record.pop(campaign_id, None)
        self._unclear.pop(campaign_id, None)
        self.ask[campaign_id] = Planned(campaign_id, reason, fields)
        self.asked_rows[campaign_id] = without_summary(listed)

    def _record(self, listed: Listed, version: int | None) -> None:
        row = self.rows.get(listed.campaign_id)
        if row is None or row.row_hash != listed.row_hash or row.version != version:
            self.to_record[listed.campaign_id] = without_summary(listed), version
