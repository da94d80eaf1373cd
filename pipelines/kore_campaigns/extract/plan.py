"""Plan a run: which campaigns need a request, in which order, and how many may fail."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal

from kore_campaigns.api.client import KoreClient
from kore_campaigns.config.csv_files import EVERY, ID, spelled_out
from kore_campaigns.config.project import configured_ids, project_folder
from kore_campaigns.config.settings import KoreSettings, resolve
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    SettingInvalid,
    counted,
    reason_of,
)
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.contact_lists import DncLists, are_due
from kore_campaigns.extract.listing import (
    PAGE_SIZES,
    ROWS_EXPECTED,
    Listed,
    Listing,
    Peek,
    Reading,
    StoredRow,
    calls_for,
    differing_fields,
)
from kore_campaigns.extract.report import ONLY, duration
from kore_campaigns.extract.state import Known, read_known, read_raw, stored_listing
from kore_campaigns.load import DUCKDB, destination_for
from kore_campaigns.load.reader import Reader
from kore_campaigns.transform.campaign import StoredVersion

SweepKind = Literal["full", "listing", "peek", "only"]


class Reason(StrEnum):
    """Why a campaign is requested."""

    FULL_SWEEP = "full sweep"
    NAMED = "named by --only"
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
class Only:
    """The campaigns that `--only` and `--only-failed` name; empty: all that are configured."""

    campaign_ids: Sequence[str] = ()
    failed: bool = False
    """Those that failed, and that no run has fetched since."""

    def __bool__(self) -> bool:
        return bool(self.campaign_ids) or self.failed

    def not_in(self, configured: Sequence[str]) -> set[str]:
        """Those of them that are not configured; of `*`, those that cannot be a campaign's id."""
        if EVERY in configured:
            return {each for each in self.campaign_ids if not ID.fullmatch(each)}
        return {*self.campaign_ids} - {*configured}


@dataclass(slots=True)
class Plan:
    """Every configured campaign once: to be requested, or confirmed without a request."""

    sweep: SweepKind
    reason: str
    requests: list[PlannedRequest]
    confirmed: list[str]
    """As stored: the listing shows it, or an earlier run of this full sweep has fetched it."""
    stored: Mapping[str, StoredVersion]
    """The newest version of every campaign of the app."""
    started_at: datetime | None = None
    """When the full sweep began; None for another sweep."""
    through: str = ""
    """The last campaign id that an earlier run of the same full sweep reached."""
    listing_rows: list[tuple[Listed, int | None]] = field(default_factory=list)
    """Rows of the listing to store, each with the version that it agrees with."""
    requested_rows: dict[str, Listed] = field(default_factory=dict)
    """Rows of requested campaigns, to be stored with the version that the request brings."""
    rows_shown_before: set[str] = field(default_factory=set)
    """Requested campaigns whose row is as the last listing showed it."""
    page_size: int | None = None
    """Rows of a page, if the listing was read whole."""
    no_longer_listed: list[str] = field(default_factory=list)
    listed: int | None = None
    """Campaigns that the listing counts."""
    not_configured: list[str] = field(default_factory=list)
    """Campaigns of the listing, or named by `--only`, that are not configured."""
    notes: list[str] = field(default_factory=list)
    """Problems of the listing, for the operator."""
    listing_state: Reading | None = None
    """How the listing could be read; None if it was not."""
    absent: set[str] = field(default_factory=set)
    """Live campaigns that a whole listing does not show."""
    is_every: bool = False
    """`*` is configured."""
    cannot_enumerate: AccessRefused | CampaignFailed | None = None
    """`*` is configured, and the listing that names all campaigns could not be read whole."""

    def __len__(self) -> int:
        return len(self.requests) + len(self.confirmed)

    def campaign_ids(self) -> Iterator[str]:
        yield from (request.campaign_id for request in self.requests)
        yield from self.confirmed


def plan_run(
    settings: KoreSettings,
    configured: Sequence[str],
    client: KoreClient,
    reader: Reader | None,
    *,
    now: datetime,
    only: Only,
) -> Plan:
    """Plan a run for these campaigns, or for all that are configured; writes nothing."""
    if only:
        return plan_only(configured, read_known(reader, stream_id=settings.stream_id), only)
    return plan_sweep(settings, configured, client, reader, now=now, sweep=settings.sweep)


