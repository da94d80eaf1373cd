"""`make pictures`: the screenshots of the docs, from a real browser on the data of the demo."""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, ViewportSize

from kore_campaigns.cli import demo
from kore_campaigns.cli.main import main as kore_campaigns
from support.browser import browsing, dashboard_server, free_port, go_to, picture, settle

FOLDER = Path(__file__).parents[2] / "docs" / "img"
# by file: the page
PAGES = {
    "dashboard_overview": "Overview",
    "dashboard_calling_hours": "Calling hours",
    "dashboard_findings": "Findings",
    "dashboard_changes": "Changes",
    "dashboard_campaign": "Campaign",
    "dashboard_dnc_lists": "DNC lists",
    "dashboard_contact_lists": "Contact lists",
    "dashboard_runs": "Runs",
    "dashboard_phone": "Overview",
}
IN_THE_DARK = {"dashboard_findings"}
CAMPAIGN = "Product Feedback India"
SIZE = ViewportSize(width=1280, height=1000)
PHONE = ViewportSize(width=390, height=844)


def main() -> int:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["XDG_STATE_HOME"] = scratch
        demo.POLICIES = policies(datetime.now(UTC).date())
        demo.play_demo(scratch, say=lambda text: None)
        page = folder / "report.html"
        os.chdir(folder)
        if code := kore_campaigns(["report", "--html", str(page)]):
            return code
        database = folder / "kore_campaigns.duckdb"
        with (
            dashboard_server(database, free_port(), folder / "log") as url,
            browsing() as context,
        ):
            take_page(context.new_page(), page.as_uri())
            for name, title in PAGES.items():
                take_dashboard(context.new_page(), url, name, title)
    return 0


def policies(today: date) -> str:
    """Those of the demo, and closed dates in the weeks to come."""
    closed = [today + timedelta(days) for days in (9, 13, 26)]
    return f"""\
name,country,date,earliest,latest,min_ring_seconds
US federal,US,,8:00 AM,9:00 PM,15
India,IN,,10:00 AM,9:00 PM,
India holidays,IN,{closed[0]},,,
US holidays,US,{closed[1]},,,
US holidays,US,{closed[2]},,,
"""


def take_page(page: Page, address: str) -> None:
    page.set_viewport_size(SIZE)
    page.goto(address)
    picture(page, FOLDER / "report.png", full_page=True)


def take_dashboard(page: Page, url: str, name: str, title: str) -> None:
    page.set_viewport_size(PHONE if name == "dashboard_phone" else SIZE)
    page.emulate_media(color_scheme="dark" if name in IN_THE_DARK else "light")
    page.goto(url)
    page.get_by_role("heading").first.wait_for()
    if title != "Overview":
        go_to(page, title)
    if title == "Campaign":
        page.get_by_role("combobox", name="Campaign").click()
        page.get_by_role("option", name=CAMPAIGN).click()
    settle(page)
    # charts fade in
    page.wait_for_timeout(3000)
    picture(page, FOLDER / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
