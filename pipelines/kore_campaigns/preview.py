"""What a run would do now: it reads the published file and the listing, and writes nothing."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from kore_campaigns.connect import connected
from kore_campaigns.destinations import DUCKDB, name_of, place_of
from kore_campaigns.errors import DestinationUnavailable
from kore_campaigns.held import Reader, reading
from kore_campaigns.load import duckdb_pipeline
from kore_campaigns.lookup import resolve
from kore_campaigns.plan import Plan, Planned, Reason, vanished_allowed
from kore_campaigns.project import configured_ids, project_folder
from kore_campaigns.publish import Workspace
from kore_campaigns.survey import Survey, Surveyor
from kore_campaigns.warehouse import Warehouse


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
            with reading(pipeline) as reader:
                yield reader
        finally:
            pipeline.deactivate()
