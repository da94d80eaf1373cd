"""Tables that say how things are now: rows that differ from those held are put, others removed.

What a run of the sweep adds is history and only grows; policies, time zones and contact lists are
as their last reading found them.  A run in which none of it differs writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kore_campaigns.columns import Table
from kore_campaigns.held import Reader
from kore_campaigns.records import Records

Row = Mapping[str, Any]


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
    """The rows that the destination holds, as values of Python's; timestamps in any zone."""
    names = table.column_names()
    condition = " and ".join(f"{name} = %s" for name in where)
    sql = f"select {', '.join(names)} from {reader.make_qualified_table_name(table.name)}"  # noqa: S608  # names of ours
    if condition:
        sql += f" where {condition}"
    with reader.execute_query(sql, *where.values()) as cursor:
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in table.key)
