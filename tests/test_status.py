"""`status`: when it last worked, what is stale, what failed and why, and what to do."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from conftest import Emulate
from kore_campaigns.emulator import Emulator, Fault, sample_campaigns
from kore_campaigns.errors import DestinationUnavailable
from kore_campaigns.publish import Workspace
from kore_campaigns.status import LastRun, Status, read_status
from project_case import Project


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(5))
    project.use(kore)
    return kore


def test_before_the_first_run_there_is_nothing_but_advice(project: Project) -> None:
    ended = project.cli("status", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert ended.json == {
        "database": str(project.database),
        "last_run": None,
        "last_complete_at": None,
        "live": 0,
        "deleted": 0,
        "versions": 0,
        "failures": [],
        "running_pid": None,
        "running_since": None,
        "advice": "kore-campaigns run",
    }
    assert not (project.folder / ".kore_campaigns").exists()


def test_after_a_good_run_it_says_so_and_nothing_is_to_do(kore: Emulator, project: Project) -> None:
    report = project.run()
    kore.edit(kore.campaign_ids()[0], {"status": "Paused by hand"})
    kore.delete(kore.campaign_ids()[1])
    report = project.run()

    status = read_status(Workspace(project.database))

    assert (status.live, status.deleted, status.versions, status.failures) == (4, 1, 7, [])
    assert status.last_run is not None
    assert (status.last_run.run_id, status.last_run.vanished) == (report.run_id, 1)
    assert status.last_run.started_at == status.last_complete_at == report.started_at
    assert status.last_run.started_at.tzinfo is UTC
    assert status.advice == "nothing to do"


def test_a_failed_campaign_is_named_with_the_age_of_what_is_held_of_it(
    kore: Emulator, project: Project
) -> None:
    first = project.run()
    known, unknown = kore.campaign_ids()[0], "cd-unknown"
    kore.fault(Fault.HTML, known)
    project.configure([*kore.campaign_ids(), unknown])
    project.run()

    status = read_status(Workspace(project.database))
    ended = project.cli("status")

    found = {failure.campaign_id: failure for failure in status.failures}
    assert set(found) == {known, unknown}
    held_since = found[known].held_since
    assert held_since is not None
    assert first.started_at < held_since < datetime.now(UTC)
    assert found[unknown].held_since is None
    assert found[unknown].error_code == "not_found"
    assert status.last_complete_at == first.started_at
    assert ended.code == 0
    assert f"failed     {unknown}: HTTP 404" in ended.out
    assert "NOT complete, exit code 4" in ended.out


def test_campaigns_that_were_not_asked_come_after_those_that_failed(
    kore: Emulator, project: Project
) -> None:
    kore.fault(Fault.HTML, kore.campaign_ids()[-1])
    kore.fault(Fault.SCOPE, kore.campaign_ids()[0])
    project.set("workers", 1)
    project.run()

    codes = [failure.error_code for failure in read_status(Workspace(project.database)).failures]

    assert codes == sorted(codes, key=lambda code: code == "not_asked")
    assert "not_asked" in codes


def test_campaigns_that_a_stopped_run_did_not_reach_are_one_line(
    kore: Emulator, project: Project
) -> None:
    stop = threading.Event()
    stop.set()
    project.run(stop=stop)

    lines = project.cli("status").out.splitlines()

    assert lines[-2:] == [
        "failed     5 campaigns were not reached: the run was asked to stop. Next: run again.",
        "next       kore-campaigns run",
    ]


def test_a_run_that_goes_on_is_named_and_may_be_looked_at(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(40), latency=0.1), workers=1)
    process = project.spawn("run", "--quiet")
    try:
        workspace = Workspace(project.database)
        for _ in range(600):
            if workspace.holder().get("pid"):
                break
            time.sleep(0.05)
        ended = project.cli("status", "--json")
    finally:
        process.terminate()
        process.communicate(timeout=60)

    assert ended.json["running_pid"] == process.pid
    assert ended.json["advice"] == "wait for the run that goes on"
    assert read_status(workspace).running_pid is None


def test_another_database_may_be_looked_at(kore: Emulator, project: Project) -> None:
    project.run(database="other.duckdb")

    assert project.cli("status", "--database", "other.duckdb", "--json").json["live"] == 5
    assert project.cli("status", "--json").json["last_run"] is None


def test_a_file_that_cannot_be_read_is_exit_6(project: Project) -> None:
    project.database.write_text("no database")

    with pytest.raises(DestinationUnavailable):
        read_status(Workspace(project.database))
    ended = project.cli("status")

    assert (ended.code, ended.out, ended.err.count("\n")) == (6, "", 1)
    assert str(project.database) in ended.err


@pytest.mark.parametrize(
    ("exit_code", "advice"),
    [
        (0, "nothing to do"),
        (3, "kore-campaigns check"),
        (4, "mend what the failures name, then kore-campaigns run"),
        (5, "mend what the failures name, then kore-campaigns run"),
        (75, "kore-campaigns run"),
        (None, "kore-campaigns run"),
    ],
)
def test_the_advice_is_the_next_command(exit_code: int | None, advice: str) -> None:
    now = datetime.now(UTC)
    last_run = LastRun("r1", now, now, "full", 1, 1, 1, 0, 0, 0, exit_code == 0, exit_code)

    assert Status("x.duckdb", last_run).advice == advice