def plan_sweep(
    settings: KoreSettings,
    configured: Sequence[str],
    client: KoreClient,
    reader: Reader | None,
    *,
    now: datetime,
    sweep: str,
) -> Plan:
    """Plan a run for all that is configured; sends the calls of the listing if they are worth it.

    `sweep` is `auto`, `full` or `listing`.  With `auto`, a full sweep reads the listing, too: then
    the next run can do with the listing alone.
    """
    known = read_known(reader, stream_id=settings.stream_id)
    is_every, every_hours = EVERY in configured, settings.full_sweep_every_hours
    kind, reason = choose_sweep(settings, configured, known, now=now, wanted=sweep)
    count = len(configured)
    reads_listing = sweep == "auto" and expected_listing_calls(known, count) < count
    if kind == "full" and not is_every and not reads_listing:
        return plan_full(configured, known, reason=reason, now=now, every_hours=every_hours)
    diff = ListingDiff(None if is_every else frozenset(configured), known)
    if reader is not None:
        diff.stored_rows = stored_listing(reader, stream_id=settings.stream_id)
    if kind == "peek":
        problem = diff.peek(client, reader, settings.stream_id)
        if problem is not None:
            kind, reason = "listing", f"a peek at the newest campaigns is not enough: {problem}"
    if kind != "peek":
        # a listing that is not wanted as such may cost no more calls than it can save
        saves = count - 1 if kind == "full" else len(known.stored.keys() & configured)
        most_calls = None if is_every or sweep == "listing" else saves
        diff.read(client, reader, settings.stream_id, most_calls=most_calls, is_full=kind == "full")
    if kind == "listing":
        first = next(iter(diff.listings.values()))
        if first.is_too_long:
            counts = f"the listing counts {first.total} campaigns, {len(configured)} are configured"
            kind, reason = "full", f"cheaper: {counts}"
        elif sweep != "listing" and first.refused is not None and not first.ids:
            kind, reason = "full", f"the listing is refused: {reason_of(first.refused)}"
    listed = diff.stored_rows if kind == "peek" else diff.seen
    ids = [*dict.fromkeys([*listed, *known.stored])] if is_every else configured
    if kind == "full":
        plan = plan_full(ids, known, reason=reason, now=now, every_hours=every_hours)
    else:
        plan = diff.plan(ids, reason=reason)
    diff.describe(plan)
    return plan


def plan_only(configured: Sequence[str], known: Known, only: Only) -> Plan:
    """Plan to request these campaigns; nothing is said or stored about the others."""
    named = [PlannedRequest(each, Reason.NAMED) for each in dict.fromkeys(only.campaign_ids)]
    failed = sorted({*known.failed} - {*only.campaign_ids}) if only.failed else []
    requests = named + [PlannedRequest(each, Reason.FAILED_LAST_TIME) for each in failed]
    reason = "as requested" if requests else "no campaign has failed"
    plan = Plan(ONLY, reason, in_order(requests), [], known.stored)
    plan.not_configured = sorted(only.not_in(configured))
    return plan


def require_stored(campaign_ids: Collection[str], reader: Reader | None, *, stream_id: str) -> None:
    """Raise `SettingInvalid` for a campaign that is not stored, either."""
    unknown = {*campaign_ids}.difference(read_known(reader, stream_id=stream_id).stored)
    if unknown:
        shown = spelled_out(min(unknown))
        expected = (
            "the id of a campaign that is configured or stored. A new one belongs in the file of "
            "campaign ids; then `kore-campaigns run` fetches it"
        )
        raise SettingInvalid(key="only", value=shown, expected=expected)


