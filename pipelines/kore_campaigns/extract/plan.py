"""Rules of a run: which campaigns need a request, in which order, and how many may fail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

from kore_campaigns.extract.listing import Listed, StoredRow, differing_fields
from kore_campaigns.transform.campaign import StoredVersion

SweepKind = Literal["full", "listing"]


class Reason(StrEnum):
    """Why a campaign is requested."""

    FULL_SWEEP = "full sweep"
    UNKNOWN = "never loaded"
    FAILED_LAST_TIME = "failed last time"
    DIFFERENT = "the listing differs"
    LISTED_AGAIN = "marked deleted, and listed"
    NOT_LISTED = "not in the listing"
    NOT_SEEN = "the listing could not be read to its end"


# Campaigns that fail every night must not use up the error budget before the others had their
# turn, and the first request, which tests the credentials, should be for a campaign of this app.
_LAST: Final = (Reason.UNKNOWN, Reason.FAILED_LAST_TIME)


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One campaign to request."""

    campaign_id: str
    reason: Reason
    fields: tuple[str, ...] = ()
    """The fields that differ in the listing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every configured campaign once: to be requested, or confirmed without a request."""

    sweep: SweepKind
    reason: str
    requests: list[PlannedRequest]
    confirmed: list[str] = field(default_factory=list)
    """As stored: the listing shows it, or an earlier run of this full sweep has fetched it."""
    started_at: datetime | None = None
    """When the full sweep began; None for a sweep by listing."""
    through: str = ""
    """The last campaign id that an earlier run of the same full sweep reached."""

    def __len__(self) -> int:
        return len(self.requests) + len(self.confirmed)

    def campaign_ids(self) -> Iterator[str]:
        yield from (request.campaign_id for request in self.requests)
        yield from self.confirmed


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
    """Plan to request every campaign but those `done` by an earlier run of the same sweep."""
    requests, confirmed = [], []
    for campaign_id in campaign_ids:
        if campaign_id in failed_last_time:
            requests.append(PlannedRequest(campaign_id, Reason.FAILED_LAST_TIME))
        elif campaign_id in done:
            confirmed.append(campaign_id)
        elif campaign_id in known:
            requests.append(PlannedRequest(campaign_id, Reason.FULL_SWEEP))
        else:
            requests.append(PlannedRequest(campaign_id, Reason.UNKNOWN))
    return Plan("full", reason, in_order(requests), confirmed, started_at, through)


def in_order(requests: Iterable[PlannedRequest]) -> list[PlannedRequest]:
    """Known campaigns by id, so that one id says how far a full sweep is; then new ones in the
    order of the file; then those that failed.
    """

    def key(request: PlannedRequest) -> tuple[int, str]:
        if request.reason in _LAST:
            return _LAST.index(request.reason) + 1, ""
        return 0, request.campaign_id

    return sorted(requests, key=key)


class Choice(NamedTuple):
    """The kind of sweep, and why."""

    sweep: SweepKind
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
    """Choose the cheapest sweep that keeps the promises.

    A listing `costs` so many calls and saves at best one call for each known campaign.  It shows
    a summary only, so a full sweep is due every `full_sweep_every_hours`.
    """
    if wanted == "full":
        return Choice("full", "as requested")
    if wanted == "listing":
        return Choice("listing", "as requested")
    if last_full_at is None:
        return Choice("full", "no full sweep was finished yet")
    age = now - last_full_at
    if age >= timedelta(hours=full_sweep_every_hours):
        hours = age.total_seconds() / 3600
        return Choice(
            "full",
            f"due: the last one began {hours:.1f} h ago "
            f"(`full_sweep_every_hours` = {full_sweep_every_hours:g})",
        )
    if costs >= saves:
        calls = "1 call" if costs == 1 else f"{costs} calls"
        return Choice("full", f"the listing would cost {calls} and save at most {saves}")
    return Choice("listing", f"cheaper: about {costs} listing calls instead of {saves}")


def errors_allowed(planned: int, *, error_budget: float) -> int:
    """How many of the planned campaigns may fail before the run stops; one always may."""
    return max(1, int(planned * error_budget))


def vanished_allowed(known: int, *, max_vanished: float) -> int:
    """How many known campaigns may be gone at once before it is not believed; one always may.

    A wrong stream id or a revoked scope can look as if every campaign had been deleted.
    """
    return max(1, int(known * max_vanished))


