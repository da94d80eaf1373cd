"""What a run replaces is kept, once a run, so many of them, and can be put back and away again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from kore_campaigns.config.paths import link_or_copy
from kore_campaigns.config.settings import resolve
from kore_campaigns.load.duckdb_file import DuckDBFile
from support.project import Project
from support.published_file import SETTLED, another_disk, beside, kept, numbers, runs, write

LOOK = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    print(connection.execute("select table_name from duckdb_tables() order by 1").fetchall())
"""


@pytest.fixture
def workspace(tmp_path: Path) -> DuckDBFile:
    return DuckDBFile(tmp_path / "work" / "calls.duckdb")


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    with another_disk() as folder:
        yield folder


def test_the_last_three_runs_can_be_gone_back_to(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    assert kept(workspace) == []

    runs(workspace, [2, 3, 4, 5])

    assert numbers(workspace.published) == [1, 2, 3, 4, 5]
    assert kept(workspace) == [[1, 2, 3, 4], [1, 2, 3], [1, 2]]
    assert beside(workspace) == SETTLED


def test_a_run_that_publishes_every_minute_keeps_what_it_found_and_no_step_of_its_own(
    workspace: DuckDBFile,
) -> None:
    write(workspace, 1)
    write(workspace, 2, publishes=4)
    write(workspace, 3, publishes=2)

    assert kept(workspace) == [[1, 2, 2, 2, 2], [1]]


def test_the_file_itself_is_kept_and_nothing_is_copied(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    published = workspace.published.stat()

    write(workspace, 2)

    (generation,) = workspace.generations.files()
    found = generation.stat()
    assert (found.st_ino, found.st_mtime_ns) == (published.st_ino, published.st_mtime_ns)
    assert workspace.published.stat().st_ino != published.st_ino


def test_where_a_disk_has_no_second_names_it_is_a_copy(
    workspace: DuckDBFile, elsewhere: Path
) -> None:
    workspace.folder.mkdir(parents=True)
    workspace.generations.folder.symlink_to(elsewhere)
    write(workspace, 1)
    published_at = workspace.published.stat().st_mtime_ns

    write(workspace, 2)
    assert workspace.generations.files()[0].stat().st_mtime_ns == published_at
    runs(workspace, [3, 4, 5])

    assert kept(workspace) == [[1, 2, 3, 4], [1, 2, 3], [1, 2]]
    names = {path.name for path in workspace.generations.files()}
    assert {path.name for path in elsewhere.iterdir()} == names
    with workspace.locked():
        workspace.restore(workspace.generations.files()[1])
    assert numbers(workspace.published) == [1, 2, 3]
    assert kept(workspace) == [[1, 2, 3, 4, 5], [1, 2, 3, 4], [1, 2]]


def test_as_many_are_kept_as_the_setting_says(workspace: DuckDBFile) -> None:
    runs(workspace, [1, 2, 3, 4, 5])

    workspace.keep_generations = 1
    write(workspace, 6)
    assert kept(workspace) == [[1, 2, 3, 4, 5]]

    workspace.keep_generations = 0
    write(workspace, 7)
    assert kept(workspace) == []
    assert numbers(workspace.published) == [1, 2, 3, 4, 5, 6, 7]


def test_a_restore_changes_places_and_so_can_be_undone(workspace: DuckDBFile) -> None:
    runs(workspace, [1, 2, 3, 4])

    with workspace.locked():
        workspace.restore(workspace.generations.files()[1])
    assert (numbers(workspace.published), kept(workspace)) == (
        [1, 2],
        [[1, 2, 3, 4], [1, 2, 3], [1]],
    )

    with workspace.locked():
        workspace.restore(workspace.generations.files()[0])
    assert (numbers(workspace.published), kept(workspace)) == (
        [1, 2, 3, 4],
        [[1, 2], [1, 2, 3], [1]],
    )


def test_a_run_goes_on_from_what_was_restored_and_keeps_it(workspace: DuckDBFile) -> None:
    runs(workspace, [1, 2, 3])
    with workspace.locked():
        workspace.restore(workspace.generations.files()[1])

    write(workspace, 4)

    assert numbers(workspace.published) == [1, 4]
    assert kept(workspace) == [[1], [1, 2, 3], [1, 2]]


def test_names_sort_by_time_also_where_the_clock_was_set_back(workspace: DuckDBFile) -> None:
    runs(workspace, [1, 2])
    (generation,) = workspace.generations.files()
    generation.rename(generation.with_name("29991231T235959.999999Z.duckdb"))

    write(workspace, 3)

    assert kept(workspace) == [[1, 2], [1]]
    assert workspace.generations.files()[0].name == "30000101T000000.000000Z.duckdb"


def test_what_somebody_else_put_there_is_left_alone(workspace: DuckDBFile) -> None:
    runs(workspace, [1, 2])
    notes = workspace.generations.folder / "notes.txt"
    notes.write_text("kept by hand", encoding="utf-8")

    runs(workspace, [3, 4, 5, 6])

    assert notes.exists()
    assert len(kept(workspace)) == 3


def test_of_a_database_that_is_a_symlink_the_file_it_leads_to_is_kept_and_replaced(
    workspace: DuckDBFile, tmp_path: Path
) -> None:
    write(workspace, 1)
    real = workspace.published.rename(tmp_path / "real.duckdb")
    workspace.published.symlink_to(Path("..") / "real.duckdb")

    write(workspace, 2)

    assert workspace.published.is_symlink()
    assert (numbers(real), numbers(workspace.published), kept(workspace)) == ([1, 2], [1, 2], [[1]])


def test_what_a_writer_has_in_its_log_does_not_get_into_what_is_published_next(
    workspace: DuckDBFile,
) -> None:
    write(workspace, 1)
    with duckdb.connect(str(workspace.published)) as somebody:
        somebody.execute("create table mine as select 1 as n")
        assert Path(f"{workspace.published}.wal").exists()
        write(workspace, 2)

        looked = subprocess.run(
            [sys.executable, "-c", LOOK, str(workspace.published)],
            capture_output=True,
            text=True,
            check=True,
        )
        somebody.execute("insert into mine values (2)")

    assert looked.stdout == "[('numbers',)]\n"
    assert numbers(workspace.published) == [1, 2]


def test_a_name_that_is_taken_is_never_written_over(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_text("new", encoding="utf-8")
    old.write_text("old", encoding="utf-8")

    with pytest.raises(FileExistsError):
        link_or_copy(new, old, DuckDBFile(new).generations.room)

    assert old.read_text(encoding="utf-8") == "old"


def test_both_places_that_name_the_default_name_the_same(project: Project) -> None:
    given = {"stream_id": "s", "account_id": "a"}
    keys = {"client_id": "c", "client_secret": "a secret of thirty-two signs, no less"}

    found = resolve({**given, "credentials": keys})

    assert found.keep_generations == DuckDBFile(project.database).keep_generations == 3
