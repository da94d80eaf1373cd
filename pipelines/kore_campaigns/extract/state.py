"""Queries of the stored state: versions, open work of earlier runs, the listing."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from kore_campaigns.errors import NOT_REACHED
from kore_campaigns.extract.listing import Reading, StoredRow
from kore_campaigns.extract.report import ONLY
from kore_campaigns.load.reader import Reader
from kore_campaigns.schema import (
    CAMPAIGN_LISTINGS,
    CAMPAIGN_VERSIONS,
    EXTRACTION_RUNS,
    VIEW_SCHEMA,
    Table,
    nested_name,
    queries,
)
from kore_campaigns.transform.campaign import StoredVersion

SQL: Final = queries(__name__)


@dataclass(frozen=True, slots=True)
class FullSweep:
    """A full sweep that was not finished: known campaigns up to `through` were requested, except
    those `unsettled`.
    """

    started_at: datetime
    through: str
    unsettled: frozenset[str]


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says before a run: the stored versions, and what is still to do."""

    stored: Mapping[str, StoredVersion] = field(default_factory=dict)
    """The newest version of every campaign of the app."""
    failed: Collection[str] = frozenset()
    """Campaigns that failed, and that no finished run has fetched since."""
    requested: frozenset[str] = frozenset()
    """Campaigns that runs with `--only` have fetched since the last run for all."""
    last_full_at: datetime | None = None
    """Start of the last finished full sweep."""
    unfinished: FullSweep | None = None
    """The full sweep after that one, unless a sweep by listing has finished since: what the full
    sweep had fetched may have changed before the listing was read.
    """
    last_listed: int | None = None
    """Number of campaigns in the listing when it was last read."""
    page_size: int | None = None
    """Rows of a page that the listing gave when it was last read whole."""
    whole_listing_at: datetime | None = None
    """Start of the last run that read the listing whole, unless a later one was killed, or could
    not read it.
    """


class _Run(NamedTuple):
    """A run of the app, from `runs` in state.sql."""

    run_id: str
    sweep: str | None
    started_at: datetime
    full_sweep_started_at: datetime | None
    is_finished: bool
    through: str | None
    unsettled: str | None
    listing_state: str | None
    listed: int | None
    page_size: int | None


def read_known(reader: Reader | None, *, stream_id: str) -> Known:
    """The state of one app; nothing if nothing was loaded yet."""
    if reader is None:
        return Known()
    all_runs = [_Run(*row) for row in _rows_of(reader, EXTRACTION_RUNS, "runs", stream_id)]
    # a run with `--only` says nothing about sweeps and the listing
    runs = [run for run in all_runs if run.sweep != ONLY]
    last_full_at, unfinished = _full_sweeps(runs)
    failed, requested = _failed_last_time(reader, all_runs, stream_id)
    newest = reader.rows_if_loaded(SQL["newest_versions"], [stream_id])
    return Known(
        stored={campaign_id: StoredVersion(*row) for campaign_id, *row in newest},
        failed=failed,
        requested=frozenset(requested),
        last_full_at=last_full_at,
        unfinished=unfinished,
        last_listed=next((run.listed for run in runs if run.listed is not None), None),
        page_size=next((run.page_size for run in runs if run.page_size is not None), None),
        whole_listing_at=_whole_listing_at(runs),
    )


def _full_sweeps(runs: Iterable[_Run]) -> tuple[datetime | None, FullSweep | None]:
    """Start of the last finished full sweep, and the unfinished sweep after it."""
    unfinished, is_overtaken = None, False
    for run in runs:
        started_at = run.full_sweep_started_at or run.started_at
        if run.sweep != "full":
            is_overtaken |= run.is_finished
        elif run.is_finished and run.through is None:
            return started_at, unfinished
        elif unfinished is None and not is_overtaken:
            ids = json.loads(run.unsettled or "[]")
            unfinished = FullSweep(started_at, run.through or "", frozenset(ids or ()))
    return None, unfinished


def _whole_listing_at(runs: Iterable[_Run]) -> datetime | None:
    for run in runs:
        if run.sweep is None:  # it stored nothing: this run, or a run killed before its first chunk
            continue
        if not run.is_finished:
            return None
        if run.sweep != "peek" and run.listing_state is not None:
            return run.started_at if run.listing_state == Reading.WHOLE else None
    return None


def _failed_last_time(
    reader: Reader, runs: Iterable[_Run], stream_id: str
) -> tuple[set[str], set[str]]:
    """Campaigns that failed and were not fetched since, and those that `--only` has fetched since
    the last run for all.
    """
    found: set[str] = set()
    fetched: set[str] = set()
    requested: set[str] = set()
    since_failing: set[str] | None = None  # None: all of them
    for run in runs:
        parameters = [run.run_id, stream_id]
        errors: dict[str, str] = dict(reader.rows_if_loaded(SQL["errors"], parameters))
        open_ = errors.keys() if since_failing is None else errors.keys() & since_failing
        failed = {campaign_id for campaign_id in open_ if errors[campaign_id] not in NOT_REACHED}
        found |= failed - fetched
        if run.sweep == ONLY:
            answered = {each for (each,) in reader.rows_if_loaded(SQL["requested"], parameters)}
            fetched |= answered
            requested |= answered if since_failing is None else set()
        elif run.is_finished:
            since_failing = set(open_)
            if not since_failing - found - fetched:
                break
    return found, requested


