"""Gather what a chunk brought, and turn it into the rows of one load package."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypedDict

import dlt

from kore_campaigns import tables
from kore_campaigns.campaign_errors import CampaignFailed
from kore_campaigns.configured import configured_rows
from kore_campaigns.connect import tool_version
from kore_campaigns.drift_rows import drift_rows
from kore_campaigns.held import Reader, read_raw, reading
from kore_campaigns.records import Records
from kore_campaigns.report import RunReport
from kore_campaigns.settings import KoreSettings
from kore_campaigns.shape import Held, Shaped, deletion_row, version_row
from kore_campaigns.survey import Survey


class _Where(TypedDict):
    account_id: str
    stream_id: str
    campaign_id: str
    observed_at: datetime


class Store:
    """Takes answers in and hands rows out; it writes nothing itself."""

    def __init__(
        self,
        settings: KoreSettings,
        report: RunReport,
        survey: Survey,
        pipeline: dlt.Pipeline | None,
        reader: Reader | None,
    ) -> None:
        self._settings = settings
        self._report = report
        self._held = survey.held
        self._no_longer_listed = survey.no_longer_listed
        self._listed = list(survey.to_record)
        self._asked_rows = survey.asked_rows
        self._pipeline = pipeline
        self._configured = self._configured_now(survey, reader)
        self._versions: deque[tuple[str, datetime, Shaped | None]] = deque()
        self._errors: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._versions)

    def add_version(self, campaign_id: str, observed_at: datetime, found: Shaped | None) -> None:
        """A new version; a deletion, if nothing was found."""
        self._versions.append((campaign_id, observed_at, found))
        held = self._held.get(campaign_id)
        self._record_row(campaign_id, version=1 if held is None else held.version + 1)

    def confirm(self, campaign_id: str) -> None:
        """The campaign was read and is as it is held."""
        self._record_row(campaign_id, version=self._held[campaign_id].version)

    def _record_row(self, campaign_id: str, *, version: int) -> None:
        listed = self._asked_rows.pop(campaign_id, None)
        if listed is not None:
            self._listed.append((listed, version))

    def add_error(self, error: CampaignFailed) -> None:
        self._errors.append(
            {
                "run_id": self._report.run_id,
                "stream_id": self._settings.stream_id,
                "campaign_id": error.campaign_id,
                "error_code": error.code,
                "http_status": error.http_status,
                "message": error.message,
                "occurred_at": datetime.now(UTC),
            }
        )

    def clear(self) -> None:
        """Forget what has been handed out and is durable."""
        self._versions.clear()
        self._errors = []
        self._listed = []
        self._no_longer_listed = []
        self._configured = []

    def records(self, *, is_last: bool) -> Records:
        """All rows but those of versions."""
        gone = [self._listing_key(campaign_id) for campaign_id in self._no_longer_listed]
        return Records(
            put=[
                (tables.EXTRACTION_RUNS, [self.run_row(is_last=is_last)]),
                (tables.EXTRACTION_ERRORS, self.error_rows()),
                (tables.EXTRACTION_DRIFT, self.drift_rows()),
                (tables.CAMPAIGN_LISTINGS, self.listing_rows()),
                (tables.CONFIGURED_CAMPAIGNS, self.configured_rows()),
            ],
            remove=[(tables.CAMPAIGN_LISTINGS, gone)],
        )

    def listing_rows(self) -> list[dict[str, Any]]:
        """Rows of `campaign_listings` that are new."""
        return [
            {
                "account_id": self._settings.account_id,
                **self._listing_key(listed.campaign_id),
                "version": version,
                "seen_at": self._report.started_at,
                "campaign_type": listed.campaign_type,
                "name": listed.name,
                "summary_hash": listed.summary_hash,
                "row_hash": listed.row_hash,
                "connection": listed.connection,
                "campaign_instance_updated_at": listed.campaign_instance_updated_at,
            }
            for listed, version in self._listed
        ]

    def _listing_key(self, campaign_id: str) -> dict[str, str]:
        return {"stream_id": self._settings.stream_id, "campaign_id": campaign_id}

    def error_rows(self) -> list[dict[str, Any]]:
        """Rows of `extraction_errors`."""
        return self._errors

    def drift_rows(self) -> list[dict[str, Any]]:
        """Rows of `extraction_drift`."""
        if not self._report.drifts:
            return []
        with reading(self._pipeline) as reader:
            return drift_rows(reader, self._report, stream_id=self._settings.stream_id)

    def configured_rows(self) -> list[dict[str, Any]]:
        """Rows of `configured_campaigns` that are new."""
        return self._configured

    def _configured_now(self, survey: Survey, reader: Reader | None) -> list[dict[str, Any]]:
        return configured_rows(
            reader,
            [*(step.campaign_id for step in survey.plan.ask), *survey.plan.settled],
            account_id=self._settings.account_id,
            stream_id=self._settings.stream_id,
            started_at=self._report.started_at,
        )

    def version_rows(self) -> Iterator[dict[str, Any]]:
        """Rows of `campaign_versions`, each handed out once.

        A version is forgotten as its row is taken: while the loader works, no chunk is in memory.
        """
        known = {
            campaign_id: self._held[campaign_id]
            for campaign_id, _, _ in self._versions
            if campaign_id in self._held
        }
        raw = self._raw_of(known)
        while self._versions:
            campaign_id, observed_at, found = self._versions.popleft()
            held, held_raw = known.get(campaign_id), raw.get(campaign_id)
            where: _Where = {
                "account_id": self._settings.account_id,
                "stream_id": self._settings.stream_id,
                "campaign_id": campaign_id,
                "observed_at": observed_at,
            }
            if found is not None:
                yield version_row(found, **where, held=held, held_raw=held_raw)
            elif held is not None:
                yield deletion_row(held_raw or {}, **where, held=held)

    def _raw_of(self, known: Mapping[str, Held]) -> dict[str, dict[str, Any]]:
        if not known:
            return {}
        with reading(self._pipeline) as reader:
            if reader is None:
                return {}
            return dict(read_raw(reader, stream_id=self._settings.stream_id, held=known))

    def run_row(self, *, is_last: bool) -> dict[str, Any]:
        """The row of `extraction_runs`: the numbers so far, final if `is_last`."""
        report = self._report
        return {
            "run_id": report.run_id,
            "account_id": self._settings.account_id,
            "stream_id": self._settings.stream_id,
            "started_at": report.started_at,
            "finished_at": datetime.now(UTC) if is_last else None,
            "sweep": report.sweep,
            "sweep_reason": report.sweep_reason,
            "listed": report.listed,
            "full_sweep_started_at": report.full_sweep_started_at,
            "confirmed_through": report.confirmed_through,
            "unsettled": report.unsettled or None,
            "planned": report.planned,
            "fetched": report.fetched,
            "new_versions": report.new_versions,
            "unchanged": report.unchanged,
            "vanished": report.vanished,
            "failed": report.failed,
            "requests": report.requests,
            "retries": report.retries,
            "rate_limited": report.rate_limited,
            "is_complete": is_last and report.is_complete,
            "exit_code": report.exit_code if is_last else None,
            "stale_after_seconds": round(2 * 3600 * self._settings.full_sweep_every_hours),
            "tool_version": tool_version(),
        }
