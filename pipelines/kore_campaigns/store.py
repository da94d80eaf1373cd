"""Gather what a chunk brought, and turn it into the rows of one load package."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypedDict

import dlt

from kore_campaigns.connect import tool_version
from kore_campaigns.errors import CampaignFailed
from kore_campaigns.held import read_raw
from kore_campaigns.report import RunReport
from kore_campaigns.settings import KoreSettings
from kore_campaigns.shape import Held, Shaped, deletion_row, version_row


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
        *,
        held: Mapping[str, Held],
        pipeline: dlt.Pipeline | None,
    ) -> None:
        self._settings = settings
        self._report = report
        self._held = held
        self._pipeline = pipeline
        self._versions: deque[tuple[str, datetime, Shaped | None]] = deque()
        self._errors: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._versions)

    def add_version(self, campaign_id: str, observed_at: datetime, found: Shaped | None) -> None:
        """A new version; a deletion, if nothing was found."""
        self._versions.append((campaign_id, observed_at, found))

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

    def error_rows(self) -> list[dict[str, Any]]:
        """Rows of `extraction_errors`."""
        return self._errors

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
        if not known or self._pipeline is None:
            return {}
        return read_raw(self._pipeline, stream_id=self._settings.stream_id, held=known)

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
            "tool_version": tool_version(),
        }
