"""Views of a published DuckDB file or of Postgres as DataFrames; only `kore.*` is read.

Each query opens a connection and closes it again. So the dashboard sees a newly published file at
once, and no run ever waits for a dashboard.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from typing import Any, Final

import duckdb
import pandas as pd
import streamlit as st

from kore_campaigns.config.paths import local_path, looks_like_address
from kore_campaigns.errors import SettingInvalid

SETTING: Final = "KORE_CAMPAIGNS_DATABASE"
DEFAULT: Final = "kore_campaigns.duckdb"
# a server has no file whose change could be detected
SERVER_SECONDS: Final = 60


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
    try:
        return dict(parse_dsn(plain))
    except ProgrammingError:
        message = (
            f"`{SETTING}` is neither a path nor an address such as "
            "`postgresql://reader:password@host/database`. Next: correct it."
        )
        raise SourceError(message) from None


def shown() -> str:
    """Path of the file, or host and database of the server."""
    if not is_server():
        return address()
    parts = _server()
    return f"{parts.get('host', 'localhost')}/{parts.get('dbname', '')}"


def rows(sql: str, *parameters: Any) -> pd.DataFrame:
    """Run a select; parameters replace `?`. Raises `SourceError`."""
    return _read(sql, parameters, _stamp())


def _stamp() -> tuple[Any, ...]:
    """Value that changes when the data may have changed."""
    if is_server():
        return (address(), int(time.time()) // SERVER_SECONDS)
    try:
        status = local_path(address(), key=SETTING).stat()
    except (OSError, SettingInvalid) as missing:
        reason = f"`{shown()}` cannot be read ({getattr(missing, 'strerror', 'no path')})"
        message = (
            f"{reason}. Next: `kore-campaigns run` creates it, or set `{SETTING}` to its path."
        )
        raise SourceError(message) from missing
    return (address(), status.st_ino, status.st_mtime_ns, status.st_size)


@st.cache_data(show_spinner=False, max_entries=100)
def _read(sql: str, parameters: Sequence[Any], stamp: tuple[Any, ...]) -> pd.DataFrame:
    try:
        return _from_server(sql, parameters) if is_server() else _from_file(sql, parameters)
    except duckdb.Error as failed:
        message = (
            f"`{shown()}` has no such views: {str(failed).splitlines()[0]}. "
            "Next: `kore-campaigns run` with this version creates them."
        )
        raise SourceError(message) from failed


def _from_file(sql: str, parameters: Sequence[Any]) -> pd.DataFrame:
    path = str(local_path(address(), key=SETTING)).replace("'", "''")
    # a database of its own: connections of one process to one path would share the file that is
    # open, which may be an older one
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as published (read_only)")
        connection.execute("use published")
        connection.execute("set timezone = 'UTC'")
        # through Arrow: duckdb's own data frames turn integers into floats if there are nulls
        table = connection.sql(sql, params=list(parameters)).to_arrow_table()
        found: pd.DataFrame = table.to_pandas()
        return found


def _from_server(sql: str, parameters: Sequence[Any]) -> pd.DataFrame:
    import psycopg2

    parts = _server()
    try:
        connection = psycopg2.connect(**{**parts, "options": "-c timezone=UTC"})
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql.replace("?", "%s"), list(parameters))
                names = [column[0] for column in cursor.description or ()]
                return pd.DataFrame(cursor.fetchall(), columns=names)
        finally:
            connection.close()
    except psycopg2.Error as failed:
        reason = str(failed).splitlines()[0] if str(failed) else type(failed).__name__
        for name, value in parts.items():
            if name not in ("host", "dbname", "port"):
                reason = reason.replace(value, "(not shown)")
        message = f"`{shown()}`: the query failed: {reason}. Next: check `{SETTING}` and its views."
        raise SourceError(message) from failed
