"""How far a run is: a bar on a terminal, plain lines in a file, nothing with --quiet."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios

import pytest

from conftest import Emulate
from kore_emulator import sample_campaigns
from support.project import Project

pytestmark = pytest.mark.slow


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
