"""Write the views as Parquet files, for whoever reads neither DuckDB nor the warehouse."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from kore_campaigns.connect import tool_version
from kore_campaigns.destinations import DUCKDB, name_of, place_of, stored_in
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.load import destination_errors
from kore_campaigns.project import project_folder
from kore_campaigns.stored import Connection, at_one_moment
from kore_campaigns.view_rows import known_view, view_batches, view_schema
from kore_campaigns.views.apply import VIEWS


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
    place = place_of(destination, database, project_folder(project_dir))
    target = Path(directory)
    made = Export(name_of(place), str(target), datetime.now(UTC))
    with _files_of(target) as begun, stored_in(place) as connection:
        with destination_errors(made.database), at_one_moment(connection):
            for view in wanted:
                begun[view] = target / f".{view}.parquet.{os.getpid()}.tmp"
                rows = _write(connection, view, begun[view], made)
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


def _write(connection: Connection, view: str, file: Path, made: Export) -> int:
    schema = view_schema(connection, view, database=made.database)
    about = {
        **(schema.metadata or {}),
        "exported_at": made.exported_at.isoformat(),
        "tool_version": tool_version(),
    }
    rows = 0
    with pq.ParquetWriter(file, schema.with_metadata(about), compression="zstd") as writer:
        for batch in view_batches(connection, view, schema):
            writer.write_batch(batch.replace_schema_metadata(about))
            rows += batch.num_rows
    return rows
