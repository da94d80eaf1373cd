"""What the destination holds: the only checkpoint there is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dlt
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase

from kore_campaigns.shape import Held

Reader = SqlClientBase[Any]

# a version counts once its load was completed; an unfinished load is written over by its replay
_NEWEST = """
select campaign_id, version, content_hash, valid_from, updated_at, is_deleted, observed_at,
    campaign_type
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
_ALL_RAW = """
select versions.campaign_id, versions.version, versions.raw
from {versions} as versions
join (
    select campaign_id, max(version) as version
    from {versions} as completed
    join {loads} as loads on completed._dlt_load_id = loads.load_id and loads.status = 0
    where stream_id = %s
    group by campaign_id
) as newest
    on versions.campaign_id = newest.campaign_id and versions.version = newest.version
where versions.stream_id = %s
"""
_TABLES = {
    "{versions}": "campaign_versions",
    "{loads}": "_dlt_loads",
    "{runs}": "extraction_runs",
    "{errors}": "extraction_errors",
    "{listings}": "campaign_listings",
    "{configured}": "configured_campaigns",
    "{drift}": "extraction_drift",
}
_FEW = 100
_ROWS_AT_ONCE = 1_000


@contextmanager
def reading(pipeline: dlt.Pipeline | None) -> Iterator[Reader | None]:
    """The destination, open for reading; None without a pipeline.

    One connection for several questions: dlt takes 40 ms to make one.
    """
    if pipeline is None:
        yield None
    else:
        with pipeline.sql_client() as client:
            yield client


def read_held(reader: Reader, *, stream_id: str) -> dict[str, Held]:
    """The newest version of every campaign of this app; empty for a destination never loaded."""
    rows = query(reader, _NEWEST, stream_id)
    return {
        campaign_id: Held(
            version=int(version),
            content_hash=content_hash,
            valid_from=in_utc(valid_from),
            updated_at=None if updated_at is None else in_utc(updated_at),
            is_deleted=bool(is_deleted),
            observed_at=in_utc(observed_at),
            campaign_type=campaign_type,
        )
        for (
            campaign_id,
            version,
            content_hash,
            valid_from,
            updated_at,
            is_deleted,
            observed_at,
            campaign_type,
        ) in rows
    }


def read_raw(
    reader: Reader, *, stream_id: str, held: Mapping[str, Held]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The object last received of each campaign in `held`, to compare a new one with."""
    if len(held) <= _FEW:
        sql = _RAW.replace("{marks}", ", ".join(["%s"] * len(held)))
        rows = _rows(reader, sql, stream_id, *held)
    else:  # a parameter costs DuckDB 50 us, more than to read past a campaign
        rows = _rows(reader, _ALL_RAW, stream_id, stream_id)
    for campaign_id, version, raw in rows:
        if campaign_id in held and version == held[campaign_id].version:
            yield campaign_id, json.loads(raw) if isinstance(raw, str) else raw


def query(reader: Reader, sql: str, *parameters: str) -> Sequence[tuple[Any, ...]]:
    """Rows of a select on the raw tables, named in braces; none if they do not exist yet."""
    return list(_rows(reader, sql, *parameters))


def _rows(reader: Reader, sql: str, *parameters: str) -> Iterator[tuple[Any, ...]]:
    text = sql
    for mark, table in _TABLES.items():
        text = text.replace(mark, reader.make_qualified_table_name(table))
    try:
        with reader.execute_query(text, *parameters) as cursor:
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield from rows
    except DatabaseUndefinedRelation:
        return  # nothing was ever loaded here


def in_utc(moment: datetime | str) -> datetime:
    """A moment as drivers hand it out: with a zone, in UTC without one, or as text."""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
