"""How `verify` ends: failures, a stop, a run beside it; and that it writes nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.cli.output import verify_summary
from kore_campaigns.extract.report import RunReport
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_campaigns.maintenance.verify import verify_database
from kore_emulator import Emulator, Fault, demo_campaigns, sample_campaigns
from support.project import Project
from support.stored_tables import campaign_rows

DESTINATIONS = BOTH

UK = "cd-16b9f7d-8c40-4a53-9d2e-4b7c1e6f0a98"


def loaded(emulate: Emulate, project: Project) -> Emulator:
    """A company's twelve campaigns after the first run."""
    kore = emulate(demo_campaigns())
    project.use(kore)
    project.run()
    kore.reset_counters()
    return kore


def test_nothing_is_written(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    kore.edit(UK, {"status": "Paused"})
    files = contents(project.folder)

    assert project.command("verify").code == 4

    assert contents(project.folder) == files


def contents(folder: Path) -> dict[Path, tuple[bytes, int]]:
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_campaign_that_cannot_be_read_is_a_failure_with_its_reason(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    kore.fault(Fault.HTML, UK)
    project.configure([*kore.campaign_ids(), "cd-typo"])
    project.set("error_budget", 0.5)

    ended = project.cli("verify", "--json")
    text = project.cli("verify")

    assert (ended.code, ended.json["alike"], ended.json["failed"]) == (4, 11, 2)
    assert {each["campaign_id"]: each["error_code"] for each in ended.json["failures"]} == {
        UK: "answer_breaks_contract",
        "cd-typo": "not_found",
    }
    assert "verify: NOT complete" in text.out
    assert f"campaign `{UK}`: HTTP 200, but" in text.err
    assert "campaign `cd-typo`: HTTP 404" in text.err


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (Fault.SERVER_ERROR, 75, "Next: run again later"),
        (Fault.HTML, 5, "Nothing was stored"),
    ],
)
def test_where_nothing_can_be_read_it_ends_as_a_run_would(
    emulate: Emulate, project: Project, fault: Fault, code: int, said: str
) -> None:
    kore = loaded(emulate, project)
    project.set("max_attempts", 1)
    project.set("workers", 1)
    kore.fault(fault)

    ended = project.cli("verify", "--json")

    assert (ended.code, ended.json["alike"], ended.json["failed"]) == (code, 0, 12)
    assert said in ended.err
    assert "stopped fetching: " in ended.err
    assert kore.counters.requests < 10  # the error budget holds here, too


def test_refused_credentials_are_exit_3(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    kore.scope_granted = False

    ended = project.cli("verify")

    assert ended.code == 3
    assert "Next: `kore-campaigns check`" in ended.err
    assert kore.counters.requests == 2


def test_asked_to_stop_it_says_how_far_it_got(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(60))
    project.use(kore, workers=2)
    project.run()
    kore.reset_counters()
    kore.latency = 0.1
    process = project.spawn("verify", "--json")
    give_up = time.monotonic() + 60
    while kore.counters.requests < 6 and time.monotonic() < give_up:
        time.sleep(0.01)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 75
    compared = out.partition('"alike": ')[2].partition(",")[0]
    assert 4 <= int(compared) < 60
    assert "stopping: fetched campaigns are being compared" in err
    assert f"interrupted; {compared} of 60 campaigns were compared. Next: verify again" in err


@pytest.mark.duckdb_only
def test_a_run_that_publishes_meanwhile_is_not_held_up_and_is_said(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    kore.edit(UK, {"status": "Paused"})
    reports: list[RunReport] = []

    def run_once(*_: object) -> None:
        if not reports:
            reports.append(project.run())

    found = verify_database(progress=run_once)

    assert (reports[0].exit_code, reports[0].new_versions) == (0, 1)
    assert (found.exit_code, [*found.differing]) == (4, [UK])
    assert verify_summary(found)[-1] == (
        "A run published meanwhile; the comparison is with the file before it. Next: verify again."
    )
    again = verify_database()
    assert (again.exit_code, again.published_meanwhile) == (0, False)


@pytest.mark.duckdb_only
def test_it_reads_while_a_run_holds_the_database(emulate: Emulate, project: Project) -> None:
    loaded(emulate, project)
    with DuckDBFile.in_folder(project.folder).locked():
        assert verify_database().exit_code == 0


def test_quiet_says_nothing_unless_something_differs(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    alike = project.cli("verify", "--quiet")
    kore.edit(UK, {"status": "Paused"})
    differs = project.cli("verify", "--quiet")

    assert (alike.code, alike.out, alike.err) == (0, "", "")
    assert differs.code == 4
    assert f"{UK}: " in differs.out


@pytest.mark.duckdb_only
def test_without_a_database_nothing_is_asked(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(2))
    project.use(kore)

    ended = project.cli("verify")

    assert (ended.code, ended.out, kore.counters.requests) == (6, "", 0)
    assert "it does not exist; `kore-campaigns run` makes it" in ended.err
    assert not (project.folder / ".kore_campaigns").exists()


@pytest.mark.duckdb_only
def test_it_takes_the_flags_of_a_run(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    rows = campaign_rows(project)
    (project.folder / "some.csv").write_text(f"campaign_id\n{UK}\n", encoding="utf-8")
    moved = project.database.rename(project.folder / "moved.duckdb")

    ended = project.cli(
        *("verify", "--json", "--campaign-ids", "some.csv"),
        *("--database", "moved.duckdb", "--requests-per-minute", "30"),
    )

    assert (ended.code, ended.json["planned"], ended.json["database"]) == (0, 1, str(moved))
    assert len(ended.json["not_configured"]) == 11
    assert kore.counters.requests == 1
    project.database = moved
    assert campaign_rows(project) == rows


def test_where_all_are_configured_those_that_kore_lists_are_compared(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    project.configure(["*"])
    kore.add({"_id": "cd-new", "name": "never loaded", "dialingMode": "Agentless"})
    kore.delete(UK)

    ended = project.cli("verify", "--json")

    assert (ended.code, ended.json["planned"], ended.json["alike"]) == (4, 13, 11)
    assert (ended.json["not_loaded"], ended.json["gone"]) == (["cd-new"], [UK])
    assert ended.json["not_configured"] == []


def test_where_the_listing_of_all_cannot_be_read_what_is_known_is_compared(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    project.configure(["*"])
    kore.fault(Fault.HTML, times=1)  # the listing comes first

    ended = project.cli("verify")

    assert ended.code == 5
    assert "12 configured: 12 alike, 0 different, 0 failed" in ended.out
    assert "verify: NOT complete" in ended.out
    assert "the account listing that names the campaigns could not be read" in ended.err
