"""Dashboard and page of the report in a real Chromium: they open, answer, complain of nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from conftest import Emulate
from kore_emulator import demo_campaigns, sample_campaigns
from support.browser import PAGES, Seen, browsing, dashboard_server, free_port, go_to, settle
from support.project import Project

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ANSWERS_WITHIN = 10.0
INDIA = "Product Feedback India"


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    with browsing() as context:
        yield context


@pytest.fixture(scope="module")
def dashboard(played: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the dashboard answers, on the data of `make demo`."""
    log = tmp_path_factory.mktemp("dashboard") / "log"
    with dashboard_server(played / "kore_campaigns.duckdb", free_port(), log) as url:
        yield url


@pytest.fixture
def seen(dashboard: str, browser: BrowserContext) -> Iterator[Seen]:
    """The dashboard's first page; at the end nothing may have been complained of."""
    found = Seen(browser.new_page())
    found.page.goto(dashboard)
    yield found
    assert found.complaints == []
    found.page.close()


def rows_of(page: Page, place: int) -> list[str]:
    """What the table shows, without its header, as a screen reader is told."""
    table = page.get_by_test_id("stDataFrame").nth(place)
    table.scroll_into_view_if_needed()
    rows = table.locator("[role=row]")
    expect(rows.nth(1)).to_be_attached()
    return [" | ".join(row.locator("td").all_text_contents()) for row in rows.all()[1:]]


def eventually(page: Page, holds: Callable[[], bool]) -> bool:
    """Whether it does before long: the answer to a click takes a while."""
    give_up = time.monotonic() + ANSWERS_WITHIN
    while not (is_so := holds()) and time.monotonic() < give_up:
        page.wait_for_timeout(100)
    return is_so


def has_row(page: Page, place: int, *texts: str) -> bool:
    """Whether the table has a row with all of them, or comes to have one."""
    return eventually(
        page, lambda: any(all(text in row for text in texts) for row in rows_of(page, place))
    )


def test_every_page_opens_and_draws(seen: Seen) -> None:
    # the first page waits for the imports of Streamlit and pandas
    first = seen.page.get_by_role("heading", name=PAGES["Overview"])
    expect(first).to_be_visible(timeout=60_000)

    for name in PAGES:
        go_to(seen.page, name)
        expect(seen.page.get_by_test_id("stDataFrame").first).to_be_visible()
        for kind in ("Error", "Warning"):
            expect(seen.page.get_by_test_id(f"stAlertContent{kind}")).to_have_count(0)
    for name in ("Calling hours", "Changes", "DNC lists"):
        go_to(seen.page, name)
        chart = seen.page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg").first
        expect(chart).to_be_visible()
        box = chart.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 40


def test_the_first_page_has_an_address_of_its_own_too(
    dashboard: str, browser: BrowserContext
) -> None:
    page = browser.new_page()
    page.goto(f"{dashboard}/overview")

    expect(page.get_by_role("heading", name=PAGES["Overview"])).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    page.close()


def test_filters_change_which_findings_are_shown(seen: Seen) -> None:
    go_to(seen.page, "Findings")
    count = seen.page.get_by_role("heading", name="findings, most severe first")
    expect(count).to_have_text(re.compile(r"^25 findings"))

    seen.page.get_by_role("combobox", name="Severity").click()
    seen.page.get_by_role("option", name="medium").click()
    seen.page.keyboard.press("Escape")

    expect(count).not_to_have_text(re.compile(r"^25 findings"))
    assert eventually(
        seen.page, lambda: all(row.startswith("medium") for row in rows_of(seen.page, 0))
    )
    rows = rows_of(seen.page, 0)
    assert count.text_content() == f"{len(rows)} findings, most severe first"


def test_the_slider_goes_back_to_the_first_rules(seen: Seen) -> None:
    go_to(seen.page, "Changes")
    seen.page.get_by_role("combobox", name="Campaign").click()
    seen.page.get_by_role("option", name=INDIA).click()
    # the campaign before it is deleted and has no rules in force: its tables are others
    expect(seen.page.get_by_test_id("stDataFrame")).to_have_count(5)
    settle(seen.page)
    hours = 2
    assert has_row(seen.page, hours, "FR", "8:00 PM")

    seen.page.get_by_role("slider").press("Home")

    rules = seen.page.get_by_role("heading", name="Rules in force on")
    expect(rules).to_have_text(re.compile("December 2025"))
    assert has_row(seen.page, hours, "FR", "6:00 PM")


def test_hours_are_shown_by_either_clock(seen: Seen) -> None:
    go_to(seen.page, "Calling hours")
    name = seen.page.get_by_role("textbox", name="Campaigns whose name contains")
    name.fill(INDIA)
    name.press("Enter")
    assert has_row(seen.page, 0, INDIA, "Mon 09:00")
    assert all(row.startswith(INDIA) for row in rows_of(seen.page, 0))

    seen.page.get_by_text("UTC", exact=True).click()

    assert has_row(seen.page, 0, INDIA, "Mon 03:00")


def test_a_table_can_be_downloaded(seen: Seen) -> None:
    go_to(seen.page, "Findings")
    expect(seen.page.get_by_role("heading", name="25 findings")).to_be_visible()
    assert len(rows_of(seen.page, 0)) > 1
    settle(seen.page)

    seen.page.get_by_test_id("stDataFrame").first.hover()
    expect(seen.page.get_by_role("button", name="Fullscreen").first).to_be_visible()
    own = seen.page.get_by_role("button", name=re.compile("^Download as CSV"))
    expect(own).to_have_count(0)

    with seen.page.expect_download() as download:
        seen.page.get_by_role("button", name="CSV", exact=True).click()

    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.startswith("\ufeffseverity,campaign_name,finding,sentence")
    assert len(text.splitlines()) == 26


def test_the_page_of_the_report_opens_from_disk_without_a_network(
    emulate: Emulate, project: Project, browser: BrowserContext
) -> None:
    project.use(emulate([*demo_campaigns(), *sample_campaigns(988)]))
    project.run()
    target = project.folder / "page.html"
    assert project.cli("report", "--html", str(target)).code == 0
    assert target.stat().st_size < 2_000_000

    found = Seen(browser.new_page())
    browser.set_offline(True)
    try:
        for scheme in ("light", "dark"):
            found.page.emulate_media(color_scheme=scheme)
            found.page.goto(target.as_uri())
            is_seen = found.page.locator("svg").first
            expect(is_seen).to_be_visible()
            assert found.page.evaluate("document.documentElement.scrollWidth") <= 1280
    finally:
        browser.set_offline(False)

    assert found.complaints == []
    assert set(found.addresses) == {target.as_uri()}
    found.page.close()
