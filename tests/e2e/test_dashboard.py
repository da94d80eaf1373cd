"""The dashboard shows what the views contain, follows filters, and says what to do."""

from __future__ import annotations

import codecs
import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from conftest import Emulate
from kore_dashboard import parts, queries, source
from kore_dashboard.hours import cells, of_week
from kore_emulator import Fault, demo_campaigns, sample_campaigns
from support.calling_minutes import DAYS, window
from support.postgres import copy_to_postgres, running_postgres
from support.project import Project

pytestmark = pytest.mark.slow

PAGES = ("overview", "calling_hours", "findings", "changes", "dnc_lists", "contact_lists")
INDIA = "cd-9e14b72-88cc-4544-9a98-7aee9b7a1c2d"


@pytest.fixture
def demo(played: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """That folder, and the dashboard pointed at it."""
    project = Project(played, monkeypatch)
    monkeypatch.setenv(source.SETTING, str(project.database))
    return project


def opened(page: str) -> AppTest:
    """A page as a browser would have it, without one."""
    return AppTest.from_string(
        f"from kore_dashboard import pages\npages.{page}()", default_timeout=60
    ).run()


def texts(app: AppTest, kind: str) -> list[str]:
    return [str(each.value) for each in getattr(app, kind)]


@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_and_its_headings_name_a_topic(demo: Project, page: str) -> None:
    app = opened(page)

    assert not app.exception
    assert texts(app, "error") == texts(app, "warning") == []
    assert app.dataframe
    for title in texts(app, "header") + texts(app, "subheader"):
        assert not title.endswith("?"), title


def test_findings_are_those_of_the_view_and_follow_the_filters(
    demo: Project,
) -> None:
    app = opened("findings")
    (total,) = demo.sql("select count(*) from kore.findings")[0]
    assert len(app.dataframe[0].value) == total
    assert app.dataframe[0].value["severity"].iloc[0] == "high"

    app.multiselect(key="severity").set_value(["medium"]).run()
    assert set(app.dataframe[0].value["severity"]) == {"medium"}
    app.multiselect(key="severity").set_value([])
    app.text_input(key="campaign").set_value("roadside").run()
    assert set(app.dataframe[0].value["campaign_name"]) == {"Roadside Callback Overnight"}
    app.multiselect(key="finding").set_value(["no_dnc_list"]).run()
    assert (list(app.dataframe), texts(app, "success")) == ([], ["No finding."])


def test_the_slider_goes_back_to_the_rules_of_that_time(demo: Project) -> None:
    app = opened("changes")
    app.selectbox(key="changes-campaign").set_value(INDIA).run()

    def fridays_end() -> list[Any]:
        hours = app.dataframe[2].value
        return list(hours[hours["day"] == "FR"]["end_text"])

    assert fridays_end() == ["8:00 PM"]
    (changed_at,) = demo.sql(
        "select valid_from at time zone 'UTC' from kore.campaign_history"
        " where campaign_id = ? and version = 2",
        INDIA,
    )[0]

    app.slider(key="as-of").set_value(changed_at - timedelta(minutes=1)).run()

    assert fridays_end() == ["6:00 PM"]
    assert not app.exception


def test_calling_hours_are_shown_by_either_clock_and_by_name(demo: Project) -> None:
    app = opened("calling_hours")
    app.text_input(key="name").set_value("feedback india").run()

    def friday() -> list[str]:
        week = app.dataframe[0].value
        return [when for when in week["when"] if when.startswith("Fri")]

    assert [friday()[0], friday()[-1]] == ["Fri 09:00", "Fri 19:00"]
    app.radio(key="clock").set_value("UTC").run()
    assert [friday()[0], friday()[-1]] == ["Fri 03:00", "Fri 14:00"]
    app.text_input(key="name").set_value("nobody").run()
    assert texts(app, "info") == ["No campaign of such a name has calling hours."]


@pytest.mark.parametrize("text", ["%", "_", "100%", "\\", "?"])
@pytest.mark.parametrize("clock", ["the campaign's own", "UTC"])
def test_a_filter_is_taken_literally(demo: Project, text: str, clock: str) -> None:
    app = opened("calling_hours")
    app.radio(key="clock").set_value(clock).run()
    app.text_input(key="name").set_value(text).run()

    assert texts(app, "info") == ["No campaign of such a name has calling hours."]


def test_an_hour_in_utc_has_no_more_minutes_than_its_window(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = sample_campaigns(1)
    one["dialingStrategy"]["callingHours"] = {
        "frequency": "WEEKLY",
        "timezone": "Etc/GMT-1",  # an hour ahead
        "days": [window(day, "12:30 AM", "1:30 AM") for day in DAYS],
    }
    project.use(emulate([one]))
    project.run()
    monkeypatch.setenv(source.SETTING, str(project.database))

    app = opened("calling_hours")
    app.radio(key="clock").set_value("UTC").run()

    week = app.dataframe[0].value
    assert sorted(week["hour"] % 24) == 7 * [0] + 7 * [23]
    assert set(week["minutes"]) == {30}


def test_a_file_that_a_run_swapped_in_is_seen_at_once(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = emulate(demo_campaigns())
    project.use(kore)
    project.run()
    monkeypatch.setenv(source.SETTING, str(project.database))
    app = opened("overview")
    assert app.metric[0].value == "12"

    kore.delete(INDIA)
    project.run()

    assert app.run().metric[0].value == "11"


def test_new_rows_are_seen_while_a_query_of_another_visitor_is_open(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = emulate(demo_campaigns())
    project.use(kore)
    project.run()
    monkeypatch.setenv(source.SETTING, str(project.database))
    assert opened("overview").metric[0].value == "12"
    with duckdb.connect(str(project.database), read_only=True) as slow:
        slow.execute("from kore.campaigns").fetchone()
        kore.delete(INDIA)
        project.run()

        assert opened("overview").metric[0].value == "11"


def test_a_deleted_campaign_is_not_in_force_and_the_slider_begins_now(demo: Project) -> None:
    ((uk,),) = demo.sql("select campaign_id from kore.campaign_history where is_deleted")
    app = opened("changes")
    app.selectbox(key="changes-campaign").set_value(uk).run()

    shown: Any = app.slider(key="as-of").value
    age = datetime.now(UTC).replace(tzinfo=None) - shown
    assert timedelta(minutes=-1) <= age < timedelta(minutes=2)
    assert "None: the campaign was not there." in texts(app, "caption")
    ((deleted_at,),) = demo.sql(
        "select valid_from at time zone 'UTC' from kore.campaign_history where is_deleted"
    )
    app.slider(key="as-of").set_value(deleted_at - timedelta(minutes=1)).run()
    assert "None: the campaign was not there." not in texts(app, "caption")
    assert not app.exception


ADDRESSES = [
    "postgresql+psycopg2://kore:geheim@127.0.0.1:9/warehouse",
    "postgresql://kore:geheim@127.0.0.1:9/warehouse?sslmode=disable",
    "host=127.0.0.1 port=9 dbname=warehouse user=kore password=geheim",
    " 'postgres://kore:geheim@127.0.0.1:9/warehouse'",
    "mysql://kore:geheim@wh/warehouse",
    "postgresql://kore:geh eim@wh/warehouse",
    "postgresql:/kore:geheim@wh/warehouse",
    "md:geheim",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("page", ["overview", "changes"])
def test_nothing_of_an_address_is_shown_but_host_and_database(
    monkeypatch: pytest.MonkeyPatch, page: str, address: str
) -> None:
    monkeypatch.setenv(source.SETTING, address)

    app = opened(page)

    (said,) = texts(app, "error")
    assert not app.exception
    assert "geh" not in said
    assert "kore:" not in said
    if "127.0.0.1" in address:
        assert said.startswith("`127.0.0.1/warehouse`: the query failed: connection to server")


def test_a_file_for_a_spreadsheet_has_no_formula_and_says_that_it_is_utf_8() -> None:
    names = ['=HYPERLINK("http://evil","x")', "+1", "-1", "@a", "\t=1", "\uff1d1", "नमस्ते", "a=b"]
    found = pd.DataFrame({"name": [*names, None], "minutes": [-1, *range(8)]})

    given: Any = parts._csv(found)  # a browser has it from a button

    assert given.startswith(codecs.BOM_UTF8)
    read = list(csv.reader(io.StringIO(given.decode("utf-8-sig"), newline="")))[1:]
    assert [row[0] for row in read] == [*(f"'{name}" for name in names[:6]), *names[6:], ""]
    assert read[0][1] == "-1"


def test_without_a_database_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(source.SETTING, "nowhere.duckdb")

    for page in PAGES:
        app = opened(page)
        assert not app.exception
        assert len(app.error) == 1
        assert "Next: `kore-campaigns run`" in texts(app, "error")[0]


def test_a_file_without_our_views_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    monkeypatch.setenv(source.SETTING, str(tmp_path / "other.duckdb"))

    assert "has no such views" in texts(opened("overview"), "error")[0]


def test_empty_and_stale_are_said(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = emulate(demo_campaigns()[:2])
    project.use(kore, ids=["cd-nobody"], error_budget=1)
    project.run()
    monkeypatch.setenv(source.SETTING, str(project.database))
    assert "No live campaign" in texts(opened("findings"), "info")[0]

    project.use(kore, max_attempts=1, error_budget=1)
    project.run()
    kore.fault(Fault.SERVER_ERROR, kore.campaign_ids()[0])
    project.run()
    assert "Campaigns whose data may be out of date: 1." in texts(opened("findings"), "warning")[0]


def test_every_query_has_the_same_answer_on_postgres(
    demo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {name: sql for name, sql in vars(queries).items() if name.isupper()}
    asked = {
        name: tuple("a" if "strpos" in sql else INDIA for _ in range(sql.count("?")))
        for name, sql in named.items()
    }
    instant = {"HOURS_IN_FORCE", "DNC_IN_FORCE"}
    moment = demo.sql("select max(valid_from) from kore.campaign_history")[0][0]
    asked |= dict.fromkeys(instant, (INDIA, moment, moment))
    on_duckdb = {name: source.rows(sql, *asked[name]) for name, sql in named.items()}

    with running_postgres(tmp_path / "postgres") as server:
        url = server.new_database()
        copy_to_postgres(demo.database, url)
        monkeypatch.setenv(source.SETTING, url)
        for name, sql in named.items():
            found = source.rows(sql, *asked[name])
            assert list(found.columns) == list(on_duckdb[name].columns), name
            assert len(found) == len(on_duckdb[name]), name
        app = opened("overview")
        assert not app.exception
        assert app.metric[0].value == "11"


def test_a_week_has_a_cell_for_each_hour_that_a_window_touches() -> None:
    week = cells([("A", 9 * 60 + 30, 11 * 60), ("A", 7 * 1440 - 30, 7 * 1440 + 30)])

    found = {row.hour: (row.when, row.minutes) for row in week.itertuples()}
    assert found == {
        0: ("Mon 00:00", 30),
        9: ("Mon 09:00", 30),
        10: ("Mon 10:00", 60),
        167: ("Sun 23:00", 30),
    }
    assert of_week(0) == 3 * 1440  # 1 January 1970 was a Thursday
    assert cells([]).empty
