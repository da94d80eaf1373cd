"""The dashboard shows what the views contain, follows filters, and says what to do."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from conftest import Emulate
from kore_dashboard import parts, source
from kore_emulator import Fault, demo_campaigns, sample_campaigns
from support.calling_minutes import DAYS, window
from support.postgres import copy_to_postgres, running_postgres
from support.project import Project

pytestmark = pytest.mark.slow

PAGES = (
    *("overview", "calling_hours", "findings", "changes", "one_campaign"),
    *("dnc_lists", "contact_lists", "runs"),
)
INDIA = "Product Feedback India"
ROADSIDE = "Roadside Callback Overnight"


@pytest.fixture
def demo(played: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """That folder, and the dashboard pointed at it."""
    project = Project(played, monkeypatch)
    monkeypatch.setenv(source.SETTING, str(project.database))
    return project


def opened(page: str, **address: str | list[str]) -> AppTest:
    """A page as a browser would have it, without one; `address` is what follows the `?`."""
    app = AppTest.from_string(
        f"from kore_dashboard import pages, parts\nparts.filters()\npages.{page}()",
        default_timeout=60,
    )
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def texts(app: AppTest, kind: str) -> list[str]:
    return [str(each.value) for each in getattr(app, kind)]


def written(app: AppTest) -> str:
    """Texts of the lists on the page, without their markup."""
    pieces = [str(each.proto.body) for each in app.get("html")]
    return unescape(re.sub(r"<[^>]+>", " ", " ".join(pieces)))


def rows_written(app: AppTest) -> list[str]:
    """Texts of the rows of its lists."""
    pieces = " ".join(str(each.proto.body) for each in app.get("html"))
    found = re.findall(r"<tr>(.*?)</tr>", pieces)
    return [
        " ".join(unescape(re.sub(r"<[^>]+>", " ", each)).split()) for each in found if "<td" in each
    ]


@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_and_its_headings_name_a_topic(demo: Project, page: str) -> None:
    app = opened(page)

    assert not app.exception
    assert texts(app, "error") == []
    assert app.dataframe or app.get("html")
    for title in texts(app, "header") + texts(app, "subheader"):
        assert not title.endswith("?"), title


@pytest.mark.parametrize("page", PAGES)
def test_no_heading_is_the_name_of_a_column(demo: Project, page: str) -> None:
    app = opened(page)

    for table in app.dataframe:
        columns = json.loads(table.proto.columns)
        for column in table.value.columns:
            assert "_" not in columns[column]["label"], column
    assert "_" not in " ".join(re.findall(r"<th[^>]*>([^<]*)<", str(app.get("html"))))


def test_findings_are_those_of_the_view_and_follow_the_filters(
    demo: Project,
) -> None:
    app = opened("findings")
    (total,) = demo.sql(
        "select count(*) from ("
        "select distinct campaign_key, finding, policy_name from kore.findings)"
    )[0]
    assert texts(app, "subheader")[0] == f"{total} findings, most severe first"
    assert rows_written(app)[0].startswith("◆ high")

    app.multiselect(key="severity").set_value(["medium"]).run()
    assert {row.split()[1] for row in rows_written(app)} == {"medium"}
    app.multiselect(key="severity").set_value([])
    app.text_input(key="name").set_value("roadside").run()
    assert all(ROADSIDE in row for row in rows_written(app))
    app.multiselect(key="finding").set_value(["no_dnc_list"]).run()
    assert (rows_written(app), texts(app, "success")) == ([], ["No finding."])


def test_a_filter_on_a_later_page_of_the_list_still_shows_rows(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.use(emulate([one | {"dncLists": {}} for one in sample_campaigns(70)]))
    project.run()
    monkeypatch.setenv(source.SETTING, str(project.database))
    app = opened("findings", finding=["no dnc list"])
    assert texts(app, "subheader")[0].startswith("70 findings")

    app.number_input(key="page").set_value(3).run()
    assert len(rows_written(app)) == 20
    for text, count in (("u", 50), ("south", 25)):
        app.text_input(key="name").set_value(text).run()
        assert not app.exception
        found = int(texts(app, "subheader")[0].split()[0])
        assert count - 25 < found <= count
        assert rows_written(app)


def test_one_violation_on_five_weekdays_is_one_row(demo: Project) -> None:
    found = source.rows("findings", severities=["high"], kinds=None)

    assert list(found["sentence"]) == [
        "may dial Mon-Fri 08:00-21:30: 150 minutes a week outside `US federal` (08:00-21:00)",
        "may dial Mon-Thu 09:00-18:00; Fri 09:00-20:00: 300 minutes a week outside `India` "
        "(10:00-21:00)",
        "may dial Fri 22:00-24:00; Sat 00:00-06:00, 22:00-24:00; Sun 00:00-06:00: 960 minutes a "
        "week outside `US federal` (08:00-21:00)",
    ]
    assert list(found["findings"]) == [5, 5, 3]


def test_the_moment_goes_back_to_the_rules_of_that_time(demo: Project) -> None:
    ((changed_at, india),) = demo.sql(
        "select valid_from at time zone 'UTC', campaign_key from kore.campaign_history"
        f" where campaign_name = '{INDIA}' and version = 2"
    )

    def fridays_end(moment: datetime | None) -> str:
        spans = source.rows(
            "hours_spans",
            {"moment": moment},
            clock="local",
            campaign_keys=[india],
        )
        friday = spans[(spans["day_of_week"] == 5) & (spans["kind"] == "inside")]
        return str(friday["times"].iloc[-1]).split("-")[1]

    assert fridays_end(None) == "20:00"
    assert fridays_end(changed_at.replace(tzinfo=UTC) - timedelta(minutes=1)) == "18:00"

    before = (changed_at - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")
    app = opened("one_campaign", as_of=before, id=india)
    assert not app.exception
    assert "As of " in written(app)
    assert app.datetime_input(key="as_of").value is not None


def test_findings_of_a_moment_are_those_that_were_open_then(demo: Project) -> None:
    ((opened_at,),) = demo.sql(
        "select open_since from kore.findings"
        " where campaign_name = 'Festival Offers India' and finding = 'no_dnc_list'"
    )

    def found(moment: datetime | None) -> set[str]:
        rows = source.rows("findings", {"moment": moment}, severities=None, kinds=["no_dnc_list"])
        return set(rows["campaign_name"])

    always = {"Delivery Feedback Australia"}
    assert found(None) == found(opened_at) == {"Festival Offers India", *always}
    assert found(opened_at - timedelta(milliseconds=1)) == always
    # nothing is known of the time before a campaign was created
    assert found(datetime(2025, 1, 1, tzinfo=UTC)) == set()


def test_filters_of_the_address_are_those_of_the_page(demo: Project) -> None:
    app = opened("findings", type=["sms"], status=["Ready"])

    assert app.multiselect(key="type").value == ["sms"]
    names = {
        row[0]
        for row in demo.sql(
            "select campaign_name from kore.campaigns"
            " where campaign_type = 'sms' and status = 'Ready'"
        )
    }
    found = rows_written(app)
    assert found
    assert all(any(name in row for name in names) for row in found)
    assert "Type: sms" in written(app)


@pytest.mark.parametrize(
    ("variable", "chosen", "condition"),
    [
        ("apps", None, "true"),
        ("apps", ["another"], "false"),
        ("types", ["sms"], "campaign_type = 'sms'"),
        ("statuses", ["Paused", "Active"], "status in ('Paused', 'Active')"),
        ("zones", ["Asia/Kolkata"], "timezone = 'Asia/Kolkata'"),
        ("name", "INDIA", "lower(name) like '%india%'"),
        (
            "dnc",
            ["US National DNC"],
            "campaign_key in (select campaign_key from kore.campaign_dnc_lists"
            " where dnc_list_name = 'US National DNC')",
        ),
        (
            "dnc",
            ["(none of its own)"],
            "campaign_key not in (select campaign_key from kore.campaign_dnc_lists)",
        ),
    ],
)
def test_each_filter_admits_the_campaigns_that_the_views_have(
    demo: Project, variable: str, chosen: Any, condition: str
) -> None:
    if chosen is None:
        chosen = [row[0] for row in demo.sql("select app_name from kore.apps")]

    found = source.rows("hours_campaigns", {variable: chosen, "is_filtered": True})

    expected = demo.sql(f"select campaign_key from kore.campaigns where {condition}")
    assert set(found["campaign_key"]) == {key for (key,) in expected}
    shown = source.rows(
        "findings", {variable: chosen, "is_filtered": True}, severities=None, kinds=None
    )
    assert set(shown["campaign_key"]) <= {key for (key,) in expected}


def test_hours_and_limits_are_those_of_the_views(demo: Project) -> None:
    opened("overview")
    snapshot = source._snapshot(source._stamp())

    def same(mine: str, view: str) -> None:
        with snapshot._lock:
            snapshot._make(mine + " " + view)
        found = sorted(snapshot._memory.execute(mine).fetchall())
        assert found == sorted(demo.sql(view)), mine
        assert found

    same(
        "select campaign_key, day_of_week, start_minute, end_minute from shown.open_hours",
        "select campaign_key, day_of_week, start_minute, end_minute from kore.open_hours",
    )
    same(
        "select campaign_key, day_of_week, earliest_minute, latest_minute from shown.limits",
        "select campaign_key, day_of_week, coalesce(max(earliest_minute), 0),"
        " coalesce(min(latest_minute), 1440) from kore.policy_limits group by all",
    )
    same(
        "select campaign_key, sum(closes - opens) from shown.local_spans where kind = 'outside'"
        " group by all",
        "select campaign_key, sum(minutes) from kore.findings"
        " where finding = 'outside_permitted_hours' group by all",
    )
    same(
        "select campaign_key, sum(closes - opens) from shown.utc_spans where kind <> 'permitted'"
        " group by all",
        "select campaign_key, sum(date_diff('minute',"
        " greatest(starts_at, date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'),"
        " least(ends_at, (date_trunc('day', now() at time zone 'UTC') + interval 7 day)"
        " at time zone 'UTC'))) from kore.calling_windows_utc"
        " where starts_at < (date_trunc('day', now() at time zone 'UTC') + interval 7 day)"
        " at time zone 'UTC'"
        " and ends_at > date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'"
        " group by all",
    )


def test_the_next_closed_date_says_who_dials_on_it(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = datetime.now(UTC).date() + timedelta(days=9)
    while closed.isoweekday() > 5:
        closed += timedelta(days=1)
    policies = f"name,country,date\nIndia holidays,IN,{closed}\nLater,IN,{closed + timedelta(30)}\n"
    (project.folder / "policies.csv").write_text(policies, encoding="utf-8")
    project.use(emulate(demo_campaigns()))
    project.run()
    monkeypatch.setenv(source.SETTING, str(project.database))
    ((dialing,),) = project.sql(
        "select count(distinct campaign_key) from kore.findings"
        f" where finding = 'dials_on_closed_date' and sentence like '%{closed}%'"
    )
    ((india,),) = project.sql("select count(*) from kore.campaigns where timezone = 'Asia/Kolkata'")
    assert dialing > 0

    said = " ".join(written(opened("overview")).split())
    assert f"Next closed date: {closed:%A, %d %B %Y} (India holidays)" in said
    assert f"◆ {dialing} of {india} campaigns may dial" in said
    said = " ".join(written(opened("calling_hours")).split())
    assert f"■ closed (India holidays): ◆ {dialing} dial" in said

    # a closed date limits no other day
    assert source.rows("hours_campaigns")["minutes_outside_limits"].sum() == 0


@pytest.mark.parametrize("text", ["%", "_", "100%", "\\", "?"])
def test_a_filter_is_taken_literally(demo: Project, text: str) -> None:
    app = opened("calling_hours", name=text)

    assert texts(app, "info") == ["No campaign is in force here and now. Next: change the filters."]


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

    ((key,),) = project.sql("select campaign_key from kore.campaigns")
    week = source.rows("hours_spans", clock="UTC", campaign_keys=[key])

    assert sorted(week["times"]) == 7 * ["00:00-00:30"] + 7 * ["23:30-24:00"]
    heat = source.rows("hours_heat", clock="UTC")
    assert sorted(heat["hour"]) == 7 * [0] + 7 * [23]


def live(app: AppTest) -> str:
    return written(app).split()[0]


def test_a_file_that_a_run_swapped_in_is_seen_at_once(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = emulate(demo_campaigns())
    project.use(kore)
    project.run()
    monkeypatch.setenv(source.SETTING, str(project.database))
    app = opened("overview")
    assert live(app) == "12"

    kore.delete(kore.campaign_ids()[0])
    project.run()

    assert live(app.run()) == "11"


def test_new_rows_are_seen_while_a_query_of_another_visitor_is_open(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = emulate(demo_campaigns())
    project.use(kore)
    project.run()
    monkeypatch.setenv(source.SETTING, str(project.database))
    assert live(opened("overview")) == "12"
    with duckdb.connect(str(project.database), read_only=True) as slow:
        slow.execute("from kore.campaigns").fetchone()
        kore.delete(kore.campaign_ids()[0])
        project.run()

        assert live(opened("overview")) == "11"


def test_a_deleted_campaign_is_not_in_force(demo: Project) -> None:
    ((uk, deleted_at),) = demo.sql(
        "select campaign_key, valid_from at time zone 'UTC' from kore.campaign_history"
        " where is_deleted"
    )
    app = opened("one_campaign", id=uk)
    assert "Deleted in Kore on" in texts(app, "warning")[0]
    assert "Calling hours and permitted hours" not in texts(app, "subheader")
    assert uk not in set(source.rows("hours_campaigns")["campaign_key"])
    assert "Eye Test Reminder UK" not in " ".join(rows_written(opened("findings")))

    before = deleted_at - timedelta(minutes=1)
    app = opened("one_campaign", id=uk, as_of=before.strftime("%Y-%m-%dT%H:%M"))
    assert texts(app, "warning") == []
    assert "Calling hours and permitted hours" in texts(app, "subheader")
    assert uk in set(
        source.rows("hours_campaigns", {"moment": before.replace(tzinfo=UTC)})["campaign_key"]
    )
    assert not app.exception


def test_names_of_campaigns_are_text_and_never_markup(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = sample_campaigns(1)
    hostile = "<img src=x onerror=alert(1)>"
    kore = emulate([one | {"name": hostile, "dncLists": {}}])
    project.use(kore)
    project.run()
    kore.edit(kore.campaign_ids()[0], {"description": hostile, "status": "Paused"})
    project.run()
    monkeypatch.setenv(source.SETTING, str(project.database))

    for page in PAGES:
        app = opened(page)
        assert not app.exception
        bodies = "".join(str(each.proto.body) for each in app.get("html"))
        assert "<img" not in bodies
        if page in ("overview", "findings", "changes", "dnc_lists"):
            assert "&lt;img" in bodies, page


ADDRESSES = [
    "postgresql+psycopg2://kore:geheim@127.0.0.1:9/warehouse",
    "postgresql://kore:geheim@127.0.0.1:9/warehouse?sslmode=disable",
    "host=127.0.0.1 port=9 dbname=warehouse user=kore password=geheim",
    " 'postgres://kore:geheim@127.0.0.1:9/warehouse'",
    "mysql://kore:geheim@wh/warehouse",
    "postgresql://kore:geh eim@wh/warehouse",
    "postgresql:/kore:geheim@wh/warehouse",
    "postgresql://kore:pass@geheim@wh/warehouse",
    "postgresql://kore:geheim/word@wh/warehouse",
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
    ((key, one, other),) = demo.sql(
        "select campaign_key, min(version_key), max(version_key) from kore.campaign_history"
        f" where campaign_name = '{INDIA}' group by all"
    )
    values: dict[str, Any] = {
        **{"campaign_key": key, "campaign_keys": [key], "before": one, "after": other},
        **{"version_key": one, "version_keys": [one, other], "clock": "UTC", "risky": False},
        **{"finding": "outside_permitted_hours", "policy_name": "India"},
    }
    named = {
        name: {each: values.get(each) for each in re.findall(r"\$(\w+)", sql)}
        for name, sql in source.QUERIES.items()
        if not name.startswith("shown.")
    }
    on_duckdb = {name: source.rows(name, **given) for name, given in named.items()}

    with running_postgres(tmp_path / "postgres") as server:
        url = server.new_database()
        copy_to_postgres(demo.database, url)
        monkeypatch.setenv(source.SETTING, url)
        for name, given in named.items():
            found = source.rows(name, **given)
            expected = on_duckdb[name]
            for changing in ("until", "last_confirmed_at"):
                found = found.drop(columns=changing, errors="ignore")
                expected = expected.drop(columns=changing, errors="ignore")
            pd.testing.assert_frame_equal(found, expected, check_dtype=False, obj=name)
        app = opened("overview")
        assert not app.exception
        assert live(app) == "11"
