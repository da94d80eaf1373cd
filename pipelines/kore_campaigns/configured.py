"""Which campaigns are configured, since when: rows for what differs from the last run alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kore_campaigns.held import Reader, in_utc, query

_CONFIGURED = """
select campaign_id, account_id, configured_at
from {configured} where stream_id = %s and removed_at is null
"""


def configured_rows(
    reader: Reader | None,
    campaign_ids: Iterable[str],
    *,
    account_id: str,
    stream_id: str,
    started_at: datetime,
) -> list[dict[str, Any]]:
    """Rows of `configured_campaigns` for ids that are new, back again, or no longer there.

    Only this app is compared: others in the same database have files of their own.
    """
    rows = [] if reader is None else query(reader, _CONFIGURED, stream_id)
    before = {
        campaign_id: {"account_id": account, "configured_at": in_utc(since)}
        for campaign_id, account, since in rows
    }
    now = dict.fromkeys(campaign_ids)
    since_now = {"account_id": account_id, "configured_at": started_at, "removed_at": None}
    added = {campaign_id: since_now for campaign_id in now if campaign_id not in before}
    removed = {
        campaign_id: {**known, "removed_at": started_at}
        for campaign_id, known in before.items()
        if campaign_id not in now
    }
    return [
        {"stream_id": stream_id, "campaign_id": campaign_id, **facts}
        for campaign_id, facts in (added | removed).items()
    ]
