"""Dashboard and page of the report in a real Chromium: they open, answer, complain of nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from conftest import Emulate
from kore_emulator import demo_campaigns, sample_campaigns
from support.browser import PAGES, Seen, browsing, dashboard_server, free_port, go_to, settle
from support.project import Project

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ANSWERS_WITHIN = 10.0
INDIA = "Product Feedback India"
AUSTRALIA = "Delivery Feedback Australia"


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


def listed(page: Page) -> list[str]:
    """Texts of the rows of the first list on the page."""
    rows = page.locator(".kore table.cards").first.locator("tbody tr")
    expect(rows.first).to_be_visible()
    return [" ".join(text.split()) for text in rows.all_inner_texts()]


def eventually(page: Page, holds: Callable[[], bool]) -> bool:
    """Whether it does before long: the answer to a click takes a while."""
    give_up = time.monotonic() + ANSWERS_WITHIN
    while not (is_so := holds()) and time.monotonic() < give_up:
        page.wait_for_timeout(100)
    return is_so


def address(page: Page) -> dict[str, list[str]]:
    """What follows the `?`."""
    return parse_qs(urlsplit(page.url).query)


def test_every_page_opens_and_draws(seen: Seen) -> None:
    # the first page waits for the imports of Streamlit and pandas
    first = seen.page.get_by_role("heading", name="Overview", exact=True)
    expect(first).to_be_visible(timeout=60_000)

    for name in PAGES:
        go_to(seen.page, name)
        drawn = seen.page.locator(".kore table, .kore details, [data-testid=stDataFrame]").first
        expect(drawn).to_be_visible()
        expect(seen.page.get_by_test_id("stAlertContentError")).to_have_count(0)
    for name in ("Overview", "Calling hours", "Changes", "Campaign", "DNC lists"):
        go_to(seen.page, name)
        chart = seen.page.get_by_test_id("stVegaLiteChart").first.locator("canvas, svg").first
        expect(chart).to_be_visible()
        box = chart.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 40


def test_every_page_fits_a_phone(dashboard: str, browser: BrowserContext) -> None:
    phone = Seen(browser.new_page())
    phone.page.set_viewport_size({"width": 390, "height": 844})
    phone.page.goto(dashboard)
    expect(phone.page.get_by_role("heading", name="Overview", exact=True)).to_be_visible(
        timeout=60_000
    )
    for name in PAGES:
        go_to(phone.page, name)
        settle(phone.page)
        drawn = phone.page.locator(".kore table, .kore details, [data-testid=stDataFrame]").first
        expect(drawn).to_be_attached()
        main = phone.page.get_by_test_id("stMain")
        width = "element => [element.scrollWidth, element.clientWidth, window.innerWidth]"
        assert main.evaluate(width) == [390, 390, 390], name
        # nothing is cut off at the right of the screen
        cut = phone.page.locator(".kore").evaluate_all(
            "all => all.filter(each => each.scrollWidth > each.clientWidth + 1).length"
        )
        assert cut == 0, name
    assert phone.complaints == []
    phone.page.close()


def test_filters_and_moment_are_in_the_address_and_stay_on_every_page(
    dashboard: str, browser: BrowserContext
) -> None:
    page = browser.new_page()
    moment = datetime.now(UTC) - timedelta(days=10)
    page.goto(f"{dashboard}/findings?as_of={moment:%Y-%m-%dT%H:%M}")
    said = page.locator(".kore .scope")
    expect(said).to_contain_text(f"As of {moment:%A, %d %B %Y, %H:%M} UTC", timeout=60_000)

    page.get_by_role("combobox", name="Type").click()
    page.get_by_role("option", name="voice").click()
    page.keyboard.press("Escape")
    expect(said).to_contain_text("Type: voice")

    for name in (*PAGES[1:], PAGES[0]):
        go_to(page, name)
        expect(said).to_contain_text("As of")
        expect(said).to_contain_text("Type: voice")
        assert address(page)["type"] == ["voice"]
        assert address(page)["as_of"] == [f"{moment:%Y-%m-%dT%H:%M}"]

    page.reload()
    expect(said).to_contain_text("Type: voice")
    page.locator(".kore a", has_text=AUSTRALIA).first.click()
    expect(page.get_by_role("heading", name="Campaign", exact=True)).to_be_visible()
    settle(page)
    assert {"as_of", "type", "id"} <= set(address(page))

    page.get_by_role("link", name="Back to now").click()
    expect(said).not_to_contain_text("As of")
    expect(said).to_contain_text("Type: voice")
    assert "id" in address(page)
    page.close()


def test_the_first_page_has_an_address_of_its_own_too(
    dashboard: str, browser: BrowserContext
) -> None:
    page = browser.new_page()
    page.goto(f"{dashboard}/overview")

    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    page.close()


def test_filters_change_which_findings_are_shown(seen: Seen) -> None:
    go_to(seen.page, "Findings")
    count = seen.page.get_by_role("heading", name="findings, most severe first")
    expect(count).to_have_text(re.compile(r"^15 findings"))

    seen.page.get_by_role("combobox", name="Severity").click()
    seen.page.get_by_role("option", name="medium").click()
    seen.page.keyboard.press("Escape")

    expect(count).not_to_have_text(re.compile(r"^15 findings"))
    assert eventually(
        seen.page, lambda: all(row.startswith("▲ medium") for row in listed(seen.page))
    )
    assert count.text_content() == f"{len(listed(seen.page))} findings, most severe first"
    assert address(seen.page)["severity"] == ["medium"]


def test_a_moment_goes_back_to_the_first_rules(seen: Seen) -> None:
    go_to(seen.page, "Changes")
    seen.page.locator(".kore details a", has_text=INDIA).first.click()
    expect(seen.page.get_by_role("heading", name="Campaign", exact=True)).to_be_visible()
    settle(seen.page)
    facts = seen.page.locator(".kore .facts")
    this_year = datetime.now(UTC).strftime("%Y-%m-%d")
    expect(facts).to_contain_text(this_year)

    yesterday = datetime.now(UTC) - timedelta(days=1)
    seen.page.goto(f"{seen.page.url}&as_of={yesterday:%Y-%m-%dT%H:%M}")

    expect(facts).to_contain_text("2025-12-01")
    compared = seen.page.locator(".kore table.fields tbody tr").first
    expect(compared).to_contain_text("FR 9:00 AM-6:00 PM")
    expect(compared).to_contain_text("FR 9:00 AM-8:00 PM")


def test_changes_show_before_and_after(seen: Seen) -> None:
    go_to(seen.page, "Changes")
    change = seen.page.locator(".kore details", has_text=INDIA)
    row = change.locator("tr", has_text="days[FR].end")
    expect(row).not_to_be_visible()

    # beside the link
    change.locator("summary .when").click()

    expect(row.locator("td")).to_have_text(
        ["dialingStrategy.callingHours.days[FR].end", "6:00 PM", "8:00 PM"]
    )
    seen.page.get_by_text("Risky only").click()
    expect(seen.page.get_by_role("heading", name="3 changes, newest first")).to_be_visible()


def test_a_table_can_be_downloaded(seen: Seen) -> None:
    go_to(seen.page, "Findings")
    expect(seen.page.get_by_role("heading", name="15 findings")).to_be_visible()
    settle(seen.page)

    seen.page.get_by_test_id("stDataFrame").first.hover()
    expect(seen.page.get_by_role("button", name="Fullscreen").first).to_be_visible()
    own = seen.page.get_by_role("button", name=re.compile("^Download as CSV"))
    expect(own).to_have_count(0)

    with seen.page.expect_download() as download:
        seen.page.get_by_role("button", name="CSV").first.click()

    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.startswith("\ufeffseverity,sentence,campaign_name,finding")
    assert len(text.splitlines()) == 16


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
        found.page.set_viewport_size({"width": 390, "height": 844})
        assert found.page.evaluate("document.documentElement.scrollWidth") == 390
    finally:
        browser.set_offline(False)

    assert found.complaints == []
    assert set(found.addresses) == {target.as_uri()}
    found.page.close()
