"""The demo: two runs with changes between, what changed, and a database to look at."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from support.project import Project

AT_ONCE = (
    "kore-campaigns: stopped at once; all that is stored stays. Next: run the same command again.\n"
)
STOPPED = "kore-campaigns: stopping: the demo ends after its current run.\n" + AT_ONCE
README = Path(__file__).parents[2] / "README.md"
CHANGED = [
    ["Card Collections West", "attempts 4 -> 5; status Active -> Paused", "riskier"],
    ["Eye Test Reminder UK", "deleted in Kore", ""],
    ["Festival Offers India", "DNC list `India DND` removed", "riskier"],
    ["Product Feedback India", "Fri 09:00-18:00 -> 09:00-20:00", "riskier"],
]


def test_it_needs_no_settings_prints_what_changed_and_leaves_the_database(
    project: Project,
) -> None:
    ended = project.command("demo")

    assert (ended.code, ended.err) == (0, "")
    assert "Run 1   18 requests: 12 new versions, 0 unchanged, 0 vanished, 0 failed" in ended.out
    assert "Run 2   8 requests: 3 new versions, 8 unchanged, 1 vanished, 0 failed" in ended.out
    assert all(what in ended.out for _, what, _ in CHANGED)
    assert "All of it is in demo/kore_campaigns.duckdb" in ended.out
    assert live(project.folder / "demo") == 11
    lines = ended.out.splitlines()
    assert max(map(len, lines)) <= 80
    # the README shows it, shortened by a line of dots
    block = re.search(r"```console\n\$ [^\n]*demo\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert block
    left = iter(without_port(line) for line in lines)
    for line in block[1].splitlines():
        assert line == "..." or without_port(line) in left, line


@pytest.mark.slow
def test_it_may_be_played_again_in_a_folder_of_ones_choice(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"

    first = project.cli("demo", "--json", "--directory", str(folder))
    second = project.cli("demo", "--json", "--directory", str(folder))

    for ended in (first, second):
        assert (ended.code, ended.err, ended.out.count("\n")) == (0, "", 1)
        assert [run["new_versions"] for run in ended.json["runs"]] == [12, 3]
        assert [run["vanished"] for run in ended.json["runs"]] == [0, 1]
        assert all(answer["rows"] for answer in ended.json["answers"])
    assert second.json["answers"][0]["rows"] == CHANGED
    assert live(folder) == 11
    assert list(project.folder.iterdir()) == []


@pytest.mark.parametrize(
    "files",
    [
        {".dlt/secrets.toml": ""},
        {"kore_campaigns.duckdb": "mine"},
        {"campaign_ids.csv": "campaign_id\ncd-1\n"},
        {"campaign_ids.csv": "campaign_id\ncd-1\n", "policies.csv": "name\n"},
        {"notes.txt": "mine"},
        {"campaign_ids.csv": "\x00"},
    ],
)
def test_a_folder_of_anything_else_is_left_as_it_is(
    project: Project, files: dict[str, str]
) -> None:
    for name, text in files.items():
        file = project.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    ended = project.cli("demo", "--directory", ".")

    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "expected an empty folder or that of an earlier demo" in ended.err
    found = {str(each.relative_to(project.folder)) for each in project.folder.rglob("*.*")}
    assert found - {".dlt"} == {*files}
    assert all((project.folder / name).read_text() == text for name, text in files.items())


def test_a_demo_that_became_a_project_is_left_as_it_is(project: Project) -> None:
    assert project.cli("demo").code == 0
    (project.folder / "demo" / "campaign_ids.csv").write_text("campaign_id\ncd-1\n")

    assert project.cli("demo").code == 2

    assert live(project.folder / "demo") == 11


@pytest.mark.slow
def test_settings_of_ones_own_account_do_not_reach_it(project: Project) -> None:
    project.set("requests_per_minute", 0)
    project.set("stream_id", "st-of-mine")
    project.set("host", "https://nonexistent.invalid")
    project.set("credentials__client_id", "cs-of-mine")

    assert project.cli("demo", "--json").code == 0


@pytest.mark.parametrize(("line", "seconds"), [("A Kore", 0.1), ("A Kore", 0.5), ("Run 1", 0.2)])
def test_ctrl_c_ends_it_with_a_sentence_wherever_it_is(
    project: Project, line: str, seconds: float
) -> None:
    process = project.spawn("demo")
    assert process.stdout
    while not process.stdout.readline().startswith(line):
        pass
    time.sleep(seconds)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (75, STOPPED)


def test_ctrl_c_within_an_import_ends_with_the_same_code(project: Project) -> None:
    # as the interrupt of a dataclass that is being made
    (project.folder / "duckdb.py").write_text("exec('raise KeyboardInterrupt')\n")

    process = project.spawn("demo", environment=os.environ | {"PYTHONPATH": str(project.folder)})
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (75, AT_ONCE)


def test_ctrl_c_within_a_query_is_an_interruption() -> None:
    script = (
        "import duckdb\n"
        "from kore_campaigns.errors import error_summary\n"
        "print('ready', flush=True)\n"
        "try:\n"
        "    duckdb.execute('select count(*) from range(100_000_000_000) where random() > 2')\n"
        "except BaseException as failed:\n"
        "    print(type(failed).__name__, error_summary(failed).exit_code)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)

    process.send_signal(signal.SIGINT)

    assert process.stdout.readline() == "RuntimeError 75\n"
    process.kill()
    process.communicate()


def without_port(line: str) -> str:
    return re.sub(r"(127\.0\.0\.1:)\d+", r"\1", line)


def live(folder: Path) -> int:
    with duckdb.connect(str(folder / "kore_campaigns.duckdb"), read_only=True) as connection:
        (found,) = connection.execute("select count(*) from kore.campaigns").fetchall()[0]
    return int(found)
