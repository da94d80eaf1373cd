"""What a comparison of the database with Kore found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kore_campaigns.campaign_errors import CampaignFailed
from kore_campaigns.compare import Difference
from kore_campaigns.report import RunReport


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