class Watermark:
    """Progress of a full sweep: known campaigns are requested by id, but answered in any order.

    The mark is the highest id that answered; up to it all but the unsettled have ended.  So one
    campaign that is retried again and again does not hold back those after it.
    """

    def __init__(self, plan: Plan) -> None:
        self._is_full = plan.sweep == "full"
        known = {each.campaign_id for each in plan.requests if each.reason is Reason.FULL_SWEEP}
        self._known = frozenset(known if self._is_full else ())
        self._open = set(self._known)
        self._new = {each.campaign_id for each in plan.requests} - known
        self._through = plan.through
        self._is_stopped = False

    def end(self, campaign_id: str) -> None:
        """The campaign has ended in this run, be it with a failure."""
        if not self._is_stopped:
            self._open.discard(campaign_id)
            self._new.discard(campaign_id)
            self.pass_by(campaign_id)

    def pass_by(self, campaign_id: str) -> None:
        """The campaign answered; unless it has ended, it must be requested again."""
        if campaign_id in self._known:
            self._through = max(self._through, campaign_id)

    def stop(self) -> None:
        """Campaigns that end from here on were not requested."""
        self._is_stopped = True

    def read(self) -> tuple[str | None, list[str]]:
        """The mark, None once the sweep is finished, and the unsettled campaigns up to it."""
        is_finished = not self._open and not self._new
        unsettled = sorted(each for each in self._open if each <= self._through)
        return (None if is_finished or not self._is_full else self._through), unsettled


@dataclass(slots=True)
class ListingDiff:
    """Listing diff: compare the listing with the stored versions to find the campaigns that need
    a request.
    """

    configured: Collection[str] | None
    """None for every campaign of the listing."""
    stored: Mapping[str, StoredVersion]
    stored_rows: Mapping[str, StoredRow]
    failed: Collection[str]
    requests: dict[str, PlannedRequest] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    seen: dict[str, Listed] = field(default_factory=dict)
    """The listing by campaign, without the summaries: those of 10,000 campaigns take 25 MB."""

    def add(self, rows: Iterable[Listed]) -> dict[str, Listed]:
        """Take in rows of the listing; returns those that need a comparison field by field."""
        unclear: dict[str, Listed] = {}
        for row in rows:
            campaign_id, before = row.campaign_id, self.seen.get(row.campaign_id)
            is_configured = self.configured is None or campaign_id in self.configured
            if before is None:
                self.seen[campaign_id] = replace(row, summary={})
            if not is_configured:
                continue
            if before is not None:
                if before.summary_hash != row.summary_hash:
                    unclear.pop(campaign_id, None)
                    self._request(campaign_id, Reason.DIFFERENT, "(shown twice, differently)")
                continue
            stored, stored_row = self.stored.get(campaign_id), self.stored_rows.get(campaign_id)
            if campaign_id in self.failed:
                self._request(campaign_id, Reason.FAILED_LAST_TIME)
            elif stored is None:
                self._request(campaign_id, Reason.UNKNOWN)
            elif stored.is_deleted:
                self._request(campaign_id, Reason.LISTED_AGAIN)
            elif stored_row is None or not stored_row.agrees(row, stored.version):
                unclear[campaign_id] = row
            else:
                self.confirmed.add(campaign_id)
        return unclear

    def compare(
        self, unclear: Mapping[str, Listed], raw: Iterable[tuple[str, Mapping[str, Any]]]
    ) -> None:
        """Compare rows field by field with the objects last received, `raw` by campaign."""
        without_raw = set(unclear)
        for campaign_id, stored in raw:
            without_raw.discard(campaign_id)
            fields = differing_fields(unclear[campaign_id], stored)
            if fields:
                self._request(campaign_id, Reason.DIFFERENT, *fields)
            else:
                self.confirmed.add(campaign_id)
        for campaign_id in without_raw:
            self._request(campaign_id, Reason.DIFFERENT)

    def _request(self, campaign_id: str, reason: Reason, *fields: str) -> None:
        self.confirmed.discard(campaign_id)
        self.requests[campaign_id] = PlannedRequest(campaign_id, reason, fields)

    def not_configured(self) -> list[str]:
        """Campaigns of the listing that are not configured."""
        if self.configured is None:
            return []
        return [campaign_id for campaign_id in self.seen if campaign_id not in self.configured]

    def rows_to_store(self, requested: Collection[str]) -> list[tuple[Listed, int | None]]:
        """Rows that differ from the stored ones, each with the version that it agrees with.

        Rows of `requested` campaigns are stored with the version that the request brings.
        """
        found = []
        for campaign_id, row in self.seen.items():
            if campaign_id in requested or campaign_id in self.requests:
                continue
            before = self.stored_rows.get(campaign_id)
            version: int | None = None
            if campaign_id in self.confirmed:
                version = self.stored[campaign_id].version
            elif before is not None and before.summary_hash == row.summary_hash:
                version = before.version
            if before is None or before.row_hash != row.row_hash or before.version != version:
                found.append((row, version))
        return found
