"""What a database holds of campaigns, read a few at a time and never written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import dlt
import duckdb
from dlt.destinations.sql_client import SqlClientBase

from kore_campaigns.errors import DestinationUnavailable, first_line
from kore_campaigns.schema import CAMPAIGN_VERSIONS, RAW_SCHEMA, VIEW_SCHEMA, Table

Row = dict[str, Any]
Reader = SqlClientBase[Any]


class Cursor(Protocol):
    """Rows of an answer."""

    @property
    def description(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def fetchone(self) -> Any: ...

    def fetchmany(self, size: int = 1, /) -> list[Any]: ...


class HeldCursor(Cursor, Protocol):
    """One that holds something until it is closed."""

    def close(self) -> None: ...


class Connection(Protocol):
    """DuckDB's own, or one of a warehouse that is as good."""

    def execute(self, query: str, parameters: Any = None, /) -> Cursor: ...


class StreamingConnection(Connection, Protocol):
    """One that keeps the rows of an answer until they are fetched."""

    def stream(self, query: str, /) -> HeldCursor: ...


# as many versions are in memory at once, or those of one campaign if it has more
VERSIONS_A_PAGE = 500
LIVE = "campaigns"
LIVE_LISTS = ("campaign_calling_hours", "campaign_dnc_lists", "campaign_contact_lists")

# a version counts once its load was completed, as in the views
_COMPLETED = f"_dlt_load_id in (select load_id from {RAW_SCHEMA}._dlt_loads where status = 0)"  # noqa: S608
_CAMPAIGNS = f"""
select stream_id, campaign_id, count(*)
from {RAW_SCHEMA}.{CAMPAIGN_VERSIONS.name}
where {_COMPLETED}
group by stream_id, campaign_id order by stream_id, campaign_id
"""  # noqa: S608  # names of ours
_PAGE = "where stream_id = ? and campaign_id between ? and ?"
_NEWEST = f"""
select campaign_id, is_deleted from {VIEW_SCHEMA}.campaign_history
where stream_id = ? and is_current
"""  # noqa: S608  # names of ours
NEWEST_RUNS = "select stream_id, max(started_at) from {runs} group by stream_id"
_LAST_RUN = f"select max(started_at) from {RAW_SCHEMA}.extraction_runs where stream_id = ?"  # noqa: S608


@contextmanager
def reading(database: Path) -> Iterator[Connection]:
    """The file opened for reading: a run may swap another in meanwhile, this one stays.

    Raises `DestinationUnavailable`.
    """
    if not database.exists():
        reason = "it does not exist; `kore-campaigns run` makes it"
        raise DestinationUnavailable(str(database), reason)
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            yield connection
    except duckdb.Error as failed:
        raise DestinationUnavailable(str(database), first_line(failed)) from failed


def started_by_stream(rows: Iterable[tuple[Any, ...]]) -> dict[str, datetime]:
    """Start of the newest run of each stream, from the rows of `NEWEST_RUNS`."""
    return {stream_id: in_utc(started_at) for stream_id, started_at in rows}


@contextmanager
def at_one_moment(connection: Connection) -> Iterator[None]:
    """What is read meanwhile is as it is now."""
    connection.execute("begin transaction")
    try:
        yield
    finally:
        connection.execute("rollback")


def newest(connection: Connection, *, stream_id: str) -> dict[str, bool]:
    """The campaigns of an app, and whether they are marked deleted."""
    return dict(connection.execute(_NEWEST, [stream_id]).fetchall())


def last_run_at(connection: Connection, *, stream_id: str) -> datetime | None:
    """When the newest run of an app began."""
    found = connection.execute(_LAST_RUN, [stream_id]).fetchone()
    return found[0] if found else None


def live_campaigns(
    connection: Connection, campaign_ids: Sequence[str], *, stream_id: str
) -> dict[str, list[Row]]:
    """What analysts see of some campaigns: all columns, and the rows of the list views below their
    names.  More than one row of a campaign is a fault, and shown as such.
    """
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in _shown(connection, LIVE, campaign_ids, stream_id):
        found[row["campaign_id"]].append(row | {name: [] for name in LIVE_LISTS})
    for name in LIVE_LISTS:
        for row in _shown(connection, name, campaign_ids, stream_id):
            for campaign in found[row["campaign_id"]][:1]:
                campaign[name].append(_as_sent(row))
    return found


