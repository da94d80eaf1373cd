"""What a run would do now: it reads the published file and the listing, and writes nothing."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from kore_campaigns.config.campaign_ids import EVERY
from kore_campaigns.config.project import configured_ids, project_folder
from kore_campaigns.config.settings import KoreSettings, resolve
from kore_campaigns.errors import AccessRefused, CampaignFailed, DestinationUnavailable
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.listing import HeldRow, Listed, Lister, Listing, calls_for, reason_of
from kore_campaigns.extract.plan import (
    Choice,
    Comparison,
    Plan,
    Planned,
    Reason,
    choose_sweep,
    done_in,
    in_order,
    plan_full,
    vanished_allowed,
)
from kore_campaigns.extract.state import Known, held_rows, read_known, read_raw
from kore_campaigns.load.destination import DUCKDB, name_of, place_of
from kore_campaigns.load.dlt_load import duckdb_pipeline
from kore_campaigns.load.duckdb_file import Workspace
from kore_campaigns.load.postgres import Warehouse
from kore_campaigns.load.reader import Reader, sql_client
from kore_campaigns.transform.campaign import Held


@dataclass(slots=True)
class Survey:
    """What a run sets out with."""

    plan: Plan
    held: Mapping[str, Held]
    to_record: list[tuple[Listed, int | None]] = field(default_factory=list)
    """Rows of the listing that are new, with the version that they agree with."""
    asked_rows: dict[str, Listed] = field(default_factory=dict)
    """Rows of campaigns to ask for, to be recorded with the version that is found."""
    no_longer_listed: list[str] = field(default_factory=list)
    listed: int | None = None
    """Campaigns that the listing counts."""
    not_configured: list[str] = field(default_factory=list)
    """Campaigns of the listing that nobody asked to load."""
    notes: list[str] = field(default_factory=list)
    """What the operator should know of the listing."""
    cannot_enumerate: AccessRefused | CampaignFailed | None = None
    """`*` is configured, and the listing that is to say what there is could not be read."""


@dataclass(slots=True)
class Surveyor:
    """Reads the destination, and the listing if that is worth its calls; writes nothing."""

    settings: KoreSettings
    configured: Sequence[str]
    client: Lister
    reader: Reader | None
    now: datetime
    wanted: str
    """`auto`, `full` or `listing`."""
    _known: Known = field(default_factory=Known)
    _rows: Mapping[str, HeldRow] = field(default_factory=dict)
    _listings: dict[str, Listing] = field(default_factory=dict)

    def survey(self) -> Survey:
        """The plan and what it rests on."""
        self._known = read_known(self.reader, stream_id=self.settings.stream_id)
        choice = self._choose()
        if choice.sweep == "full" and not self._is_every:
            return self._finished(Survey(self._full(self.configured, choice), self._known.held))
        comparison = self._compare(choice)
        choice = self._fallback(choice) or choice
        ids = self._all_ids(comparison)
        if choice.sweep == "full":
            plan = self._full(ids, choice)
        else:
            plan = self._by_listing(ids, comparison, choice)
        asked = {step.campaign_id for step in plan.ask}
        rows = {listed.campaign_id: listed for listed, _ in comparison.to_record.values()}
        rows |= comparison.asked_rows
        recorded = [pair for key, pair in comparison.to_record.items() if key not in asked]
        survey = Survey(
            plan,
            self._known.held,
            to_record=recorded,
            asked_rows={key: listed for key, listed in rows.items() if key in asked},
            no_longer_listed=self._no_longer_listed(comparison),
            not_configured=[key for key in comparison.seen if key not in comparison.wanted]
            if comparison.wanted is not None
            else [],
        )
        return self._finished(survey)

    @property
    def _is_every(self) -> bool:
        return EVERY in self.configured

    def _choose(self) -> Choice:
        known = self._known
        saves = sum(
            campaign_id in known.held and campaign_id not in known.failed
            for campaign_id in (known.held if self._is_every else self.configured)
        )
        listed = known.last_listed if known.last_listed is not None else saves
        return choose_sweep(
            self.wanted,
            saves=saves,
            costs=0 if self._is_every else calls_for(listed),
            last_full_at=self._known.last_full_at,
            now=self.now,
            full_sweep_every_hours=self.settings.full_sweep_every_hours,
        )

    def _compare(self, choice: Choice) -> Comparison:
        stream_id, reader = self.settings.stream_id, self.reader
        if reader is not None:
            self._rows = held_rows(reader, stream_id=stream_id)

        def raw_of(held: Mapping[str, Held]) -> Iterable[tuple[str, Mapping[str, Any]]]:
            return () if reader is None else read_raw(reader, stream_id=stream_id, held=held)

        comparison = Comparison(
            wanted=None if self._is_every else frozenset(self.configured),
            held=self._known.held,
            rows=self._rows,
            failed=self._known.failed,
            read_raw=raw_of,
        )
        for campaign_type in self._types():
            listing = Listing(self.client, campaign_type, most_calls=self._most_calls(choice))
            self._listings[campaign_type] = listing
            comparison.add_all(listing.rows())
            if listing.refused is not None or listing.is_too_long:
                break
        return comparison

    def _types(self) -> list[str]:
        """Which listings could settle anything."""
        if self._is_every:
            return ["voice", "sms"]
        held = self._known.held
        found = {held[key].campaign_type for key in self.configured if key in held}
        return [name for name in ("voice", "sms") if name in (found or {"voice"})]

    def _most_calls(self, choice: Choice) -> int | None:
        """No more than asking for each would take, unless the listing is wanted as such."""
        if self._is_every or self.wanted == "listing" or choice.sweep == "full":
            return None
        return sum(key in self._known.held for key in self.configured)

    def _fallback(self, choice: Choice) -> Choice | None:
        """A full sweep where the listing is refused, or takes more calls than it could save."""
        first = next(iter(self._listings.values()))
        if choice.sweep == "full":
            return None
        if first.is_too_long:
            return Choice(
                "full",
                f"cheaper: the listing counts {first.total} campaigns, "
                f"{len(self.configured)} are configured",
            )
        if first.refused is not None and first.calls == 1 and self.wanted != "listing":
            return Choice("full", f"the listing is refused: {reason_of(first.refused)}")
        return None

    def _all_ids(self, comparison: Comparison) -> list[str]:
        if not self._is_every:
            return list(self.configured)
        return list(dict.fromkeys([*comparison.seen, *self._known.held]))

    def _full(self, ids: Sequence[str], choice: Choice) -> Plan:
        done: set[str] = set()
        reason, started_at, through = choice.reason, self.now, ""
        before = self._known.unfinished
        longest = timedelta(hours=self.settings.full_sweep_every_hours)
        if before is not None and self.now - before.started_at < longest:
            started_at, through = before.started_at, before.through
            done = done_in(
                self._known.held,
                started_at=started_at,
                through=before.through,
                unsettled=before.unsettled,
            )
            if done:
                reason += f"; goes on with the one begun {started_at:%Y-%m-%d %H:%M} UTC"
        return plan_full(
            ids,
            known=self._known.held,
            failed_last_time=self._known.failed,
            done=done,
            reason=reason,
            started_at=started_at,
            through=through,
        )

    def _by_listing(self, ids: Sequence[str], comparison: Comparison, choice: Choice) -> Plan:
        ask, settled = dict(comparison.ask), list(comparison.settled)
        for campaign_id in ids:
            if campaign_id not in comparison.seen:
                reason = self._reason_unseen(campaign_id)
                if reason is None:
                    settled.append(campaign_id)
                else:
                    ask[campaign_id] = Planned(campaign_id, reason)
        return Plan("listing", choice.reason, in_order(ask.values()), settled)

    def _reason_unseen(self, campaign_id: str) -> Reason | None:
        """Why to ask for a configured campaign that the listing did not show; None if it is known
        to be deleted, which a whole listing confirms.
        """
        held = self._known.held.get(campaign_id)
        if campaign_id in self._known.failed:
            return Reason.FAILED_LAST_TIME
        if held is None:
            return Reason.UNKNOWN
        listing = self._listings.get(held.campaign_type)
        if listing is None or not listing.is_complete:
            return Reason.NOT_SEEN
        return None if held.is_deleted else Reason.NOT_LISTED

    def _no_longer_listed(self, comparison: Comparison) -> list[str]:
        whole = {name for name, listing in self._listings.items() if listing.is_complete}
        return [
            campaign_id
            for campaign_id, row in self._rows.items()
            if row.campaign_type in whole and campaign_id not in comparison.seen
        ]

    def _finished(self, survey: Survey) -> Survey:
        totals = [listing.total for listing in self._listings.values()]
        if totals and None not in totals:
            survey.listed = sum(total for total in totals if total is not None)
        for name, listing in self._listings.items():
            if listing.refused is not None:
                survey.notes.append(f"the {name} listing: {reason_of(listing.refused)}")
            elif listing.doubt is not None:
                survey.notes.append(f"the {name} listing does not fit together: {listing.doubt}")
            if self._is_every and survey.cannot_enumerate is None:
                survey.cannot_enumerate = listing.refused
        return survey


@dataclass(frozen=True, slots=True)
class Preview:
    """The plan of a run, and what it would cost."""

    plan: Plan
    database: str
    listing_calls: int
    contact_list_calls: int
    eta_seconds: float
    """By the budget of calls alone, listing and contact lists included."""
    vanished_allowed: int
    survey: Survey

    @property
    def calls(self) -> int:
        """What a run would send, if nothing has to be repeated: 404s are asked for twice."""
        return self.listing_calls + len(self.plan.ask) + self.contact_list_calls

    @property
    def maybe_gone(self) -> list[Planned]:
        """Campaigns that a run would mark as gone, if a call for each confirms it."""
        return [step for step in self.plan.ask if step.reason is Reason.NOT_LISTED]

    def as_json(self) -> dict[str, Any]:
        """Every configured campaign with its reason; `settled` need no call."""
        return {
            "sweep": self.plan.sweep,
            "sweep_reason": self.plan.reason,
            "planned": len(self.plan),
            "campaigns": [
                {
                    "campaign_id": step.campaign_id,
                    "reason": step.reason.value,
                    "fields": list(step.fields),
                }
                for step in self.plan.ask
            ],
            "settled": sorted(self.plan.settled),
            "maybe_gone": [step.campaign_id for step in self.maybe_gone],
            "vanished_allowed": self.vanished_allowed,
            "listed": self.survey.listed,
            "not_configured": self.survey.not_configured,
            "notes": self.survey.notes,
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

    Raises as `run_pipeline` does, and `AccessRefused` where a listing asked for is refused.
    """
    folder = project_folder(project_dir)
    found = resolve(settings, connection=connection)
    campaign_ids = configured_ids(found, folder, connection=connection)
    place = place_of(destination, database, folder)
    stop = stop or threading.Event()
    with connected(found, stop=stop) as client, _opened(place) as reader:
        now = datetime.now(UTC)
        survey = Surveyor(found, campaign_ids, client, reader, now, found.sweep).survey()
        listing_calls = client.counters.requests - client.counters.retries
        list_calls = int(found.contact_lists)
        known = sum(not held.is_deleted for held in survey.held.values())
        return Preview(
            survey.plan,
            name_of(place),
            listing_calls,
            list_calls,
            client.eta_seconds(listing_calls + len(survey.plan.ask) + list_calls),
            vanished_allowed(known, max_vanished=found.max_vanished),
            survey,
        )


@contextmanager
def _opened(place: Workspace | Warehouse) -> Iterator[Reader | None]:
    """What is published, open for reading only; None if there is none yet."""
    if isinstance(place, Warehouse):
        with place.read() as reader:
            yield reader
        return
    published = place.published
    if not published.exists():
        yield None
        return
    try:
        duckdb.connect(str(published), read_only=True).close()
    except duckdb.Error as failed:
        raise DestinationUnavailable(str(published), str(failed).splitlines()[0]) from failed
    with tempfile.TemporaryDirectory(prefix="kore-campaigns-") as scratch:
        pipeline = duckdb_pipeline(published, pipelines_dir=Path(scratch), read_only=True)
        try:
            with sql_client(pipeline) as reader:
                yield reader
        finally:
            pipeline.deactivate()
