"""Killed, or out of disk, at any instant of a publish: the file that readers open is whole."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from conftest import Emulate
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_emulator import Emulator, sample_campaigns
from support.file_faults import BREAK, FILL, KILL, harmed
from support.project import Project
from support.published_file import SETTLED, beside, kept, numbers, runs, write
from support.stored_tables import GAPS, campaign_rows, kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow

COPY = "shutil.copyfile:.kore_campaigns.duckdb.tmp"
LINK = "os.link:.unfinished.tmp"
SWAP = "os.rename:/project/kore_campaigns.duckdb"
RECORD = "os.rename:origin.json"


@pytest.fixture
def workspace(tmp_path: Path) -> DuckDBFile:
    return DuckDBFile(tmp_path / "work" / "calls.duckdb")


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    """Loaded once, and changed since."""
    kore = emulate(sample_campaigns(8))
    project.use(kore)
    project.run()
    kore.edit(kore.campaign_ids()[0], {"status": "Rerun"})
    kore.delete(kore.campaign_ids()[5])
    return kore


@pytest.mark.exhaustive
def test_killed_before_each_file_operation_in_turn(workspace: DuckDBFile) -> None:
    root = workspace.published.parent
    runs(workspace, [1, 2, 3, 4])
    states = [[1, 2, 3, 4], [1, 2, 3], [1, 2], [1]]  # all that were published, newest first
    value, operation, returncode = 5, 0, -signal.SIGKILL
    while returncode == -signal.SIGKILL:
        operation += 1
        returncode = harmed(KILL, "any", root, "write", str(value), count=operation).returncode

        found = numbers(workspace.published)
        assert found in (states[0], [*states[0], value]), operation
        if found != states[0]:
            states.insert(0, found)
        assert kept(workspace)[:3] == states[1:4], operation

        write(workspace, value + 1)

        states.insert(0, [*found, value + 1])
        assert numbers(workspace.published) == states[0], operation
        assert kept(workspace) == states[1:4], operation
        assert beside(workspace) == SETTLED, operation
        value += 2

    assert returncode == 0
    assert operation > 10


def test_killed_in_the_middle_of_the_copy(workspace: DuckDBFile) -> None:
    runs(workspace, [1, 2])
    copy = workspace.published.with_name(".calls.duckdb.tmp")

    ended = harmed(BREAK, "shutil.copyfile:.calls.duckdb.tmp", copy.parent, "write", "3")

    assert ended.returncode == -signal.SIGXFSZ
    assert copy.stat().st_size == workspace.working_copy.stat().st_size // 2
    assert (numbers(workspace.published), kept(workspace)) == ([1, 2], [[1]])
    with workspace.locked():
        workspace.prepare()
        assert not copy.exists()  # before the next copy needs its room
    write(workspace, 4)
    assert (numbers(workspace.published), kept(workspace)) == ([1, 2, 4], [[1, 2], [1]])
    assert beside(workspace) == SETTLED


def test_killed_in_the_middle_of_the_copy_that_a_run_begins_with(workspace: DuckDBFile) -> None:
    runs(workspace, [1, 2])
    workspace.begin_step()  # as a killed run leaves it: the private file is made anew

    ended = harmed(
        BREAK, "shutil.copyfile:/calls/calls.duckdb", workspace.published.parent, "write", "3"
    )

    assert ended.returncode == -signal.SIGXFSZ
    assert numbers(workspace.published) == [1, 2]
    write(workspace, 4)
    assert (numbers(workspace.published), kept(workspace)) == ([1, 2, 4], [[1, 2], [1]])


@pytest.mark.parametrize("step", [COPY, LINK, SWAP, RECORD])
def test_a_run_killed_between_two_steps_leaves_one_state_or_the_other(
    kore: Emulator, project: Project, step: str
) -> None:
    rows = campaign_rows(project)

    ended = harmed(KILL, step, project.folder, "run")

    assert ended.returncode == -signal.SIGKILL
    if step == RECORD:
        assert live_campaigns(project) == kores_campaigns(kore)
    else:
        assert campaign_rows(project) == rows
    report = project.run()
    assert report.exit_code == 0
    assert report.unchanged == (8 if step == RECORD else 6)
    assert live_campaigns(project) == kores_campaigns(kore)
    assert project.sql(GAPS) == []
    assert left_behind(project) == {"campaign_ids.csv", "kore_campaigns.duckdb", ".kore_campaigns"}


def test_a_disk_that_is_full_in_the_middle_of_the_copy_leaves_the_old_file(
    kore: Emulator, project: Project
) -> None:
    rows = campaign_rows(project)

    ended = harmed(FILL, COPY, project.folder, "run", "--json")

    assert (ended.returncode, json.loads(ended.stdout)["error_code"]) == (6, "no_room")
    assert ended.stderr.count("\n") == 1
    assert f"the database `{project.database}` cannot be used: `File too large`" in ended.stderr
    assert "What is published is as it was. Nothing was lost. Next: make room" in ended.stderr
    assert campaign_rows(project) == rows
    assert left_behind(project) == {"campaign_ids.csv", "kore_campaigns.duckdb", ".kore_campaigns"}
    assert project.run().new_versions == 1
    assert live_campaigns(project) == kores_campaigns(kore)
    assert project.sql(GAPS) == []


def left_behind(project: Project) -> set[str]:
    return {path.name for path in project.folder.iterdir()}
