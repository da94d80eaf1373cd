"""What earlier runs left to do: campaigns that failed, a full sweep that was not finished."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kore_campaigns.extract.listing import StoredRow
from kore_campaigns.load.reader import Reader, in_utc, query, select_rows
from kore_campaigns.transform.campaign import StoredVersion

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
_FEW = 100


def read_held(reader: Reader, *, stream_id: str) -> dict[str, StoredVersion]:
    """The newest version of every campaign of this app; empty for a destination never loaded."""
    rows = query(reader, _NEWEST, stream_id)
    return {
        campaign_id: StoredVersion(
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
    reader: Reader, *, stream_id: str, held: Mapping[str, StoredVersion]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The object last received of each campaign in `held`, to compare a new one with."""
    if len(held) <= _FEW:
        sql = _RAW.replace("{marks}", ", ".join(["%s"] * len(held)))
        rows = select_rows(reader, sql, stream_id, *held)
    else:  # a parameter costs DuckDB 50 us, more than to read past a campaign
        rows = select_rows(reader, _ALL_RAW, stream_id, stream_id)
    for campaign_id, version, raw in rows:
        if campaign_id in held and version == held[campaign_id].version:
            yield campaign_id, json.loads(raw) if isinstance(raw, str) else raw


# why a campaign was not asked for, as opposed to why it failed
UNREACHED = ("not_asked", "interrupted")

_RUNS = """
select run_id, finished_at is not null
from {runs} where stream_id = %s order by started_at desc
"""
_ERRORS = "select campaign_id, error_code from {errors} where run_id = %s and stream_id = %s"
_FULL_SWEEPS = """
select coalesce(full_sweep_started_at, started_at), finished_at is not null, confirmed_through,
    unsettled
from {runs} where stream_id = %s and sweep = 'full' order by started_at desc
"""
_LISTED = """
select listed from {runs} where stream_id = %s and listed is not null
order by started_at desc limit 1
"""
_LISTINGS = """
select campaign_id, version, campaign_type, summary_hash, row_hash
from {listings} where stream_id = %s
"""


@dataclass(frozen=True, slots=True)
class FullSweep:
    """A full sweep that stopped on its way: known campaigns up to `through` have been asked,
    but for those `unsettled`.
    """

    started_at: datetime
    through: str
    unsettled: frozenset[str]


@dataclass(frozen=True, slots=True)
class PastSweeps:
    """When the last full sweep that was finished began, and the one after it that was not."""

    last_full_at: datetime | None = None
    unfinished: FullSweep | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the destination says before a run: what is held, and what is still to do."""

    held: Mapping[str, StoredVersion] = field(default_factory=dict)
    failed: Collection[str] = frozenset()
    last_full_at: datetime | None = None
    unfinished: FullSweep | None = None
    last_listed: int | None = None


def read_known(reader: Reader | None, *, stream_id: str) -> Known:
    """All of it; nothing where there is no destination."""
    if reader is None:
        return Known()
    past = past_sweeps(reader, stream_id=stream_id)
    return Known(
        held=read_held(reader, stream_id=stream_id),
        failed=failed_last_time(reader, stream_id=stream_id),
        last_full_at=past.last_full_at,
        unfinished=past.unfinished,
        last_listed=last_listed(reader, stream_id=stream_id),
    )


def failed_last_time(reader: Reader, *, stream_id: str) -> set[str]:
    """Campaigns that failed and that no finished run has read since."""
    found: set[str] = set()
    since_failing: set[str] | None = None  # None: all of them
    for run_id, is_finished in query(reader, _RUNS, stream_id):
        errors = dict(query(reader, _ERRORS, run_id, stream_id))
        open_ = errors.keys() if since_failing is None else errors.keys() & since_failing
        found |= {campaign_id for campaign_id in open_ if errors[campaign_id] not in UNREACHED}
        if is_finished:
            since_failing = set(open_)
            if not since_failing - found:
                break
    return found


def past_sweeps(reader: Reader, *, stream_id: str) -> PastSweeps:
    """The full sweeps of this app; read from the record of its runs."""
    unfinished = None
    for started_at, is_finished, through, unsettled in query(reader, _FULL_SWEEPS, stream_id):
        if is_finished and through is None:
            return PastSweeps(in_utc(started_at), unfinished)
        if unfinished is None:
            ids = json.loads(unsettled) if isinstance(unsettled, str) else unsettled
            unfinished = FullSweep(in_utc(started_at), through or "", frozenset(ids or ()))
    return PastSweeps(None, unfinished)


def last_listed(reader: Reader, *, stream_id: str) -> int | None:
    """How many campaigns the listing counted when it was last read."""
    rows = query(reader, _LISTED, stream_id)
    return int(rows[0][0]) if rows else None


def held_rows(reader: Reader, *, stream_id: str) -> dict[str, StoredRow]:
    """The listing as it was last seen, by campaign."""
    return {
        campaign_id: StoredRow(*row) for campaign_id, *row in query(reader, _LISTINGS, stream_id)
    }
