"""Keys of one column: for joins in a BI tool and for tests in dbt."""

from __future__ import annotations

import duckdb
import pytest

from conftest import BOTH, Emulate
from kore_emulator import Fault, demo_campaigns
from support.odd_campaigns import odd_campaigns
from support.project import Project

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

HOURS = "dialingStrategy.callingHours"
# without a weekday each window is on every day, and both go past midnight: they overlap twice a day
TWICE_A_DAY = {
    "frequency": "DAILY",
    "timezone": "America/Chicago",
    "days": [
        {"start": "8:00 PM", "end": "2:00 AM"},
        {"start": "9:00 PM", "end": "1:00 AM"},
        {"start": "9:00 PM", "end": "1:00 AM"},
        {"start": "noon", "end": "noon"},
    ],
}
KEYS = {
    "campaigns": "campaign_key",
    "campaign_history": "version_key",
    "campaign_changes": "change_key",
    "findings": "finding_key",
    "weekly_minutes": "campaign_key",
    "campaign_freshness": "campaign_key",
}


def lived(emulate: Emulate, project: Project) -> None:
    (project.folder / "policies.csv").write_text(
        "name,country,weekday,earliest,latest,max_attempts_per_24h,min_ring_seconds\n"
        "US,US,,8:00 AM,9:00 PM,1,60\nSundays,US,SU,closed,,,\n"
    )
    kore = emulate([*demo_campaigns(), *odd_campaigns()[12:]])
    ids = kore.campaign_ids()
    kore.edit(ids[0], {HOURS: TWICE_A_DAY})
    project.use(kore, sweep="full", contact_lists=True, max_attempts=1)
    project.run()
    kore.edit(ids[0], {"priority": "9", "dncLists": {}})
    kore.delete(ids[3])
    kore.fault(Fault.SERVER_ERROR, ids[4])
    project.run()


def test_a_key_names_one_row(emulate: Emulate, project: Project) -> None:
    lived(emulate, project)

    for view, key in KEYS.items():
        counts = f"select count(*), count({key}), count(distinct {key}) from kore.{view}"
        ((rows, filled, different),) = project.sql(counts)
        assert rows > 1, view
        assert (filled, different) == (rows, rows), view


def test_every_view_about_campaigns_has_the_key_and_the_name(
    emulate: Emulate, project: Project
) -> None:
    lived(emulate, project)
    columns: dict[str, set[str]] = {}
    for view, column in project.sql(
        "select table_name, column_name from information_schema.columns where table_schema = 'kore'"
    ):
        columns.setdefault(view, set()).add(column)

    about_campaigns = [view for view, names in columns.items() if "campaign_id" in names]
    assert len(about_campaigns) > 20
    for view in about_campaigns:
        assert {"campaign_key", "campaign_name"} <= columns[view], view
        assert ("version" in columns[view]) == ("version_key" in columns[view]), view
        differs = f"select 1 from kore.{view} where campaign_key <> stream_id || '/' || campaign_id"
        assert project.sql(differs) == [], view


def test_every_view_of_an_app_names_it_and_numbers_have_their_words(
    emulate: Emulate, project: Project
) -> None:
    lived(emulate, project)
    columns: dict[str, set[str]] = {}
    for view, column in project.sql(
        "select table_name, column_name from information_schema.columns where table_schema = 'kore'"
    ):
        columns.setdefault(view, set()).add(column)

    for view, names in columns.items():
        assert ("stream_id" in names) == ("app_name" in names), view
        assert "day_of_week" not in names or "day_name" in names, view
        for end in ("start", "end", "earliest", "latest", "first", "last"):
            assert f"{end}_minute" not in names or f"{end}_time" in names, (view, end)
    days = "select distinct day_of_week, day_name from kore.open_hours order by 1"
    assert project.sql(days)[::6] == [(1, "Monday"), (7, "Sunday")]
    # the end of a day is 00:00; all other times are the minutes
    clocks = (
        "select count(*) from kore.open_hours where "
        "extract(hour from start_time) * 60 + extract(minute from start_time) <> start_minute or "
        "extract(hour from end_time) * 60 + extract(minute from end_time) <> end_minute % 1440"
    )
    assert project.sql(clocks) == [(0,)]
    at_midnight = "select count(*) from kore.open_hours where end_minute = 1440"
    assert project.sql(at_midnight) > [(0,)]


@pytest.mark.duckdb_only
def test_they_are_the_same_in_another_database(emulate: Emulate, project: Project) -> None:
    lived(emulate, project)
    other = project.folder / "other.duckdb"
    project.run(database=str(other))
    keys = "select campaign_key from kore.campaigns order by 1"
    with duckdb.connect(str(other), read_only=True) as connection:
        again = connection.execute(keys).fetchall()

    # the campaign that fails has no version there
    assert len(again) == len(project.sql(keys)) - 1
    assert {*again} < {*project.sql(keys)}
