"""What a run says of itself, as rows: written by plain SQL, all of it in one transaction.

Versions go through dlt, these rows do not: they have no children and no history, and a dlt package
costs 0.6 CPU-s, which is more than a whole run that finds nothing new.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dlt
from dlt.destinations.exceptions import DatabaseException

from kore_campaigns.columns import Table
from kore_campaigns.errors import DestinationUnavailable
from kore_campaigns.row_sql import JsonRows, ValueRows

Row = Mapping[str, Any]


@dataclass(slots=True)
class Records:
    """Rows to put in place, and keys of rows to remove, per table."""

    put: list[tuple[Table, Sequence[Row]]] = field(default_factory=list)
    remove: list[tuple[Table, Sequence[Row]]] = field(default_factory=list)

    def add(self, more: Records) -> None:
        """Take in what others want written together with this."""
        self.put += more.put
        self.remove += more.remove


def write_records(pipeline: dlt.Pipeline, records: Records, *, run_id: str, database: str) -> None:
    """Each row in the place of the one with its key; a repetition changes nothing.

    Raises `DestinationUnavailable`, which names `database`; then nothing was written.
    """
    is_duckdb = pipeline.destination.destination_name == "duckdb"
    sql: type[JsonRows | ValueRows] = JsonRows if is_duckdb else ValueRows
    try:
        with pipeline.sql_client() as client, client.begin_transaction():
            for table, rows in [*records.remove, *records.put]:
                name = client.make_qualified_table_name(table.name)
                for some in _batches(rows, sql.at_once):
                    client.execute_sql(*sql.deletion(name, table, some))
            for table, rows in records.put:
                name = client.make_qualified_table_name(table.name)
                for some in _batches(rows, sql.at_once):
                    # no load of dlt's brings these rows, so they name the run in its place
                    named = [{**row, "_dlt_load_id": run_id, "_dlt_id": _new_id()} for row in some]
                    client.execute_sql(*sql.insertion(name, table, named))
    except DatabaseException as failed:
        reason = (str(failed).splitlines() or [type(failed).__name__])[0]
        raise DestinationUnavailable(database, reason) from failed


def _batches(rows: Sequence[Row], at_once: int) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), at_once):
        yield rows[first : first + at_once]


def _new_id() -> str:
    return uuid.uuid4().hex