def choose_sweep(
    settings: KoreSettings, configured: Sequence[str], known: Known, *, now: datetime, wanted: str
) -> tuple[SweepKind, str]:
    """Choose the cheapest sweep that keeps the promises, and say why.

    A listing saves at best one call for each known campaign.  It shows a summary only, so a full
    sweep is due every `full_sweep_every_hours`.  A peek shows the newest campaigns only, so the
    whole listing is due every `full_listing_every_minutes`.
    """
    if wanted != "auto":
        return "full" if wanted == "full" else "listing", "as requested"
    if known.last_full_at is None:
        return "full", "no full sweep was finished yet"
    hours = (now - known.last_full_at).total_seconds() / 3600
    every_hours = settings.full_sweep_every_hours
    if hours < 0:
        return "full", "due: the last one began in the future, by the clock of this machine"
    if hours >= every_hours:
        due = f"due: the last one began {hours:.1f} h ago"
        return "full", f"{due} (`full_sweep_every_hours` = {every_hours:g})"
    is_every = EVERY in configured
    candidates = known.stored if is_every else configured
    saves = sum(each in known.stored and each not in known.failed for each in candidates)
    if known.whole_listing_at is not None and (is_every or saves > 1):
        seconds = (now - known.whole_listing_at).total_seconds()
        if 0 <= seconds < 60 * settings.full_listing_every_minutes:
            return "peek", (
                f"the whole listing was read {duration(seconds)} ago "
                f"(`full_listing_every_minutes` = {settings.full_listing_every_minutes:g})"
            )
    if not saves:
        return "full", "the listing could confirm no campaign"
    if is_every:
        return "listing", "the listing names the campaigns, as `*` is configured"
    costs = expected_listing_calls(known, saves)
    if costs >= saves:
        calls = counted(costs, "call")
        return "full", f"the listing would cost {calls} and save at most {saves:,}"
    return "listing", f"cheaper: about {costs} listing calls instead of {saves}"


def expected_listing_calls(known: Known, configured: int) -> int:
    """How many calls the whole listing will probably take; the configured campaigns, at least."""
    listed = configured if known.last_listed is None else known.last_listed
    return calls_for(listed, rows=known.page_size or ROWS_EXPECTED)


def errors_allowed(planned: int, *, error_budget: float) -> int:
    """How many of the planned campaigns may fail before the run stops; one always may."""
    return max(1, int(planned * error_budget))


def vanished_allowed(known: int, *, max_vanished: float) -> int:
    """How many known campaigns may be gone at once before it is not believed; one always may.

    A wrong stream id or a revoked scope can look as if every campaign had been deleted.
    """
    return max(1, int(known * max_vanished))


def plan_full(
    campaign_ids: Iterable[str], known: Known, *, reason: str, now: datetime, every_hours: float
) -> Plan:
    """Plan to request every campaign; continue a full sweep that was stopped recently."""
    done: set[str] = set()
    started_at, through, before = now, "", known.unfinished
    age = timedelta.max if before is None else now - before.started_at
    if before is not None and timedelta() <= age < timedelta(hours=every_hours):
        started_at, through = before.started_at, before.through
        done = {
            campaign_id
            for campaign_id, version in known.stored.items()
            if started_at <= version.observed_at <= now
            or (campaign_id <= through and campaign_id not in before.unsettled)
        }
        if done:
            reason += f"; continues the sweep that began {started_at:%Y-%m-%d %H:%M} UTC"
    requests, confirmed = [], []
    for campaign_id in campaign_ids:
        if campaign_id in known.failed:
            requests.append(PlannedRequest(campaign_id, Reason.FAILED_LAST_TIME))
        elif campaign_id in done:
            confirmed.append(campaign_id)
        elif campaign_id in known.stored:
            requests.append(PlannedRequest(campaign_id, Reason.FULL_SWEEP))
        else:
            requests.append(PlannedRequest(campaign_id, Reason.UNKNOWN))
    return Plan("full", reason, in_order(requests), confirmed, known.stored, started_at, through)


def in_order(requests: Iterable[PlannedRequest]) -> list[PlannedRequest]:
    """Known campaigns by id, so that one id says how far a full sweep is; then new ones in the
    order of the file; then those that failed.
    """

    def key(request: PlannedRequest) -> tuple[int, str]:
        if request.reason in _LAST:
            return _LAST.index(request.reason) + 1, ""
        return 0, request.campaign_id

    return sorted(requests, key=key)


