"""The wheel alone, in an empty folder and a fresh environment: every step of a first look.

`make test-wheel` runs it. No file of the clone is used but the wheel, which `make dist` made.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import duckdb
import pytest
from playwright.sync_api import expect

from support.browser import PAGES, Seen, browsing, free_port, wait_for

ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).with_name("uv"))
ENDS_WITHIN = 120


@pytest.fixture(scope="session")
def wheel() -> Path:
    (found,) = (ROOT / "dist").glob("*.whl")
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one, and an environment without our variables."""
    for name in list(os.environ):
        if name.startswith(("SOURCES__", "DLT_", "PYTHON", "VIRTUAL_ENV", "COVERAGE", "COV_")):
            monkeypatch.delenv(name)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    return empty


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment that has the wheel."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    done(UV, "venv", "--quiet", "--python", sys.executable, str(environment))
    python = environment / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    done(
        *(UV, "pip", "install", "--quiet", "--python", str(python)),
        *("--constraint", str(constraints), f"{wheel}[dashboard]"),
    )
    return python.parent


def done(*command: str, code: int = 0) -> str:
    """What a command wrote; it must end with this exit code."""
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=ENDS_WITHIN
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@contextmanager
def emulator(installed: Path) -> Iterator[list[str]]:
    """The emulator of the wheel, and the flags of `init` that lead to it."""
    command = [str(installed / "python"), "-m", "kore_emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        pairs = re.findall(r"__([A-Z_]+)='(.*)'\n", "".join(lines))
        try:
            yield [
                text
                for name, value in pairs
                for text in ("--" + name.rpartition("__")[2].lower().replace("_", "-"), value)
            ]
        finally:
            process.terminate()


def test_uvx_runs_the_demo(wheel: Path, folder: Path) -> None:
    uvx = (UV, "tool", "run", "--from", str(wheel), "kore-campaigns")

    printed = done(*uvx, "demo")

    assert "All of it is in demo/kore_campaigns.duckdb" in printed
    assert [path.name for path in folder.iterdir()] == ["demo"]
    printed = done(*uvx, "dashboard", "--database", "demo/kore_campaigns.duckdb", code=2)
    assert "pip install 'kore-campaigns[dashboard]'" in printed
    # a schedule would name a program that is soon gone
    assert "uvx deletes this program again" in done(*uvx, "init", "--cron")


def test_the_wheel_has_every_template_once(wheel: Path) -> None:
    top = ROOT / "pipelines"
    templates = [
        str(path.relative_to(top))
        for path in (top / "kore_templates").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]
    with ZipFile(wheel) as packed:
        names = packed.namelist()

    assert sorted(name for name in names if name.startswith("kore_templates/")) == sorted(templates)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        *("kore_campaigns", "kore_dashboard", "kore_emulator", "kore_templates")
    }


def test_links_of_its_description_work_on_another_site(wheel: Path) -> None:
    with ZipFile(wheel) as packed:
        (name,) = [each for each in packed.namelist() if each.endswith("/METADATA")]
        description = packed.read(name).decode()

    links = re.findall(r"\]\(([^)]*)\)", description)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []


def test_every_extra_resolves_with_all_others(folder: Path) -> None:
    resolved = done(
        *(UV, "pip", "compile", "--quiet", "--python-version", "3.11", "--extra", "all"),
        str(ROOT / "pyproject.toml"),
    )

    assert {"apache-airflow", "dbt-duckdb", "streamlit", "psycopg2-binary"} <= {
        line.partition("==")[0] for line in resolved.splitlines()
    }


def test_from_nothing_to_a_dashboard(installed: Path, folder: Path) -> None:
    kore = str(installed / "kore-campaigns")
    with emulator(installed) as flags:
        assert "next     kore-campaigns check" in done(kore, "init", *flags)
        for command in ("check", "plan", "run"):
            done(kore, command)
        assert "12 live" in done(kore, "status")
    done(kore, "report", "--html", "page.html")
    done(kore, "export", "--parquet", "exported")
    assert "<svg" in (folder / "page.html").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        found = connection.sql("select count(*) from 'exported/campaigns.parquet'").fetchall()
    assert found == [(12,)]
    port = free_port()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [kore, "dashboard", "--no-browser", f"--port={port}"], stdout=log, stderr=log
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, folder / "log")
        with browsing() as context:
            seen = Seen(context.new_page())
            seen.page.goto(f"http://127.0.0.1:{port}")
            title = seen.page.get_by_role("heading", name=PAGES[0], exact=True)
            expect(title).to_be_visible(timeout=60_000)
            expect(seen.page.locator(".kore .numbers b").first).to_have_text("12")
            assert seen.complaints == []
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
    assert "Traceback" not in (folder / "log").read_text(encoding="utf-8")


def test_dbt_reads_the_published_file(
    wheel: Path, installed: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = str(installed / "kore-campaigns")
    with emulator(installed) as flags:
        done(kore, "init", *flags)
        done(kore, "run")
    done(kore, "init", "--dbt")

    monkeypatch.chdir(folder / "dbt")
    done(UV, "tool", "run", "--from", f"{wheel}[dbt]", "dbt", "build", "--profiles-dir", ".")

    with duckdb.connect("kore_models.duckdb", read_only=True) as connection:
        assert connection.sql("select count(*) from campaign_findings").fetchall() == [(12,)]
