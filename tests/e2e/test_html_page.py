"""The page of `kore-campaigns report`: whole, safe, without a network, and true to the views."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from conftest import Emulate
from kore_campaigns.cli.demo import POLICIES, edit
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_campaigns.reports.html import (
    MOST,
    PageFacts,
    Week,
    hours_open,
    html_page,
    read_page_facts,
)
from kore_emulator import Emulator, Fault, demo_campaigns, sample_campaigns
from support.project import Project

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script> & \"quotes\""


class Page(HTMLParser):
    """Text and tags of a page; every tag that was opened must be closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta",):
            self._open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "href", "srcset", "action"), (tag, name, value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.words)


def facts(**others: Any) -> PageFacts:
    empty = PageFacts(
        database="kore_campaigns.duckdb",
        made_at=NOON,
        last_run_at=NOON,
        last_run_state="complete",
        live=1,
        stale=0,
        weeks=(),
        utc_hours=(0,) * 168,
        findings=(),
        changes=(),
        dnc_lists=(),
        overlaps=(),
    )
    return replace(empty, **others)


def played(emulate: Emulate, project: Project, **settings: Any) -> Emulator:
    """What the demo does, in a project."""
    (project.folder / "policies.csv").write_text(POLICIES, encoding="utf-8")
    kore = emulate(demo_campaigns())
    project.use(kore, **settings)
    project.run()
    edit(kore)
    project.run()
    return kore


def test_it_says_what_the_views_say(emulate: Emulate, project: Project) -> None:
    played(emulate, project)

    ended = project.cli("report", "--html", "page.html")

    page = Page((project.folder / "page.html").read_text(encoding="utf-8"))
    assert ended.code == 0
    assert re.fullmatch(r".*/page\.html: \d+\.\d kB\n", ended.out)
    for (sentence,) in project.sql("select sentence from kore.findings where day_of_week is null"):
        assert sentence in page.text
    for (summary,) in project.sql(
        "select change_summary from kore.campaign_history where version > 1"
    ):
        assert summary in page.text
    for (name,) in project.sql("select name from kore.campaigns"):
        assert name in page.text
    # one violation on five weekdays is one row
    assert "may dial Mon-Thu 09:00-18:00; Fri 09:00-20:00: 300 minutes a week" in page.text
    assert "3\nhigh findings" in page.text
    assert page.text.count("outside permitted hours") == 3
    for minutes in (150, 300, 960):
        assert f"◆ {minutes} min outside" in page.text
    assert "11\nlive campaigns" in page.text
    assert page.text.index("DNC list `India DND` removed") < page.text.index("deleted in Kore")


@pytest.mark.slow
def test_nothing_of_it_needs_a_network_or_runs(emulate: Emulate, project: Project) -> None:
    played(emulate, project)
    project.cli("report", "--html", "page.html")

    text = (project.folder / "page.html").read_text(encoding="utf-8")

    assert "script" not in Page(text).tags
    assert not re.search(r"url\(|@import|https?://", text)


def test_what_campaigns_are_called_cannot_become_markup() -> None:
    hostile = facts(
        database=HOSTILE,
        weeks=(Week(HOSTILE, HOSTILE, ((0, 60),), ((0, 60),)), Week(HOSTILE, None)),
        findings=(("high", HOSTILE, HOSTILE, HOSTILE, NOON),),
        changes=((NOON, HOSTILE, HOSTILE, True),),
        dnc_lists=((HOSTILE, 1), (None, 2)),
        overlaps=(("queue", HOSTILE, HOSTILE, HOSTILE, 90),),
    )

    page = Page(html_page(hostile))

    assert "script" not in page.tags
    assert page.text.count("<script>alert") >= 10


@pytest.mark.slow
def test_what_is_counted_is_counted_before_the_lists_are_cut(
    emulate: Emulate, project: Project
) -> None:
    many = [one | {"dialingStrategy": {}} for one in sample_campaigns(MOST["findings"])]
    project.use(emulate(many))
    project.run()

    found = read_page_facts(DuckDBFile.in_folder(project.folder))

    (high,) = project.sql(
        "select count(*) from (select distinct campaign_key, finding, policy_name"
        " from kore.findings where severity = 'high')"
    )[0]
    page = Page(html_page(found))
    assert high > MOST["findings"] == page.words.count("◆ high")
    assert f"{high:,}\nhigh findings" in page.text


def test_what_is_left_out_is_said_with_the_view_that_has_it() -> None:
    many = facts(findings=(("high", "A", "stale", "was not", NOON),) * 1234)

    assert "500 of 1,234 are shown; all are in kore.findings." in Page(html_page(many)).text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"live": 0}, "No live campaign is in this database."),
        ({"stale": 3}, "3 campaigns are stale: what is shown of them may be out of date."),
    ],
)
def test_empty_and_stale_are_said_with_the_next_command(given: dict[str, Any], said: str) -> None:
    page = Page(html_page(facts(**given)))

    assert said in page.text
    assert "kore-campaigns status" in page.text


