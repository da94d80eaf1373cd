"""Tables that say how things are now: rows that differ from those held are put, others removed.

What a run of the sweep adds is history and only grows; policies, time zones and contact lists are
as their last reading found them.  A run in which none of it differs writes nothing.

"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import dlt
from dlt.destinations.exceptions import DatabaseException

from kore_campaigns.errors import DestinationUnavailable, first_line
from kore_campaigns.load.reader import Reader
from kore_campaigns.schema import Table

Row = Mapping[str, Any]
Statement = tuple[Any, ...]
"""The text, then its parameters."""


class JsonRows:
    """For DuckDB: one parameter holds all rows. With one per value it takes ten times as long
    (0.6 CPU-s for 10,000 rows).
    """

    at_once: ClassVar = 1_000
    # of keys; those not named here are read as they are given, as texts
    _TYPES: Final = {"bigint": "bigint", "timestamp": "timestamptz"}
    _GIVEN: Final = "(select unnest(from_json(%s, %s)) as r) as given"

    @classmethod
    def deletion(cls, name: str, table: Table, rows: Sequence[Row]) -> Statement:
        types = {column.name: cls._TYPES.get(column.data_type) for column in table.columns}
        keys = ", ".join(table.key)
        # DuckDB compares a tuple with one of the same types alone
        given = ", ".join(f"cast(r.{n} as {types[n]})" if types[n] else f"r.{n}" for n in table.key)
        text = f"delete from {name} where ({keys}) in (select ({given}) from {cls._GIVEN})"  # noqa: S608  # names of ours
        return text, *_as_json(rows, table.key)

    @classmethod
    def insertion(cls, name: str, table: Table, rows: Sequence[Row]) -> Statement:
        columns = _columns(table)
        given = ", ".join(f"r.{column}" for column in columns)
        text = f"insert into {name} ({', '.join(columns)}) select {given} from {cls._GIVEN}"  # noqa: S608  # names of ours
        return text, *_as_json(rows, columns)


class ValueRows:
    """For any other SQL database: a parameter per value."""

    at_once: ClassVar = 500

    @classmethod
    def deletion(cls, name: str, table: Table, rows: Sequence[Row]) -> Statement:
        one = " and ".join(f"{column} = %s" for column in table.key)
        some = " or ".join([f"({one})"] * len(rows))
        text = f"delete from {name} where {some}"  # noqa: S608  # names of ours
        return text, *(row[column] for row in rows for column in table.key)

    @classmethod
    def insertion(cls, name: str, table: Table, rows: Sequence[Row]) -> Statement:
        columns = _columns(table)
        is_json = {column.name for column in table.columns if column.data_type == "json"}
        one = f"({', '.join(['%s'] * len(columns))})"
        some = ", ".join([one] * len(rows))
        text = f"insert into {name} ({', '.join(columns)}) values {some}"  # noqa: S608  # names of ours
        return text, *(
            _json_text(row.get(column)) if column in is_json else row.get(column)
            for row in rows
            for column in columns
        )


def _columns(table: Table) -> tuple[str, ...]:
    return (*table.column_names(), "_dlt_load_id", "_dlt_id")


def _json_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)


def _as_json(rows: Sequence[Row], columns: Sequence[str]) -> tuple[str, str]:
    """The rows as one JSON text, and what DuckDB is to read from it: texts, cast on insertion."""
    document = [{column: row.get(column) for column in columns} for row in rows]
    return json.dumps(document, default=str), json.dumps([dict.fromkeys(columns, "VARCHAR")])


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
        raise DestinationUnavailable(database, first_line(failed)) from failed


def _batches(rows: Sequence[Row], at_once: int) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), at_once):
        yield rows[first : first + at_once]


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Reference:
    """All rows that `table` is to hold, of those that agree with `where`."""

    table: Table
    rows: Sequence[Row]
    where: Mapping[str, str] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    """Columns that alone make no difference, such as when a row was seen."""


def reference_records(reader: Reader, references: Iterable[Reference]) -> Records:
    """What has to be written for the tables to hold the rows given and no others."""
    records = Records()
    for reference in references:
        put, remove = differing(reader, reference)
        if put:
            records.put.append((reference.table, put))
        if remove:
            records.remove.append((reference.table, remove))
    return records


def differing(reader: Reader, reference: Reference) -> tuple[Sequence[Row], Sequence[Row]]:
    """Rows that are new or different, and the keys of rows held that are no longer given."""
    table = reference.table
    held = {_key(table, row): row for row in held_rows(reader, table, reference.where)}
    given = {_key(table, row): row for row in reference.rows}
    compared = [name for name in table.column_names() if name not in reference.unseen]
    put = [
        row
        for key, row in given.items()
        if key not in held or any(held[key][name] != row.get(name) for name in compared)
    ]
    gone = [dict(zip(table.key, key, strict=True)) for key in held if key not in given]
    return put, gone


def held_rows(reader: Reader, table: Table, where: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows that the destination holds, as values of Python's; timestamps in UTC."""
    sql = f"select {', '.join(table.column_names())} from {{{table.name}}}"  # noqa: S608  # names of ours
    if where:
        sql += " where " + " and ".join(f"{name} = ?" for name in where)
    return reader.dicts(sql, [*where.values()])


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in table.key)
