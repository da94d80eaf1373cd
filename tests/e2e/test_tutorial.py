"""The tutorial, executed as a reader would: each command, each line of Python, what they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from conftest import Emulate
from kore_emulator import demo_campaigns
from support.project import SETTINGS

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of each block."""
    return FENCE.findall((TUTORIAL / page).read_text(encoding="utf-8"))


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and the output shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def assert_shown(shown: str, output: str) -> None:
    """Each line that is shown is in the output, in this order; numbers and times may differ."""
    lines = iter([words(line) for line in output.splitlines()])
    for line in shown.splitlines():
        # of a table the rows: frames and types differ by the version of DuckDB
        if line.strip() != "..." and words(line) and "varchar" not in line:
            assert words(line) in lines, f"{line}\nis not in\n{output}"


def words(line: str) -> list[str]:
    return re.sub(r"\d[\d:.]*", "0", re.sub(r"[─-╿]", " ", line)).split()


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a reader who has installed the program."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("DLT_PROJECT_DIR", raising=False)
    return tmp_path


def typed(command: str, folder: Path) -> str:
    ended = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_three_answers_are_what_the_page_shows(reader: Path) -> None:
    session: dict[str, Any] = {}
    output = ""
    answers = 0
    for language, text in blocks("index.md"):
        if language == "console":
            for command, shown in commands(text):
                assert_shown(shown, typed(command, reader))
        elif language == "python":
            with redirect_stdout(StringIO()) as printed:
                exec(text, session)
            output = printed.getvalue()
        elif language == "text":
            assert_shown(text, output)
            answers += 1
    session["db"].close()
    assert answers == 4


def test_the_first_own_account_works_with_an_emulator_in_its_place(
    reader: Path, emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = emulate(demo_campaigns())
    for name, value in {
        "HOST": kore.url,
        "STREAM_ID": kore.stream_id,
        "ACCOUNT_ID": kore.account_id,
        "CREDENTIALS__CLIENT_ID": kore.client_id,
        "CREDENTIALS__CLIENT_SECRET": kore.client_secret,
    }.items():
        monkeypatch.setenv(SETTINGS + name, value)
    folder, done = reader, []
    for language, text in blocks("own-account.md"):
        if language == "csv":
            (folder / "campaign_ids.csv").write_text(text, encoding="utf-8")
        for command, shown in commands(text) if language == "console" else ():
            if command.startswith("cd "):
                folder /= command.removeprefix("cd ")
            else:
                # the dashboard does not end; a browser looks at it elsewhere
                typed_so = f"{command} --help" if command.endswith("dashboard") else command
                assert_shown(shown, typed(typed_so, folder))
                done.append(command.split()[1])
    assert done == ["init", "check", "plan", "run", "status", "dashboard"]
