"""Small tables: rows are replaced by their key, in one transaction, without a load package.

Versions are history and go through dlt.  Runs, errors, policies, time zones and contact lists are
few rows, and a load package costs more than all of them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kore_campaigns.load.reader import Reader
from kore_campaigns.schema import Table

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Upsert:
    """Rows to write to a table, each in place of the row with its key, and keys to delete."""

    table: Table
    rows: Sequence[Row] = ()
    deleted: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class CurrentRows:
    """All rows that a table should have now, of those that agree with `where`."""

    table: Table
    rows: Sequence[Row]
    where: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    """Columns that alone are no difference, such as the time when a row was seen."""

    def upsert(self, reader: Reader) -> Upsert:
        """Compare with the stored rows: new and different ones to write, others to delete."""
        table = self.table
        stored = {_key(table, row): row for row in stored_rows(reader, table, self.where)}
        current = {_key(table, row): row for row in self.rows}
        compared = [name for name in table.column_names() if name not in self.ignored]
        rows = [
            row
            for key, row in current.items()
            if key not in stored or any(stored[key][name] != row.get(name) for name in compared)
        ]
        gone = [row for key, row in stored.items() if key not in current]
        return Upsert(table, rows, gone)


def stored_rows(
    reader: Reader, table: Table, where: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The rows of a table that agree with `where`; timestamps in UTC."""
    sql = f"select {', '.join(table.column_names())} from {{{table.name}}}"  # noqa: S608  # our names
    if where:
        sql += " where " + " and ".join(f"{name} = ?" for name in where)
    return reader.dicts(sql, [*(where or {}).values()])


def write_upserts(reader: Reader, upserts: Sequence[Upsert], *, run_id: str) -> None:
    """Write them in one transaction; a repetition changes nothing."""
    with reader.transaction():
        for upsert in upserts:
            table = upsert.table
            gone = [_key(table, row) for row in (*upsert.deleted, *upsert.rows)]
            reader.delete(table.name, ", ".join(table.key), gone)
            # no load package brings these rows, so they name the run in its place
            columns = ", ".join((*table.column_names(), "_dlt_load_id", "_dlt_id"))
            rows = [(*_cells(table, row), run_id, uuid.uuid4().hex) for row in upsert.rows]
            reader.insert(table.name, columns, rows)


def _cells(table: Table, row: Row) -> Iterator[Any]:
    for name in table.column_names():
        value = row.get(name)
        yield json.dumps(value) if isinstance(value, dict | list) else value


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in table.key)
