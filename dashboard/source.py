"""Views of a published DuckDB file or of Postgres as DataFrames; only `kore.*` is read.

Each query opens a connection and closes it again. So the dashboard sees a newly published file at
once, and no run ever waits for a dashboard.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd
import streamlit as st

SETTING: Final = "KORE_CAMPAIGNS_DATABASE"
DEFAULT: Final = "kore_campaigns.duckdb"
# a server has no file whose change could be detected
SERVER_SECONDS: Final = 60


class SourceError(Exception):
    """The data cannot be read; the message says what to do next."""


def address() -> str:
    """Address of the data: a path, or `postgresql://...`."""
    return os.environ.get(SETTING, DEFAULT)


def is_server() -> bool:
    return address().startswith(("postgresql://", "postgres://"))


def rows(sql: str, *parameters: Any) -> pd.DataFrame:
    """Run a select; parameters replace `?`. Raises `SourceError`."""
    return _read(sql, parameters, _stamp())


def _stamp() -> tuple[Any, ...]:
    """Value that changes when the data may have changed."""
    if is_server():
        return (address(), int(time.time()) // SERVER_SECONDS)
    try:
        status = Path(address()).stat()
    except OSError as missing:
        reason = f"`{address()}` cannot be read ({missing.strerror})"
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
            f"`{address()}` has no such views: {str(failed).splitlines()[0]}. "
            "Next: `kore-campaigns run` with this version creates them."
        )
        raise SourceError(message) from failed


def _from_file(sql: str, parameters: Sequence[Any]) -> pd.DataFrame:
    with duckdb.connect(address(), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        # through Arrow: duckdb's own data frames turn integers into floats if there are nulls
        table = connection.sql(sql, params=list(parameters)).to_arrow_table()
        found: pd.DataFrame = table.to_pandas()
        return found


def _from_server(sql: str, parameters: Sequence[Any]) -> pd.DataFrame:
    import psycopg2

    try:
        connection = psycopg2.connect(address(), options="-c timezone=UTC")
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql.replace("?", "%s"), list(parameters))
                names = [column[0] for column in cursor.description or ()]
                return pd.DataFrame(cursor.fetchall(), columns=names)
        finally:
            connection.close()
    except psycopg2.Error as failed:
        reason = str(failed).splitlines()[0] if str(failed) else type(failed).__name__
        message = f"the query failed: {reason}. Next: check `{SETTING}` and its views."
        raise SourceError(message) from failed
