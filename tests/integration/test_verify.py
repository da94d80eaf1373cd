"""`verify` compares every field of every campaign with what analysts see, and writes nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.cli.output import verify_summary
from kore_campaigns.extract.report import RunReport
from kore_campaigns.extract.state import LIVE, LIVE_LISTS
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_campaigns.maintenance.verify import BATCH, expected_campaign, verify_database
from kore_campaigns.transform.campaign import shape
from kore_emulator import Emulator, Fault, demo_campaigns, sample_campaigns
from support.acting_stop import ActingStop
from support.odd_campaigns import odd_campaigns
from support.project import Project
from support.saved_history import saved_history
from support.stored_tables import campaign_rows, columns_of

DESTINATIONS = BOTH

UK = "cd-16b9f7d-8c40-4a53-9d2e-4b7c1e6f0a98"
# what only history knows, what only the account listing says, and what the views find by name
NOT_COMPARED = {
    *("stream_id", "campaign_id", "version", "valid_from", "observed_at"),
    *("connection", "queue_or_flow", "campaign_instance_updated_at", "link"),
    *("execution_type", "execution_type_since", "total_messages_sent"),
    *("campaign_key", "version_key", "app_name", "day_name"),
}


def loaded(emulate: Emulate, project: Project) -> Emulator:
    """A company's twelve campaigns after the first run."""
    kore = emulate(demo_campaigns())
    project.use(kore)
    with saved_history("demo", kore, project) as run:
        run()
    return kore


