"""A private file to write and a published one to read: swapped whole, locked, never mixed up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from kore_campaigns.errors import DatabaseLocked, DestinationUnavailable, SettingInvalid
from kore_campaigns.load.duckdb_file import DuckDBFile
from support.published_file import numbers, write

HOLD = """
import sys, time
from pathlib import Path
from kore_campaigns.load.duckdb_file import DuckDBFile
with DuckDBFile(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def workspace(tmp_path: Path) -> DuckDBFile:
    return DuckDBFile(tmp_path / "work" / "calls.duckdb")


def hold(workspace: DuckDBFile) -> subprocess.Popen[str]:
    """Another process that holds the database until it is ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(workspace.published)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_each_run_goes_on_from_what_is_published(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    write(workspace, 2)

    assert numbers(workspace.published) == [1, 2]
    assert not Path(f"{workspace.published}.wal").exists()
    assert {path.name for path in workspace.published.parent.iterdir()} == {
        ".kore_campaigns",
        "calls.duckdb",
    }


def test_what_was_written_and_not_published_is_dropped(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    workspace.begin_step()
    with duckdb.connect(str(workspace.working_copy)) as connection:
        connection.execute("insert into numbers values (99)")
    (workspace.folder / "dlt").mkdir()
    ((workspace.folder / "dlt") / "left by a killed run").touch()

    write(workspace, 2)

    assert numbers(workspace.published) == [1, 2]
    assert not (workspace.folder / "dlt").exists()


def test_what_is_settled_is_not_copied_again(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    before = workspace.working_copy.stat().st_ino

    workspace.prepare()

    assert workspace.working_copy.stat().st_ino == before
    assert numbers(workspace.working_copy) == [1]


def test_a_restored_backup_is_followed(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    backup = workspace.published.read_bytes()
    write(workspace, 2)

    workspace.published.write_bytes(backup)
    write(workspace, 3)

    assert numbers(workspace.published) == [1, 3]


def test_a_deleted_database_is_begun_anew(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    workspace.published.unlink()

    write(workspace, 2)

    assert numbers(workspace.published) == [2]


def test_a_database_without_its_working_folder_is_gone_on_from(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    elsewhere = DuckDBFile(workspace.published.with_name("moved.duckdb"))
    workspace.published.rename(elsewhere.published)

    write(elsewhere, 2)

    assert numbers(elsewhere.published) == [1, 2]


def test_an_open_reader_keeps_what_it_has_and_the_next_one_sees_the_new(
    workspace: DuckDBFile,
) -> None:
    write(workspace, 1)
    with duckdb.connect(str(workspace.published), read_only=True) as reader:
        write(workspace, 2)

        assert reader.execute("select max(n) from numbers").fetchone() == (1,)

    assert numbers(workspace.published) == [1, 2]


@pytest.mark.parametrize("name", ["kore.duckdb", "kore_raw.duckdb", "KORE.db", "Kore_Raw.duckdb"])
def test_a_file_named_like_a_schema_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingInvalid, match="a file name other than its schemas") as raised:
        DuckDBFile.in_folder(tmp_path, name)
    assert (raised.value.key, raised.value.value) == ("database", tmp_path / name)


def test_a_database_belongs_to_the_project_folder_unless_its_path_is_whole(tmp_path: Path) -> None:
    assert DuckDBFile.in_folder(tmp_path).published == tmp_path / "kore_campaigns.duckdb"
    assert DuckDBFile.in_folder(tmp_path, "sub/x.duckdb").published == tmp_path / "sub" / "x.duckdb"
    assert DuckDBFile.in_folder(tmp_path, "/data/x.duckdb").published == Path("/data/x.duckdb")


@pytest.mark.parametrize("other", ["b.duckdb", "a.db"])
def test_two_databases_of_one_folder_do_not_share_anything(tmp_path: Path, other: str) -> None:
    first, second = (
        DuckDBFile.in_folder(tmp_path, "a.duckdb"),
        DuckDBFile.in_folder(tmp_path, other),
    )
    with first.locked():
        write(second, 2)
        assert second.writer() is None
    write(first, 1)

    assert (numbers(first.published), numbers(second.published)) == ([1], [2])


def test_a_database_that_is_held_names_its_holder(workspace: DuckDBFile) -> None:
    process = hold(workspace)
    try:
        with pytest.raises(DatabaseLocked) as raised, workspace.locked():
            pass
        writer = workspace.writer()
    finally:
        process.communicate("")

    assert (raised.value.pid, raised.value.exit_code) == (process.pid, 6)
    assert writer == (process.pid, raised.value.since)
    assert f"process {process.pid}, since 20" in str(raised.value)
    assert f"`kill {process.pid}`" in str(raised.value)


def test_what_a_killed_run_wrote_of_itself_is_not_believed(workspace: DuckDBFile) -> None:
    process = hold(workspace)
    process.kill()
    process.communicate()

    assert json.loads((workspace.folder / "run.json").read_text())["pid"] == process.pid
    assert workspace.writer() is None
    write(workspace, 1)
    assert numbers(workspace.published) == [1]


def test_a_holder_that_has_not_written_its_name_yet_is_another_process(
    workspace: DuckDBFile,
) -> None:
    process = hold(workspace)
    try:
        (workspace.folder / "run.json").unlink()
        with pytest.raises(DatabaseLocked, match="another process") as raised, workspace.locked():
            pass
    finally:
        process.communicate("")
    assert "`kill PID`" in str(raised.value)


def test_a_holder_of_the_past_is_never_named(workspace: DuckDBFile) -> None:
    """The next one has the lock and has not written its name yet."""
    killed = hold(workspace)
    killed.kill()
    killed.communicate()
    assert json.loads((workspace.folder / "run.json").read_text())["pid"] == killed.pid

    with (
        FileLock(workspace.folder / "run.lock"),
        pytest.raises(DatabaseLocked) as raised,
        workspace.locked(),
    ):
        pass

    assert raised.value.pid == os.getpid()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    workspace = DuckDBFile(tmp_path / "file" / "calls.duckdb")

    with pytest.raises(DestinationUnavailable, match=r"Not a directory|File exists") as raised:
        write(workspace, 1)

    assert raised.value.exit_code == 6
    assert str(tmp_path / "file") in str(raised.value)


def test_a_disk_that_cannot_take_the_copy_leaves_the_old_one(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    in_the_way = workspace.published.with_name(".calls.duckdb.tmp")
    in_the_way.mkdir()

    with pytest.raises(DestinationUnavailable, match="Is a directory"):
        write(workspace, 2)

    assert numbers(workspace.published) == [1]
    in_the_way.rmdir()
    write(workspace, 3)
    assert numbers(workspace.published) == [1, 3]


@pytest.mark.parametrize("content", [b"no database", b"\0" * 20_000])
def test_a_file_that_is_no_database_is_left_alone(workspace: DuckDBFile, content: bytes) -> None:
    workspace.published.parent.mkdir()
    workspace.published.write_bytes(content)

    for _ in range(2):
        with pytest.raises(DestinationUnavailable) as raised:
            write(workspace, 1)

    assert str(workspace.published) in str(raised.value)
    assert workspace.published.read_bytes() == content
