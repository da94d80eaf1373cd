"""Plan a run from the stored versions, the past runs and the account listing; writes nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kore_campaigns.api.client import KoreClient
from kore_campaigns.config.csv_files import EVERY
from kore_campaigns.config.project import configured_ids, project_folder
from kore_campaigns.config.settings import KoreSettings, resolve
from kore_campaigns.errors import AccessRefused, CampaignFailed
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.listing import (
    Listed,
    Listing,
    StoredRow,
    calls_for,
    reason_of,
)
from kore_campaigns.extract.plan import (
    Choice,
    ListingDiff,
    Plan,
    PlannedRequest,
    Reason,
    choose_sweep,
    in_order,
    plan_full,
    vanished_allowed,
)
from kore_campaigns.extract.state import Known, read_known, read_raw, stored_listing
from kore_campaigns.load import DUCKDB, destination_for
from kore_campaigns.load.reader import Reader
from kore_campaigns.transform.campaign import StoredVersion


@dataclass(slots=True)
class PlannedRun:
    """The plan of a run, with what it was made from."""

    plan: Plan
    stored: Mapping[str, StoredVersion]
    listing_rows: list[tuple[Listed, int | None]] = field(default_factory=list)
    """Rows of the listing to store, each with the version that it agrees with."""
    requested_rows: dict[str, Listed] = field(default_factory=dict)
    """Rows of requested campaigns, to be stored with the version that the request brings."""
    no_longer_listed: list[str] = field(default_factory=list)
    listed: int | None = None
    """Campaigns that the listing counts."""
    not_configured: list[str] = field(default_factory=list)
    """Campaigns of the listing that are not configured."""
    notes: list[str] = field(default_factory=list)
    """Problems of the listing, for the operator."""
    cannot_enumerate: AccessRefused | CampaignFailed | None = None
    """`*` is configured, and the listing that names all campaigns could not be read."""


@dataclass(slots=True)
class Planner:
    """Reads the destination, and the listing if that is worth its calls."""

    settings: KoreSettings
    configured: Sequence[str]
    client: KoreClient
    reader: Reader | None
    now: datetime
    sweep: str
    """`auto`, `full` or `listing`."""
    _known: Known = field(default_factory=Known)
    _stored_rows: Mapping[str, StoredRow] = field(default_factory=dict)
    _listings: dict[str, Listing] = field(default_factory=dict)

    def plan(self) -> PlannedRun:
        """Plan the run; sends the calls of the listing, if any."""
        self._known = read_known(self.reader, stream_id=self.settings.stream_id)
        known, stored = self._known, self._known.stored
        candidates = stored if self._is_every else self.configured
        saves = sum(each in stored and each not in known.failed for each in candidates)
        listed = saves if known.last_listed is None else known.last_listed
        choice = choose_sweep(
            self.sweep,
            saves=saves,
            costs=0 if self._is_every else calls_for(listed),
            last_full_at=known.last_full_at,
            now=self.now,
            full_sweep_every_hours=self.settings.full_sweep_every_hours,
        )
        if choice.sweep == "full" and not self._is_every:
            return PlannedRun(self._plan_full(self.configured, choice), stored)
        diff = self._diff_listing(choice)
        choice = self._fallback(choice)
        ids = [*dict.fromkeys([*diff.seen, *stored])] if self._is_every else self.configured
        if choice.sweep == "full":
            plan = self._plan_full(ids, choice)
        else:
            plan = self._plan_by_listing(ids, diff, choice)
        requested = {request.campaign_id for request in plan.requests}
        run = PlannedRun(
            plan,
            stored,
            listing_rows=diff.rows_to_store(requested),
            requested_rows={key: row for key, row in diff.seen.items() if key in requested},
            no_longer_listed=[
                campaign_id
                for campaign_id, row in self._stored_rows.items()
                if self._is_complete(row.campaign_type) and campaign_id not in diff.seen
            ],
            not_configured=diff.not_configured(),
        )
        totals = [listing.total for listing in self._listings.values()]
        if None not in totals:
            run.listed = sum(total or 0 for total in totals)
        for name, listing in self._listings.items():
            if listing.refused is not None:
                run.notes.append(f"the {name} listing: {reason_of(listing.refused)}")
            elif listing.doubt is not None:
                run.notes.append(f"the {name} listing does not fit together: {listing.doubt}")
            if self._is_every and run.cannot_enumerate is None:
                run.cannot_enumerate = listing.refused
        return run

    @property
    def _is_every(self) -> bool:
        return EVERY in self.configured

    def _diff_listing(self, choice: Choice) -> ListingDiff:
        """Read the listings that can confirm anything, and compare them with the stored versions.

        They are read no further than requests for each campaign would cost, unless the listing
        is wanted as such.
        """
        stored, stream_id = self._known.stored, self.settings.stream_id
        if self.reader is not None:
            self._stored_rows = stored_listing(self.reader, stream_id=stream_id)
        known = [campaign_id for campaign_id in self.configured if campaign_id in stored]
        types, most_calls = {stored[key].campaign_type for key in known} or {"voice"}, None
        if self._is_every:
            types = {"voice", "sms"}
        elif self.sweep != "listing" and choice.sweep != "full":
            most_calls = len(known)
        configured = None if self._is_every else frozenset(self.configured)
        diff = ListingDiff(configured, stored, self._stored_rows, self._known.failed)
        for campaign_type in ("voice", "sms"):
            if campaign_type not in types:
                continue
            listing = Listing(self.client, campaign_type, most_calls=most_calls)
            self._listings[campaign_type] = listing
            unclear = diff.add(listing.rows())
            if unclear and self.reader is not None:
                versions = {campaign_id: stored[campaign_id] for campaign_id in unclear}
                raw = read_raw(self.reader, stream_id=stream_id, stored=versions)
                diff.compare(unclear, raw)
            if listing.refused is not None or listing.is_too_long:
                break
        return diff

    def _fallback(self, choice: Choice) -> Choice:
        """A full sweep where the listing is refused, or takes more calls than it could save."""
        first = next(iter(self._listings.values()))
        if choice.sweep == "full":
            return choice
        if first.is_too_long:
            return Choice(
                "full",
                f"cheaper: the listing counts {first.total} campaigns, "
                f"{len(self.configured)} are configured",
            )
        if first.refused is not None and first.calls == 1 and self.sweep != "listing":
            return Choice("full", f"the listing is refused: {reason_of(first.refused)}")
        return choice

    def _plan_full(self, ids: Sequence[str], choice: Choice) -> Plan:
        """A full sweep; it continues a full sweep that was stopped recently."""
        done: set[str] = set()
        reason, started_at, through = choice.reason, self.now, ""
        before, stored = self._known.unfinished, self._known.stored
        longest = timedelta(hours=self.settings.full_sweep_every_hours)
        if before is not None and self.now - before.started_at < longest:
            started_at, through = before.started_at, before.through
            done = {
                campaign_id
                for campaign_id, version in stored.items()
                if version.observed_at >= started_at
                or (campaign_id <= through and campaign_id not in before.unsettled)
            }
            if done:
                reason += f"; continues the sweep that began {started_at:%Y-%m-%d %H:%M} UTC"
        return plan_full(
            ids,
            known=stored,
            failed_last_time=self._known.failed,
            done=done,
            reason=reason,
            started_at=started_at,
            through=through,
        )

    def _plan_by_listing(self, ids: Sequence[str], diff: ListingDiff, choice: Choice) -> Plan:
        requests, confirmed = dict(diff.requests), list(diff.confirmed)
        for campaign_id in ids:
            if campaign_id in diff.seen:
                continue
            stored = self._known.stored.get(campaign_id)
            if campaign_id in self._known.failed:
                reason = Reason.FAILED_LAST_TIME
            elif stored is None:
                reason = Reason.UNKNOWN
            elif not self._is_complete(stored.campaign_type):
                reason = Reason.NOT_SEEN
            elif not stored.is_deleted:
                reason = Reason.NOT_LISTED
            else:  # a complete listing confirms that it is deleted
                confirmed.append(campaign_id)
                continue
            requests[campaign_id] = PlannedRequest(campaign_id, reason)
        return Plan("listing", choice.reason, in_order(requests.values()), confirmed)

    def _is_complete(self, campaign_type: str) -> bool:
        listing = self._listings.get(campaign_type)
        return listing is not None and listing.is_complete


@dataclass(frozen=True, slots=True)
class Preview:
    """The plan of a run, and what it would cost."""

    run: PlannedRun
    database: str
    listing_calls: int
    contact_list_calls: int
    eta_seconds: float
    """By the budget of calls alone, listing and contact lists included."""
    vanished_allowed: int

    @property
    def plan(self) -> Plan:
        return self.run.plan

    @property
    def calls(self) -> int:
        """Calls of the run without retries; a 404 takes one call more."""
        return self.listing_calls + len(self.plan.requests) + self.contact_list_calls

    @property
    def maybe_gone(self) -> list[PlannedRequest]:
        """Campaigns that a run would mark as deleted, if a request for each confirms it."""
        return [each for each in self.plan.requests if each.reason is Reason.NOT_LISTED]

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints; `settled` campaigns need no request."""
        return {
            "sweep": self.plan.sweep,
            "sweep_reason": self.plan.reason,
            "planned": len(self.plan),
            "campaigns": [
                {
                    "campaign_id": request.campaign_id,
                    "reason": request.reason.value,
                    "fields": list(request.fields),
                }
                for request in self.plan.requests
            ],
            "settled": sorted(self.plan.confirmed),
            "maybe_gone": [request.campaign_id for request in self.maybe_gone],
            "vanished_allowed": self.vanished_allowed,
            "listed": self.run.listed,
            "not_configured": self.run.not_configured,
            "notes": self.run.notes,
            "listing_calls": self.listing_calls,
            "contact_list_calls": self.contact_list_calls,
            "calls": self.calls,
            "eta_seconds": round(self.eta_seconds, 1),
            "database": self.database,
        }


def preview_run(
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
    connection: str | None = None,
    stop: threading.Event | None = None,
    **settings: Any,
) -> Preview:
    """The plan that `run_pipeline` with the same arguments would follow; sends listing calls only.

    Raises as `run_pipeline` does, and `AccessRefused` where the requested listing is refused.
    """
    folder = project_folder(project_dir)
    found = resolve(settings, connection=connection)
    campaign_ids = configured_ids(found, folder, connection=connection)
    target = destination_for(destination, database=database, folder=folder)
    stop = stop or threading.Event()
    with connected(found, stop=stop) as client, target.read_if_any() as reader:
        run = Planner(found, campaign_ids, client, reader, datetime.now(UTC), found.sweep).plan()
        listing_calls = client.counters.requests - client.counters.retries
        list_calls = int(found.contact_lists)
        known = sum(not version.is_deleted for version in run.stored.values())
        return Preview(
            run,
            target.name,
            listing_calls,
            list_calls,
            client.eta_seconds(listing_calls + len(run.plan.requests) + list_calls),
            vanished_allowed(known, max_vanished=found.max_vanished),
        )
