"""Copy all that a DuckDB file holds into a warehouse, and read it back: for who moves there.

The file stays as it is.  The next run of the warehouse goes on from what was copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any, Final

from kore_campaigns.config.project import project_folder
from kore_campaigns.errors import CopyRefused
from kore_campaigns.load.dlt_load import destination_errors
from kore_campaigns.load.duckdb_file import workspace_for
from kore_campaigns.load.postgres import POSTGRES, Warehouse, lock_all_accounts, refused
from kore_campaigns.load.reader import Connection, columns_of_table, reading
from kore_campaigns.schema import ALL_TABLES, RAW_SCHEMA

LOADS: Final = "_dlt_loads"
# in the order in which they are copied
COPIED: Final = (*ALL_TABLES, LOADS)
_AT_ONCE: Final = 2_000
# what COPY reads otherwise
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(slots=True)
class Copied:
    """What was copied: `rows` of each raw table, all of them read back and found equal."""

    database: str
    destination: str
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return asdict(self)


@dataclass(slots=True)
class _Content:
    """A table's rows, whatever their order: how many, and the sum of their digests."""

    rows: int = 0
    digest: int = 0

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        self.rows += len(rows)
        for row in rows:
            text = repr([_plain(cell) for cell in row])
            self.digest += int.from_bytes(sha256(text.encode()).digest(), "big")


def copy_history(
    *,
    destination: str,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
) -> Copied:
    """Copy every row of every raw table, in one transaction that ends well only if each was read
    back as it is in the file.

    Raises `DestinationUnavailable` if one of the two cannot be had or a run goes on in it, and
    `CopyRefused` if the warehouse holds versions already; nothing is copied then.
    """
    if destination != POSTGRES:
        raise refused(destination, f"`{POSTGRES}`")
    folder = project_folder(project_dir)
    workspace, warehouse = workspace_for(database, folder), Warehouse(destination, folder)
    copied = Copied(str(workspace.published), warehouse.name)
    began = datetime.now(UTC)
    with reading(workspace.published):
        pass  # before anything is made where there is nothing to copy
    with (
        workspace.locked(),
        reading(workspace.published) as source,
        warehouse.read() as client,
        destination_errors(warehouse.name),
    ):
        lock_all_accounts(client, database=warehouse.name)
        warehouse.make_tables_and_views()
        target = warehouse.connection_of(client)
        with client.begin_transaction():
            _refuse_if_held(target, copied)
            for name in COPIED:
                copied.rows[name] = _copy(source, target, name, copied)
    copied.seconds = round((datetime.now(UTC) - began).total_seconds(), 3)
    return copied


def _refuse_if_held(target: Connection, copied: Copied) -> None:
    for name in COPIED:
        count = target.execute(f"select count(*) from {RAW_SCHEMA}.{name}").fetchone()[0]  # noqa: S608  # names of ours
        if not count:
            continue
        raise CopyRefused(
            copied.destination,
            f"it holds rows already ({count:,} in `{name}`), and two histories are not made one",
            next_step="drop its schemas `kore_raw` and `kore`, or name an empty database, then "
            "copy again",
        )


def _copy(source: Connection, target: Any, name: str, copied: Copied) -> int:
    columns = columns_of_table(source, name)
    if not columns:  # an earlier program did not know it
        return 0
    listed = ", ".join(columns)
    query = f"select {listed} from {RAW_SCHEMA}.{name}"  # noqa: S608  # names of ours
    here, there = _Content(), _Content()
    for rows in _batches(source.execute(query)):
        here.add(rows)
        target.copy_in(f"{RAW_SCHEMA}.{name} ({listed})", _as_lines(rows))
    with closing(target.stream(query)) as read_back:
        for rows in _batches(read_back):
            there.add(rows)
    if here != there:
        raise CopyRefused(
            copied.destination,
            f"`{name}` was read back with {there.rows:,} rows, and not as the {here.rows:,} of "
            f"`{copied.database}`",
            next_step="report this line",
        )
    return here.rows


def _batches(cursor: Any) -> Iterator[Sequence[Sequence[Any]]]:
    while rows := cursor.fetchmany(_AT_ONCE):
        yield rows


def _as_lines(rows: Sequence[Sequence[Any]]) -> StringIO:
    r"""As COPY reads them: cells between tabs, nothing as `\N`."""
    lines = ("\t".join(_cell(cell) for cell in row) + "\n" for row in rows)
    return StringIO("".join(lines))


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    return str(_plain(value)).translate(_ESCAPES)


def _plain(value: Any) -> Any:
    """One text for one moment, whatever driver it comes from."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
