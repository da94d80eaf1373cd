"""Read the source again and compare every field with what analysts see. Nothing is written.

The published file is opened for reading once and takes no lock: a run may go on meanwhile and swap
another in, while this one compares with what was there when it began.

"""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kore_campaigns.api.client import KoreClient
from kore_campaigns.config.csv_files import EVERY
from kore_campaigns.config.project import configured_ids, project_folder
from kore_campaigns.config.settings import KoreSettings, resolve
from kore_campaigns.errors import CampaignFailed, CampaignNotFound
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.fetch import Fetched
from kore_campaigns.extract.listing import Listing
from kore_campaigns.extract.report import RunReport, new_report
from kore_campaigns.extract.state import last_run_at, live_campaigns, newest
from kore_campaigns.extract.sweep import CampaignRequests, Progress, silent
from kore_campaigns.load import DUCKDB, destination_for
from kore_campaigns.load.reader import Reader
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
    target = destination_for(destination, database=database, folder=folder)
    stop = stop or threading.Event()
    published = target.published_state()
    with target.read() as kept, connected(found, stop=stop) as client:
        verification = Verification(new_report(database=target.name))
        verification.last_run_at = last_run_at(kept, stream_id=found.stream_id)
        verifier = _Verifier(found, verification, client, kept, stop)
        with closing(verifier.run(campaign_ids)) as answers:
            for _ in answers:
                progress(verification.report, client.eta_seconds)
    verification.published_meanwhile = target.published_state() != published
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


class _Verifier(CampaignRequests):
    """The requests of a verification, each answer compared with the database."""

    def __init__(
        self,
        settings: KoreSettings,
        found: Verification,
        client: KoreClient,
        connection: Reader,
        stop: threading.Event,
    ) -> None:
        super().__init__(settings, found.report, client, stop)
        self._found = found
        self._connection = connection
        self._is_deleted = newest(connection, stream_id=settings.stream_id)
        self._waiting: dict[str, Shaped] = {}

    def run(self, configured: Sequence[str]) -> Generator[None, None, None]:
        """Every campaign ends as alike, different or failed with a reason; yields after each."""
        campaign_ids = self._every() if EVERY in configured else configured
        is_configured = set(campaign_ids)
        self._found.not_configured = [
            campaign_id
            for campaign_id, is_deleted in self._is_deleted.items()
            if not is_deleted and campaign_id not in is_configured
        ]
        self.report.planned = len(campaign_ids)
        # the first request tests the credentials, so it should be for a campaign of this app
        for fetched in self.fetch(
            sorted(campaign_ids, key=lambda each: each not in self._is_deleted)
        ):
            self._sort(fetched)
            yield
        self._compare()
        self.fail_unreached(campaign_ids)

    def _every(self) -> list[str]:
        """All campaigns of the account listing and of the database."""
        listed: list[str] = []
        for campaign_type in ("voice", "sms"):
            listing = Listing(self.client, campaign_type)
            listed += [row.campaign_id for row in listing.rows()]
            if listing.refused is not None:
                self.report.cannot_enumerate = listing.refused
                break
        return list(dict.fromkeys([*listed, *self._is_deleted]))

    def _sort(self, fetched: Fetched) -> None:
        campaign_id, report = fetched.campaign_id, self.report
        is_stored = campaign_id in self._is_deleted
        if fetched.data is not None:
            self.end(campaign_id)
            report.fetched += 1
            report.unchanged += 1  # corrected if it differs
            self._waiting[campaign_id] = shape(fetched.data)
            if len(self._waiting) >= BATCH:
                self._compare()
        elif not is_stored or not isinstance(fetched.error, CampaignNotFound):
            self.fail_answer(fetched)
        elif self._is_deleted[campaign_id]:
            self.end(campaign_id)
            report.unchanged += 1
        else:
            self.end(campaign_id)
            report.vanished += 1
            self._found.gone.append(campaign_id)

    def _compare(self) -> None:
        """Compare the waiting answers with the database, and forget them."""
        if not self._waiting:
            return
        stream_id = self.settings.stream_id
        stored = live_campaigns(self._connection, list(self._waiting), stream_id=stream_id)
        for campaign_id, shaped in self._waiting.items():
            if self._is_different(campaign_id, shaped, stored.get(campaign_id, [])):
                self.report.unchanged -= 1
                self.report.new_versions += 1
        self._waiting.clear()

    def _is_different(
        self, campaign_id: str, shaped: Shaped, stored: Sequence[Mapping[str, Any]]
    ) -> bool:
        if not stored:
            is_deleted = self._is_deleted.get(campaign_id, False)
            where = self._found.marked_deleted if is_deleted else self._found.not_loaded
            where.append(campaign_id)
            return True
        expected = expected_campaign(shaped, account_id=self.settings.account_id)
        found = _without_repetitions(differences(expected, stored[0]))
        if len(stored) > 1:
            found.append(Difference("campaigns", f"{len(stored)} rows", "1 row"))
        if found:
            self._found.differing[campaign_id] = found
        return bool(found)


def _without_repetitions(found: list[Difference]) -> list[Difference]:
    """The list views repeat some columns of the campaign in each row; once is enough."""
    told = {each.field for each in found}
    repeats = {".account_id": "account_id", ".campaign_name": "name", ".timezone": "timezone"}
    return [
        each
        for each in found
        if not any(each.field.endswith(end) and of in told for end, of in repeats.items())
    ]
