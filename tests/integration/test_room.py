"""Room on the disk is asked for before anything is written, and a disk that fills up says so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Emulate
from kore_campaigns.config.paths import MARGIN, free_bytes, room_for, size_of
from kore_campaigns.errors import NoRoom, in_bytes
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_emulator import sample_campaigns
from support.file_faults import FILL, harmed
from support.project import Project
from support.published_file import SETTLED, another_disk, beside, kept, numbers, runs, write
from support.stored_tables import campaign_rows, kores_campaigns, live_campaigns

pytestmark = [pytest.mark.slow, pytest.mark.empty_database]

PLENTY = 10**12
LIMITED = """
import resource, sys
from kore_campaigns.cli.main import main
none = resource.RLIM_INFINITY
sys.dont_write_bytecode = True  # Python would leave compiled modules that are cut off
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), none))
code = main(["run"])
resource.setrlimit(resource.RLIMIT_FSIZE, (none, none))  # what measures the tests writes at exit
sys.exit(code)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> DuckDBFile:
    return DuckDBFile(tmp_path / "work" / "calls.duckdb")


def less_and_less(*free: int) -> Callable[[Path], int]:
    """A disk that others fill: what is free each time one asks, the last from then on."""
    answers = list(free)
    return lambda folder: answers.pop(0) if len(answers) > 1 else answers[0]


def refused(workspace: DuckDBFile, value: int) -> NoRoom:
    with pytest.raises(NoRoom) as raised:
        write(workspace, value)
    assert (raised.value.exit_code, raised.value.code) == (6, "no_room")
    return raised.value


def test_a_run_needs_room_for_the_copy_it_publishes_and_for_what_a_chunk_brings(
    workspace: DuckDBFile,
) -> None:
    write(workspace, 1)
    workspace.chunk = 10_000
    needed = size_of(workspace.working_copy) + room_for(10_000) + MARGIN
    assert room_for(10_000) - room_for(0) > 100_000_000

    workspace.free_bytes = less_and_less(needed - 1)
    assert refused(workspace, 2).needed == needed

    workspace.free_bytes = less_and_less(needed)
    write(workspace, 3)
    assert numbers(workspace.published) == [1, 3]


