"""Read the source again and compare every field with what analysts see. Nothing is written.

The published file is opened for reading once and takes no lock: a run may go on meanwhile and swap
another in, while this one compares with what was there when it began.

"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kore_campaigns.api.client import KoreClient
from kore_campaigns.config.campaign_ids import EVERY
from kore_campaigns.config.project import configured_ids, project_folder
from kore_campaigns.config.settings import KoreSettings, resolve
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    CampaignNotFound,
    Interrupted,
    NotAsked,
)
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.fetch import Fetch, Fetched
from kore_campaigns.extract.listing import Listing
from kore_campaigns.extract.plan import errors_allowed
from kore_campaigns.extract.report import RunReport, new_report
from kore_campaigns.extract.sweep import Progress, silent
from kore_campaigns.load.destination import DUCKDB, name_of, place_of, stored_in
from kore_campaigns.load.duckdb_file import Workspace
from kore_campaigns.load.postgres import Warehouse
from kore_campaigns.load.reader import Connection, last_run_at, live_campaigns, newest
from kore_campaigns.transform.campaign import Shaped, shape
from kore_campaigns.transform.row_diff import Difference, differences


@dataclass(slots=True)
class Verification:
    """What was found. In `report`, which counts as a run does, `unchanged` are the campaigns that
    are alike, `new_versions` those that differ and `vanished` those that are gone at Kore.
    """

    report: RunReport
    last_run_at: datetime | None = None
    differing: dict[str, list[Difference]] = field(default_factory=dict)
    not_loaded: list[str] = field(default_factory=list)
    marked_deleted: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    not_configured: list[str] = field(default_factory=list)
    published_meanwhile: bool = False

    @property
    def different(self) -> int:
        return self.report.new_versions + self.report.vanished

    @property
    def misshapen(self) -> list[str]:
        """Campaigns that have the content that was loaded, and yet other columns or rows."""
        return [
            campaign_id
            for campaign_id, found in self.differing.items()
            if all(each.field != "content_hash" for each in found)
        ]

    @property
    def exit_code(self) -> int:
        """As a run that read the same, and 4 for a difference."""
        return self.report.exit_code or (CampaignFailed.exit_code if self.different else 0)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        report = self.report
        return {
            "planned": report.planned,
            "alike": report.unchanged,
            "different": self.different,
            "failed": report.failed,
            "differences": [
                {
                    "campaign_id": campaign_id,
                    "field": each.field,
                    "database": each.held,
                    "kore": each.expected,
                }
                for campaign_id, found in self.differing.items()
                for each in found
            ],
            "not_loaded": self.not_loaded,
            "marked_deleted": self.marked_deleted,
            "gone": self.gone,
            "not_configured": self.not_configured,
            "failures": [
                {"campaign_id": each.campaign_id, "error_code": each.code, "message": each.message}
                for each in report.failures
            ],
            "last_run_at": self.last_run_at,
            "published_meanwhile": self.published_meanwhile,
            "requests": report.requests,
            "seconds": report.seconds,
            "database": report.database,
        }


# read from the database at once; as many answers wait in memory
BATCH: Final = 100


def verify_database(
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
    connection: str | None = None,
    stop: threading.Event | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> Verification:
    """Ask for every configured campaign, within the budget, and compare it with the views.

    Arguments and errors are those of `run_pipeline`; look at `exit_code`.
    """
    folder = project_folder(project_dir)
    found = resolve(settings, connection=connection)
    campaign_ids = configured_ids(found, folder, connection=connection)
    place = place_of(destination, database, folder)
    stop = stop or threading.Event()
    identity = _identity(place)
    with stored_in(place) as kept, connected(found, stop=stop) as client:
        verification = Verification(new_report(database=name_of(place)))
        verification.last_run_at = last_run_at(kept, stream_id=found.stream_id)
        _Verifier(found, verification, client, kept, stop, progress).go(campaign_ids)
    verification.published_meanwhile = _identity(place) != identity
    report = verification.report
    report.seconds = round((datetime.now(UTC) - report.started_at).total_seconds(), 3)
    return verification


def expected_campaign(shaped: Shaped, *, account_id: str) -> dict[str, Any]:
    """The row of the view `campaigns` as the answer says it, with the rows of the list views.

    Without what only history knows: `version`, `observed_at`, `valid_from`.
    """
    lists = {"account_id": account_id, "campaign_name": shaped.columns["name"]}
    hours = {**lists, "timezone": shaped.columns["timezone"]}
    return {
        "account_id": account_id,
        "content_hash": shaped.content_hash,
        **shaped.columns,
        "raw": shaped.raw,
        "campaign_calling_hours": [hours | row for row in shaped.calling_hours],
        "campaign_dnc_lists": [lists | row for row in shaped.dnc_lists],
        "campaign_contact_lists": [lists | row for row in shaped.contact_lists],
    }


def _identity(place: Workspace | Warehouse) -> tuple[int, int] | None:
    """Of the published file; a server has none, and shows what was committed meanwhile."""
    if isinstance(place, Warehouse) or not place.published.exists():
        return None
    status = place.published.stat()
    return status.st_ino, status.st_mtime_ns


@dataclass(slots=True)
class _Verifier:
    settings: KoreSettings
    found: Verification
    client: KoreClient
    kept: Connection
    stop: threading.Event
    progress: Progress
    _is_deleted: Mapping[str, bool] = field(default_factory=dict)
    _waiting: dict[str, Shaped] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)

    def go(self, configured_ids: Sequence[str]) -> None:
        """Every configured campaign ends as alike, different or failed with a reason."""
        self._is_deleted = newest(self.kept, stream_id=self.settings.stream_id)
        campaign_ids = self._every() if EVERY in configured_ids else configured_ids
        configured = set(campaign_ids)
        self.found.not_configured = [
            campaign_id
            for campaign_id, is_deleted in self._is_deleted.items()
            if not is_deleted and campaign_id not in configured
        ]
        report = self.found.report
        report.planned = len(campaign_ids)
        # the first request shows whether the credentials are accepted: for one that is ours
        self._ask(sorted(campaign_ids, key=lambda each: each not in self._is_deleted))
        self._compare()
        for campaign_id in campaign_ids:
            if campaign_id not in self._ended:
                self._fail(self._not_reached(campaign_id))
        report.requests = self.client.counters.requests

    def _every(self) -> list[str]:
        """All that the account listing shows, and all that the database has."""
        listed: list[str] = []
        for campaign_type in ("voice", "sms"):
            listing = Listing(self.client, campaign_type)
            listed += [row.campaign_id for row in listing.rows()]
            if listing.refused is not None:
                self.found.report.cannot_enumerate = listing.refused
                break
        return list(dict.fromkeys([*listed, *self._is_deleted]))

    def _ask(self, campaign_ids: Sequence[str]) -> None:
        fetch = Fetch(
            campaign_ids,
            client=self.client,
            workers=self.settings.workers,
            stop=self.stop,
            now=_utc_now,
        )
        try:
            with closing(fetch.answers()) as answers:
                for fetched in answers:
                    self._take(fetched)
                    self.progress(self.found.report, self.client.eta_seconds)
        except AccessRefused as refused:
            self.found.report.access_refused = refused

    def _take(self, fetched: Fetched) -> None:
        campaign_id = fetched.campaign_id
        is_missing = isinstance(fetched.error, CampaignNotFound)
        if fetched.data is not None:
            self._ended.add(campaign_id)
            self.found.report.fetched += 1
            self.found.report.unchanged += 1  # taken back if it differs
            self._waiting[campaign_id] = shape(fetched.data)
            if len(self._waiting) >= BATCH:
                self._compare()
        elif is_missing and campaign_id in self._is_deleted:
            self._ended.add(campaign_id)
            if self._is_deleted[campaign_id]:
                self.found.report.unchanged += 1
            else:
                self.found.report.vanished += 1
                self.found.gone.append(campaign_id)
        else:
            self._fail(fetched.error or NotAsked(campaign_id, reason="no answer"))
            self._keep_to_error_budget()

    def _compare(self) -> None:
        """What waits, with the database; then it is forgotten."""
        if not self._waiting:
            return
        stream_id = self.settings.stream_id
        held = live_campaigns(self.kept, list(self._waiting), stream_id=stream_id)
        for campaign_id, shaped in self._waiting.items():
            if self._is_other(campaign_id, shaped, held.get(campaign_id, [])):
                self.found.report.unchanged -= 1
                self.found.report.new_versions += 1
        self._waiting.clear()

    def _is_other(
        self, campaign_id: str, shaped: Shaped, held: Sequence[Mapping[str, Any]]
    ) -> bool:
        if not held:
            is_deleted = self._is_deleted.get(campaign_id, False)
            where = self.found.marked_deleted if is_deleted else self.found.not_loaded
            where.append(campaign_id)
            return True
        expected = expected_campaign(shaped, account_id=self.settings.account_id)
        other = _without_repetitions(differences(expected, held[0]))
        if len(held) > 1:
            other.append(Difference("campaigns", f"{len(held)} rows", "1 row"))
        if other:
            self.found.differing[campaign_id] = other
        return bool(other)

    def _fail(self, error: CampaignFailed) -> None:
        self._ended.add(error.campaign_id)
        self.found.report.failures.append(error)

    def _keep_to_error_budget(self) -> None:
        report, budget = self.found.report, self.settings.error_budget
        allowed = errors_allowed(report.planned, error_budget=budget)
        if report.failed > allowed and report.stopped is None:
            report.stopped = (
                f"{report.failed} of {report.planned} campaigns failed, more than the {allowed} "
                f"that the setting `error_budget` = {budget:g} allows"
            )
            self.stop.set()

    def _not_reached(self, campaign_id: str) -> CampaignFailed:
        report = self.found.report
        if report.access_refused is not None:
            return NotAsked(campaign_id, reason="the credentials were refused")
        if report.stopped is not None:
            return NotAsked(campaign_id, reason=report.stopped)
        report.interrupted = True
        return Interrupted(campaign_id)


def _without_repetitions(found: list[Difference]) -> list[Difference]:
    """The list views repeat some columns of the campaign in each row; once is enough."""
    told = {each.field for each in found}
    repeats = {".account_id": "account_id", ".campaign_name": "name", ".timezone": "timezone"}
    return [
        each
        for each in found
        if not any(each.field.endswith(end) and of in told for end, of in repeats.items())
    ]


def _utc_now() -> datetime:
    return datetime.now(UTC)
