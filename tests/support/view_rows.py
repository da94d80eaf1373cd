"""All rows of all views, in a session with settings of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from kore_campaigns.views.apply import VIEWS

OF_NOW = ("campaign_freshness",)
"""What they say depends on the second in which they are read."""


def rows(cursor: Any, epoch: str) -> dict[str, list[str]]:
    """All rows of all views; moments as numbers, since a session may show them in its way."""
    found = {}
    for view in VIEWS:
        if view in OF_NOW:
            continue
        cursor.execute(f"select * from kore.{view} limit 0")
        types = {column[0]: str(column[1]).upper() for column in cursor.description}
        columns = ", ".join(
            epoch.format(name) if "TIME ZONE" in kind or kind in ("1082", "1184") else f"{name}"
            for name, kind in types.items()
        )
        cursor.execute(f"select {columns} from kore.{view}")
        found[view] = sorted(map(str, cursor.fetchall()))
    return found


def rows_in_file(database: Path, *settings: str) -> dict[str, list[str]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        for setting in settings:
            connection.execute(setting)
        return rows(connection, "epoch_us({})")
