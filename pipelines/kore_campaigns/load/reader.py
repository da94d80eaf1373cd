"""One way to read a database: DuckDB, Postgres and dlt's other warehouses each have a `Reader`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kore_campaigns.schema import RAW_SCHEMA

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 1_000


class Reader(ABC):
    """An open connection that answers selects. Timestamps are in UTC, JSON is text.

    In SQL `?` is a parameter and `{campaign_versions}` the raw table of that name.
    """

    missing_table: type[Exception]
    """What the driver raises for a table that does not exist."""

    @abstractmethod
    def batches(
        self, sql: str, parameters: Sequence[Any] = (), *, size: int = BATCH_ROWS
    ) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Rows in batches of `size`; the next query may start when all were taken."""

    @abstractmethod
    def dicts(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """All rows by column name."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """A transaction: it reads one state of the database, and is rolled back on an error."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows."""
        return [row for batch in self.batches(sql, parameters) for row in batch]

    def rows_if_loaded(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows; none if a table does not exist because nothing was ever loaded into it."""
        try:
            return self.rows(sql, parameters)
        except self.missing_table:
            return []

    def columns_of(self, table: str, schema: str = RAW_SCHEMA) -> list[str]:
        """Column names of a table in their order; empty if it does not exist."""
        # no parameters: DuckDB imports pandas for them, which takes longer than the query
        sql = f"""
        select column_name from information_schema.columns
        where table_schema = '{schema}' and table_name = '{table}' order by ordinal_position
        """  # noqa: S608  # names of ours
        return [column for (column,) in self.rows(sql)]

    def record_batches(self, sql: str, schema: pa.Schema, *, size: int) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow, in the columns and types of `schema`."""
        import pyarrow as pa

        for rows in self.batches(sql, size=size):
            cells = zip(*rows, strict=True)
            arrays = [pa.array(each, field.type) for each, field in zip(cells, schema, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def qualified(self, table: str) -> str:
        """Name of a raw table with its schema."""
        return f"{RAW_SCHEMA}.{table}"

    def _named(self, sql: str) -> str:
        return re.sub(r"\{(\w+)}", lambda name: self.qualified(name[1]), sql)


class CopyTarget(Reader):
    """A reader of an empty database into which rows are copied."""

    @abstractmethod
    def insert(self, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows to a table; the values are those that DuckDB returned."""


def in_utc(moment: datetime | str) -> datetime:
    """A moment as drivers hand it out: with a zone, in UTC without one, or as text."""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