@dataclass(slots=True)
class ListingDiff:
    """Listing diff: compare the listing with the stored versions to find the campaigns that need
    a request.
    """

    configured: Collection[str] | None
    """None for every campaign of the listing."""
    known: Known
    stored_rows: Mapping[str, StoredRow] = field(default_factory=dict)
    listings: dict[str, Listing] = field(default_factory=dict)
    """The listings that were read, by campaign type."""
    peeks: list[Peek] = field(default_factory=list)
    """The newest rows, read instead of them if this was enough."""
    requests: dict[str, PlannedRequest] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    seen: dict[str, Listed] = field(default_factory=dict)
    """The listing by campaign, as it is to be stored."""

    def _types(self) -> list[str]:
        """The campaign types whose listing can confirm anything."""
        if self.configured is None:
            return ["voice", "sms"]
        known = self.known.stored.keys() & self.configured
        types = {self.known.stored[campaign_id].campaign_type for campaign_id in known}
        return sorted(types, reverse=True) or ["voice"]

    def peek(self, client: KoreClient, reader: Reader | None, stream_id: str) -> str | None:
        """Look at the newest campaigns alone; returns why this is not enough, if so."""
        stored = self.known.stored
        known = stored.keys() if self.configured is None else stored.keys() & self.configured
        unsettled = {
            campaign_id
            for campaign_id in known - set(self.known.failed)  # these are requested anyway
            if not self._is_as_listed(campaign_id)
        }
        not_shown = "the listing has not shown `{}` as it is stored yet"
        if named := unsettled - self.known.requested:
            return not_shown.format(min(named))
        peeks = []
        for campaign_type in self._types():
            rows = self.stored_rows.items()
            recorded_rows = {
                key: row.summary_hash for key, row in rows if row.campaign_type == campaign_type
            }
            updated = [
                version.updated_at
                for version in stored.values()
                if version.updated_at is not None
                and version.campaign_type == campaign_type
                and not version.is_deleted
            ]
            peek = Peek(
                client,
                campaign_type,
                recorded=recorded_rows,
                newest=max(updated, default=None),
                page_size=self.known.page_size or PAGE_SIZES[0],
            )
            peek.read()
            if peek.problem is not None:
                return f"in the {campaign_type} listing, {peek.problem}"
            peeks.append(peek)
        # what `--only` has fetched should be among the newest rows
        if unseen := unsettled - {row.campaign_id for peek in peeks for row in peek.rows}:
            return not_shown.format(min(unseen))
        self.peeks = peeks
        for peek in peeks:
            self._compare(self._add(peek.rows), reader, stream_id)
        return None

    def _is_as_listed(self, campaign_id: str) -> bool:
        """Whether the last listing showed the stored version, or nothing of a deleted campaign."""
        version, row = self.known.stored[campaign_id], self.stored_rows.get(campaign_id)
        return (row and row.version) == (None if version.is_deleted else version.version)

    def read(
        self,
        client: KoreClient,
        reader: Reader | None,
        stream_id: str,
        *,
        most_calls: int | None,
        is_full: bool,
    ) -> None:
        """Read the listings that can confirm anything, and compare them with what is stored."""
        stored = self.known.stored
        types = self._types()
        for campaign_type in ("voice", "sms"):
            wanted = self.configured and [
                each
                for each in self.configured
                if (is_full if each not in stored else stored[each].campaign_type == campaign_type)
            ]
            # in a full sweep, campaigns that were never loaded may be of any type
            is_open = is_full and wanted and not self.seen.keys() >= set(wanted)
            if campaign_type not in types and not is_open:
                continue
            listing = Listing(
                client,
                campaign_type,
                most_calls=most_calls,
                wanted=wanted,
                # a full sweep tries again whether the service gives large pages
                page_size=(not is_full and self.known.page_size) or PAGE_SIZES[0],
            )
            self.listings[campaign_type] = listing
            self._compare(self._add(listing.rows()), reader, stream_id)
            is_refused = listing.refused is not None and self.configured is not None
            if listing.is_too_long or listing.is_over or is_refused:
                break

    def _add(self, rows: Iterable[Listed]) -> dict[str, Listed]:
        """Take in rows of the listing; returns those that need a comparison field by field."""
        unclear: dict[str, Listed] = {}
        for row in rows:
            campaign_id, before = row.campaign_id, self.seen.get(row.campaign_id)
            stored_row = self.stored_rows.get(campaign_id)
            if before is None:
                self.seen[campaign_id] = row.following(stored_row)
            if self.configured is not None and campaign_id not in self.configured:
                continue
            if before is not None:
                if before.summary_hash != row.summary_hash:
                    unclear.pop(campaign_id, None)
                    self._request(campaign_id, Reason.DIFFERENT, "(shown twice, differently)")
                continue
            stored = self.known.stored.get(campaign_id)
            if campaign_id in self.known.failed:
                self._request(campaign_id, Reason.FAILED_LAST_TIME)
            elif stored is None:
                self._request(campaign_id, Reason.UNKNOWN)
            elif stored.is_deleted:
                self._request(campaign_id, Reason.LISTED_AGAIN)
            elif (
                stored_row is None
                or stored_row.version != stored.version
                or stored_row.summary_hash != row.summary_hash
            ):
                unclear[campaign_id] = row
            else:
                self.confirmed.add(campaign_id)
        return unclear

    def _compare(
        self, unclear: Mapping[str, Listed], reader: Reader | None, stream_id: str
    ) -> None:
        """Compare rows field by field with the objects last received."""
        if not unclear or reader is None:
            return
        without_raw = set(unclear)
        versions = {campaign_id: self.known.stored[campaign_id] for campaign_id in unclear}
        for campaign_id, raw in read_raw(reader, stream_id=stream_id, stored=versions):
            without_raw.discard(campaign_id)
            row, before = unclear[campaign_id], self.stored_rows.get(campaign_id)
            fields = differing_fields(row, raw)
            if (
                not fields
                and before is not None
                and before.version == versions[campaign_id].version
            ):
                fields = ["(the row lacks a field that it had)"]
            if fields:
                self._request(campaign_id, Reason.DIFFERENT, *fields)
            else:
                self.confirmed.add(campaign_id)
        for campaign_id in without_raw:
            self._request(campaign_id, Reason.DIFFERENT)

    def _request(self, campaign_id: str, reason: Reason, *fields: str) -> None:
        self.confirmed.discard(campaign_id)
        self.requests[campaign_id] = PlannedRequest(campaign_id, reason, fields)

    def _is_complete(self, campaign_type: str) -> bool:
        listing = self.listings.get(campaign_type)
        return listing is not None and listing.is_whole

    def plan(self, campaign_ids: Sequence[str], *, reason: str) -> Plan:
        """Plan to request the campaigns that the listing does not confirm."""
        for campaign_id in campaign_ids:
            if campaign_id in self.seen:
                continue
            stored = self.known.stored.get(campaign_id)
            if campaign_id in self.known.failed:
                self._request(campaign_id, Reason.FAILED_LAST_TIME)
            elif stored is None:
                self._request(campaign_id, Reason.UNKNOWN)
            elif not self.peeks and not self._is_complete(stored.campaign_type):
                self._request(campaign_id, Reason.NOT_SEEN)
            elif not self.peeks and not stored.is_deleted:
                self._request(campaign_id, Reason.NOT_LISTED)
            else:  # a complete listing confirms that it is deleted
                self.confirmed.add(campaign_id)
        requests = in_order(self.requests[each] for each in campaign_ids if each in self.requests)
        kind: SweepKind = "peek" if self.peeks else "listing"
        return Plan(kind, reason, requests, [*self.confirmed], self.known.stored)

    def describe(self, plan: Plan) -> None:
        """Add to the plan what the listing says."""
        requested = {request.campaign_id for request in plan.requests}
        plan.requested_rows = {key: row for key, row in self.seen.items() if key in requested}
        plan.rows_shown_before = {
            key
            for key, row in plan.requested_rows.items()
            if key in self.stored_rows and self.stored_rows[key].summary_hash == row.summary_hash
        }
        plan.listing_rows = [*self._rows_to_store(requested)]
        plan.no_longer_listed = [
            campaign_id
            for campaign_id, row in self.stored_rows.items()
            if self._is_complete(row.campaign_type) and campaign_id not in self.seen
        ]
        plan.absent = {
            campaign_id
            for campaign_id, version in self.known.stored.items()
            if not version.is_deleted
            and self._is_complete(version.campaign_type)
            and campaign_id not in self.seen
        }
        if self.configured is not None:
            plan.not_configured = [each for each in self.seen if each not in self.configured]
        totals = [listing.total for listing in self.listings.values()]
        totals += [len(peek.recorded) for peek in self.peeks]
        if None not in totals:
            plan.listed = sum(total or 0 for total in totals)
        readings = {each.reading for each in self.listings.values() if not each.is_too_long}
        worst_first = (Reading.REFUSED, Reading.DOUBTFUL, Reading.WHOLE)
        plan.listing_state = next((each for each in worst_first if each in readings), None)
        if self.peeks and all(peek.shows_all for peek in self.peeks):
            plan.listing_state = Reading.WHOLE
        elif plan.listing_state is Reading.WHOLE:
            plan.page_size = min(each.page_size for each in self.listings.values())
        plan.is_every = self.configured is None
        for name, listing in self.listings.items():
            if listing.refused is not None:
                plan.notes.append(f"the {name} listing: {reason_of(listing.refused)}")
            elif listing.doubt is not None:
                plan.notes.append(f"the {name} listing does not fit together: {listing.doubt}")
            if plan.is_every and plan.cannot_enumerate is None:
                plan.cannot_enumerate = listing.problem

    def _rows_to_store(self, requested: Collection[str]) -> Iterator[tuple[Listed, int | None]]:
        """Rows that differ from the stored ones, each with the version that it agrees with.

        Rows of `requested` campaigns are stored with the version that the request brings.
        """
        for campaign_id, row in self.seen.items():
            if campaign_id in requested or campaign_id in self.requests:
                continue
            before = self.stored_rows.get(campaign_id)
            version: int | None = None
            if campaign_id in self.confirmed:
                version = self.known.stored[campaign_id].version
            elif before is not None and before.summary_hash == row.summary_hash:
                version = before.version
            if before is None or (before.row_hash, before.version) != (row.row_hash, version):
                yield row, version


