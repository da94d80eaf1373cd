"""Runs that are asked to stop, that meet another run, and that meet readers."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from conftest import Emulate
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.stored_tables import GAPS, failures, kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow


def wait_until_asked(kore: Emulator, requests: int) -> None:
    give_up = time.monotonic() + 60
    while kore.counters.requests < requests:
        assert time.monotonic() < give_up, "the run asked for nothing"
        time.sleep(0.01)


def wait_until_loading(project: Project) -> None:
    packages = project.folder / ".kore_campaigns/kore_campaigns/dlt/kore_campaigns/load/normalized"
    give_up = time.monotonic() + 60
    while not any(packages.glob("*")):
        assert time.monotonic() < give_up, "the run loaded nothing"
        time.sleep(0.001)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_asked_to_stop_stores_what_it_has_and_the_next_completes_it(
    emulate: Emulate, project: Project, number: signal.Signals
) -> None:
    kore = emulate(sample_campaigns(100), latency=0.1)
    project.use(kore, workers=2, chunk_size=5)
    process = project.spawn("run", "--json")
    wait_until_asked(kore, 12)
    # dlt wants such a signal for itself while it loads, and then gives the load up
    wait_until_loading(project)

    process.send_signal(number)
    # what waited to be stored is stored, five at a time: on a busy machine more than half a minute
    out, err = process.communicate(timeout=120)

    report = json_of(out)
    stored = live_campaigns(project)
    assert process.returncode == 75
    assert (report["planned"], report["is_complete"]) == (100, False)
    assert 10 <= len(stored) == report["new_versions"] == report["fetched"] < 60
    failed = failures(project, str(report["run_id"]))
    assert {code for code, *_ in failed.values()} == {"interrupted"}
    assert stored.keys() | failed.keys() == set(kore.campaign_ids())
    assert not stored.keys() & failed.keys()
    assert "stopping: fetched campaigns are being stored" in err
    assert (
        "interrupted; the campaigns fetched so far are stored. Next: `kore-campaigns run` continues"
        in err
    )
    assert "Traceback" not in err
    assert project.sql("select exit_code, is_complete from kore_raw.extraction_runs") == [
        (75, False)
    ]
    kore.latency = 0.0
    project.set("chunk_size", 5000)
    again = project.cli("run", "--json")
    assert (again.code, again.json["new_versions"]) == (0, 100 - len(stored))
    assert live_campaigns(project) == kores_campaigns(kore)
    assert project.sql(GAPS) == []


def json_of(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_wait_for_the_call_budget_ends_at_once_when_asked_to_stop(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(10))
    project.use(kore, requests_per_minute=3)
    process = project.spawn("run", "--quiet")
    wait_until_asked(kore, 3)

    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)

    assert process.returncode == 75
    assert time.monotonic() - asked < 15
    assert len(live_campaigns(project)) == 3


def test_a_second_signal_ends_the_run_at_once_and_the_next_completes_it(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(6), latency=8.0)
    project.use(kore, workers=1)
    process = project.spawn("run", "--quiet")
    time.sleep(0.1)
    give_up = time.monotonic() + 60
    holder = project.folder / ".kore_campaigns" / "kore_campaigns" / "kore_campaigns.duckdb"
    while not holder.exists():
        assert time.monotonic() < give_up
        time.sleep(0.01)

    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    assert "stopping" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)

    assert process.returncode == -signal.SIGTERM
    kore.latency = 0.0
    assert project.cli("run").code == 0
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_second_run_on_the_same_database_is_turned_away_naming_the_first(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(20), latency=0.2)
    project.use(kore, workers=1)
    began = datetime.now(UTC).replace(microsecond=0)
    first = project.spawn("run", "--json")
    wait_until_asked(kore, 2)

    asked = kore.counters.requests
    second = project.cli("run", "--json")

    assert (second.code, second.json["error_code"]) == (6, "database_locked")
    assert f"the database `{project.database}` cannot be used" in second.err
    _, _, holder = second.err.partition(f"another run holds it (process {first.pid}, since ")
    assert began <= datetime.fromisoformat(holder.partition(")")[0]) <= datetime.now(UTC)
    assert f"Next: wait for it, or stop it with `kill {first.pid}`; then run again." in second.err
    assert kore.counters.requests - asked <= 5  # the first one's
    out, err = first.communicate(timeout=60)
    assert (first.returncode, err) == (0, "")
    assert json_of(out)["requests"] == kore.counters.requests == 20


def test_runs_on_two_databases_do_not_hold_each_other_up(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(10), latency=0.2)
    project.use(kore, workers=1)
    first = project.spawn("run", "--json")
    wait_until_asked(kore, 2)

    second = project.cli("run", "--json", "--database", str(project.folder / "other.duckdb"))

    assert (second.code, second.json["new_versions"]) == (0, 10)
    first.communicate(timeout=60)
    assert first.returncode == 0


def test_an_open_reader_keeps_what_it_sees_and_the_run_succeeds(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(10))
    project.use(kore)
    project.run()
    changed = kore.campaign_ids()[0]
    question = "select version, status from kore.campaigns where campaign_id = ?"
    reader = duckdb.connect(str(project.database), read_only=True)
    with reader:
        before = reader.execute(question, [changed]).fetchall()
        kore.edit(changed, {"status": "Rerun"})

        ended = project.command("run", "--json")

        assert (ended.code, ended.json["new_versions"]) == (0, 1)
        assert reader.execute(question, [changed]).fetchall() == before
        assert len(reader.execute("select * from kore.campaign_calling_hours").fetchall()) > 10
    assert project.sql(question, changed) == [(2, "Rerun")]


def test_a_writer_in_the_published_file_does_not_hold_up_a_run(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    project.run()
    with duckdb.connect(str(project.database)):
        ended = project.command("run", "--json")

    assert (ended.code, ended.json["unchanged"]) == (0, 3)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        (Fault.SLOW_BODY, {"seconds": 120.0}),
        (Fault.SLOW, {"seconds": 120.0}),
        (Fault.SLOW, {"seconds": 120.0, "endpoint": "listing"}),
    ],
    ids=str,
)
def test_answers_that_do_not_end_are_given_up_when_the_run_is_asked_to_stop(
    emulate: Emulate, project: Project, fault: Fault, options: dict[str, Any]
) -> None:
    kore = emulate(sample_campaigns(12))
    is_listing = "endpoint" in options
    project.use(kore, workers=2, ids=["*"] if is_listing else None, read_timeout_seconds=100)
    kore.fault(fault, None if is_listing else kore.campaign_ids()[5], **options)
    process = project.spawn("run", "--json")
    wait_until_asked(kore, 1 if is_listing else 12)

    process.send_signal(signal.SIGTERM)
    # otherwise it takes a hundred seconds and more
    out, err = process.communicate(timeout=60)

    assert process.returncode == 75
    assert json_of(out)["new_versions"] == (0 if is_listing else 11)
    assert "Traceback" not in err
    kore.clear_faults()
    assert project.cli("run", "--json").json["new_versions"] == (12 if is_listing else 1)
    assert live_campaigns(project) == kores_campaigns(kore)
