"""How far a run is: a bar on a terminal, plain lines in a file, nothing with --quiet."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from conftest import Emulate
from kore_emulator import sample_campaigns
from support.project import Project
from support.terminal import terminal

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]

WAITING = re.compile(r"waiting for the call budget: (\d+) s")
BAR = re.compile(r"^[-\\|/] (planning|[━─]{40})", re.MULTILINE)
LEFT = re.compile(r"(\d+) calls? left, about (\d+):(\d\d)")


def test_a_terminal_shows_what_is_done_and_what_is_left_and_clears_it(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(12), latency=0.3), workers=1)

    with terminal("run", folder=project.folder) as shown:
        seen = shown.until(LEFT.search)
        code = shown.end()

    assert code == 0, shown.text
    assert re.search(r"^[-\\|/] [━─]{40} \d+ of 12 campaigns$", seen, re.MULTILINE), seen
    assert "calls left" not in shown.text
    assert "12 planned: 12 new versions" in shown.text


def test_in_forty_columns_the_bar_has_room(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(12), latency=0.3), workers=1)

    with terminal("run", folder=project.folder, columns=40) as shown:
        seen = shown.until(LEFT.search)
        code = shown.end()

    assert code == 0, shown.text
    assert re.search(r"^[-\\|/] [━─]{10} \d+ of 12 campaigns$", seen, re.MULTILINE), seen


def test_the_bar_moves_while_all_wait_for_the_budget(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(3)), requests_per_minute=2)

    with terminal("run", folder=project.folder) as shown:
        seen = {shown.until(WAITING.search)}
        # one may be half drawn
        seen |= {text for text in shown.screens(seconds=6) if WAITING.search(text)}
        code = shown.end(with_signal=signal.SIGINT)

    assert code == 75
    assert {text.count("2 of 3 campaigns") for text in seen} == {1}
    waits = sorted(int(wait) for text in seen for wait in WAITING.findall(text))
    assert len({*waits}) >= 4, seen
    assert 40 < waits[0] <= waits[-1] <= 60
    # the third call leaves when the wait is over
    for text in seen:
        ((calls, minutes, seconds),) = LEFT.findall(text)
        assert calls == "1"
        assert abs(60 * int(minutes) + int(seconds) - int(WAITING.findall(text)[0])) <= 1
    assert "stopping: fetched campaigns are being stored" in shown.text
    assert "campaigns  3 planned: 2 new versions" in shown.text


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_on_a_terminal_too_silence_is_silence(
    emulate: Emulate, project: Project, option: str
) -> None:
    project.use(emulate(sample_campaigns(2)))

    with terminal("run", option, folder=project.folder, columns=1000) as shown:
        code = shown.end()

    assert code == 0
    assert shown.text.count("\n") == 0
    assert bool(shown.text) == (option == "--json")
    assert b"\x1b" not in shown.written


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_plain_text_gets_it(
    emulate: Emulate, project: Project, plain: dict[str, str]
) -> None:
    project.use(emulate(sample_campaigns(2)))

    with terminal("run", folder=project.folder, environment=plain) as shown:
        code = shown.end()

    assert code == 0
    assert "complete" in shown.text
    assert b"\x1b" not in shown.written


def test_a_short_run_in_cron_writes_no_progress_at_all(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(2)))

    assert project.cli("run").err == ""


def test_the_bar_never_stands_still_for_two_seconds(emulate: Emulate, project: Project) -> None:
    # 150 campaigns under 60 calls a minute, where a minute and a chunk take 8 seconds
    project.use(emulate(sample_campaigns(150)), requests_per_minute=60, chunk_seconds=8)
    environment = {"SHORT_MINUTE": "8", "PYTHONPATH": str(TESTS)}

    with terminal(
        "run", folder=project.folder, environment=environment, module="support.short_minute"
    ) as shown:
        standstills = [*shown.standstills(BAR.search, seconds=120)]
        code = shown.end()

    assert code == 0, shown.text
    assert "150 planned: 150 new versions" in shown.text
    assert max(standstills) <= 2, standstills
    assert shown.written.count(b"waiting for the call budget") >= 10
