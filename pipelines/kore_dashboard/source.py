"""Snapshot of the views, in memory; the pages query it, and only `kore.*` is read.

A snapshot belongs to one state of a published DuckDB file or of Postgres. It copies a view when a
query first names it. So queries of the pages take milliseconds, a newly published file is seen at
once, and no run ever waits for a dashboard.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import duckdb
import pandas as pd
import pyarrow as pa
import streamlit as st

from kore_campaigns.config.paths import local_path, looks_like_address
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.schema import queries

SETTING: Final = "KORE_CAMPAIGNS_DATABASE"
DEFAULT: Final = "kore_campaigns.duckdb"
QUERIES: Final = queries("kore_dashboard.queries") | {
    "shown.grouped": queries("kore_campaigns.reports.html")["findings"].replace(
        "kore.findings", "shown.findings"
    )
}
# how long after a run a visitor may see the rows before it, on a server
SERVER_SECONDS: Final = 60
# wide, and no page shows them
LEFT_OUT: Final = {"raw", "content_hash", "schedule"}
NAMED: Final = re.compile(r"\b(kore|shown)\.(\w+)")
VARIABLES: Final = {
    "moment": "timestamptz",
    "name": "varchar",
    "is_filtered": "boolean",
    **dict.fromkeys(("apps", "types", "statuses", "zones", "dnc"), "varchar[]"),
}
"""Filters as variables of a session, with their types; null is no filter, or the present."""
# of columns of Postgres: one without a value must have its type, too; the others are texts
TYPES: Final = {
    16: pa.bool_(),
    20: pa.int64(),
    23: pa.int64(),
    701: pa.float64(),
    1082: pa.date32(),
    1083: pa.time64("us"),
    1184: pa.timestamp("us", tz="UTC"),
    1700: pa.float64(),
}


class SourceError(Exception):
    """The data cannot be read; the message says what to do next."""


def address() -> str:
    """Path of a file, or an address of Postgres in any form: never shown, see `shown`."""
    return os.environ.get(SETTING, DEFAULT)


def is_server() -> bool:
    return looks_like_address(address())


def _server() -> dict[str, str]:
    """The parts of the address of Postgres. Raises `SourceError`, which repeats nothing of it."""
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn

    # SQLAlchemy names the driver in the scheme
    plain = re.sub(r"^(postgres\w*)\+\w+:", r"\1:", address().strip(" \t\r\n'\""))
    parts: dict[str, str] = {}
    with suppress(ProgrammingError):
        parts = dict(parse_dsn(plain))
    # the rest of a password in which `@` or `/` is not written `%40` or `%2F`
    if not parts or any("@" in parts.get(each, "")[1:] for each in ("host", "port", "dbname")):
        message = (
            f"`{SETTING}` is neither a path nor an address such as "
            "`postgresql://reader:password@host/database`, with `%40` for an `@` in the password. "
            "Next: correct it."
        )
        raise SourceError(message)
    return parts


def shown() -> str:
    """Path of the file, or host and database of the server."""
    if not is_server():
        return address()
    parts = _server()
    return f"{parts.get('host', 'localhost')}/{parts.get('dbname', '')}"


def rows(name: str, scope: Mapping[str, Any] | None = None, **parameters: Any) -> pd.DataFrame:
    """Run a query of `queries.sql`; `scope` are the filters. Raises `SourceError`."""
    try:
        return _rows(_stamp(), name, dict(scope or {}), parameters)
    except duckdb.Error as failed:
        message = (
            f"`{shown()}` has no such views: {str(failed).splitlines()[0]}. "
            "Next: `kore-campaigns run` with this version creates them."
        )
        raise SourceError(message) from failed


# ages of findings are counted to the present
@st.cache_data(show_spinner=False, max_entries=500, ttl=300)
def _rows(
    stamp: tuple[Any, ...], name: str, scope: Mapping[str, Any], parameters: Mapping[str, Any]
) -> pd.DataFrame:
    return _snapshot(stamp).rows(name, scope, parameters)


def _stamp() -> tuple[Any, ...]:
    """Value that changes when the data may have changed."""
    if is_server():
        return (address(), *_newest_run(address(), int(time.time()) // SERVER_SECONDS))
    try:
        status = local_path(address(), key=SETTING).stat()
    except (OSError, SettingInvalid) as missing:
        reason = f"`{shown()}` cannot be read ({getattr(missing, 'strerror', 'no path')})"
        message = (
            f"{reason}. Next: `kore-campaigns run` creates it, or set `{SETTING}` to its path."
        )
        raise SourceError(message) from missing
    return (address(), status.st_ino, status.st_mtime_ns, status.st_size)


class Snapshot:
    """Copies of views in a DuckDB database in memory, and what the queries make of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: set[str] = set()
        self._view = _from_server if is_server() else _published_file()
        self._memory = duckdb.connect()
        self._memory.execute("create schema kore; create schema shown")
        _set(self._memory, {})

    def rows(
        self, name: str, scope: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> pd.DataFrame:
        with self._lock:
            self._make(QUERIES[name])
        with self._memory.cursor() as cursor:
            _set(cursor, scope)
            # through Arrow: duckdb's own data frames turn integers into floats if there are nulls
            found = cursor.execute(QUERIES[name], dict(parameters)).to_arrow_table()
            frame: pd.DataFrame = found.to_pandas()
            return frame

    def _make(self, sql: str) -> None:
        """Make the tables and views that the query names, and those that they name."""
        for schema, name in NAMED.findall(sql):
            full = f"{schema}.{name}"
            if full in self._made:
                continue
            if schema == "shown":
                self._make(QUERIES[full])
                self._memory.execute(f"create view {full} as {QUERIES[full]}")
            else:
                self._memory.from_arrow(self._view(name)).create(full)
            self._made.add(full)


def _set(session: duckdb.DuckDBPyConnection, scope: Mapping[str, Any]) -> None:
    session.execute("set timezone = 'UTC'")
    for name, data_type in VARIABLES.items():
        session.execute(f"set variable {name} = cast(? as {data_type})", [scope.get(name)])
    session.execute("set variable instant = coalesce(getvariable('moment'), now())")


@st.cache_data(show_spinner=False, max_entries=1)
def _newest_run(of: str, minute: int) -> tuple[Any, ...]:
    """A run may have changed a server; what else may have is seen after an hour."""
    runs = _from_server("runs").to_pandas()
    return (len(runs), str(runs["finished_at"].max()), minute // 60)


@st.cache_resource(show_spinner="Reading the database", max_entries=1)
def _snapshot(stamp: tuple[Any, ...]) -> Snapshot:
    return Snapshot()


def _published_file() -> Callable[[str], pa.Table]:
    """Open the file; the function reads a view of it, also after another one has replaced it."""
    path = str(local_path(address(), key=SETTING)).replace("'", "''")
    # a database of its own: connections of one process to one path would share the file that is
    # open, which may be an older one
    opened = duckdb.connect()
    opened.execute(f"attach '{path}' as published (read_only); use published")
    opened.execute("set timezone = 'UTC'")

    def view(name: str) -> pa.Table:
        found = opened.sql(f"from kore.{name}")
        columns = [each for each in found.columns if each not in LEFT_OUT]
        return found.select(*columns).to_arrow_table()

    return view


def _from_server(view: str) -> pa.Table:
    import psycopg2
    from psycopg2.sql import SQL, Identifier

    parts = _server()
    of_it = Identifier("kore", view)
    try:
        connection = psycopg2.connect(**{**parts, "options": "-c timezone=UTC"})
        try:
            with connection.cursor() as cursor:
                cursor.execute(SQL("select * from {} limit 0").format(of_it))
                names = [each.name for each in cursor.description or ()]
                columns = [Identifier(name) for name in names if name not in LEFT_OUT]
                cursor.execute(SQL("select {} from {}").format(SQL(", ").join(columns), of_it))
                described = cursor.description or ()
                values = list(zip(*cursor.fetchall(), strict=True)) or [() for _ in described]
                return pa.table(
                    {
                        each.name: pa.array(column, TYPES.get(each.type_code, pa.string()))
                        for each, column in zip(described, values, strict=True)
                    }
                )
        finally:
            connection.close()
    except psycopg2.Error as failed:
        reason = str(failed).splitlines()[0] if str(failed) else type(failed).__name__
        for name, value in parts.items():
            if name not in ("host", "dbname", "port"):
                reason = reason.replace(value, "(not shown)")
        message = f"`{shown()}`: the query failed: {reason}. Next: check `{SETTING}` and its views."
        raise SourceError(message) from failed
