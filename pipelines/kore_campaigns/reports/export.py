"""A view as a pandas DataFrame."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from kore_campaigns.config.project import project_folder
from kore_campaigns.errors import DestinationUnavailable, SettingInvalid
from kore_campaigns.load import DUCKDB, destination_for
from kore_campaigns.load.reader import Reader
from kore_campaigns.schema import VIEW_SCHEMA, DataType, columns_of
from kore_campaigns.views.apply import VIEWS, view_description

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


def known_view(name: str) -> str:
    """The name, or `SettingInvalid` with those there are."""
    if name not in VIEWS:
        raise SettingInvalid(key="view", value=name, expected="one of " + ", ".join(sorted(VIEWS)))
    return name


def view_schema(reader: Reader, view: str, *, database: str) -> pa.Schema:
    """The columns that the view has there, which an earlier version may have made.

    Raises `DestinationUnavailable`, naming the `database`, if there is no such view.
    """
    declared = columns_of(view)
    fields = []
    for name in reader.columns_of(view, VIEW_SCHEMA):
        column = declared.get(name)
        data_type = "text" if column is None else column.data_type
        said = {} if column is None else {"description": column.description}
        fields.append(pa.field(name, TYPES[data_type], metadata=said))
    if not fields:
        reason = f"it has no view `{view}`; `kore-campaigns run` of this version makes it"
        raise DestinationUnavailable(database, reason)
    return pa.schema(fields, {"description": view_description(view)})


def view_batches(reader: Reader, view: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """All rows of a view, a few thousand at a time."""
    query = f"select {', '.join(schema.names)} from {VIEW_SCHEMA}.{view}"  # noqa: S608  # names of ours
    return reader.record_batches(query, schema, size=ROWS_A_BATCH)


@dataclass(frozen=True, slots=True)
class ExportedView:
    view: str
    file: str
    rows: int
    bytes_written: int


@dataclass(slots=True)
class Export:
    """What was written; all files are of one moment."""

    database: str
    directory: str
    exported_at: datetime
    files: list[ExportedView] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return asdict(self)


def export_views(
    directory: str | Path,
    *,
    views: Sequence[str] = (),
    destination: str = DUCKDB,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
) -> Export:
    """Write `<directory>/<view>.parquet` for each of `views`, or for all there are.

    Columns have the declared types, and their descriptions as metadata; timestamps are UTC,
    JSON is text. All files show one moment, and take the place of earlier ones when the last is
    written.  Raises `SettingInvalid` for an unknown view or a folder that cannot be written,
    `DestinationUnavailable` if there is nothing to read; nothing is replaced then.
    """
    wanted = [known_view(name) for name in dict.fromkeys(views)] or [*VIEWS]
    source = destination_for(destination, database=database, folder=project_folder(project_dir))
    target = Path(directory)
    made = Export(source.name, str(target), datetime.now(UTC))
    with _files_of(target) as begun, source.read() as reader:
        with reader.transaction():
            for view in wanted:
                begun[view] = target / f".{view}.parquet.{os.getpid()}.tmp"
                rows = _write(reader, view, begun[view], made)
                made.files.append(
                    ExportedView(view, f"{view}.parquet", rows, begun[view].stat().st_size)
                )
        for view in wanted:
            begun.pop(view).replace(target / f"{view}.parquet")
    return made


@contextlib.contextmanager
def _files_of(target: Path) -> Iterator[dict[str, Path]]:
    """Takes files that were begun; those that are left at the end are removed."""
    begun: dict[str, Path] = {}
    try:
        target.mkdir(parents=True, exist_ok=True)
        yield begun
    except OSError as failed:
        expected = f"a folder that can be written; {failed.strerror or failed}"
        raise SettingInvalid(key="parquet", value=str(target), expected=expected) from failed
    finally:
        for file in begun.values():
            file.unlink(missing_ok=True)


def _write(reader: Reader, view: str, file: Path, made: Export) -> int:
    schema = view_schema(reader, view, database=made.database)
    about = {
        **(schema.metadata or {}),
        "exported_at": made.exported_at.isoformat(),
        "tool_version": version("kore-campaigns"),
    }
    rows = 0
    with pq.ParquetWriter(file, schema.with_metadata(about), compression="zstd") as writer:
        for batch in view_batches(reader, view, schema):
            writer.write_batch(batch.replace_schema_metadata(about))
            rows += batch.num_rows
    return rows


def read_view(
    name: str, *, database: str | Path | None = None, destination: str = "duckdb"
) -> pd.DataFrame:
    """All rows of the view `kore.<name>`, typed: whole numbers as Int64, yes/no as boolean,
    timestamps as datetime64[us, UTC], text as string.

    Reads the published file of the project folder unless a `database` is given, or Postgres with
    the credentials in `[destination.postgres.credentials]`.  Raises `DestinationUnavailable` if
    there is none, `SettingInvalid` for an unknown view.
    """
    import pandas as pd  # the package must import in a moment

    known_view(name)
    source = destination_for(destination, database=database, folder=project_folder())
    with source.read() as reader, reader.transaction():
        schema = view_schema(reader, name, database=source.name)
        rows = pa.Table.from_batches(view_batches(reader, name, schema), schema)
    dtypes = {
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
    }
    # by way of Arrow: whole numbers beside nulls would be floats
    frame: pd.DataFrame = rows.to_pandas(types_mapper=dtypes.get)
    return frame
