"""A view as a pandas DataFrame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kore_campaigns.errors import DestinationUnavailable, SettingInvalid
from kore_campaigns.project import project_folder
from kore_campaigns.publish import workspace_for
from kore_campaigns.tables import VIEW_SCHEMA

if TYPE_CHECKING:
    import duckdb
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
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            _check_name(name, connection)
            return _frame(connection.sql(f"select * from {VIEW_SCHEMA}.{name}"))  # noqa: S608
    except duckdb.Error as failed:
        raise DestinationUnavailable(str(path), str(failed).splitlines()[0]) from failed


def _check_name(name: str, connection: duckdb.DuckDBPyConnection) -> None:
    views = connection.execute(
        "select view_name from duckdb_views() where schema_name = ? order by 1", [VIEW_SCHEMA]
    ).fetchall()
    known = [view for (view,) in views]
    if name not in known:
        raise SettingInvalid(key="view", value=name, expected="one of " + ", ".join(known))


def _frame(rows: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    dtypes = {
        pa.int32(): pd.Int64Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
    }
    # by way of Arrow: duckdb's own frames take whole numbers beside nulls for floats
    frame: pd.DataFrame = rows.to_arrow_table().to_pandas(types_mapper=dtypes.get)
    return frame