def told(found: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    return {each["field"]: (each["database"], each["kore"]) for each in found["differences"]}


def test_what_was_loaded_is_alike_whatever_kore_sends(emulate: Emulate, project: Project) -> None:
    kore = emulate(odd_campaigns())
    project.use(kore)
    assert project.run().is_complete
    kore.reset_counters()

    ended = project.cli("verify", "--json")

    count = len(kore.campaign_ids())
    assert (ended.code, ended.err) == (0, "")
    assert ended.json["planned"] == ended.json["alike"] == count == kore.counters.requests
    assert (ended.json["different"], ended.json["failed"]) == (0, 0)
    assert kore.writes == []


def test_every_column_of_the_views_is_compared(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    expected = expected_campaign(shape(kore.campaign(UK)), account_id="67")

    for view in (LIVE, *LIVE_LISTS):
        shown = set(columns_of(project, f"kore.{view}").split(", "))
        row = expected if view == LIVE else expected[view][0]
        twins = {"campaign_name"} if view == LIVE else set()  # of `name`
        assert shown - NOT_COMPARED - twins == row.keys() - {*LIVE_LISTS}


@pytest.mark.parametrize(
    ("harm", "field", "database", "kores"),
    [
        ("update {v} set name = 'Z'", "name", "Z", "Eye Test Reminder UK"),
        ("update {v} set timezone = null", "timezone", None, "Europe/London"),
        ("update {v} set account_id = 'x'", "account_id", "x", "67777ce93e25326494e00000"),
        ("update {v} set is_scheduling_enabled = true", "is_scheduling_enabled", "true", "false"),
        (
            "update {h} set end_text = '8 PM' where position = 3",
            "campaign_calling_hours[3].end_text",
            "8 PM",
            "5:00 PM",
        ),
        (
            "update {h} set end_time = time '20:00' where position = 1",
            "campaign_calling_hours[1].end_time",
            "20:00:00",
            "17:00:00",
        ),
        (
            "update {d} set dnc_list_name = 'none'",
            "campaign_dnc_lists[1].dnc_list_name",
            "none",
            "EU opt-outs",
        ),
        (
            "delete from {c} where position = 1",
            "campaign_contact_lists[1]",
            None,
            '{"contact_list_name":"Eye test due UK"}',
        ),
    ],
)
def test_a_column_or_row_that_is_not_as_kore_has_it_is_told_with_both_values(
    emulate: Emulate, project: Project, harm: str, field: str, database: Any, kores: Any
) -> None:
    loaded(emulate, project)
    tables = {"v": "campaign_versions", "h": "calling_hours", "d": "dnc_lists"}
    tables["c"] = "contact_lists"
    names = {k: n if k == "v" else f"campaign_versions__{n}" for k, n in tables.items()}
    where = f" {'and' if 'where' in harm else 'where'} campaign_id = '{UK}'"
    project.alter(harm.format(**names) + where)

    ended = project.cli("verify", "--json")
    text = project.cli("verify")

    assert (ended.code, text.code) == (4, 4)
    assert told(ended.json) == {field: (database, kores)}
    assert (ended.json["alike"], ended.json["different"]) == (11, 1)
    shown = ["nothing" if value is None else f"`{value}`" for value in (database, kores)]
    assert f"{UK}: 1 difference\n  {field}: database {shown[0]}, Kore {shown[1]}\n" in text.out
    assert "1 campaign with the content that was loaded, and other columns or rows" in text.out
    assert "Next: `kore-campaigns rebuild`." in text.out
    assert "Next: `kore-campaigns run`" not in text.out


def test_an_edit_since_the_last_run_is_told_and_gone_after_the_next(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    kore.edit(UK, {"status": "Paused", "newField": [1]}, silent=True)

    ended = project.cli("verify")

    fields = [line.split(": ")[0].strip() for line in ended.out.splitlines()]
    assert ended.code == 4
    assert fields[:5] == [UK, "content_hash", "status", "raw.status", "raw.newField[0]"]
    assert "11 alike, 1 different, 0 failed" in ended.out
    assert "may be a change made since the last run. Next: `kore-campaigns run`" in ended.out
    project.run(sweep="full")
    assert project.cli("verify").code == 0


def test_campaigns_that_only_one_side_has_are_told(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    back, gone, unconfigured, *_ = kore.campaign_ids()
    kore.delete(back)
    project.run()
    kore.restore(back)
    kore.delete(gone)
    kore.add({"_id": "cd-new", "name": "never loaded"})
    project.configure([*(key for key in kore.campaign_ids() if key != unconfigured), gone])

    ended = project.cli("verify", "--json")
    text = project.cli("verify")

    found = ended.json
    assert (ended.code, found["planned"], found["alike"], found["different"]) == (4, 12, 9, 3)
    assert (found["not_loaded"], found["marked_deleted"]) == (["cd-new"], [back])
    assert (found["gone"], found["not_configured"]) == ([gone], [unconfigured])
    assert found["differences"] == found["failures"] == []
    assert "cd-new: Kore has it, the database does not: it was never loaded" in text.out
    assert f"{back}: Kore has it, the database has it as deleted" in text.out
    assert f"{gone}: live in the database, Kore answers that there is no such campaign" in text.out
    said = "1 campaign live in the database, and not in the file of campaign ids: "
    assert f"{said}{unconfigured}\n" in text.out
    project.run(accept_vanished=True, sweep="full")
    again = project.cli("verify", "--json")
    assert (again.code, again.json["alike"]) == (0, 12)
    assert again.json["not_configured"] == [unconfigured]


# on Postgres dlt's unique index keeps such rows out
@pytest.mark.duckdb_only
def test_a_row_that_is_there_twice_is_told(emulate: Emulate, project: Project) -> None:
    loaded(emulate, project)
    table = "campaign_versions__contact_lists"
    project.alter(f"insert into {table} select * from {table} where campaign_id = '{UK}'")

    ended = project.cli("verify", "--json")

    twice = ('{"contact_list_name":"Eye test due UK"}', None)
    assert (ended.code, told(ended.json)) == (4, {"campaign_contact_lists[1#2]": twice})


@pytest.mark.duckdb_only
def test_a_campaign_that_is_live_twice_is_told(emulate: Emulate, project: Project) -> None:
    loaded(emulate, project)
    other = "1 as version, 'another' as _dlt_id"
    again = f"select * replace ({other}) from campaign_versions where campaign_id = '{UK}'"
    project.alter(
        "create or replace view kore.campaigns as select * from kore.campaign_history",
        f"insert into campaign_versions {again}",
    )

    ended = project.cli("verify", "--json")

    assert ended.code == 4
    assert told(ended.json)["campaigns"] == ("2 rows", "1 row")


@pytest.mark.slow
def test_every_campaign_is_compared_however_many_there_are(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(2 * BATCH + 50))
    project.use(kore)
    project.run()
    project.alter("update campaign_versions set priority = 77")

    ended = project.cli("verify", "--json")

    assert ended.json["different"] == 2 * BATCH + 50
    assert {each["campaign_id"] for each in ended.json["differences"]} == {*kore.campaign_ids()}


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
    assert "then `kore-campaigns check`" in ended.err
    assert kore.counters.requests == 2


def test_asked_to_stop_it_says_how_far_it_got(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(60))
    project.use(kore, workers=2)
    project.run()
    kore.reset_counters()
    kore.latency = 0.1
    process = project.start("verify", "--json")
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

    found = verify_database(stop=ActingStop(3, lambda: reports.append(project.run())))

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
    kore.fault(Fault.HTML, endpoint="listing")

    ended = project.cli("verify")

    assert ended.code == 5
    assert "12 configured: 12 alike, 0 different, 0 failed" in ended.out
    assert "verify: NOT complete" in ended.out
    assert "the account listing that names the campaigns could not be read" in ended.err
