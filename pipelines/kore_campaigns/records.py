"""What a run says of itself, as rows: written by plain SQL, all of it in one transaction.

Versions go through dlt, these rows do not: they have no children and no history, and a dlt package
costs 0.6 CPU-s, which is more than a whole run that finds nothing new.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import dlt
from dlt.destinations.exceptions import DatabaseException

from kore_campaigns.columns import Table
from kore_campaigns.errors import DestinationUnavailable

Row = Mapping[str, Any]

_ROWS_AT_ONCE = 1_000
# of keys; those not named here are read as they are given, as texts
_TYPES: Final = {"bigint": "bigint", "timestamp": "timestamptz"}


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
    try:
        with pipeline.sql_client() as client, client.begin_transaction():
            for table, rows in [*records.remove, *records.put]:
                name = client.make_qualified_table_name(table.name)
                for some in _batches(rows):
                    client.execute_sql(_deletion(name, table), *_as_json(some, table.key))
            for table, rows in records.put:
                name = client.make_qualified_table_name(table.name)
                for some in _batches(rows):
                    # no load of dlt's brings these rows, so they name the run in its place
                    named = [{**row, "_dlt_load_id": run_id, "_dlt_id": _new_id()} for row in some]
                    client.execute_sql(_insertion(name, table), *_as_json(named, _columns(table)))
    except DatabaseException as failed:
        reason = (str(failed).splitlines() or [type(failed).__name__])[0]
        raise DestinationUnavailable(database, reason) from failed


# One parameter holds all rows: with one per value DuckDB takes ten times as long (0.6 CPU-s for
# 10,000 rows).
_ROWS = "(select unnest(from_json(%s, %s)) as r) as given"


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        yield rows[first : first + _ROWS_AT_ONCE]


def _deletion(name: str, table: Table) -> str:
    types = {column.name: _TYPES.get(column.data_type) for column in table.columns}
    keys = ", ".join(table.key)
    # DuckDB compares a tuple with one of the same types alone
    given = ", ".join(f"cast(r.{n} as {types[n]})" if types[n] else f"r.{n}" for n in table.key)
    return f"delete from {name} where ({keys}) in (select ({given}) from {_ROWS})"  # noqa: S608  # names of ours


def _insertion(name: str, table: Table) -> str:
    columns = _columns(table)
    return f"insert into {name} ({', '.join(columns)}) select {_given(columns)} from {_ROWS}"  # noqa: S608  # names of ours


def _columns(table: Table) -> tuple[str, ...]:
    return (*table.column_names(), "_dlt_load_id", "_dlt_id")


def _given(columns: Sequence[str]) -> str:
    return ", ".join(f"r.{column}" for column in columns)


def _as_json(rows: Sequence[Row], columns: Sequence[str]) -> tuple[str, str]:
    """The rows as one JSON text, and what DuckDB is to read from it: texts, cast on insertion."""
    document = [{column: row.get(column) for column in columns} for row in rows]
    return json.dumps(document, default=str), json.dumps([dict.fromkeys(columns, "VARCHAR")])


def _new_id() -> str:
    return uuid.uuid4().hex
