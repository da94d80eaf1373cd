"""`dashboard` serves the project's database, and ends quietly at Ctrl-C."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from kore_campaigns.config.project import libpq_address
from support.browser import PAGES, browsing, free_port, wait_for
from support.postgres import POSTGRES_ADDRESS, Postgres, copy_to_postgres
from support.project import Project

pytestmark = pytest.mark.slow


@contextmanager
def served(project: Project, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the address of a dashboard that answers."""
    port = free_port()
    log = project.folder / "log"
    process = project.spawn("dashboard", "--no-browser", f"--port={port}", *arguments)
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """What it wrote. It says where it answers a moment before it listens to signals."""
    assert process.stdout is not None
    while "URL" not in process.stdout.readline():
        assert process.poll() is None
    while True:
        process.send_signal(number)
        try:
            return "".join(process.communicate(timeout=2))
        except subprocess.TimeoutExpired:
            continue


def ignores_ctrl_c(pid: int) -> bool:
    """Whether Linux gives the process no SIGINT."""
    _, _, rest = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").partition("SigIgn:")
    return bool(int(rest.split()[0], 16) & 1 << signal.SIGINT - 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped_on_this_machine_alone(
    played: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    project = Project(played, monkeypatch)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(played))

    with served(project) as (process, url):
        port = int(url.rpartition(":")[2])
        with socket.socket() as other, pytest.raises(ConnectionRefusedError):
            other.connect(("127.0.0.2", port))  # answers if every address does
        said = stopped(process, number)

    assert process.returncode == 0
    assert "Traceback" not in said


def test_one_ctrl_c_ends_it_while_it_starts_without_a_traceback(
    played: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLT_PROJECT_DIR", str(played))
    project = Project(played, monkeypatch)
    process = project.spawn("dashboard", "--no-browser", f"--port={free_port()}")
    while "streamlit" not in Path(f"/proc/{process.pid}/cmdline").read_text(encoding="utf-8"):
        time.sleep(0.01)
    while ignores_ctrl_c(process.pid):  # until Python runs in the new program
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == -signal.SIGINT


@pytest.mark.parametrize("flag", ["--json", "--quiet"])
def test_a_program_reads_where_it_answers_and_quiet_is_quiet(
    played: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    project = Project(played, monkeypatch)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(played))

    with served(project, flag) as (process, url):
        process.terminate()
        out, err = process.communicate(timeout=60)

    assert err == ""
    if flag == "--json":
        port = url.rpartition(":")[2]
        found = {"url": f"http://localhost:{port}", "database": str(project.database)}
        assert json.loads(out) == found
    else:
        assert out == ""


@pytest.mark.browser
@pytest.mark.postgres
@pytest.mark.parametrize("password", ["geheim", None])
def test_the_address_of_a_postgres_is_in_no_argument_and_on_no_page(
    played: Path, postgres: Postgres, project: Project, password: str | None
) -> None:
    with postgres.made_database() as address:
        copy_to_postgres(played / "kore_campaigns.duckdb", address)
        # the server lets everybody in
        project.monkeypatch.setenv(POSTGRES_ADDRESS, libpq_address(address, password=password))
        with served(project, "--destination", "postgres") as (process, url), browsing() as context:
            arguments = Path(f"/proc/{process.pid}/cmdline").read_text(encoding="utf-8")
            page = context.new_page()
            page.goto(url)
            title = page.get_by_role("heading", name=PAGES[0], exact=True)
            expect(title).to_be_visible(timeout=60_000)
            expect(page.locator(".kore .numbers b").first).to_have_text("11")
            shown = page.content()

    assert "streamlit" in arguments
    assert "geheim" not in arguments + shown


def test_without_a_database_it_names_the_next_command_before_anything_starts(
    project: Project,
) -> None:
    ended = project.cli("dashboard")

    assert ended.code == 6
    assert "it does not exist; `kore-campaigns run` makes it" in ended.err
    assert "Next: run it, or name another file with `--database`." in ended.err
    assert project.cli("dashboard", "--destination", "bigquery").code == 2
    assert project.cli("dashboard", "--port", "0").code == 2
