"""Tables and load packages of dlt: create all tables, load campaign versions.

A campaign version travels with its calling hours, lists and changes in one resource, hence in one
transaction: readers never see a version without its children.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import dlt
from dlt.common.runtime.telemetry import stop_telemetry
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema
from dlt.common.schema.utils import new_table
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.extract.hints import TResourceNestedHints
from dlt.extract.resource import DltResource
from dlt.pipeline.exceptions import PipelineStepFailed

from kore_campaigns import schema
from kore_campaigns.config.dlt_settings import untraced
from kore_campaigns.load.reader import DltReader, is_made, mark_as_made
from kore_campaigns.schema import RAW_SCHEMA, Table, nested_name
from kore_campaigns.views.apply import apply_views

PIPELINE_NAME: Final = "kore_campaigns"


@contextmanager
def opened(
    destination: Any, *, pipelines_dir: Path, dataset_name: str = RAW_SCHEMA
) -> Iterator[dlt.Pipeline]:
    """A pipeline into a destination of dlt's, with its working files in `pipelines_dir`."""
    with untraced():
        _configure_dlt()
        pipeline = dlt.pipeline(
            pipeline_name=PIPELINE_NAME,
            destination=destination,
            dataset_name=dataset_name,
            pipelines_dir=str(pipelines_dir),
        )
        # there is no state of dlt's to keep: the stored versions are the checkpoint
        pipeline.config.restore_from_destination = False
        # a signal sets `stop`, and the load package at hand is still loaded; dlt would give it up
        pipeline.config.runtime.intercept_signals = False
        try:
            yield pipeline
        finally:
            # the next source in this process must not find it
            if pipeline.is_active:  # false if another one was made meanwhile
                pipeline.deactivate()


def duckdb_pipeline(database: Path, *, pipelines_dir: Path) -> AbstractContextManager[dlt.Pipeline]:
    """The pipeline that writes the DuckDB file `database`."""
    credentials = DuckDbCredentials(str(database), global_config={"threads": 1})
    return opened(dlt.destinations.duckdb(credentials), pipelines_dir=pipelines_dir)


def _configure_dlt() -> None:
    """Set dlt's options for all destinations; no telemetry and no tracebacks in its log."""
    # bounds the memory of a package: with dlt's 5,000 rows a first run of 10,000 needed 80 MB more
    dlt.config["data_writer.buffer_max_items"] = 500
    # load files live for seconds: compressing them costs more than it saves
    dlt.config["data_writer.disable_compression"] = True
    # one table after the other: less CPU and memory
    dlt.config["load.workers"] = 1
    # no second try of a load job: a job that copied its rows into staging and then failed would
    # copy them again and store a version twice.  The run fails, and the next run fetches them again
    dlt.config["load.raise_on_max_retries"] = 1
    # dlt has started its runtime by the time it is imported, so it is set up a second time
    context = dlt.current.run_context()
    runtime = context.runtime_config
    runtime.dlthub_telemetry = False
    if runtime.log_level == "WARNING":  # dlt's default, not a setting of the user's
        runtime.log_level = "CRITICAL"
    stop_telemetry()
    context.initialize_runtime(runtime)


def resource(table: Table, rows: Iterable[Any] | Callable[[], Iterable[Any]]) -> DltResource:
    """Rows of `table` and its nested tables; a row replaces the one with its key, children too.

    `rows` may be a function, which is called each time when the resource is iterated.
    """
    nested: dict[str | Sequence[str], TResourceNestedHints] = {
        child.name: dlt.mark.make_nested_hints(columns=columns_of_table(child))
        for child in table.children
    }
    data: Any = rows if callable(rows) else iter(rows)
    found: DltResource = dlt.resource(
        data,
        name=table.name,
        primary_key=table.key,
        write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        columns=columns_of_table(table),
        nested_hints=nested,
    )
    return found


def columns_of_table(table: Table) -> dict[str, TColumnSchema]:
    return {
        column.name: {
            "name": column.name,
            "data_type": column.data_type,
            "nullable": column.name not in table.key,
            "description": column.description,
        }
        for column in table.columns
    }


def load(pipeline: dlt.Pipeline, versions: Iterable[Mapping[str, Any]]) -> None:
    """Extract, normalise and load versions as one load package; durable when this returns."""
    # Only formats that keep values exactly.  DuckDB reads jsonl with types guessed from the data:
    # inside `raw` timestamps were rewritten and absent keys became null.  It takes insert_values
    # too, at many times the CPU and memory.  In csv an empty text is the same as none.
    known = pipeline.destination.capabilities()
    is_duckdb = known.sqlglot_dialect == "duckdb"
    has_values = "insert_values" in known.supported_loader_file_formats
    try:
        loaded = pipeline.run(
            resource(schema.CAMPAIGN_VERSIONS, versions),
            loader_file_format="insert_values" if has_values and not is_duckdb else "parquet",
        )
    except PipelineStepFailed as failed:
        if isinstance(failed.exception, KeyboardInterrupt):  # a second Ctrl-C
            raise failed.exception from None
        raise
    for load_id in loaded.loads_ids:
        # dlt keeps every package that it ever loaded
        shutil.rmtree(Path(pipeline.working_dir, "load", "loaded", load_id), ignore_errors=True)


# columns that dlt adds: a row's load, its id, and for a nested row its parent
_LINKS: Final[Mapping[str, TColumnSchema]] = {
    "_dlt_load_id": {"data_type": "text"},
    "_dlt_id": {"data_type": "text", "unique": True, "row_key": True},
    "_dlt_parent_id": {"data_type": "text", "parent_key": True},
    "_dlt_root_id": {"data_type": "text", "root_key": True},
    "_dlt_list_idx": {"data_type": "bigint"},
}


def ensure_tables(pipeline: dlt.Pipeline) -> None:
    """Create all missing tables and columns, also those that no row was ever loaded for."""
    declared = Schema(PIPELINE_NAME)
    for table in schema.TABLES:
        root = resource(table, ()).compute_table_schema()
        root["columns"].update(_links("_dlt_load_id", "_dlt_id"))
        declared.update_table(root)
        for child in table.children:
            columns = columns_of_table(child)
            columns |= _links("_dlt_id", "_dlt_parent_id", "_dlt_root_id", "_dlt_list_idx")
            nested = new_table(nested_name(table, child), table.name, columns=[*columns.values()])
            declared.update_table(nested)
    with pipeline.destination_client() as client:
        # dlt applies a schema only after it has been through its stored form
        client.schema = Schema.from_dict(declared.to_dict())  # type: ignore[arg-type]  # dlt types its own output differently
        client.initialize_storage()
        client.update_stored_schema(force=True)


def _links(*names: str) -> dict[str, TColumnSchema]:
    return {name: {"name": name, "nullable": False, **_LINKS[name]} for name in names}


def make_tables_and_views(
    pipeline: dlt.Pipeline, apply: Callable[[dlt.Pipeline], bool] = apply_views
) -> None:
    """Create or replace them, unless the database is as this version of the program left it.

    `apply` makes the views; False means that some are to be tried again by the next run.
    """
    with pipeline.sql_client() as client:
        if is_made(DltReader(client)):
            return
    ensure_tables(pipeline)
    if apply(pipeline):
        # DuckDB spells a view in another way once the file was closed
        with pipeline.sql_client() as client:
            mark_as_made(DltReader(client))
