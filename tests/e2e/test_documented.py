"""Commands and Python of the documents are executed as they stand there, or marked as not run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Emulate
from kore_emulator import Emulator, demo_campaigns
from support.postgres import POSTGRES_ADDRESS, Postgres
from support.project import Project
from support.recorder import Ended
from support.saved_history import saved_history

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = "check|copy|demo|export|init|plan|rebuild|report|restore|run|status|verify|views"
PROGRAM = re.compile(rf"kore-campaigns (?:{NAMES})\b[^#`]*")
FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(rf"`((?:kore-campaigns )?(?:{NAMES}) (?:--)?[^`]*)`")
# said in place, in the paragraph above a block or in the line
NOT_RUN = "not run"


def command_lines(text: str) -> Iterator[str]:
    """Those in fenced blocks, then those within a sentence that have flags."""
    for block in FENCE.finditer(text):
        above = text[: block.start()].rstrip().rpartition("\n\n")[2]
        for line in block[2].splitlines() if NOT_RUN not in above else ():
            is_shown = block[1] == "text" or (block[1] == "console" and line[:2] != "$ ")
            is_comment = line.lstrip().startswith("#")
            if (found := PROGRAM.search(line)) and not is_shown and not is_comment:
                yield found[0]
    for line in FENCE.sub("", text).splitlines():
        for span in SPAN.findall(line) if NOT_RUN not in line else ():
            if "--" in span:
                yield span if span.startswith("kore-campaigns") else f"kore-campaigns {span}"


# each once, however many pages have it
DOCUMENTED = sorted(
    {
        line.strip().replace(".venv/bin/", "")
        for page in PAGES
        for line in command_lines(page.read_text(encoding="utf-8"))
    }
)


@pytest.fixture
def kore(
    emulate: Emulate, project: Project, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> Emulator:
    """Kore.ai, of which the project has a history; and a Postgres that is empty."""
    kore = emulate(demo_campaigns())
    project.use(kore, sweep="auto")
    with saved_history("documented", kore, project) as run:
        run()
        run()
    assert project.sql("select distinct exit_code from kore.runs") == [(0,)]
    monkeypatch.setenv(POSTGRES_ADDRESS, postgres.new_database())
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return kore


@pytest.mark.parametrize("line", DOCUMENTED)
def test_a_documented_command_does_what_it_should(
    kore: Emulator, project: Project, line: str
) -> None:
    text = line.replace("/srv/campaigns", str(project.folder))
    text = text.replace("/var/lib/node_exporter", str(project.folder))
    text = text.replace("https://hc-ping.com/<uuid>", f"{kore.url}/ping")
    text = text.replace("--only ID", f"--only {kore.campaign_ids()[0]}")

    ended = as_typed(text, project)

    assert ended.code == 0, ended.err
    assert "unexpected" not in ended.err


@pytest.mark.parametrize(
    "page", ["how-to/files.md", "how-to/own-pipeline.md", "reference/python.md"]
)
def test_the_python_of_a_page_runs(kore: Emulator, project: Project, page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    code = "".join(block[2] for block in FENCE.finditer(text) if block[1] == "python")
    if "read_view" in code:
        assert project.cli("copy", "--destination", "postgres").code == 0
    (project.folder / "page.py").write_text(code, encoding="utf-8")

    ended = as_typed("python page.py", project)

    assert code
    assert ended.code == 0, ended.err


def as_typed(line: str, project: Project) -> Ended:
    ended = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=project.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def test_the_search_finds_commands_of_every_kind() -> None:
    assert {
        "kore-campaigns run --quiet --deadline 14m",  # a crontab
        "kore-campaigns restore --generation 1",  # a console
        "kore-campaigns run --ping-url https://hc-ping.com/<uuid>",  # a sentence
    } <= {*DOCUMENTED}
    marked = "Like this (not run: why):\n\n```\nkore-campaigns run\n```\n`run --quiet` (not run)\n"
    assert [*command_lines(marked)] == []
    assert [*command_lines(marked.replace("not run", "so"))] == [
        "kore-campaigns run",
        "kore-campaigns run --quiet",
    ]
