"""What the documents say is so: generated pages, named tests, commands, links, sizes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kore_templates
from kore_campaigns.errors import KoreCampaignsError
from kore_campaigns.load.duckdb_file import DEFAULT_DATABASE
from kore_campaigns.schema import TABLES
from kore_campaigns.views.apply import view_columns
from tables_page import RELATIONS, VIEW_RELATIONS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pipelines" / "kore_campaigns"
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUARANTEES = (ROOT / "docs" / "explanation" / "guarantees.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^\| (\d+) \|", GUARANTEES, flags=re.MULTILINE)
# the tests of each promise, by its number
TESTED = dict(
    re.findall(r"(?s)^### Promise (\d+)\n(.*?)(?=^### |\Z)", GUARANTEES, flags=re.MULTILINE)
)
CONTRIBUTORS = [ROOT / "CONTRIBUTING.md", ROOT / "docs" / "explanation" / "architecture.md"]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMAND = r"kore-campaigns ((?:demo|check|plan|run|status|restore)[^`#\n]*)"
COMMANDS = sorted(set(re.findall(COMMAND, README)))


def test_the_generated_pages_are_what_the_code_declares() -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "tools" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


def test_every_relation_of_the_diagram_is_between_tables_that_share_its_key() -> None:
    by_name = {table.name: table for table in TABLES}
    for one, many in RELATIONS:
        assert set(by_name[one].key) <= set(by_name[many].column_names()), (one, many)
    for one, many in VIEW_RELATIONS:
        names = [{column.name for column in view_columns(name)} for name in (one, many)]
        assert (
            names[0]
            & names[1]
            & {"campaign_key", "version_key", "contact_list_id", "dnc_list_id", "policy_name"}
        ), (one, many)


def names_of_tests(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_promises_and_they_are_numbered_without_gap() -> None:
    assert [int(number) for number in PROMISES] == list(range(1, len(PROMISES) + 1))
    assert list(TESTED) == PROMISES
    assert len(PROMISES) >= 9


@pytest.mark.parametrize("number", PROMISES)
def test_each_promise_is_bound_to_tests_that_exist(number: str) -> None:
    named = re.findall(r"^- `([^`]+)`$", TESTED[number], flags=re.MULTILINE)

    assert named
    for entry in named:
        file, _, name = entry.partition("::")
        assert (ROOT / file).is_file(), entry
        assert name in names_of_tests(ROOT / file), entry
        assert name.startswith("test_"), entry


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(README.splitlines()) <= 150


def test_the_readme_shows_every_command_and_every_exit_code() -> None:
    assert {command.split()[0] for command in COMMANDS} >= {"check", "run", "status"}
    assert "make demo" in README
    for code in exit_codes(KoreCampaignsError) - {1}:
        assert f"\n| {code} | " in README
    assert DEFAULT_DATABASE in README


def exit_codes(error: type[KoreCampaignsError]) -> set[int]:
    return {error.exit_code}.union(*map(exit_codes, error.__subclasses__()))


def test_every_target_that_a_page_names_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for target in re.findall(r"(?:`|\$ )make (\w+)", page.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), f"{page}: {target}"


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub and the site make them."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", CONTRIBUTORS, ids=lambda page: page.name)
def test_every_file_that_a_page_for_contributors_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:\w+/)+\w+\.\w+)`", page.read_text(encoding="utf-8"))

    assert named
    for name in named:
        assert any((folder / name).is_file() for folder in (ROOT, PACKAGE)), name


def test_the_pages_of_schedulers_show_the_files_that_init_writes() -> None:
    templates, pages = Path(kore_templates.__file__).parent, ROOT / "docs" / "how-to"
    command = ".venv/bin/kore-campaigns"
    line = (templates / "cron" / "kore-campaigns.cron").read_text(encoding="utf-8").splitlines()[-1]
    shown = re.findall(r"(?s)```ini\n# .*?\n(.*?)```", (pages / "systemd.md").read_text("utf-8"))

    assert line.format(project="/srv/campaigns", command=command) in (pages / "cron.md").read_text()
    for kind, block in zip(("service", "timer"), shown, strict=True):
        text = (templates / "systemd" / f"kore-campaigns.{kind}").read_text(encoding="utf-8")
        names = {"project": "/srv/campaigns", "command": f"/srv/campaigns/{command}"}
        assert block in text.format(user="campaigns", **names)


def test_the_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)
