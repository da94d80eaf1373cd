"""Versions into the destination through dlt, each with its children, as one nested resource.

A campaign version travels with its calling hours, lists and changes in one resource, hence in one
transaction: readers never see a version without its children.

"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from datetime import time
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

import dlt
import duckdb
import pyarrow as pa
from dlt.common.exceptions import DltException
from dlt.common.runtime.telemetry import stop_telemetry
from dlt.common.schema import Schema
from dlt.common.schema.typing import TMergeDispositionDict
from dlt.common.schema.utils import new_table
from dlt.common.utils import digest128
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.extract.hints import TResourceHints, TResourceNestedHints
from dlt.extract.items import DataItemWithMeta
from dlt.extract.resource import DltResource
from dlt.extract.source import DltSource

from kore_campaigns import schema
from kore_campaigns.config.settings import untraced
from kore_campaigns.errors import DestinationUnavailable, first_line
from kore_campaigns.schema import Column, DataType, Table
from kore_campaigns.transform.calling_hours import MINUTES_A_DAY
from kore_campaigns.transform.values import in_order
from kore_campaigns.views.apply import VIEWS, apply_views, view_sql

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


def child_name(table: schema.Table, child: schema.Table) -> str:
    """The name of a nested table in the database."""
    return f"{table.name}__{child.name}"


def as_hints(table: schema.Table) -> dict[str, Any]:
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


def resource(table: schema.Table, rows: Iterable[Mapping[str, Any]]) -> DltResource:
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
    made = Schema(SCHEMA_NAME)
    for table in schema.TABLES:
        root = resource(table, ()).compute_table_schema()
        root["columns"].update(deepcopy(LINKS_OF_ROOTS))
        made.update_table(root)
        for child in table.children:
            columns = deepcopy(as_hints(child) | LINKS_OF_CHILDREN)
            nested = new_table(child_name(table, child), table.name, columns=[*columns.values()])
            made.update_table(nested)
    # a schema counts as saved, and may be applied, once it has been through its stored form
    return Schema.from_dict(made.to_dict())  # type: ignore[arg-type]  # dlt types its own output differently


def ensure_tables(pipeline: dlt.Pipeline) -> None:
    """Create what is missing of all tables and columns, also those no row was ever loaded for."""
    with pipeline.destination_client() as client:
        client.schema = full_schema()
        client.initialize_storage()
        client.update_stored_schema(force=True)


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


def make_tables_and_views(pipeline: dlt.Pipeline, record: Path, *, is_untouched: bool) -> None:
    """Make them in the pipeline's database, unless it is `is_untouched` since this program did.

    `record` is the file that says which program was the last to make them.
    """
    program = fingerprint()
    if is_untouched and record.exists() and record.read_text(encoding="utf-8") == program:
        return  # 0.1 CPU-s, which counts in a run that finds nothing new
    ensure_tables(pipeline)
    apply_views(pipeline)
    record.write_text(program, encoding="utf-8")


def fingerprint() -> str:
    """Differs between programs that make other tables, views or comments."""
    columns = [repr(schema.columns_of(view)) for view in VIEWS]
    made = [dlt.__version__, repr(schema.TABLES), *columns, *map(view_sql, VIEWS)]
    return hashlib.sha256("\n".join(made).encode()).hexdigest()


__all__ = [
    "PIPELINE_NAME",
    "destination_errors",
    "duckdb_pipeline",
    "ensure_tables",
    "load",
    "package",
    "resource",
]

PIPELINE_NAME = "kore_campaigns"
# with dlt's 5,000 a first run over 10,000 campaigns took 420 MB, with 500 340 MB
_BUFFERED_ROWS = 500


def duckdb_pipeline(
    database: Path, *, pipelines_dir: Path, read_only: bool = False
) -> dlt.Pipeline:
    """The pipeline that writes `database`, with its working files in `pipelines_dir`."""
    configure_dlt()
    credentials = DuckDbCredentials(
        str(database), read_only=read_only, global_config={"threads": 1}
    )
    pipeline = dlt.pipeline(
        pipeline_name=PIPELINE_NAME,
        destination=dlt.destinations.duckdb(credentials),
        dataset_name=schema.RAW_SCHEMA,
        pipelines_dir=str(pipelines_dir),
    )
    # there is no state of dlt's to keep: what the tables hold is the checkpoint
    pipeline.config.restore_from_destination = False
    return pipeline


def configure_dlt() -> None:
    """How packages are written and loaded, whatever the destination."""
    _quiet_dlt()
    dlt.config["data_writer.buffer_max_items"] = _BUFFERED_ROWS
    # what waits on disk between two steps: gzip costs more than it spares (0.4 CPU-s in 10,000)
    dlt.config["data_writer.disable_compression"] = True
    # one table after the other, by one thread: 0.4 CPU-s and 30 MB less for 10,000 campaigns
    dlt.config["load.workers"] = 1
    # no second try of a load job: one that had copied its rows into staging before it failed would
    # copy them again, and a version would be there twice.  The run fails, the next reads them anew
    dlt.config["load.raise_on_max_retries"] = 1


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


def _versions(rows: Iterable[Mapping[str, Any]]) -> Iterator[DataItemWithMeta]:
    """Rows of `campaign_versions` and of its nested tables, as Arrow tables.

    dlt would take rows apart cell by cell: 2 of 8 CPU-s in a first run over 10,000 campaigns.
    """
    root = schema.CAMPAIGN_VERSIONS
    load_id = dlt.current.load_package_state()["load_id"]
    known = dlt.current.source_schema().tables
    hinted = set()
    for table, name, batch in arrow_tables(root, rows, load_id=load_id):
        if name in hinted:
            yield dlt.mark.with_table_name(batch, name)
            continue
        hinted.add(name)
        yield dlt.mark.with_hints(batch, _hints_of_batch(table, name), create_table_variant=True)
        if table is not root:
            # dlt counts extracted rows by the resource of their table, and knows none for a nested
            # table, whose rows it expects within those of the parent
            known[name]["resource"] = root.name


def _hints_of_batch(table: schema.Table, name: str) -> TResourceHints:
    if table is schema.CAMPAIGN_VERSIONS:
        columns = as_hints(table) | LINKS_OF_ROOTS
        return dlt.mark.make_hints(
            name, primary_key=table.key, write_disposition=MERGE, columns=columns
        )
    columns = as_hints(table) | LINKS_OF_CHILDREN
    return dlt.mark.make_hints(
        name, schema.CAMPAIGN_VERSIONS.name, write_disposition=MERGE, columns=columns
    )


def package(*, versions: Iterable[Mapping[str, Any]]) -> DltSource:
    """One load package: what dlt loads together."""

    @dlt.source(name=PIPELINE_NAME, section=PIPELINE_NAME, max_table_nesting=1)
    def contents() -> Iterator[DltResource]:
        yield dlt.resource(_versions(versions), name=schema.CAMPAIGN_VERSIONS.name)

    return contents()


def load(pipeline: dlt.Pipeline, source: DltSource, *, database: str) -> None:
    """Extract, normalise and load one package; durable when it returns.

    Raises `DestinationUnavailable`, which names `database`.
    """
    with destination_errors(database):
        _undisturbed(lambda: _run(pipeline, source))


def _run(pipeline: dlt.Pipeline, source: DltSource) -> None:
    # insert_values, dlt's default on DuckDB, takes many times the CPU and memory.  jsonl is read
    # with types guessed from the data: inside `raw` a timestamp was rewritten and absent keys
    # became null.
    # Postgres takes no parquet; csv, by COPY, is as exact there, as the columns have their types.
    known = pipeline.destination.capabilities().supported_loader_file_formats
    is_parquet = pipeline.destination.destination_name == "duckdb" or "csv" not in known
    loaded = pipeline.run(source, loader_file_format="parquet" if is_parquet else "csv")
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
            with untraced():
                step()
        except BaseException as error:  # raised again below
            failed.append(error)

    thread = threading.Thread(target=work, name="load", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


@contextmanager
def destination_errors(database: str) -> Iterator[None]:
    """Says in one sentence, as `DestinationUnavailable`, what dlt, DuckDB or a file failed at."""
    try:
        yield
    except (DltException, duckdb.Error, OSError) as failed:
        raise DestinationUnavailable(database, _reason(failed)) from failed


def _reason(failed: BaseException) -> str:
    """What the system or DuckDB said first: what dlt makes of it tells less, or something else."""
    chain: list[BaseException] = []
    error: BaseException | None = failed
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    for error in reversed(chain):
        if isinstance(error, OSError) and error.strerror:
            return f"{error.strerror} ({error.filename})"
        if isinstance(error, duckdb.Error):
            return first_line(error)
    return first_line(chain[-1])
