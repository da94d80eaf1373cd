"""How long a reader waits for each page of the dashboard, in a real browser."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from support.browser import PAGES, browsing, dashboard_server, free_port, go_to


@dataclass(frozen=True)
class PageTimes:
    """Seconds from the click until the page is drawn."""

    first: float
    """No query is cached, but the server has started and has shown one page before."""
    again: float
    """The better of two later visits."""


def measure_pages(database: Path, log: Path) -> dict[str, PageTimes]:
    """Measure each page at its first visit and later."""
    seconds: dict[str, list[float]] = {name: [] for name in PAGES}
    with dashboard_server(database, free_port(), log) as url, browsing() as context:
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(url)
        page.get_by_role("heading", name=PAGES[0]).wait_for()
        # shown before, so last: nothing else has made what it needs
        database.touch()
        for _ in range(3):
            for name in (*PAGES[1:], PAGES[0]):
                began = time.perf_counter()
                go_to(page, name)
                seconds[name].append(time.perf_counter() - began)
    return {name: PageTimes(first, min(again)) for name, (first, *again) in seconds.items()}
