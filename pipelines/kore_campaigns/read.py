"""A view as a pandas DataFrame."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from kore_campaigns.errors import DestinationUnavailable, SettingInvalid
from kore_campaigns.project import project_folder
from kore_campaigns.publish import workspace_for
from kore_campaigns.tables import VIEW_SCHEMA

if TYPE_CHECKING:
    import pandas as pd


def read_view(name: str, *, database: str | Path | None = None) -> pd.DataFrame:
    """All rows of the view `kore.<name>`, typed: whole numbers as Int64, yes/no as boolean,
    timestamps as datetime64[us, UTC], text as string.

    Reads the published file of the project folder unless `database` is given.  Raises
    `DestinationUnavailable` if there is none, `SettingInvalid` for an unknown view.
    """
    import duckdb  # the package must import in a moment

    path = workspace_for(database, project_folder()).published
    if not path.exists():
        raise DestinationUnavailable(str(path), "it does not exist; `kore-campaigns run` makes it")
    with duckdb.connect(str(path), read_only=True) as connection:
        views = connection.execute(
            "select view_name from duckdb_views() where schema_name = ? order by 1", [VIEW_SCHEMA]
        ).fetchall()
        known = [view for (view,) in views]
        if not re.fullmatch(r"[a-z_]+", name) or name not in known:
            raise SettingInvalid(key="view", value=name, expected="one of " + ", ".join(known))
        frame = connection.execute(f"select * from {VIEW_SCHEMA}.{name}").df()  # noqa: S608
    return frame.convert_dtypes(convert_floating=False)
