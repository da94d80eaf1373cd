"""`status`: when it last worked, what is stale, what failed and why, and what to do."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import duckdb
import pytest

from conftest import Emulate
from kore_campaigns.errors import DestinationUnavailable
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_campaigns.reports.status import read_status
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(5))
    project.use(kore)
    return kore


@pytest.mark.empty_database
def test_before_the_first_run_there_is_nothing_but_advice(project: Project) -> None:
    ended = project.cli("status", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert ended.json == {
        **{"state": "none", "advice": "kore-campaigns run", "database": str(project.database)},
        **dict.fromkeys(("last_run", "last_complete_at", "last_full_sweep_at")),
        **dict.fromkeys(("configured", "live", "deleted", "not_configured", "versions"), 0),
        **{"stale": 0, "stale_campaigns": [], "failures": [], "drift": [], "apps": []},
        **{"running_pid": None, "running_since": None, "database_bytes": 0, "findings": {}},
        **{"not_listed": [], "listed_only": []},
    }
    assert not (project.folder / ".kore_campaigns").exists()


def test_after_a_good_run_it_says_so_and_nothing_is_to_do(kore: Emulator, project: Project) -> None:
    report = project.run()
    kore.edit(kore.campaign_ids()[0], {"status": "Paused"})
    kore.delete(kore.campaign_ids()[1])
    report = project.run()

    status = read_status(DuckDBFile(project.database))

    (app,) = status.apps
    assert (app.configured, app.live, app.deleted, app.stale, app.drift) == (5, 4, 1, 0, 0)
    assert (status.versions, status.failures, status.stale_campaigns) == (7, [], [])
    assert app.last_run is not None
    assert (app.last_run.run_id, app.last_run.vanished) == (report.run_id, 1)
    assert app.last_run.started_at == app.last_complete_at == report.started_at
    assert app.last_run.started_at.tzinfo is UTC
    assert status.database_bytes == project.database.stat().st_size
    assert (status.state, status.advice) == ("ok", "nothing to do")


def test_a_failed_campaign_is_named_with_the_age_of_what_is_held_of_it(
    kore: Emulator, project: Project
) -> None:
    first = project.run()
    known, unknown = kore.campaign_ids()[0], "cd-unknown"
    kore.fault(Fault.HTML, known)
    project.configure([*kore.campaign_ids(), unknown])
    project.run()

    status = read_status(DuckDBFile(project.database))
    ended = project.cli("status")

    found = {failure["campaign_id"]: failure for failure in status.failures}
    assert set(found) == {known, unknown}
    held_since = found[known]["held_since"]
    assert held_since is not None
    assert first.started_at < held_since < datetime.now(UTC)
    assert found[unknown]["held_since"] is None
    assert found[unknown]["error_code"] == "not_found"
    assert status.apps[0].last_complete_at == first.started_at
    assert [(one["campaign_id"], one["last_confirmed_at"]) for one in status.stale_campaigns] == [
        (unknown, None),
        (known, held_since),
    ]
    assert ended.code == 0
    assert f"failed     {unknown}: HTTP 404" in ended.out
    assert ended.out.startswith("state      NOT complete: 2 of 6 campaigns failed\n")


def test_campaigns_that_were_not_asked_come_after_those_that_failed(
    kore: Emulator, project: Project
) -> None:
    kore.fault(Fault.HTML, kore.campaign_ids()[-1])
    kore.fault(Fault.SCOPE, kore.campaign_ids()[0])
    project.set("workers", 1)
    project.run()

    failures = read_status(DuckDBFile(project.database)).failures
    codes = [failure["error_code"] for failure in failures]

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
        "failed     5 campaigns were not reached: the run was stopped. Next: run again.",
        "next       kore-campaigns run",
    ]


def test_a_run_that_goes_on_is_named_and_may_be_looked_at(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(40), latency=0.1), workers=1)
    process = project.start("run", "--quiet")
    try:
        workspace = DuckDBFile(project.database)
        for _ in range(600):
            if workspace.writer():
                break
            time.sleep(0.05)
        ended = project.cli("status", "--json")
    finally:
        process.terminate()
        process.communicate(timeout=60)

    assert (ended.json["state"], ended.json["running_pid"]) == ("running", process.pid)
    assert ended.json["advice"] == "wait for the active run"
    assert read_status(workspace).running_pid is None


def test_another_database_may_be_looked_at(kore: Emulator, project: Project) -> None:
    project.run(database="other.duckdb")

    assert project.cli("status", "--database", "other.duckdb", "--json").json["live"] == 5
    assert project.cli("status", "--json").json["last_run"] is None


def test_a_file_that_cannot_be_read_is_exit_6(project: Project) -> None:
    project.database.write_text("no database")

    with pytest.raises(DestinationUnavailable):
        read_status(DuckDBFile(project.database))
    ended = project.cli("status")

    assert (ended.code, ended.out, ended.err.count("\n")) == (6, "", 1)
    assert str(project.database) in ended.err


@pytest.mark.slow
def test_what_was_met_and_nobody_knows_is_told_until_a_full_sweep_meets_it_no_more(
    kore: Emulator, project: Project
) -> None:
    one, two, *_ = kore.campaign_ids()
    kore.edit(one, {"pacingRatio": 2})
    kore.edit(two, {"pacingRatio": 2})
    first = project.run(sweep="full")
    kore.edit(two, {"priority": "2"})
    project.run(sweep="listing")
    seen = project.cli("status", "--json").json["drift"]
    kore.edit(one, {"pacingRatio": "two"})
    kore.edit(two, {"pacingRatio": "two"})
    project.run(sweep="full")

    (drift,) = read_status(DuckDBFile(project.database)).drift

    assert seen == [
        {
            "path": "pacingRatio",
            "example_type": "number",
            "campaign_count": 2,
            "first_seen_at": str(first.started_at),
        }
    ]
    assert (drift["path"], drift["example_type"], drift["campaign_count"]) == (
        "pacingRatio",
        "string",
        2,
    )


def test_a_campaign_taken_out_of_the_file_is_counted_apart(
    kore: Emulator, project: Project
) -> None:
    project.run()
    project.configure(kore.campaign_ids()[1:])
    project.run()

    (app,) = read_status(DuckDBFile(project.database)).apps

    assert (app.configured, app.live, app.not_configured, app.stale) == (4, 5, 1, 0)
    assert "live but not configured: 1; no run fetches it" in project.cli("status").out


def test_a_run_that_was_killed_is_told(kore: Emulator, project: Project) -> None:
    project.run()
    with duckdb.connect(str(project.database)) as connection:
        connection.execute("update kore_raw.extraction_runs set finished_at = null")

    status = read_status(DuckDBFile(project.database))

    assert (status.state, status.advice) == ("killed", "kore-campaigns run")


def test_while_a_run_goes_on_none_is_called_killed(
    kore: Emulator, project: Project, emulate: Emulate
) -> None:
    """On a server accounts run at the same time, and the lock does not say which of them do."""
    project.run()
    project.use(emulate(sample_campaigns(1), stream_id="st-other", account_id="a-other"))
    project.run()
    with duckdb.connect(str(project.database)) as connection:
        connection.execute("update kore_raw.extraction_runs set finished_at = null")
    database = DuckDBFile(project.database)

    with database.locked():
        status = read_status(database)
    assert [app.last_run for app in status.apps] == [None, None]
    assert {app.last_run.state for app in read_status(database).apps if app.last_run} == {"killed"}


def test_a_database_of_an_older_version_is_read_as_far_as_it_goes(
    kore: Emulator, project: Project
) -> None:
    report = project.run()
    with duckdb.connect(str(project.database)) as connection:
        connection.execute("drop view kore.campaign_freshness")
        connection.execute("drop view kore.runs")

    ended = project.cli("status")
    found = project.cli("status", "--json").json

    assert (ended.code, ended.err) == (0, "")
    assert "older version" in ended.out.splitlines()[0]
    assert ended.out.splitlines()[-1] == "next       kore-campaigns run"
    assert (found["state"], found["last_run"]["run_id"]) == ("older", report.run_id)
    assert project.run().exit_code == 0
    assert project.cli("status", "--json").json["state"] == "ok"


def test_a_database_of_several_apps_tells_each(emulate: Emulate, project: Project) -> None:
    good, bad = emulate(sample_campaigns(2)), emulate(sample_campaigns(3), stream_id="st-other")
    project.use(good)
    project.run()
    bad.fault(Fault.HTML)
    project.use(bad, stream_id="st-other")
    project.run()

    status = read_status(DuckDBFile(project.database))

    assert [(app.stream_id, app.state, app.stale) for app in status.apps] == [
        ("st-other", "failed", 3),
        (good.stream_id, "ok", 0),
    ]
    assert (status.state, len(status.failures)) == ("failed", 3)
