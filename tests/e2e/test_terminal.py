"""What a terminal shows: colours by severity, and lines that fit."""

from __future__ import annotations

import re
from shutil import rmtree

import pytest

from conftest import Emulate
from kore_emulator import Fault, demo_campaigns, sample_campaigns
from support.project import Project
from support.terminal import terminal

pytestmark = pytest.mark.slow


def test_colours_say_how_severe_it_is(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    with terminal("run", folder=project.folder) as shown:
        assert shown.end() == 0
        assert shown.colour_of("complete") == "green"
        assert shown.colour_of("0 failed") == "default"
    kore.fault(Fault.HTML, kore.campaign_ids()[0])

    with terminal("run", folder=project.folder) as shown:
        assert shown.end() == 4
        assert shown.colour_of("kore-campaigns:") == "red"
        assert shown.colour_of("NOT complete") == shown.colour_of("1 failed") == "red"
    with terminal("status", folder=project.folder) as shown:
        assert shown.end() == 0
        assert shown.colour_of("NOT complete") == shown.colour_of("failed     cd-") == "red"
        assert shown.colour_of("stale") == "brown"  # what pyte calls yellow
    project.set("credentials__client_secret", "revoked")
    with terminal("check", folder=project.folder) as shown:
        assert shown.end() == 3
        assert shown.colour_of("ok") == "green"
        assert shown.colour_of("failed  token") == "red"
        assert shown.colour_of("skipped") == "brown"


def test_a_long_line_continues_below_its_text(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(1)), requests_per_minute="many")

    with terminal("check", folder=project.folder, columns=60) as shown:
        assert shown.end() == 2

    first, second, *_ = shown.text.splitlines()
    assert first.startswith("failed  settings     setting `requests_per_minute` is")
    assert second.startswith(" " * 21)
    assert second[21] != " "


def test_json_and_sql_are_not_wrapped(project: Project) -> None:
    with terminal("views", "--dialect", "duckdb", folder=project.folder, lines=200) as shown:
        assert shown.end() == 0
    written = shown.written.decode().replace("\r\n", "\n")

    assert written == project.cli("views", "--dialect", "duckdb").out


@pytest.mark.parametrize("command", ["demo", "plan", "check", "run", "status", "restore"])
def test_in_forty_columns_no_word_is_cut(emulate: Emulate, project: Project, command: str) -> None:
    kore = emulate(demo_campaigns())
    project.use(kore)
    if command != "demo":  # it wants an empty folder
        project.run()
    kore.fault(Fault.HTML, kore.campaign_ids()[0])
    plain = project.cli(command)
    if command == "demo":
        rmtree(project.folder / "demo")

    with terminal(command, folder=project.folder, columns=40, lines=200) as shown:
        shown.end()

    lines = shown.text.splitlines()
    words = {*shown.text.split(), "campaign_name"}  # the heading of a table
    assert sorted(comparable(plain.out + plain.err) - words) == []
    assert not [line for line in lines if re.search(r"-{3,}  |  -{3,}", line)], shown.text


def comparable(text: str) -> set[str]:
    """The words that fit 40 columns and are the same in every run, without comments."""
    text = re.sub(r"  # .*", "", text)
    return {word for word in text.split() if len(word) <= 40 and not re.search(r"\d|^-+$", word)}
