"""A view as Arrow batches, with the declared types and descriptions, whatever database it is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, cast

import duckdb
import pyarrow as pa

from kore_campaigns.arrow import TYPES
from kore_campaigns.errors import DestinationUnavailable, SettingInvalid
from kore_campaigns.stored import Connection, StreamingConnection, columns_of_table
from kore_campaigns.tables import VIEW_SCHEMA, columns_of
from kore_campaigns.views.apply import VIEWS, view_description

ROWS_A_BATCH: Final = 5_000


def known_view(name: str) -> str:
    """The name, or `SettingInvalid` with those there are."""
    if name not in VIEWS:
        raise SettingInvalid(key="view", value=name, expected="one of " + ", ".join(sorted(VIEWS)))
    return name


def view_schema(connection: Connection, view: str, *, database: str) -> pa.Schema:
    """The columns that the view has there, which an earlier version may have made.

    Raises `DestinationUnavailable`, naming the `database`, if there is no such view.
    """
    declared = columns_of(view)
    fields = []
    for name in columns_of_table(connection, view, VIEW_SCHEMA):
        column = declared.get(name)
        data_type = "text" if column is None else column.data_type
        said = {} if column is None else {"description": column.description}
        fields.append(pa.field(name, TYPES[data_type], metadata=said))
    if not fields:
        reason = f"it has no view `{view}`; `kore-campaigns run` of this version makes it"
        raise DestinationUnavailable(database, reason)
    return pa.schema(fields, {"description": view_description(view)})


def view_batches(connection: Connection, view: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """All rows of a view, a few thousand at a time."""
    query = f"select {', '.join(schema.names)} from {VIEW_SCHEMA}.{view}"  # noqa: S608  # names of ours
    if isinstance(connection, duckdb.DuckDBPyConnection):
        asked = connection.execute(query)
        # one method, whose name is another one from DuckDB 1.5
        in_batches = getattr(asked, "to_arrow_reader", None) or asked.fetch_record_batch
        for batch in in_batches(ROWS_A_BATCH):
            arrays = [each.cast(field.type) for each, field in zip(batch, schema, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        return
    with closing(cast("StreamingConnection", connection).stream(query)) as cursor:
        while rows := cursor.fetchmany(ROWS_A_BATCH):
            yield _batch(rows, schema)


def _batch(rows: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    cells = zip(*rows, strict=True)
    arrays = [pa.array(each, field.type) for each, field in zip(cells, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
