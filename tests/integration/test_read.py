"""A view as a DataFrame whose columns have the types that were declared."""

from __future__ import annotations

from datetime import time

import duckdb
import pandas as pd
import pytest

from conftest import Emulate
from kore_campaigns import read_view
from kore_campaigns.errors import DestinationUnavailable, SettingInvalid
from kore_campaigns.views.apply import VIEWS
from kore_emulator import sample_campaigns
from support.project import Project

DTYPES = {
    "VARCHAR": "string",
    "JSON": "string",
    "BIGINT": "Int64",
    "INTEGER": "Int64",
    "BOOLEAN": "boolean",
    "TIMESTAMP WITH TIME ZONE": "datetime64[us, UTC]",
    # datetime.time and datetime.date: pandas has no types of its own for them
    "TIME": "object",
    "DATE": "object",
}


@pytest.mark.slow
@pytest.mark.parametrize("campaigns", [0, 25])
def test_every_column_of_every_view_has_its_type_with_rows_and_without(
    emulate: Emulate, project: Project, campaigns: int
) -> None:
    kore = emulate(sample_campaigns(campaigns))
    project.use(kore, ids=kore.campaign_ids() or ["cd-unknown"])
    project.run()

    for view in VIEWS:
        columns = project.sql(f"select column_name, column_type from (describe kore.{view})")
        frame = read_view(view)
        assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
            name: DTYPES[kind] for name, kind in columns
        }
        assert len(frame) == project.sql(f"select count(*) from kore.{view}")[0][0]


def test_values_are_those_of_the_database_to_the_last_digit(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(5))
    first, second, *_ = kore.campaign_ids()
    kore.edit(first, {"priority": 2**53 + 1, "name": "Añejo ☎"})
    kore.edit(second, {"priority": None})
    project.use(kore)
    project.run()

    campaigns = read_view("campaigns").set_index("campaign_id")
    hours = read_view("campaign_calling_hours")

    assert campaigns.loc[first, "priority"] == 2**53 + 1
    assert campaigns.loc[second, "priority"] is pd.NA
    assert campaigns.loc[first, "name"] == "Añejo ☎"
    updated_at = pd.Timestamp(kore.campaign(first)["updatedAt"])
    assert campaigns.loc[first, "updated_at"] == updated_at
    assert isinstance(hours["start_time"].dropna().iloc[0], time)


@pytest.mark.empty_database
def test_another_database_may_be_named(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(2)))
    project.run(database="other.duckdb")

    assert len(read_view("campaigns", database="other.duckdb")) == 2
    assert len(read_view("campaigns", database=project.folder / "other.duckdb")) == 2
    with pytest.raises(DestinationUnavailable, match="`kore-campaigns run` makes it"):
        read_view("campaigns")


@pytest.mark.parametrize("name", ["campaign", "CAMPAIGNS", "campaigns; drop view x", "", "_dlt"])
def test_an_unknown_view_is_refused_with_the_names_of_those_there_are(
    emulate: Emulate, project: Project, name: str
) -> None:
    project.use(emulate(sample_campaigns(1)))
    project.run()

    with pytest.raises(SettingInvalid) as raised:
        read_view(name)

    assert raised.value.expected == "one of " + ", ".join(sorted(VIEWS))


def test_a_file_that_is_not_ours_is_said_to_be_none(project: Project) -> None:
    project.database.write_text("no database")
    with pytest.raises(DestinationUnavailable):
        read_view("campaigns")

    project.database.unlink()
    duckdb.connect(str(project.database)).close()
    with pytest.raises(DestinationUnavailable, match="it has no view `campaigns`"):
        read_view("campaigns")
