"""The demo: two runs with changes between, what changed, and a database to look at."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from support.project import Project

CHANGED = {
    "dialingStrategy.maxAttemptsPerRecord",
    "status",
    "is_deleted",
    "dncLists.id",
    "dncLists.name",
    "dialingStrategy.callingHours.days[FR].end",
}


def test_it_needs_no_settings_prints_what_changed_and_leaves_the_database(
    project: Project,
) -> None:
    ended = project.command("demo")

    assert (ended.code, ended.err) == (0, "")
    assert "Run 1   15 requests: 12 new versions, 0 unchanged, 0 vanished, 0 failed" in ended.out
    assert "Run 2   8 requests: 3 new versions, 8 unchanged, 1 vanished, 0 failed" in ended.out
    assert all(path in ended.out for path in CHANGED)
    assert "All of it is in demo/kore_campaigns.duckdb" in ended.out
    assert live(project.folder / "demo") == 11


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
    changes = {row[1] for row in second.json["answers"][0]["rows"]}
    assert changes == CHANGED | {"updatedAt"}
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


def live(folder: Path) -> int:
    with duckdb.connect(str(folder / "kore_campaigns.duckdb"), read_only=True) as connection:
        (found,) = connection.execute("select count(*) from kore.campaigns").fetchall()[0]
    return int(found)
