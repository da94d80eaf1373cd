"""Views as Parquet files and as pandas DataFrames."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from kore_campaigns.config.paths import draft_of, local_path, replace
from kore_campaigns.errors import DestinationUnavailable, SettingInvalid
from kore_campaigns.load import DUCKDB, destination_for
from kore_campaigns.load.reader import Reader
from kore_campaigns.schema import VIEW_SCHEMA, DataType
from kore_campaigns.views.apply import VIEWS, columns_of, view_description

if TYPE_CHECKING:
    import pandas as pd


ROWS_A_BATCH: Final = 5_000
TYPES: Final[Mapping[DataType, pa.DataType]] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "time": pa.time64("us"),
    "date": pa.date32(),
    "json": pa.string(),
}

PARQUET_TYPES: Final = {**TYPES, "time": pa.string()}


def known_view(name: str) -> str:
    """The name itself; raises `SettingInvalid` with all names if there is no such view."""
    if name not in VIEWS:
        raise SettingInvalid(key="view", value=name, expected="one of " + ", ".join(sorted(VIEWS)))
    return name


def view_schema(
    reader: Reader, view: str, *, database: str, types: Mapping[DataType, pa.DataType] = TYPES
) -> pa.Schema:
    """The columns of a view in this database, which an earlier version may have created.

    Raises `DestinationUnavailable`, naming the `database`, if there is no such view.
    """
    declared = columns_of(view)
    fields = []
    for name in reader.columns_of(view, VIEW_SCHEMA):
        column = declared.get(name)
        if column is None:
            fields.append(pa.field(name, pa.string()))
        else:
            about = {"description": column.description}
            fields.append(pa.field(name, types[column.data_type], metadata=about))
    if not fields:
        reason = f"it has no view `{view}`; `kore-campaigns run` of this version makes it"
        raise DestinationUnavailable(database, reason)
    return pa.schema(fields, {"description": view_description(view)})


def view_batches(reader: Reader, view: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """All rows of a view, `ROWS_A_BATCH` at a time."""
    times = {name for name, each in columns_of(view).items() if each.data_type == "time"}
    columns = [
        f"cast({each.name} as varchar) as {each.name}"
        if each.name in times and each.type == pa.string()
        else each.name
        for each in schema
    ]
    query = f"select {', '.join(columns)} from {VIEW_SCHEMA}.{view}"  # noqa: S608  # known names
    return reader.record_batches(query, schema, size=ROWS_A_BATCH)


@dataclass(frozen=True, slots=True)
class ExportedView:
    view: str
    file: str
    rows: int
    bytes_written: int


@dataclass(slots=True)
class Export:
    """The files of an export, all read in one transaction."""

    database: str
    directory: str
    exported_at: datetime
    files: list[ExportedView] = field(default_factory=list)


def export_views(
    directory: str | Path,
    *,
    views: Sequence[str] = (),
    destination: str = DUCKDB,
    database: str | Path | None = None,
    folders: bool = False,
) -> Export:
    """Write `<directory>/<view>.parquet` for each of `views`, by default for all; with `folders`
    `<directory>/<view>/<view>.parquet`, for readers such as Spark that take a folder for a table.

    Columns have the declared types, and their descriptions as metadata; timestamps are UTC, JSON is
    text, and so is a time of day, which Spark 3.5 cannot read. All files show the same moment. They
    replace earlier files after the last one is written.  Raises `SettingInvalid` for an unknown
    view or a folder that cannot be written, `DestinationUnavailable` if there is nothing to read;
    then nothing is replaced.
    """
    wanted = [known_view(name) for name in dict.fromkeys(views)] or [*VIEWS]
    source = destination_for(destination, database=database)
    target = local_path(directory, key="parquet")
    export = Export(source.name, str(target), datetime.now(UTC))
    drafts: dict[Path, Path] = {}
    try:
        with source.read() as reader, reader.transaction():
            # before the folder is made: nothing is left behind if there is nothing to read
            schemas = {
                view: view_schema(reader, view, database=source.name, types=PARQUET_TYPES)
                for view in wanted
            }
            for view, schema in schemas.items():
                file = target / (view if folders else "") / f"{view}.parquet"
                file.parent.mkdir(parents=True, exist_ok=True)
                drafts[file] = draft_of(file, str(os.getpid()))
                rows = _write(reader, view, schema, drafts[file], export)
                size = drafts[file].stat().st_size
                export.files.append(ExportedView(view, str(file.relative_to(target)), rows, size))
        for file in [*drafts]:
            replace(file, drafts.pop(file))
    except OSError as failed:
        expected = f"a folder that can be written; {failed.strerror or failed}"
        raise SettingInvalid(key="parquet", value=str(target), expected=expected) from failed
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return export


def _write(reader: Reader, view: str, schema: pa.Schema, file: Path, export: Export) -> int:
    """Write one view to `file`; return its number of rows."""
    about = {
        **(schema.metadata or {}),
        "exported_at": export.exported_at.isoformat(),
        "tool_version": version("kore-campaigns"),
    }
    rows = 0
    with pq.ParquetWriter(file, schema.with_metadata(about), compression="zstd") as writer:
        for batch in view_batches(reader, view, schema):
            writer.write_batch(batch.replace_schema_metadata(about))
            rows += batch.num_rows
    return rows


def read_view(
    name: str, *, database: str | Path | None = None, destination: str = DUCKDB
) -> pd.DataFrame:
    """All rows of the view `kore.<name>`, typed: integers as Int64, booleans as boolean,
    timestamps as datetime64[us, UTC], text as string.

    Reads the published file of the project folder unless a `database` is given, or Postgres with
    the credentials in `[destination.postgres.credentials]`.  Raises `DestinationUnavailable` if
    there is none, `SettingInvalid` for an unknown view.
    """
    import pandas as pd  # takes too long to be imported with the package

    known_view(name)
    source = destination_for(destination, database=database)
    with source.read() as reader, reader.transaction():
        schema = view_schema(reader, name, database=source.name)
        rows = pa.Table.from_batches(view_batches(reader, name, schema), schema)
    dtypes = {
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
    }
    # from Arrow, since DataFrame would turn integers next to nulls into floats
    frame: pd.DataFrame = rows.to_pandas(types_mapper=dtypes.get)
    return frame