def test_and_for_the_private_file_where_that_is_made_anew(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    workspace.begin_step()  # as a killed run leaves it
    needed = 2 * size_of(workspace.published) + room_for(0) + MARGIN

    workspace.free_bytes = less_and_less(needed - 1)
    assert refused(workspace, 2).needed == needed

    assert numbers(workspace.published) == [1]
    assert not workspace.working_copy.exists()  # what nobody had seen makes room at once
    workspace.free_bytes = less_and_less(needed)
    write(workspace, 3)
    assert numbers(workspace.published) == [1, 3]


def test_a_run_without_room_changes_nothing_and_says_what_may_be_deleted(
    workspace: DuckDBFile,
) -> None:
    runs(workspace, [1, 2])
    root = workspace.published.parent
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.duckdb")}
    workspace.free_bytes = less_and_less(3_000_000)

    error = refused(workspace, 3)

    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.duckdb")} == before
    assert beside(workspace) == SETTLED
    generations = workspace.generations
    spare = in_bytes(sum(map(size_of, generations.files())))
    assert str(error) == (
        f"the database `{workspace.published}` cannot be used: the disk of `{root}` has 3.0 MB "
        f"free, {in_bytes(error.needed)} are needed. What is published is as it was. Nothing was "
        f"lost. Next: make room on this disk; the earlier states in `{generations.folder}`, "
        f"{spare}, may be deleted, only `kore-campaigns restore` needs them. Then run the same "
        "command again."
    )


def test_where_nothing_is_kept_nothing_is_named_that_could_be_deleted(
    workspace: DuckDBFile,
) -> None:
    workspace.free_bytes = less_and_less(0)

    error = refused(workspace, 1)

    assert "has 0 Bytes free" in str(error)
    assert str(error).endswith("Next: make room on this disk. Then run the same command again.")


def test_room_is_asked_for_again_before_the_copy(workspace: DuckDBFile) -> None:
    write(workspace, 1)
    workspace.free_bytes = less_and_less(PLENTY, size_of(workspace.working_copy) + MARGIN - 1)

    refused(workspace, 2)

    assert numbers(workspace.published) == [1]
    assert beside(workspace) == SETTLED - {".kore_campaigns/calls/origin.json"}
    workspace.free_bytes = free_bytes
    write(workspace, 3)
    assert numbers(workspace.published) == [1, 3]


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    with another_disk() as folder:
        yield folder


def test_and_before_what_is_replaced_is_copied_where_it_cannot_be_linked(
    workspace: DuckDBFile, elsewhere: Path
) -> None:
    write(workspace, 1)
    workspace.generations.folder.symlink_to(elsewhere)
    workspace.free_bytes = less_and_less(PLENTY, PLENTY, 0)

    refused(workspace, 2)

    assert (numbers(workspace.published), kept(workspace)) == ([1], [])
    assert beside(workspace) == SETTLED - {".kore_campaigns/calls/origin.json"}


def test_a_disk_that_is_full_while_the_private_file_is_made_leaves_no_half_of_it(
    workspace: DuckDBFile,
) -> None:
    runs(workspace, [1, 2])
    workspace.begin_step()

    ended = harmed(
        FILL, "shutil.copyfile:/calls/calls.duckdb", workspace.published.parent, "write", "3"
    )

    assert "NoRoom: the database" in ended.stderr
    assert "cannot be used: `File too large` (a full disk, a quota or a limit" in ended.stderr
    assert not workspace.working_copy.exists()
    assert (numbers(workspace.published), kept(workspace)) == ([1, 2], [[1]])


@pytest.mark.parametrize(
    "largest",
    [0, 1_000_000]
    + [pytest.param(size, marks=pytest.mark.exhaustive) for size in (100, 100_000, 2_000_000)],
)
def test_whatever_cannot_be_written_is_a_full_disk_and_the_next_run_is_whole(
    emulate: Emulate, project: Project, largest: int
) -> None:
    kore = emulate(sample_campaigns(20))
    project.use(kore)

    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(largest)], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (6, "", 1)
    # where a checkpoint failed as a connection was closed, DuckDB tells of a damaged block only
    assert re.search(r"`File too large` \(a full|is damaged: .* a limit for", ended.stderr)
    assert not project.database.exists()
    assert project.run().exit_code == 0
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_working_copy_that_is_damaged_is_named_as_such_and_made_anew(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    project.run()
    rows = campaign_rows(project)
    kore.edit(kore.campaign_ids()[0], {"status": "Paused"})
    (private,) = project.folder.glob(".kore_campaigns/*/*.duckdb")
    with private.open("r+b") as file:  # all blocks, but not the headers in front of them
        file.seek(3 * 4096)
        file.write(b"\7" * (private.stat().st_size - 3 * 4096))

    ended = project.command("run", "--json")

    assert (ended.code, ended.json["error_code"], ended.err.count("\n")) == (
        6,
        "working_copy_damaged",
        1,
    )
    assert "the copy of it that this run was writing is damaged: " in ended.err
    assert f"the disk of `{project.folder}` has " in ended.err
    assert "Next: check the disk, then run the same command again" in ended.err
    assert campaign_rows(project) == rows
    report = project.run()
    assert (report.new_versions, report.unchanged, report.exit_code) == (1, 2, 0)


def test_a_database_larger_than_the_disk_is_not_begun_to_be_copied(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    project.run()
    rows = campaign_rows(project)
    size = size_of(project.database)
    # a file with a hole at its end: it fills no disk, but a copy of it would
    os.truncate(project.database, free_bytes(project.folder) + 10**9)
    asked = kore.counters.requests

    ended = project.command("run", "--json")

    assert (ended.code, ended.json["exit_code"], kore.counters.requests) == (6, 6, asked)
    assert f"the disk of `{project.folder}` has " in ended.err
    os.truncate(project.database, size)
    assert campaign_rows(project) == rows
    assert project.run().unchanged == 3


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 Bytes"),
        (999, "999 Bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_951, "1.0 MB"),
        (1_234_567_890, "1.2 GB"),
        (3 * 10**15, "3.0 PB"),
    ],
)
def test_a_number_of_bytes_is_said_as_a_person_would(count: int, text: str) -> None:
    assert in_bytes(count) == text
