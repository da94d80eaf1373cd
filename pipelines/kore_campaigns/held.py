"""What the destination holds: the only checkpoint there is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dlt
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from kore_campaigns.shape import Held

# a version counts once its load was completed; an unfinished load is written over by its replay
_NEWEST = """
select campaign_id, version, content_hash, valid_from, updated_at, is_deleted
from (
    select
        versions.*,
        row_number() over (
            partition by versions.campaign_id order by versions.version desc
        ) as newest
    from {versions} as versions
    join {loads} as loads on versions._dlt_load_id = loads.load_id and loads.status = 0
    where versions.stream_id = %s
) as ranked
where newest = 1
"""
_RAW = (
    "select campaign_id, version, raw from {versions} where stream_id = %s and "
    "campaign_id in ({marks})"
)
_FAILED = """
select errors.campaign_id
from {errors} as errors
join (
    select run_id from {runs} where stream_id = %s order by started_at desc limit 1
) as last_run on errors.run_id = last_run.run_id
where errors.error_code not in ('not_asked', 'interrupted')
"""
_RAW_BATCH = 500


def read_held(pipeline: dlt.Pipeline, *, stream_id: str) -> dict[str, Held]:
    """The newest version of every campaign of this app; empty for a destination never loaded."""
    rows = _query(pipeline, _NEWEST, stream_id)
    return {
        campaign_id: Held(
            version=int(version),
            content_hash=content_hash,
            valid_from=_utc(valid_from),
            updated_at=None if updated_at is None else _utc(updated_at),
            is_deleted=bool(is_deleted),
        )
        for campaign_id, version, content_hash, valid_from, updated_at, is_deleted in rows
    }


def read_raw(
    pipeline: dlt.Pipeline, *, stream_id: str, held: Mapping[str, Held]
) -> dict[str, dict[str, Any]]:
    """The object last received of each campaign in `held`, to compare a new one with."""
    found: dict[str, dict[str, Any]] = {}
    campaign_ids = list(held)
    for first in range(0, len(campaign_ids), _RAW_BATCH):
        some = campaign_ids[first : first + _RAW_BATCH]
        sql = _RAW.replace("{marks}", ", ".join(["%s"] * len(some)))
        for campaign_id, version, raw in _query(pipeline, sql, stream_id, *some):
            if version == held[campaign_id].version:
                found[campaign_id] = json.loads(raw) if isinstance(raw, str) else raw
    return found


def failed_last_time(pipeline: dlt.Pipeline, *, stream_id: str) -> set[str]:
    """Campaigns that were asked for in the last run of this app and failed."""
    return {campaign_id for (campaign_id,) in _query(pipeline, _FAILED, stream_id)}


def _query(pipeline: dlt.Pipeline, sql: str, *parameters: str) -> Sequence[tuple[Any, ...]]:
    with pipeline.sql_client() as client:
        name = client.make_qualified_table_name
        text = sql.replace("{versions}", name("campaign_versions"))
        text = text.replace("{loads}", name("_dlt_loads"))
        text = text.replace("{runs}", name("extraction_runs"))
        text = text.replace("{errors}", name("extraction_errors"))
        try:
            with client.execute_query(text, *parameters) as cursor:
                rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
                return rows
        except DatabaseUndefinedRelation:
            return []  # nothing was ever loaded here


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
