"""A real Chromium, and what it complains of."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    expect,
    sync_playwright,
)

from kore_dashboard.source import SETTING

NAMES = ("chromium", "chromium-browser", "google-chrome")
# nothing of the browser's own goes out, and it starts where there is no sandbox
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# of the dashboard; the first is shown at first
PAGES = (
    *("Overview", "Calling hours", "Findings", "Changes", "Campaign"),
    *("DNC lists", "Contact lists", "Runs"),
)
APP = Path(__file__).parents[2] / "pipelines" / "kore_dashboard" / "app.py"
STARTS_WITHIN = 60.0
# Streamlit looks for its server below the address of a page, too, before it looks above it
PROBED = re.compile(r"/[a-z-]+/_stcore/(health|host-config)$")


def chromium() -> str:
    """The path of the machine's browser; without one the test fails."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    message = "no Chromium on this machine. Next: `apt-get install chromium`, or `make browser`."
    raise FileNotFoundError(message)


def go_to(page: Page, name: str) -> None:
    """A page of the dashboard, by its name in the menu, fully drawn."""
    if page.get_by_test_id("stSidebar").get_attribute("data-collapsed") == "true":
        page.get_by_test_id("stExpandSidebarButton").click()
    links = page.get_by_test_id("stSidebarNav")
    links.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    settle(page)


@dataclass
class Seen:
    """A page, what was written to its console as an error, and what was answered with an error."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    """Of every request, the files of the page itself included."""

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{error}"))
        self.page.on("request", lambda request: self.addresses.append(request.url))
        self.page.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not PROBED.search(message.location["url"]):
            self.complaints.append(message.text)

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not PROBED.search(response.url):
            self.complaints.append(f"{response.status} {response.url}")


@contextmanager
def browsing() -> Iterator[BrowserContext]:
    """A browser without a past."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
            yield context
        browser.close()


def settle(page: Page) -> None:
    """Until the dashboard has answered the last click, without an exception on its page."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    expect(page.get_by_test_id("stException")).to_have_count(0)


@contextmanager
def dashboard_server(database: Path | str, port: int, log: Path) -> Iterator[str]:
    """The app of `make dashboard` in a process of its own, and where it answers."""
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", str(APP)]
    command += [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    with pytest.MonkeyPatch.context() as monkeypatch, log.open("w") as written:
        monkeypatch.setenv(SETTING, str(database))
        process = subprocess.Popen(
            [*command, "--browser.gatherUsageStats=false"], stdout=written, stderr=written
        )
    try:
        wait_for(f"{url}/_stcore/health", process, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def picture(page: Page, path: Path, *, full_page: bool = False) -> None:
    """A screenshot in 128 colours: a third of the size, and nobody sees the difference."""
    page.screenshot(path=path, full_page=full_page)
    with Image.open(path) as image:
        image.convert("RGB").quantize(128).save(path, optimize=True)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(url: str, process: subprocess.Popen[Any], log: Path) -> None:
    """Until a server answers there; fails with what it wrote."""
    give_up = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < give_up:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    message = f"{url} does not answer: {log.read_text()}"
    raise TimeoutError(message)