def _as_sent(row: Row) -> Row:
    """The row without the id of a contact list that the views have found by its name."""
    if row.pop("link", "sent") != "sent":
        row["contact_list_id"] = None
    return row


def _shown(
    connection: Connection, view: str, campaign_ids: Sequence[str], stream_id: str
) -> list[Row]:
    # a plain list of values is looked for before the views rank the versions; `any(?)` is after
    marks = ", ".join("?" * len(campaign_ids))
    text = f"select * from {VIEW_SCHEMA}.{view} where stream_id = ? and campaign_id in ({marks})"  # noqa: S608
    return _rows(connection, text, [stream_id, *campaign_ids])


def kept_versions(connection: Connection) -> Iterator[Row]:
    """Every version of every app with its nested rows, campaign after campaign, oldest first.

    A column that an older program did not know is empty.
    """
    for stream_id, first, last in pages(connection):
        where = [stream_id, first, last]
        text = _select(connection, CAMPAIGN_VERSIONS.name, CAMPAIGN_VERSIONS)
        order = f"{_PAGE} and {_COMPLETED} order by campaign_id, version"
        versions = _rows(connection, f"{text} {order}", where)
        nested = {
            child.name: _children(connection, child, where) for child in CAMPAIGN_VERSIONS.children
        }
        for row in versions:
            key = (row["campaign_id"], row["version"])
            yield row | {name: children.get(key, []) for name, children in nested.items()}


def pages(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Campaigns from one to another, in so many steps that each has few versions."""
    page: tuple[str, str, str] | None = None
    size = 0
    for stream_id, campaign_id, versions in connection.execute(_CAMPAIGNS).fetchall():
        if page is not None and page[0] == stream_id and size + versions <= VERSIONS_A_PAGE:
            page = (stream_id, page[1], campaign_id)
            size += versions
            continue
        if page is not None:
            yield page
        page, size = (stream_id, campaign_id, campaign_id), versions
    if page is not None:
        yield page


def columns_of_table(connection: Connection, name: str, schema: str = RAW_SCHEMA) -> list[str]:
    """Its columns; empty for one that is not there."""
    found = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = ? and table_name = ? order by ordinal_position",
        [schema, name],
    )
    return [column for (column,) in found.fetchall()]


def _children(
    connection: Connection, child: Table, where: list[Any]
) -> dict[tuple[str, int], list[Row]]:
    text = _select(connection, f"{CAMPAIGN_VERSIONS.name}__{child.name}", child)
    order = f"{_PAGE} order by campaign_id, version, position"
    found: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in _rows(connection, f"{text} {order}", where) if text else ():
        found[row["campaign_id"], row["version"]].append(row)
    return found


def _select(connection: Connection, name: str, table: Table) -> str:
    """All declared columns; nothing, where an older program did not know the table."""
    known = columns_of_table(connection, name)
    if not known:
        return ""
    columns = ", ".join(
        column if column in known else f"null as {column}" for column in table.column_names()
    )
    return f"select {columns} from {RAW_SCHEMA}.{name}"  # noqa: S608  # names of ours


def _rows(connection: Connection, text: str, parameters: Sequence[Any]) -> list[Row]:
    cursor = connection.execute(text, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


_TABLES = {
    "{versions}": "campaign_versions",
    "{loads}": "_dlt_loads",
    "{runs}": "extraction_runs",
    "{errors}": "extraction_errors",
    "{listings}": "campaign_listings",
    "{configured}": "configured_campaigns",
    "{drift}": "extraction_drift",
}
_ROWS_AT_ONCE = 1_000


@contextmanager
def sql_client(pipeline: dlt.Pipeline | None) -> Iterator[Reader | None]:
    """The destination, open for reading; None without a pipeline.

    One connection for several questions: dlt takes 40 ms to make one.
    """
    if pipeline is None:
        yield None
    else:
        with pipeline.sql_client() as client:
            yield client


def query(reader: Reader, sql: str, *parameters: str) -> Sequence[tuple[Any, ...]]:
    """Rows of a select on the raw tables, named in braces; none if they do not exist yet."""
    return list(select_rows(reader, sql, *parameters))


def select_rows(reader: Reader, sql: str, *parameters: str) -> Iterator[tuple[Any, ...]]:
    text = sql
    for mark, table in _TABLES.items():
        text = text.replace(mark, reader.make_qualified_table_name(table))
    from dlt.destinations.exceptions import DatabaseUndefinedRelation

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
