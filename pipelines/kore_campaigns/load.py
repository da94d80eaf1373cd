"""Rows into the destination through dlt: versions in one nested resource, the record in two flat.

A campaign version travels with its calling hours, lists and changes in one resource, hence in one
transaction: readers never see a version without its children.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dlt
from dlt.common.runtime.telemetry import stop_telemetry
from dlt.common.schema import Schema
from dlt.common.schema.typing import TMergeDispositionDict
from dlt.common.schema.utils import new_table
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.extract.hints import TResourceNestedHints
from dlt.extract.resource import DltResource
from dlt.extract.source import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from kore_campaigns import tables
from kore_campaigns.errors import DestinationUnavailable

PIPELINE_NAME = "kore_campaigns"
# with dlt's 5,000 a first run over 10,000 campaigns took 420 MB, with 500 340 MB
_BUFFERED_ROWS = 500
# what dlt adds to each row to link children to their version and rows to their load
_DLT_COLUMNS_OF_ROOTS = {"_dlt_load_id": "text", "_dlt_id": "text"}
_DLT_COLUMNS_OF_CHILDREN = {
    "_dlt_id": "text",
    "_dlt_parent_id": "text",
    "_dlt_root_id": "text",
    "_dlt_list_idx": "bigint",
}


def duckdb_pipeline(database: Path, *, pipelines_dir: Path) -> dlt.Pipeline:
    """The pipeline that writes `database`, with its working files in `pipelines_dir`."""
    _quiet_dlt()
    dlt.config["data_writer.buffer_max_items"] = _BUFFERED_ROWS
    # what waits on disk between two steps: gzip costs more than it spares (0.4 CPU-s in 10,000)
    dlt.config["data_writer.disable_compression"] = True
    # one table after the other, by one thread: 0.4 CPU-s and 30 MB less for 10,000 campaigns
    dlt.config["load.workers"] = 1
    credentials = DuckDbCredentials(str(database), global_config={"threads": 1})
    return dlt.pipeline(
        pipeline_name=PIPELINE_NAME,
        destination=dlt.destinations.duckdb(credentials),
        dataset_name=tables.RAW_SCHEMA,
        pipelines_dir=str(pipelines_dir),
    )


def _quiet_dlt() -> None:
    """No telemetry, and no tracebacks of dlt's that would bury our one line.

    dlt has both switched on by the time it is imported, so its runtime is set up a second time.
    """
    context = dlt.current.run_context()
    runtime = context.runtime_config
    runtime.dlthub_telemetry = False
    if runtime.log_level == "WARNING":  # dlt's default: nobody asked for another
        runtime.log_level = "CRITICAL"
    stop_telemetry()
    context.initialize_runtime(runtime)


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


_MERGE: TMergeDispositionDict = {"disposition": "merge", "strategy": "delete-insert"}


def resource(table: tables.Table, rows: Iterable[Mapping[str, Any]]) -> DltResource:
    """`rows` for `table`; a replay of the same keys overwrites itself, children included."""
    nested: dict[str | Sequence[str], TResourceNestedHints] = {
        child.name: dlt.mark.make_nested_hints(columns=as_hints(child)) for child in table.children
    }
    made: DltResource = dlt.resource(
        iter(rows),
        name=table.name,
        primary_key=table.key,
        write_disposition=_MERGE,
        columns=as_hints(table),
        nested_hints=nested,
    )
    return made


def package(
    *,
    versions: Iterable[Mapping[str, Any]] = (),
    runs: Iterable[Mapping[str, Any]] = (),
    errors: Iterable[Mapping[str, Any]] = (),
) -> DltSource:
    """One load package: what dlt loads together."""

    @dlt.source(name=PIPELINE_NAME, section=PIPELINE_NAME, max_table_nesting=1)
    def contents() -> Iterator[DltResource]:
        yield resource(tables.CAMPAIGN_VERSIONS, versions)
        yield resource(tables.EXTRACTION_RUNS, runs)
        yield resource(tables.EXTRACTION_ERRORS, errors)

    return contents()


def full_schema() -> Schema:
    """Every declared table, empty ones included, as a dlt schema."""
    schema = Schema(PIPELINE_NAME)
    for table in tables.TABLES:
        root = resource(table, ()).compute_table_schema()
        schema.update_table(_with(root, _DLT_COLUMNS_OF_ROOTS))
        for child in table.children:
            nested = new_table(
                f"{table.name}__{child.name}",
                parent_table_name=table.name,
                columns=list(as_hints(child).values()),
            )
            schema.update_table(_with(nested, _DLT_COLUMNS_OF_CHILDREN))
    # a schema counts as saved, and may be applied, once it has been through its stored form
    return Schema.from_dict(schema.to_dict())  # type: ignore[arg-type]  # dlt types its own output differently


def _with(table: Any, columns: Mapping[str, str]) -> Any:
    for name, data_type in columns.items():
        table["columns"][name] = {"name": name, "data_type": data_type, "nullable": False}
    return table


def ensure_tables(pipeline: dlt.Pipeline) -> None:
    """Create what is missing of all tables and columns, also those no row was ever loaded for."""
    with pipeline.destination_client() as client:
        client.schema = full_schema()
        client.initialize_storage()
        client.update_stored_schema(force=True)


def load(pipeline: dlt.Pipeline, source: DltSource, *, database: str) -> None:
    """Extract, normalise and load one package; durable when it returns.

    Raises `DestinationUnavailable`, which names `database`.
    """
    with _destination_errors(database):
        _undisturbed(lambda: _run(pipeline, source))


def _run(pipeline: dlt.Pipeline, source: DltSource) -> None:
    # insert_values, dlt's default on DuckDB, takes many times the CPU and memory.  jsonl is read
    # with types guessed from the data: inside `raw` a timestamp was rewritten and absent keys
    # became null.
    loaded = pipeline.run(source, loader_file_format="parquet")
    for load_id in loaded.loads_ids:
        # dlt keeps every package that it ever loaded
        shutil.rmtree(Path(pipeline.working_dir, "load", "loaded", load_id), ignore_errors=True)


def _undisturbed(step: Callable[[], None]) -> None:
    """Does the step in a thread of its own.

    In the main thread dlt takes SIGINT and SIGTERM over and gives the package up; a run that is
    asked to stop is to store what it has.
    """
    failed: list[BaseException] = []

    def work() -> None:
        try:
            step()
        except BaseException as error:  # raised again below
            failed.append(error)

    thread = threading.Thread(target=work, name="load", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


class _destination_errors:  # noqa: N801  # reads as a clause: `with _destination_errors(database)`
    """Turns a failed dlt step into one sentence about the destination."""

    def __init__(self, database: str) -> None:
        self._database = database

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PipelineStepFailed):
            raise DestinationUnavailable(self._database, _root_cause(error)) from error


def _root_cause(error: BaseException) -> str:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]  # one of them is set
    return (str(error).splitlines() or [type(error).__name__])[0]
