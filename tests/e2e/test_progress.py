"""How far a run is: a bar on a terminal, plain lines in a file, nothing when asked for nothing."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios

import pytest

from conftest import Emulate
from kore_campaigns.cli.console import SECONDS_BETWEEN_LINES, lines_to, show_progress
from kore_campaigns.errors import NotAsked
from kore_campaigns.extract.report import RunReport, new_report
from kore_emulator import sample_campaigns
from support.project import Project


def on_terminal(project: Project, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, and what a person saw of stderr, of a command with a terminal."""
    terminal, child_side = pty.openpty()
    termios.tcsetwinsize(child_side, (24, 80))
    process = subprocess.Popen(
        [sys.executable, "-m", "kore_campaigns", *arguments],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=child_side,
        text=True,
    )
    os.close(child_side)
    seen = b""
    while some := _read(terminal):
        seen += some
    os.close(terminal)
    out = process.communicate(timeout=60)[0]
    return process.returncode, out, seen.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says that the other side is closed in this way
        return b""


def report(done: int, *, planned: int = 100) -> RunReport:
    found = new_report(database="x.duckdb")
    found.planned, found.unchanged = planned, done
    return found


def a_second_each(calls: int) -> float:
    return float(calls)


def test_a_terminal_shows_a_bar_with_what_is_left_and_clears_it(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(12), latency=0.15)
    project.use(kore, workers=1, requests_per_minute=60)

    code, out, seen = on_terminal(project, "run")

    assert code == 0, seen
    assert "12 planned: 12 new versions" in out
    assert re.search(r"\d+%\|.*\| +\d+/12, about \d+ s left", seen), seen
    assert seen.endswith("\r")
    assert seen.rsplit("\r", 2)[1].strip() == ""


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_on_a_terminal_too_silence_is_silence(
    emulate: Emulate, project: Project, option: str
) -> None:
    project.use(emulate(sample_campaigns(2)))

    code, out, seen = on_terminal(project, "run", option)

    assert (code, seen) == (0, "")
    assert bool(out) == (option == "--json")


def test_a_short_run_in_cron_writes_no_progress_at_all(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(2)))

    assert project.cli("run").err == ""


def test_a_long_run_in_cron_writes_a_line_now_and_then() -> None:
    time, lines = 0.0, list[str]()
    progress = lines_to(lines.append, now=lambda: time)

    for done in range(100):
        time = done * 1.0
        progress(report(done), a_second_each)

    assert lines == [
        f"kore-campaigns: {done} of 100 campaigns, about {left} left\n"
        for done, left in ((30, "1 min"), (60, "40 s"), (90, "10 s"))
    ]
    assert SECONDS_BETWEEN_LINES == 30


def test_failures_are_told_while_it_goes_on() -> None:
    lines: list[str] = []
    times = iter([0.0, 60.0, 60.0])
    progress = lines_to(lines.append, now=lambda: next(times))
    found = report(3)
    found.failures.append(NotAsked("cd-1", reason="x"))

    progress(found, a_second_each)

    assert lines == ["kore-campaigns: 4 of 100 campaigns, 1 failed, about 2 min left\n"]


def test_quiet_progress_may_be_called_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress(quiet=True) as progress:
        progress(report(1), a_second_each)

    assert capsys.readouterr() == ("", "")
