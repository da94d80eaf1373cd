"""The documentation site in a real Chromium; `make check` builds it and runs this."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, ViewportSize

from support.browser import Seen, browsing

SITE = Path(__file__).parents[2] / "site"
PAGES = sorted(str(page.parent.relative_to(SITE)) for page in SITE.rglob("index.html"))
PHONE = ViewportSize(width=390, height=844)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    with browsing() as context:
        yield context


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_on_a_phone_and_requests_nothing_from_another_host(
    name: str, url: str, browser: BrowserContext
) -> None:
    seen = Seen(browser.new_page())
    seen.page.set_viewport_size(PHONE)
    seen.page.goto(url + name)
    diagrams = (SITE / name / "index.html").read_text(encoding="utf-8").count('class="mermaid"')
    seen.page.wait_for_function("!document.querySelector('pre.mermaid')")
    drawn = seen.page.locator("div.mermaid")

    assert drawn.count() == diagrams
    for number in range(diagrams):
        box = drawn.nth(number).bounding_box()
        assert box is not None
        assert box["height"] > 50
    assert seen.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert [each for each in seen.addresses if not each.startswith((url, "data:"))] == []
    assert seen.complaints == []
    seen.page.close()


def test_a_search_finds_the_page_for_users_first(url: str, browser: BrowserContext) -> None:
    page = browser.new_page()
    page.goto(url)
    page.locator("input.md-search__input").click()
    page.locator("input.md-search__input").type("deadline")

    first = page.locator(".md-search-result__link").first
    assert "how-to/" in (first.get_attribute("href", timeout=10_000) or "")
