"""Statements that put many rows into a table, or take them out by their keys, with parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from kore_campaigns.columns import Table

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
