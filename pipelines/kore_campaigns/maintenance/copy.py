"""Copy everything that a DuckDB file stores into Postgres, and read it back.

The file stays as it is. The next run into Postgres continues from the copied history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from kore_campaigns.config.project import project_folder
from kore_campaigns.errors import CopyRefused
from kore_campaigns.load import destination_for
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_campaigns.load.reader import Reader
from kore_campaigns.schema import ALL_TABLES

# in the order in which they are copied
COPIED: Final = (*ALL_TABLES, "_dlt_loads")
_BATCH: Final = 2_000


@dataclass(slots=True)
class Copied:
    """Rows copied of each raw table; all were read back and compared."""

    database: str
    destination: str
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(slots=True)
class _Content:
    """Rows of a table in any order: their number, and the sum of their digests."""

    rows: int = 0
    digest: int = 0

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        self.rows += len(rows)
        for row in rows:
            text = repr([cell if cell is None else str(cell) for cell in row])
            self.digest += int.from_bytes(sha256(text.encode()).digest(), "big")


def copy_history(
    *,
    destination: str,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
) -> Copied:
    """Copy every row of every raw table in one transaction, which is committed only if all rows
    were read back unchanged.

    Raises `DestinationUnavailable` if one of the two cannot be used or a run writes it, and
    `CopyRefused` if the target stores versions already; nothing is copied then.
    """
    folder = project_folder(project_dir)
    file = DuckDBFile.in_folder(folder, database)
    target_database = destination_for(destination, folder=folder)
    copied = Copied(file.name, target_database.name)
    began = datetime.now(UTC)
    with file.read():
        pass  # creates nothing if there is nothing to copy
    with file.locked(), file.read() as source, target_database.receive_copy() as target:
        for name in COPIED:
            ((count,),) = target.rows(f"select count(*) from {{{name}}}")  # noqa: S608  # our names
            if count:
                raise CopyRefused(
                    copied.destination,
                    f"it has rows already ({count:,} in `{name}`); `copy` merges no histories",
                    next_step="drop its schemas `kore_raw` and `kore`, or use an empty "
                    "database; then copy again",
                )
        for name in COPIED:
            copied.rows[name] = _copy(source, target, name, copied)
    copied.seconds = round((datetime.now(UTC) - began).total_seconds(), 3)
    return copied


def _copy(source: Reader, target: Reader, name: str, copied: Copied) -> int:
    columns = ", ".join(source.columns_of(name))
    if not columns:  # an older program did not have the table
        return 0
    query = f"select {columns} from {{{name}}}"  # noqa: S608  # our names
    written, read_back = _Content(), _Content()
    for rows in source.batches(query, size=_BATCH):
        written.add(rows)
        target.insert(name, columns, rows)
    for rows in target.batches(query, size=_BATCH):
        read_back.add(rows)
    if written != read_back:
        raise CopyRefused(
            copied.destination,
            f"`{name}` was read back with {read_back.rows:,} rows that differ from the "
            f"{written.rows:,} of `{copied.database}`",
            next_step="report this line",
        )
    return written.rows
