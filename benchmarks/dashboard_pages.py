"""How long a reader waits for each page of the dashboard, in a real browser."""

from __future__ import annotations

import time
from pathlib import Path

from support.browser import PAGES, browsing, dashboard_server, free_port, go_to


def measure_pages(database: Path, log: Path) -> dict[str, float]:
    """Seconds from the click until the page is drawn, at the first visit of each, so that nothing
    it asks is remembered; the server itself has started and shown one page before.
    """
    found: dict[str, float] = {}
    with dashboard_server(database, free_port(), log) as url, browsing() as context:
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(url)
        page.get_by_role("heading", name=PAGES["Overview"]).wait_for()
        for name in PAGES:
            if name == "Overview":  # shown already; it is the last one, so ask for it anew
                database.touch()
            began = time.perf_counter()
            go_to(page, name)
            found[name] = time.perf_counter() - began
    return found
