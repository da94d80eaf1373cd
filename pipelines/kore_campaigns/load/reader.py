"""One way to read a database: DuckDB, Postgres and dlt's other warehouses each have a `Reader`."""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from kore_campaigns.schema import ALL_TABLES, RAW_SCHEMA, TABLES, queries
from kore_campaigns.views.apply import VIEWS, columns_of, view_sql

if TYPE_CHECKING:
    import dlt
    import pyarrow as pa

BATCH_ROWS: Final = 1_000
Row = tuple[Any, ...]
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d)?")


class Reader(ABC):
    """An open connection that answers selects. Timestamps are in UTC, JSON is text.

    In SQL `?` is a parameter and `{campaign_versions}` the raw table of that name.
    """

    missing_table: type[Exception]
    """What the driver raises for a table that does not exist."""

    @abstractmethod
    def cursor(self, sql: str, parameters: Sequence[Any] = ()) -> AbstractContextManager[Any]:
        """The DB-API cursor of an executed statement."""

    def batches(
        self, sql: str, parameters: Sequence[Any] = (), *, size: int = BATCH_ROWS
    ) -> Iterator[list[Row]]:
        """Rows in batches of `size`; the next query may start when all were taken."""
        with self.cursor(sql, parameters) as cursor:
            while rows := cursor.fetchmany(size):
                yield [tuple(map(self.plain, row)) for row in rows]

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows."""
        with self.cursor(sql, parameters) as cursor:
            return [tuple(map(self.plain, row)) for row in cursor.fetchall()]

    def dicts(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """All rows by column name."""
        with self.cursor(sql, parameters) as cursor:
            names = self.column_names(cursor)
            return [
                dict(zip(names, map(self.plain, row), strict=True)) for row in cursor.fetchall()
            ]

    def plain(self, value: Any) -> Any:
        """One value for all drivers: a timestamp in UTC, the text of a JSON document."""
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return json.dumps(value) if isinstance(value, dict | list) else value

    def column_names(self, cursor: Any) -> list[str]:
        """Column names of a result in their order."""
        return [column[0] for column in cursor.description]

    def rows_if_loaded(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows; none if a table does not exist because nothing was ever loaded into it."""
        try:
            return self.rows(sql, parameters)
        except self.missing_table:
            return []

    def columns_of(self, table: str, schema: str = RAW_SCHEMA) -> list[str]:
        """Column names of a table in their order; empty if it does not exist."""
        # the information schema of Postgres hides what a role may not read; this is refused
        name = self.qualified(table) if schema == RAW_SCHEMA else f"{schema}.{table}"
        try:
            with self.cursor(f"select * from {name} where 1 = 0") as cursor:  # noqa: S608  # our names
                return self.column_names(cursor)
        except self.missing_table:
            return []

    def record_batches(self, sql: str, schema: pa.Schema, *, size: int) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow, in the columns and types of `schema`."""
        import pyarrow as pa

        for rows in self.batches(sql, size=size):
            cells = zip(*rows, strict=True)
            arrays = [pa.array(each, field.type) for each, field in zip(cells, schema, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Carry out a statement that returns nothing."""
        with self.cursor(sql, parameters):
            pass

    def insert(self, table: str, columns: str, rows: Sequence[Row]) -> None:
        """Add rows to a raw table."""
        one = f"({', '.join('?' for _ in columns.split(', '))})"
        for some in of_statements(rows):
            marks = ", ".join([one] * len(some))
            sql = f"insert into {self.qualified(table)} ({columns}) values {marks}"  # noqa: S608  # our names
            self.execute(sql, [cell for row in some for cell in row])

    def delete(self, table: str, columns: str, keys: Sequence[Row]) -> None:
        """Remove the rows of a raw table that have one of the keys in these columns."""
        one = " and ".join(f"{column} = ?" for column in columns.split(", "))
        for some in of_statements(keys):
            condition = " or ".join([f"({one})"] * len(some))
            sql = f"delete from {self.qualified(table)} where {condition}"  # noqa: S608  # our names
            self.execute(sql, [cell for row in some for cell in row])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Read one state of the database, and commit. After an error the connection is of no more
        use; closing it rolls back.
        """
        self.execute("begin transaction")
        yield
        self.execute("commit")

    def qualified(self, table: str) -> str:
        """Name of a raw table with its schema."""
        return f"{RAW_SCHEMA}.{table}"

    def named(self, sql: str) -> str:
        """The SQL with qualified names of raw tables."""
        return re.sub(r"\{(\w+)}", lambda name: self.qualified(name[1]), sql)


# keeps a statement below the number of parameters that a driver takes, and its text below 1 MB
_ROWS_A_STATEMENT: Final = 500


def of_statements(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows of one statement after the other."""
    for first in range(0, len(rows), _ROWS_A_STATEMENT):
        yield rows[first : first + _ROWS_A_STATEMENT]


class DltReader(Reader):
    """A connection of dlt's SQL client, for databases without our own driver."""

    def __init__(self, client: Any) -> None:
        from dlt.destinations.exceptions import DatabaseUndefinedRelation

        self.missing_table = DatabaseUndefinedRelation
        self._client = client

    @contextmanager
    def cursor(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        statement = self.named(sql).replace("?", "%s")
        with self._client.execute_query(statement, *parameters) as cursor:
            yield cursor

    def plain(self, value: Any) -> Any:
        # SQLite has no timestamps: dlt stores their text
        if isinstance(value, str) and _TIMESTAMP.fullmatch(value):
            value = datetime.fromisoformat(value)
        return super().plain(value)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._client.begin_transaction():
            yield

    def column_names(self, cursor: Any) -> list[str]:
        return [*cursor.columns_schema]  # what SQLAlchemy returns has no `description`

    def qualified(self, table: str) -> str:
        return str(self._client.make_qualified_table_name(table))


@contextmanager
def pipeline_reader(pipeline: dlt.Pipeline | None) -> Iterator[Reader | None]:
    """Read what a pipeline has loaded, whatever its destination; None without a pipeline."""
    if pipeline is None:
        yield None
        return
    with pipeline.sql_client() as client:
        yield DltReader(client)


SQL: Final = queries(__name__)


def is_made(reader: Reader) -> bool:
    """True if tables and views are as this version of the program makes them.

    A comment in the database says so.  It is a digest of the declarations and of the tables and
    views in the database, so it also differs if an older program or a user changed them.
    """
    return (_mark(reader),) in reader.rows(SQL["comment"])


def mark_as_made(reader: Reader) -> None:
    """Say in the database that this version has made its tables and views."""
    reader.execute(f"comment on table {RAW_SCHEMA}._dlt_version is '{_mark(reader)}'")


def _mark(reader: Reader) -> str:
    columns = [columns_of(view) for view in VIEWS]
    declared = [version("dlt"), TABLES, columns, [*map(view_sql, VIEWS)]]
    made = [
        row
        for query in ("columns", "views")
        for row in reader.rows(SQL[query])
        # an analyst's own table or view is no reason to drop ours
        if row[0] in ALL_TABLES or row[0] in VIEWS
    ]
    return f"made by kore-campaigns, {hashlib.sha256(repr([declared, made]).encode()).hexdigest()}"
