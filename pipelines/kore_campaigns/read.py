"""A view as a pandas DataFrame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kore_campaigns.project import project_folder

if TYPE_CHECKING:
    import pandas as pd


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
    import pyarrow as pa

    from kore_campaigns.destinations import name_of, place_of, stored_in
    from kore_campaigns.load import destination_errors
    from kore_campaigns.stored import at_one_moment
    from kore_campaigns.view_rows import known_view, view_batches, view_schema

    known_view(name)
    place = place_of(destination, database, project_folder())
    database = name_of(place)
    with (
        stored_in(place) as connection,
        destination_errors(database),
        at_one_moment(connection),
    ):
        schema = view_schema(connection, name, database=database)
        rows = pa.Table.from_batches(view_batches(connection, name, schema), schema)
    dtypes = {
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
    }
    # by way of Arrow: whole numbers beside nulls would be floats
    frame: pd.DataFrame = rows.to_pandas(types_mapper=dtypes.get)
    return frame