def test_a_database_that_is_empty_or_stale_makes_a_page_too(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(demo_campaigns()[:2])
    project.use(kore, ids=["cd-nobody"], error_budget=1)
    project.run()
    assert project.cli("report", "--html", "empty.html").code == 0
    assert "No live campaign" in (project.folder / "empty.html").read_text(encoding="utf-8")

    project.use(kore, error_budget=1, max_attempts=1)
    project.run()
    kore.fault(Fault.SERVER_ERROR, kore.campaign_ids()[0])
    project.run()
    found = read_page_facts(DuckDBFile.in_folder(project.folder), now=NOON)
    assert (found.live, found.stale, found.failing) == (2, 1, 1)
    assert "may be out of date" in html_page(found)


@pytest.mark.slow
def test_a_thousand_campaigns_make_a_page_that_a_mail_takes(
    emulate: Emulate, project: Project
) -> None:
    (project.folder / "policies.csv").write_text(POLICIES, encoding="utf-8")
    project.use(emulate(sample_campaigns(1_050)))
    project.run()

    text = html_page(read_page_facts(DuckDBFile.in_folder(project.folder)))

    assert len(text.encode()) < 2_000_000
    assert f"{MOST['weeks']:,} of 1,050 are shown" in Page(text).text


def test_without_a_database_or_a_place_for_it_nothing_is_written(
    emulate: Emulate, project: Project
) -> None:
    missing = project.cli("report", "--html", "page.html", "--database", "none.duckdb")
    assert (missing.code, list(project.folder.glob("*.html"))) == (6, [])
    assert "it does not exist; `kore-campaigns run` makes it" in missing.err

    project.use(emulate(demo_campaigns()[:1]))
    project.run()
    refused = project.cli("report", "--html", "no/such/folder/page.html")
    assert refused.code == 2
    assert "no/such/folder/page.html" in refused.err


def test_hours_count_a_campaign_once_however_many_windows_touch_them() -> None:
    monday_nine, sunday_last = 9 * 60, 7 * 1440 - 30
    weeks = [
        [(monday_nine, monday_nine + 61)],
        [(monday_nine, monday_nine + 5), (monday_nine + 10, monday_nine + 15)],
        [(sunday_last, sunday_last + 60)],  # in UTC a window may go on into the next week
    ]

    hours = hours_open(weeks)

    assert {hour: count for hour, count in enumerate(hours) if count} == {9: 2, 10: 1, 167: 1, 0: 1}


def test_what_policies_permit_is_drawn_with_what_is_outside(
    emulate: Emulate, project: Project
) -> None:
    played(emulate, project)

    found = read_page_facts(DuckDBFile.in_folder(project.folder))

    # those outside come first
    names = [week.name for week in found.weeks]
    assert [week.name for week in found.weeks if week.outside] == names[:3]
    (india,) = [week for week in found.weeks if week.name == "Product Feedback India"]
    assert india.permitted == [(1440 * day + 600, 1440 * day + 1260) for day in range(7)]
    assert india.outside == [(1440 * day + 540, 1440 * day + 600) for day in range(5)]
    assert india.inside[-1] == (1440 * 4 + 600, 1440 * 4 + 1200)
    assert (
        sum(week.minutes_outside for week in found.weeks)
        == (
            project.sql(
                "select sum(minutes) from kore.findings where finding = 'outside_permitted_hours'"
            )[0][0]
        )
    )
    lane = (
        html_page(found).split('aria-label="Week of Product Feedback India"')[1].split("</svg>")[0]
    )
    assert lane.count('class="permitted"') == lane.count('class="outside"') == 1
    assert "M540 0H600v12H540z" in lane


def test_hours_in_utc_are_those_of_the_view(emulate: Emulate, project: Project) -> None:
    (one,) = sample_campaigns(1)
    one["dialingStrategy"]["callingHours"] = {
        "frequency": "WEEKLY",
        "timezone": "Asia/Kolkata",
        "days": [{"day": "WE", "start": "9:00 AM", "end": "10:00 AM"}],
    }
    project.use(emulate([one]))
    project.run()

    found = read_page_facts(DuckDBFile.in_folder(project.folder))

    assert [hour for hour, count in enumerate(found.local_hours) if count] == [48 + 9]
    assert [hour for hour, count in enumerate(found.utc_hours) if count] == [48 + 3, 48 + 4]


def test_a_heat_map_has_a_cell_for_each_hour_shaded_by_its_share() -> None:
    hours = [0] * 168
    hours[0], hours[1], hours[2] = 10, 1, 5

    page = html_page(facts(utc_hours=hours))

    svg = page[
        page.index("Campaigns by weekday and hour, UTC") : page.index("Do-not-call lists</h2>")
    ]
    assert svg.count("<rect") == 168
    assert svg.count('class="h0"') == 165
    assert [re.findall(r'class="h(\d)"', svg)[place] for place in range(3)] == ["5", "1", "3"]
    assert "Mon 02:00-03:00: 5" in svg
