"""Rows as Arrow tables, which dlt hands to the database without a look at each cell.

The children of a version become tables of their own here, with the columns by which dlt links
them; its merge then takes parent and children for the one chain that they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import time
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import pyarrow as pa
from dlt.common.utils import digest128

from kore_campaigns.calling_hours import MINUTES_A_DAY
from kore_campaigns.hints import child_name
from kore_campaigns.json_text import in_order
from kore_campaigns.tables import Column, DataType, Table

# versions in one batch: with 2,000 a first run over 10,000 campaigns takes 35 MiB more
_BATCH: Final = 500
TYPES: Final[Mapping[DataType, pa.DataType]] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "time": pa.time64("us"),
    "date": pa.date32(),
    "json": pa.string(),
}

Row = Mapping[str, Any]


def arrow_tables(
    table: Table, rows: Iterable[Row], *, load_id: str
) -> Iterator[tuple[Table, str, pa.Table]]:
    """Batches of `rows`: the parents, then each kind of children that they have any of.

    Each comes with its declaration and its name. A row's id is made from its key, so a replay
    has the same ids.
    """
    waiting = iter(rows)
    while parents := list(islice(waiting, _BATCH)):
        ids = [digest128("/".join(str(row[name]) for name in table.key)) for row in parents]
        links = {"_dlt_load_id": [load_id] * len(ids), "_dlt_id": ids}
        yield table, table.name, _table(table, parents, links)
        for child in table.children:
            rows_of_child, links = _children(child, parents, ids)
            if rows_of_child:
                yield child, child_name(table, child), _table(child, rows_of_child, links)


def _children(
    child: Table, parents: Sequence[Row], parent_ids: Sequence[str]
) -> tuple[list[Row], dict[str, list[Any]]]:
    rows: list[Row] = []
    owners: list[str] = []
    places: list[int] = []
    for parent, parent_id in zip(parents, parent_ids, strict=True):
        found = parent[child.name]
        rows += found
        owners += [parent_id] * len(found)
        places += range(len(found))
    return rows, {
        "_dlt_id": [f"{owner}-{place}" for owner, place in zip(owners, places, strict=True)],
        "_dlt_parent_id": owners,
        "_dlt_root_id": owners,
        "_dlt_list_idx": places,
    }


def _table(table: Table, rows: Sequence[Row], links: Mapping[str, list[Any]]) -> pa.Table:
    arrays = [_array(column, rows) for column in table.columns]
    arrays += [pa.array(cells) for cells in links.values()]
    fields = [
        pa.field(column.name, TYPES[column.data_type], nullable=column.name not in table.key)
        for column in table.columns
    ]
    linked = zip(links, arrays[len(fields) :], strict=True)
    fields += [pa.field(name, array.type, nullable=False) for name, array in linked]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _array(column: Column, rows: Sequence[Row]) -> pa.Array:
    cells = [row.get(column.name) for row in rows]
    if column.data_type == "time":
        cells = [None if cell is None else _time(cell) for cell in cells]
    elif column.data_type == "json":
        cells = [cell if isinstance(cell, str | None) else in_order(cell) for cell in cells]
    return pa.array(cells, TYPES[column.data_type])


_time = lru_cache(maxsize=MINUTES_A_DAY)(time.fromisoformat)
