"""`make test-superset`: the steps of docs/how-to/bi-tools.md, in their own environment; then the
dashboard is opened in Chromium and its numbers are compared with SQL.

Not among the tests of `make test`: the environment takes 700 MB and minutes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from kore_campaigns.cli.demo import play_demo
from superset_design import CHARTS
from support.browser import Seen, browsing, free_port, picture, wait_for
from support.postgres import copy_to_postgres, running_postgres
from support.project import Project

ROOT = Path(__file__).parents[2]
DOCUMENTED = "duckdb:////srv/kore_campaigns.duckdb?access_mode=READ_ONLY"
INDIA = "Product Feedback India"
NUMBERS = {
    "Live campaigns": "select count(*) from kore.campaigns",
    "Active campaigns": "select count(*) from kore.campaigns where status = 'Active'",
    "Stale campaigns": "select count(*) from kore.campaign_freshness where is_stale",
    "Findings of high severity": "select count(*) from kore.findings where severity = 'high'",
}
# the demo begins in an empty folder
pytestmark = pytest.mark.empty_database
DRAWN = [chart for chart in CHARTS if chart.kind not in ("table", "big_number_total")]


@dataclass(frozen=True)
class Served:
    """A Superset with the dashboard in it, and the demo's project that it shows."""

    url: str
    project: Project


def steps() -> list[str]:
    """The commands of the page, block by block: import, set up, serve."""
    text = (ROOT / "docs" / "how-to" / "bi-tools.md").read_text(encoding="utf-8")
    return re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)


@pytest.fixture(scope="module")
def environment() -> Path:
    """The environment that `make test-superset` made as the page says."""
    return Path(os.environ["SUPERSET_ENVIRONMENT"]).absolute()


@pytest.fixture(params=["duckdb", "postgres"])
def served(
    request: pytest.FixtureRequest, project: Project, tmp_path: Path, environment: Path
) -> Iterator[Served]:
    play_demo(str(project.folder), say=lambda text: None)
    folder = tmp_path / "superset"
    folder.mkdir()
    (folder / "superset-venv").symlink_to(environment)
    with running_postgres(tmp_path / "postgres") as server:
        uri = f"duckdb:///{project.database}?access_mode=READ_ONLY"
        if request.param == "postgres":
            address = server.new_database()
            copy_to_postgres(project.database, address)
            uri = address.replace("postgresql://", "postgresql+psycopg2://")
        add_to_superset, set_up, serve = steps()
        assert DOCUMENTED in add_to_superset
        # the environment is made already, and nobody types into this shell
        made = "\n".join(set_up.splitlines()[3:])
        run_steps(folder, made, add_to_superset.replace(DOCUMENTED, uri))
        with serving(folder, made.splitlines()[0], serve) as url:
            yield Served(url, project)


def run_steps(folder: Path, *blocks: str) -> None:
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=folder,
        env=without_ours(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def without_ours() -> dict[str, str]:
    """What the environment of these tests is, is no business of Superset's."""
    found = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DLT_"))
    }
    # of ours it uses the command
    return found | {"PATH": f"{Path(sys.executable).parent}:{found['PATH']}"}


@contextmanager
def serving(folder: Path, exports: str, command: str) -> Iterator[str]:
    port = free_port()
    assert ":8088" in command
    script = f"{exports}\nexec {command.replace(':8088', f':{port}')}"
    log = folder / "server.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            ["bash", "-c", script], cwd=folder, env=without_ours(), stdout=written, stderr=written
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def test_the_dashboard_opens_and_its_numbers_are_those_of_sql(
    served: Served, request: pytest.FixtureRequest
) -> None:
    with browsing() as context:
        seen = Seen(context.new_page())
        page = seen.page
        page.set_viewport_size({"width": 1400, "height": 2900})
        log_in(page, served.url)
        page.goto(f"{served.url}/superset/dashboard/kore-campaigns/")
        expect(page.locator("[data-test='slice-header']")).to_have_count(len(CHARTS))
        for title, sql in NUMBERS.items():
            expect(number_of(page, title)).to_have_text(answer(served, sql), timeout=60_000)
        expect(page.locator("[data-test='chart-container'] canvas")).to_have_count(len(DRAWN))
        assert page.get_by_text("Unexpected error").count() == 0
        take_picture(page, request)

        choose_campaign(page)
        sql = f"{NUMBERS['Findings of high severity']} and campaign_name = '{INDIA}'"
        expect(number_of(page, "Findings of high severity")).to_have_text(answer(served, sql))

    # pages of Superset's own ask a host on the internet, which is no matter of the dashboard
    assert [text for text in seen.complaints if "ERR_NAME_NOT_RESOLVED" not in text] == []


def log_in(page: Page, url: str) -> None:
    page.goto(f"{url}/login/")
    page.locator("#username, input[name=username]").first.fill("admin")
    page.locator("input[type=password]").first.fill("admin")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda address: "login" not in address)


def number_of(page: Page, title: str) -> Locator:
    chart = page.locator(".dashboard-component-chart-holder", has_text=title)
    return chart.locator(".header-line")


def choose_campaign(page: Page) -> None:
    page.get_by_role("combobox", name="Campaign").click()
    page.get_by_role("option", name=INDIA).or_(page.get_by_title(INDIA, exact=True)).first.click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Apply filters").click()


def answer(served: Served, sql: str) -> str:
    return str(served.project.sql(sql)[0][0])


def take_picture(page: Page, request: pytest.FixtureRequest) -> None:
    """For the docs, where `make pictures` says."""
    if (folder := os.environ.get("PICTURES")) and "duckdb" in request.node.name:
        page.wait_for_timeout(2000)
        picture(page, Path(folder, "superset.png"), full_page=True)
