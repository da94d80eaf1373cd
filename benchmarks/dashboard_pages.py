"""How long a reader waits for each page of the dashboard, in a real browser."""

from __future__ import annotations

import time
from pathlib import Path

from support.browser import PAGES, browsing, dashboard_server, free_port, go_to


def measure_pages(database: Path, log: Path) -> dict[str, float]:
    """Measure the seconds from the click until the page is drawn, at its first visit.

    No query is cached, but the server has started and has shown one page before.
    """
    found: dict[str, float] = {}
    with dashboard_server(database, free_port(), log) as url, browsing() as context:
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(url)
        page.get_by_role("heading", name=PAGES[0]).wait_for()
        for name in PAGES:
            if name == "Overview":  # already shown, and the last page: load it again
                database.touch()
            began = time.perf_counter()
            go_to(page, name)
            found[name] = time.perf_counter() - began
    return found