@dataclass(frozen=True, slots=True)
class Preview:
    """The plan of a run, and what it would cost."""

    plan: Plan
    database: str
    listing_calls: int
    contact_list_calls: int
    dnc_list_calls: int
    """For the lists that stored campaigns name; new campaigns may name others."""
    eta_seconds: float
    """By the budget of calls alone, listing and contact lists included."""
    vanished_allowed: int

    @property
    def calls(self) -> int:
        """Calls of the run without retries; a 404 takes one call more."""
        return (
            self.listing_calls
            + len(self.plan.requests)
            + self.contact_list_calls
            + self.dnc_list_calls
        )

    @property
    def maybe_gone(self) -> list[str]:
        """Campaigns that a run would mark as deleted, if a request for each confirms it."""
        return [each.campaign_id for each in self.plan.requests if each.reason is Reason.NOT_LISTED]

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints; `settled` campaigns need no request."""
        plan = self.plan
        return {
            "sweep": plan.sweep,
            "sweep_reason": plan.reason,
            "planned": len(plan),
            "campaigns": [
                {"campaign_id": each.campaign_id, "reason": each.reason, "fields": each.fields}
                for each in plan.requests
            ],
            "settled": sorted(plan.confirmed),
            "maybe_gone": self.maybe_gone,
            "vanished_allowed": self.vanished_allowed,
            "listed": plan.listed,
            "not_configured": plan.not_configured,
            "notes": plan.notes,
            "listing_calls": self.listing_calls,
            "contact_list_calls": self.contact_list_calls,
            "dnc_list_calls": self.dnc_list_calls,
            "calls": self.calls,
            "eta_seconds": round(self.eta_seconds, 1),
            "database": self.database,
        }


def preview_run(
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    connection: str | None = None,
    stop: threading.Event | None = None,
    only: Sequence[str] = (),
    only_failed: bool = False,
    **settings: Any,
) -> Preview:
    """The plan that `run_pipeline` with the same arguments would follow; sends listing calls only.

    Raises as `run_pipeline` does, and `AccessRefused` where the requested listing is refused.
    """
    folder = project_folder()
    found = resolve(settings, connection=connection)
    campaign_ids = configured_ids(found, folder, connection=connection)
    target = destination_for(destination, database=database, folder=folder)
    stop = target.stop = stop or threading.Event()
    with connected(found, stop=stop) as client, target.read_if_any() as reader:
        now = datetime.now(UTC)
        wanted = Only(only, only_failed)
        if others := wanted.not_in(campaign_ids):
            require_stored(others, reader, stream_id=found.stream_id)
        plan = plan_run(found, campaign_ids, client, reader, now=now, only=wanted)
        listing_calls = client.counters.requests - client.counters.retries
        list_calls = int(are_due(found, plan.sweep))
        dnc_list_calls = len(DncLists(found, plan.sweep, reader).due(now))
        calls = listing_calls + len(plan.requests) + list_calls + dnc_list_calls
        known = sum(not version.is_deleted for version in plan.stored.values())
        return Preview(
            plan,
            target.name,
            listing_calls,
            list_calls,
            dnc_list_calls,
            client.rate_limiter.eta_seconds(calls),
            vanished_allowed(known, max_vanished=found.max_vanished),
        )
