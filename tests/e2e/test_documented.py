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
from kore_emulator import Emulator, Fault, demo_campaigns
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


def shown_outputs(page: Path) -> Iterator[tuple[str, str]]:
    """Each command of a page that has its output below it, and that output."""
    for language, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, shown = part.partition("\n")
                if shown.strip():
                    yield command, shown


OUTPUTS = [
    (page.stem, command, shown)
    for page in sorted((ROOT / "docs" / "how-to").glob("*.md"))
    for command, shown in shown_outputs(page)
]


@pytest.mark.parametrize(("page", "command", "shown"), OUTPUTS)
def test_the_output_that_a_how_to_shows_is_that_of_the_command(
    kore: Emulator, project: Project, page: str, command: str, shown: str
) -> None:
    project.run()  # a third run: two states to go back to
    if page == "runbook":
        nothing_goes_right(kore, project)

    ended = as_typed(command, project)

    found = iter(form(ended.out.replace(str(project.folder), "/srv/campaigns")))
    for line in form(shown):
        start = line.removesuffix("...").rstrip()
        assert any(each == line or (each.startswith(start) and start != line) for each in found), (
            f"{line}\nis not in\n{ended.out}"
        )


def nothing_goes_right(kore: Emulator, project: Project) -> None:
    """A night like that of the runbook: a wrong id, an answer that is none, a field that is new."""
    first, second, *others, unconfigured = [
        each for each in kore.campaign_ids() if not each.startswith("cd-c27e5d1")
    ]
    project.set("contact_lists", "true")
    kore.edit(first, {"pacingRatio": "x"})
    kore.edit(second, {"priority": "2"})
    kore.fault(Fault.HTML, next(each for each in kore.campaign_ids() if "c27e5d1" in each))
    ids = [each for each in kore.campaign_ids() if each != unconfigured]
    project.configure(["cd-5f3a1c0-typo", *ids])
    assert others
    assert project.run(sweep="full").exit_code == 4


def form(text: str) -> list[str]:
    """The lines of an output without what differs between two runs: numbers, times, widths."""
    text = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{6}", "RUN", text)
    text = re.sub(r"\b\d[\d:.,]*( (s|min|h|days)\b)?", lambda each: "0 s" if each[1] else "0", text)
    text = re.sub(r"0 s 0 s", "0 s", text)
    return [re.sub(r"-{2,}", "-", " ".join(line.split())) for line in text.splitlines() if line]


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
