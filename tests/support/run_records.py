"""A database with all tables and views, filled by hand: what runs said of themselves, no run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb

from kore_campaigns import schema
from kore_campaigns.extract.report import COUNTERS
from kore_campaigns.load.dlt_load import duckdb_pipeline
from kore_campaigns.schema import Table
from support.made_database import made_database

STREAM = "st-1"
START = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def open_pipeline(database: Path) -> AbstractContextManager[dlt.Pipeline]:
    """The pipeline of a file with all tables and views."""
    return duckdb_pipeline(database, pipelines_dir=database.parent / "dlt")


class Record:
    """Rows go in, views come out."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self._connection: duckdb.DuckDBPyConnection | None = None
        database.write_bytes(made_database())
        into = "insert into kore_raw._dlt_loads (load_id, schema_name, status, inserted_at)"
        self.sql(f"{into} values ('load', 'x', 0, now())")

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """All that is done inside in one transaction; otherwise each call has its own."""
        with duckdb.connect(str(self.database)) as connection:
            connection.begin()
            self._connection = connection
            try:
                yield
            finally:
                self._connection = None
            connection.commit()

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        if self._connection is not None:
            return self._connection.execute(query, list(parameters)).fetchall()
        with duckdb.connect(str(self.database)) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(query, list(parameters)).fetchall()

    def add(self, table: Table, row: dict[str, Any]) -> None:
        full = row | {"_dlt_load_id": "load", "_dlt_id": uuid.uuid4().hex}
        marks = ", ".join("?" * len(full))
        into = f"insert into {schema.RAW_SCHEMA}.{table.name} ({', '.join(full)})"
        self.sql(f"{into} values ({marks})", *full.values())

    def run(self, run_id: str, started_at: datetime, **facts: Any) -> None:
        """A complete full sweep of an hour, unless told otherwise."""
        usual = {
            "run_id": run_id,
            "account_id": "a-1",
            "stream_id": STREAM,
            "started_at": started_at,
            "finished_at": started_at + HOUR,
            "sweep": "full",
            **dict.fromkeys(COUNTERS, 0),
            "is_complete": True,
            "exit_code": 0,
            "tool_version": "0",
            "stale_after_seconds": 10**9,
        }
        self.add(schema.EXTRACTION_RUNS, usual | facts)

    def configured(self, campaign_id: str, since: datetime, **facts: Any) -> None:
        usual = {"account_id": "a-1", "stream_id": STREAM, "campaign_id": campaign_id}
        self.add(schema.CONFIGURED_CAMPAIGNS, usual | {"configured_at": since} | facts)

    def error(self, run_id: str, campaign_id: str, at: datetime, **facts: Any) -> None:
        usual = {"run_id": run_id, "stream_id": STREAM, "campaign_id": campaign_id}
        usual |= {"error_code": "not_found", "message": f"HTTP 404 in {run_id}"}
        self.add(schema.EXTRACTION_ERRORS, usual | {"occurred_at": at} | facts)

    def version(self, campaign_id: str, observed_at: datetime, **facts: Any) -> None:
        usual = {
            "account_id": "a-1",
            "stream_id": STREAM,
            "campaign_id": campaign_id,
            "version": 1,
            "observed_at": observed_at,
            "valid_from": observed_at,
            "is_deleted": False,
            "name": f"name of {campaign_id}",
        }
        self.add(schema.CAMPAIGN_VERSIONS, usual | facts)

    def drift(self, run_id: str, path: str, count: int, first_seen_at: datetime) -> None:
        key = {"run_id": run_id, "stream_id": STREAM, "path": path, "example_type": "number"}
        facts = {"campaign_count": count, "first_seen_at": first_seen_at}
        self.add(schema.EXTRACTION_DRIFT, {**key, **facts})
