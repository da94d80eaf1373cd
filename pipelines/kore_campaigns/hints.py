"""Our tables as dlt knows them: hints of resources, and the complete schema made ahead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

import dlt
from dlt.common.schema import Schema
from dlt.common.schema.typing import TMergeDispositionDict
from dlt.common.schema.utils import new_table
from dlt.extract.hints import TResourceNestedHints
from dlt.extract.resource import DltResource

from kore_campaigns import tables

SCHEMA_NAME: Final = "kore_campaigns"
MERGE: Final[TMergeDispositionDict] = {"disposition": "merge", "strategy": "delete-insert"}


def _link(name: str, data_type: str = "text", **is_key: bool) -> dict[str, Any]:
    return {"name": name, "data_type": data_type, "nullable": False, **is_key}


# what dlt adds to each row to link rows to their load and children to their version
LINKS_OF_ROOTS: Final[dict[str, Any]] = {
    "_dlt_load_id": _link("_dlt_load_id"),
    "_dlt_id": _link("_dlt_id", unique=True, row_key=True),
}
LINKS_OF_CHILDREN: Final[dict[str, Any]] = {
    "_dlt_id": _link("_dlt_id", unique=True, row_key=True),
    "_dlt_parent_id": _link("_dlt_parent_id", parent_key=True),
    "_dlt_root_id": _link("_dlt_root_id", root_key=True),
    "_dlt_list_idx": _link("_dlt_list_idx", "bigint"),
}


def child_name(table: tables.Table, child: tables.Table) -> str:
    """The name of a nested table in the database."""
    return f"{table.name}__{child.name}"


def as_hints(table: tables.Table) -> dict[str, Any]:
    """The columns of a table as dlt wants them."""
    return {
        column.name: {
            "name": column.name,
            "data_type": column.data_type,
            "nullable": column.name not in table.key,
            "description": column.description,
        }
        for column in table.columns
    }


def resource(table: tables.Table, rows: Iterable[Mapping[str, Any]]) -> DltResource:
    """`rows` for `table`; a replay of the same keys overwrites itself, children included."""
    nested: dict[str | Sequence[str], TResourceNestedHints] = {
        child.name: dlt.mark.make_nested_hints(columns=as_hints(child)) for child in table.children
    }
    made: DltResource = dlt.resource(
        iter(rows),
        name=table.name,
        primary_key=table.key,
        write_disposition=MERGE,
        columns=as_hints(table),
        nested_hints=nested,
    )
    return made


def full_schema() -> Schema:
    """Every declared table, empty ones included, as a dlt schema."""
    schema = Schema(SCHEMA_NAME)
    for table in tables.TABLES:
        root = resource(table, ()).compute_table_schema()
        root["columns"].update(deepcopy(LINKS_OF_ROOTS))
        schema.update_table(root)
        for child in table.children:
            columns = deepcopy(as_hints(child) | LINKS_OF_CHILDREN)
            nested = new_table(child_name(table, child), table.name, columns=[*columns.values()])
            schema.update_table(nested)
    # a schema counts as saved, and may be applied, once it has been through its stored form
    return Schema.from_dict(schema.to_dict())  # type: ignore[arg-type]  # dlt types its own output differently


def ensure_tables(pipeline: dlt.Pipeline) -> None:
    """Create what is missing of all tables and columns, also those no row was ever loaded for."""
    with pipeline.destination_client() as client:
        client.schema = full_schema()
        client.initialize_storage()
        client.update_stored_schema(force=True)