def read_raw(
    reader: Reader, *, stream_id: str, stored: Mapping[str, StoredVersion]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The object last received of each campaign in `stored`, to compare a new one with."""
    if len(stored) <= 100:
        sql = f"{SQL['raw']} and campaign_id in ({', '.join('?' * len(stored))})"
        parameters = [stream_id, *stored]
    else:  # a parameter costs DuckDB more than to read past a campaign
        sql, parameters = SQL["newest_raw"], [stream_id, stream_id]
    for rows in reader.batches(sql, parameters):
        for campaign_id, version, raw in rows:
            if campaign_id in stored and version == stored[campaign_id].version:
                yield campaign_id, json.loads(raw)


def stored_listing(reader: Reader, *, stream_id: str) -> dict[str, StoredRow]:
    """The listing as it was last seen, by campaign."""
    rows = _rows_of(reader, CAMPAIGN_LISTINGS, "listing", stream_id)
    return {campaign_id: StoredRow(*row) for campaign_id, *row in rows}


def newest_runs(reader: Reader) -> dict[str, tuple[int, datetime]]:
    """Number and start of the newest run of each stream."""
    rows = _rows_of(reader, EXTRACTION_RUNS, "newest_runs")
    return {stream_id: (number, started_at) for stream_id, number, started_at in rows}


def app_name(reader: Reader, *, stream_id: str) -> str | None:
    """Name of the connection that has read this app last; None before its first run."""
    return next((name for (name,) in reader.rows_if_loaded(SQL["app_name"], [stream_id])), None)


def last_recorded(reader: Reader | None) -> tuple[int, datetime | None]:
    """Number of the newest run of all streams, and the last moment that it recorded."""
    found = [] if reader is None else _rows_of(reader, EXTRACTION_RUNS, "last_recorded")
    return found[0] if found else (0, None)


def _rows_of(reader: Reader, table: Table, query: str, *parameters: str) -> list[tuple[Any, ...]]:
    """Rows of a query of one table, which may lack columns: no run of this version has met it."""
    sql = SQL[query]
    for column in {*table.column_names()} - {*reader.columns_of(table.name)}:
        sql = re.sub(rf"\b{column}\b", "null", sql)
    return reader.rows_if_loaded(sql, parameters)


def newest(reader: Reader, *, stream_id: str) -> dict[str, bool]:
    """The campaigns of an app, and whether they are marked deleted."""
    return dict(reader.rows(SQL["is_deleted"], [stream_id]))


Row = dict[str, Any]
LIVE: Final = "campaigns"
LIVE_LISTS: Final = ("campaign_calling_hours", "campaign_dnc_lists", "campaign_contact_lists")


def live_campaigns(
    reader: Reader, campaign_ids: Sequence[str], *, stream_id: str
) -> dict[str, list[Row]]:
    """The rows of the view `campaigns`, each with its rows of the list views below their names.

    Two rows of one campaign would be a fault, so both are returned.
    """
    found: defaultdict[str, list[Row]] = defaultdict(list)
    # a plain list of values is applied before the views rank the versions; `any(?)` is after
    marks = ", ".join("?" * len(campaign_ids))
    for name in (LIVE, *LIVE_LISTS):
        sql = f"select * from {VIEW_SCHEMA}.{name} where stream_id = ? and campaign_id in ({marks})"  # noqa: S608
        for row in reader.dicts(sql, [stream_id, *campaign_ids]):
            if name == LIVE:
                found[row["campaign_id"]].append(row | {each: [] for each in LIVE_LISTS})
                continue
            if row.pop("link", "sent") != "sent":  # the views found the list by its name
                row["contact_list_id"] = None
            for campaign in found[row["campaign_id"]][:1]:
                campaign[name].append(row)
    return found


# as many versions are in memory at once, or those of one campaign if it has more
VERSIONS_A_PAGE: Final = 500
_COMPLETED: Final = "_dlt_load_id in (select load_id from {_dlt_loads} where status = 0)"
_PAGE: Final = "where stream_id = ? and campaign_id between ? and ?"


def stored_versions(reader: Reader) -> Iterator[Row]:
    """Every version of every app with its nested rows, campaign after campaign, oldest first.

    A column that an older program did not have is None.
    """
    for page in pages(reader):
        sql = _select(reader, CAMPAIGN_VERSIONS.name, CAMPAIGN_VERSIONS)
        versions = reader.dicts(f"{sql} and {_COMPLETED} order by campaign_id, version", page)
        nested: dict[str, dict[tuple[str, int], list[Row]]] = {}
        for child in CAMPAIGN_VERSIONS.children:
            by_version = nested[child.name] = defaultdict(list)
            sql = _select(reader, nested_name(CAMPAIGN_VERSIONS, child), child)
            order = "order by campaign_id, version, position"
            for row in reader.dicts(f"{sql} {order}", page) if sql else ():
                by_version[row["campaign_id"], row["version"]].append(row)
        for row in versions:
            key = (row["campaign_id"], row["version"])
            yield row | {name: children.get(key, []) for name, children in nested.items()}


def pages(reader: Reader) -> Iterator[tuple[str, str, str]]:
    """A stream, its first and its last campaign: ranges with few versions each."""
    page: tuple[str, str, str] | None = None
    size = 0
    for stream_id, campaign_id, versions in reader.rows(SQL["versions_of_campaigns"]):
        if page is not None and page[0] == stream_id and size + versions <= VERSIONS_A_PAGE:
            page = (stream_id, page[1], campaign_id)
            size += versions
            continue
        if page is not None:
            yield page
        page, size = (stream_id, campaign_id, campaign_id), versions
    if page is not None:
        yield page


def _select(reader: Reader, name: str, table: Table) -> str:
    """The declared columns of a page; empty if an older program did not have the table."""
    known = reader.columns_of(name)
    columns = ", ".join(
        column if column in known else f"null as {column}" for column in table.column_names()
    )
    return f"select {columns} from {{{name}}} {_PAGE}" if known else ""  # noqa: S608
