"""Verify: fetch every campaign again and compare each field with what analysts see.

Nothing is written or locked. A run may publish another file meanwhile; the comparison uses the file
that was published when it began.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from kore_campaigns.config.csv_files import EVERY
from kore_campaigns.config.project import configured_ids, project_folder
from kore_campaigns.config.settings import resolve
from kore_campaigns.errors import CampaignFailed, CampaignNotFound
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.fetch import Fetched
from kore_campaigns.extract.listing import Listing
from kore_campaigns.extract.report import Progress, RunReport
from kore_campaigns.extract.state import live_campaigns, newest, newest_runs
from kore_campaigns.extract.sweep import CampaignRequests
from kore_campaigns.load import DUCKDB, destination_for
from kore_campaigns.load.reader import Reader
from kore_campaigns.transform.campaign import Shaped, shape
from kore_campaigns.transform.row_diff import Difference, differences


@dataclass(slots=True)
class Verification:
    """Result of a verification. In `report`, `unchanged` counts the campaigns that are alike,
    `new_versions` those that differ and `vanished` those that are gone at Kore.
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
        """Campaigns whose content is as loaded, but whose columns or rows differ."""
        return [
            campaign_id
            for campaign_id, found in self.differing.items()
            if all(each.field != "content_hash" for each in found)
        ]

    @property
    def exit_code(self) -> int:
        """That of a run with the same answers, and 4 for a difference."""
        return self.report.exit_code or (CampaignFailed.exit_code if self.different else 0)

    def as_json(self) -> dict[str, Any]:
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
                    "database": each.stored,
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


# campaigns that are read from the database at once; as many answers wait in memory
BATCH: Final = 100


def verify_database(
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    connection: str | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Verification:
    """Fetch every configured campaign, within the budget, and compare it with the views.

    Arguments and errors are those of `run_pipeline`; look at `exit_code`.
    """
    folder = project_folder()
    found = resolve(settings, connection=connection)
    campaign_ids = configured_ids(found, folder, connection=connection)
    target = destination_for(destination, database=database, folder=folder)
    stop, progress = stop or threading.Event(), progress or Progress()
    target.stop = stop
    published = target.published_state()
    with target.read() as reader, connected(found, stop=stop) as client:
        report = RunReport(database=target.name)
        verification = Verification(report, newest_runs(reader).get(found.stream_id, (0, None))[1])
        stored = newest(reader, stream_id=found.stream_id)
        verifier = _Verifier(found, report, client, stop, verification, reader, stored)
        with progress.following(report, client):
            verifier.run(campaign_ids, progress)
    verification.published_meanwhile = target.published_state() != published
    report.measure_seconds()
    return verification


def expected_campaign(shaped: Shaped, *, account_id: str) -> dict[str, Any]:
    """The row of the view `campaigns` for this answer, with the rows of the list views.

    Without the columns of history: `version`, `observed_at`, `valid_from`.
    """
    lists = {"account_id": account_id, "campaign_name": shaped.columns["name"]}
    hours = {**lists, "timezone": shaped.columns["timezone"]}
    return {
        "account_id": account_id,
        "content_hash": shaped.content_hash,
        **shaped.columns,
        "raw": shaped.raw,
        "campaign_calling_hours": [hours | each._asdict() for each in shaped.calling_hours],
        "campaign_dnc_lists": [lists | row for row in shaped.dnc_lists],
        "campaign_contact_lists": [lists | row for row in shaped.contact_lists],
    }


@dataclass
class _Verifier(CampaignRequests):
    """The requests of a verification, each answer compared with the database."""

    found: Verification
    reader: Reader
    is_deleted: Mapping[str, bool]
    """The stored campaigns."""
    _waiting: dict[str, Shaped] = field(default_factory=dict, init=False)

    def run(self, configured: Sequence[str], progress: Progress) -> None:
        """Every campaign ends as alike, different or failed with a reason."""
        ids, report = dict.fromkeys(configured), self.report
        if EVERY in ids:  # all campaigns of the account listing and of the database
            ids = {}
            for campaign_type in ("voice", "sms"):
                if report.cannot_enumerate is None:
                    listing = Listing(self.client, campaign_type, wanted=None)
                    ids |= dict.fromkeys(row.campaign_id for row in listing.rows())
                    report.cannot_enumerate = listing.problem
            ids |= dict.fromkeys(self.is_deleted)
        report.planned = len(ids)
        progress.plan(len(ids))
        self.found.not_configured = [
            campaign_id
            for campaign_id, is_deleted in self.is_deleted.items()
            if not is_deleted and campaign_id not in ids
        ]
        # the first request tests the credentials, so it should be for a campaign of this app
        for fetched in self.fetch(sorted(ids, key=lambda each: each not in self.is_deleted)):
            self._sort(fetched)
            if len(self._waiting) >= BATCH:
                self._compare()
        self._compare()
        self.fail_unreached(ids)

    def _sort(self, fetched: Fetched) -> None:
        campaign_id, error, report = fetched.campaign_id, fetched.error, self.report
        if error is None:
            report.fetched += 1
            report.unchanged += 1  # corrected if it differs
            self._waiting[campaign_id] = shape(fetched.data)
        elif campaign_id not in self.is_deleted or not isinstance(error, CampaignNotFound):
            self.fail_answer(error)
        elif self.is_deleted[campaign_id]:
            report.unchanged += 1
        else:
            report.vanished += 1
            self.found.gone.append(campaign_id)
        self.ended.add(campaign_id)

    def _compare(self) -> None:
        """Compare the waiting answers with the database, and forget them."""
        if not self._waiting:
            return
        found, settings = self.found, self.settings
        stored = live_campaigns(self.reader, [*self._waiting], stream_id=settings.stream_id)
        for campaign_id, shaped in self._waiting.items():
            rows = stored.get(campaign_id, [])
            if rows:
                expected = expected_campaign(shaped, account_id=settings.account_id)
                differing = _without_repetitions(differences(expected, rows[0]))
                if len(rows) > 1:
                    differing.append(Difference("campaigns", f"{len(rows)} rows", "1 row"))
                if not differing:
                    continue
                found.differing[campaign_id] = differing
            elif self.is_deleted.get(campaign_id, False):
                found.marked_deleted.append(campaign_id)
            else:
                found.not_loaded.append(campaign_id)
            self.report.unchanged -= 1
            self.report.new_versions += 1
        self._waiting.clear()


def _without_repetitions(found: list[Difference]) -> list[Difference]:
    """Drop columns of the campaign that the list views repeat in each row."""
    named = {each.field for each in found}
    repeats = {".account_id": "account_id", ".campaign_name": "name", ".timezone": "timezone"}
    return [
        each
        for each in found
        if not any(each.field.endswith(end) and of in named for end, of in repeats.items())
    ]
