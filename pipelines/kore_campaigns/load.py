"""Versions into the destination through dlt, each with its children, as one nested resource.

A campaign version travels with its calling hours, lists and changes in one resource, hence in one
transaction: readers never see a version without its children.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.common.exceptions import DltException
from dlt.common.runtime.telemetry import stop_telemetry
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.extract.hints import TResourceHints
from dlt.extract.items import DataItemWithMeta
from dlt.extract.resource import DltResource
from dlt.extract.source import DltSource

from kore_campaigns import tables
from kore_campaigns.errors import DestinationUnavailable
from kore_campaigns.hints import (
    LINKS_OF_CHILDREN,
    LINKS_OF_ROOTS,
    MERGE,
    as_hints,
    ensure_tables,
    resource,
)
from kore_campaigns.untraced import untraced

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
        dataset_name=tables.RAW_SCHEMA,
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
    from kore_campaigns.arrow import arrow_tables  # a run that loads nothing does without pyarrow

    root = tables.CAMPAIGN_VERSIONS
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


def _hints_of_batch(table: tables.Table, name: str) -> TResourceHints:
    if table is tables.CAMPAIGN_VERSIONS:
        columns = as_hints(table) | LINKS_OF_ROOTS
        return dlt.mark.make_hints(
            name, primary_key=table.key, write_disposition=MERGE, columns=columns
        )
    columns = as_hints(table) | LINKS_OF_CHILDREN
    return dlt.mark.make_hints(
        name, tables.CAMPAIGN_VERSIONS.name, write_disposition=MERGE, columns=columns
    )


def package(*, versions: Iterable[Mapping[str, Any]]) -> DltSource:
    """One load package: what dlt loads together."""

    @dlt.source(name=PIPELINE_NAME, section=PIPELINE_NAME, max_table_nesting=1)
    def contents() -> Iterator[DltResource]:
        yield dlt.resource(_versions(versions), name=tables.CAMPAIGN_VERSIONS.name)

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
            return str(error).splitlines()[0].rstrip("!.")
    return (str(chain[-1]).splitlines() or [type(chain[-1]).__name__])[0]
