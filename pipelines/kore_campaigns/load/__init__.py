"""Write and read destinations. `destination_for` chooses the class for a kind of database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kore_campaigns.config.paths import local_path, looks_like_address
from kore_campaigns.config.project import project_folder
from kore_campaigns.errors import SettingInvalid

if TYPE_CHECKING:
    from kore_campaigns.load.destination import Destination

DUCKDB = "duckdb"


def destination_for(
    kind: str = DUCKDB,
    *,
    database: str | Path | None = None,
    folder: Path | None = None,
    keep_generations: int = 3,
    chunk: int = 0,
    protect_foreign_tables: bool = False,
) -> Destination:
    """The destination that dlt calls `kind`; `database` is the file of DuckDB.

    Paths are relative to `folder`, by default the project folder.
    Raises `SettingInvalid` for a destination that cannot keep the promises.
    """
    folder = folder or project_folder()
    if looks_like_address(kind):
        raise SettingInvalid(
            key="destination",
            value="(not shown)",
            expected="a name such as `postgres`; its address is "
            "`[destination.postgres.credentials]` in `.dlt/secrets.toml`",
        )
    if database is not None:
        database = local_path(database, key="database", folder=folder)
    if kind == DUCKDB:
        from kore_campaigns.load.duckdb_file import DuckDBFile

        return DuckDBFile.in_folder(
            folder,
            database,
            keep_generations=keep_generations,
            chunk=chunk,
            protect_foreign_tables=protect_foreign_tables,
        )
    if kind == "postgres":
        try:
            from kore_campaigns.load.postgres import Postgres
        except ImportError:  # psycopg2
            expected = "one whose driver is installed: `pip install 'kore-campaigns[postgres]'`"
            raise SettingInvalid(key="destination", value=kind, expected=expected) from None
        return Postgres(folder)
    from kore_campaigns.load.warehouse import Warehouse, check_promises

    check_promises(kind)
    return Warehouse(kind, folder)
