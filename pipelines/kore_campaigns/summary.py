"""A row of the account listing: what it says of a campaign, and whether that is what we hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from kore_campaigns import typed
from kore_campaigns.json_text import canonical, settled, text_hash

# of the run or of the queue, not of the campaign: no answer for a single campaign has them
_LISTING_ONLY: Final = frozenset(
    {"connection", "campaignInstanceUpdatedAt", "totalMessagesSent", "campaignExecutionType"}
)
_IDS: Final = ("_id", "id")
# a row leaves out what the campaign does not have, so these count as changed when they are gone
_ALWAYS_COMPARED: Final = (
    "updatedAt",
    "status",
    "name",
    "priority",
    "dialingMode",
    "dncLists",
    "contactLists",
    "schedule",
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One campaign as the listing shows it.

    Equal `summary_hash`: nothing that the campaign itself would show is different.  Equal
    `row_hash`: neither is `connection` or `campaign_instance_updated_at`.
    """

    campaign_id: str
    campaign_type: str
    name: str | None
    connection: str | None
    campaign_instance_updated_at: datetime | None
    summary_hash: str
    row_hash: str
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HeldRow:
    """The row of the listing that went with a version."""

    version: int | None
    campaign_type: str
    summary_hash: str
    row_hash: str


def as_listed(row: Mapping[str, Any], campaign_type: str) -> Listed | None:
    """The row read; None if it names no campaign."""
    # voice rows carry `_id`, SMS rows `id`
    campaign_id = row.get("_id", row.get("id"))
    if not isinstance(campaign_id, str) or not campaign_id:
        return None
    summary, text = settled(
        {key: value for key, value in row.items() if key not in _LISTING_ONLY and key not in _IDS}
    )
    connection = typed.text(settled(row.get("connection"))[0])
    instance = typed.timestamp(row.get("campaignInstanceUpdatedAt"))
    summary_hash = text_hash(text)
    return Listed(
        campaign_id=campaign_id,
        campaign_type=campaign_type,
        name=typed.text(summary.get("name")),
        connection=connection,
        campaign_instance_updated_at=instance,
        summary_hash=summary_hash,
        row_hash=text_hash(f"{summary_hash} {connection} {instance}"),
        summary=summary,
    )


def without_summary(listed: Listed) -> Listed:
    """The same, once it has been compared: ten thousand summaries take 25 MB."""
    return replace(listed, summary={})


def differing(listed: Listed, held_raw: Mapping[str, Any]) -> list[str]:
    """Names of the fields that the listing shows otherwise than what was last received."""
    keys = dict.fromkeys([*_ALWAYS_COMPARED, *listed.summary])
    return [key for key in keys if not _is_same(listed.summary.get(key), held_raw.get(key))]


def _is_same(shown: Any, held: Any) -> bool:
    return shown == held or canonical(shown) == canonical(held)
