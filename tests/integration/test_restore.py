"""`kore-campaigns restore`: what there is to go back to, and going back."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from conftest import Emulate
from e2e.test_stop import wait_until_asked
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.recorder import Ended
from support.saved_history import saved_history
from support.stored_tables import GAPS, kores_campaigns, live_campaigns

VERSIONS = "select campaign_id, version, content_hash from kore.campaign_history order by all"


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    """Four campaigns, a run, and three more runs with one edit before each."""
    kore = emulate(sample_campaigns(4))
    project.use(kore)
    with saved_history("restore", kore, project) as run:
        run()
        for number in range(3):
            edit(kore, number)
            run()
    return kore


def edit(kore: Emulator, number: int) -> None:
    kore.edit(kore.campaign_ids()[number], {"description": f"edit {number}"})


def restore(project: Project, wanted: object) -> Ended:
    return project.cli("restore", "--json", "--generation", str(wanted))


def generations(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.cli("restore", "--json").json["generations"]
    return found


def counts(project: Project) -> list[int]:
    return [state["versions"] for state in generations(project)]


def versions(project: Project) -> list[tuple[Any, ...]]:
    return project.sql(VERSIONS)


def test_the_list_says_of_each_when_how_large_which_run_and_how_that_ended(
    kore: Emulator, project: Project
) -> None:
    edit(kore, 3)
    kore.fault(Fault.HTML, kore.campaign_ids()[3])
    project.run()
    kore.clear_faults()
    project.run()
    runs = project.sql("select run_id, exit_code from kore_raw.extraction_runs order by started_at")

    listed = project.cli("restore", "--json")
    shown = project.cli("restore")

    found = listed.json["generations"]
    assert [state["number"] for state in found] == [1, 2, 3]
    assert [(state["run_id"], state["exit_code"]) for state in found] == runs[2:5][::-1]
    assert [state["exit_code"] for state in found] == [4, 0, 0]
    assert [(state["campaigns"], state["versions"]) for state in found] == [(4, 7), (4, 7), (4, 6)]
    assert listed.json["published"]["run_id"] == runs[5][0]
    assert (listed.code, listed.err, shown.code, shown.err) == (0, "", 0, "")
    for (run_id, _), label in zip(runs[2:][::-1], ["now", "1", "2", "3"], strict=True):
        (line,) = [line for line in shown.out.splitlines() if run_id in line]
        assert line.startswith(label)
    assert shown.out.endswith("next       kore-campaigns restore --generation N\n")


def test_a_run_after_a_restore_reads_again_what_was_lost_and_doubles_nothing(
    kore: Emulator, project: Project
) -> None:
    before = versions(project)

    ended = restore(project, 2)

    assert (ended.code, ended.err) == (0, "")
    assert len(versions(project)) == ended.json["restored"]["versions"] == 5
    report = project.run()
    assert (report.new_versions, report.unchanged, report.exit_code) == (2, 2, 0)
    assert versions(project) == before
    assert live_campaigns(project) == kores_campaigns(kore)
    assert project.sql(GAPS) == []
    assert project.sql("select count(*) from kore_raw.extraction_runs") == [(3,)]


def test_a_restore_by_name_and_its_undoing(kore: Emulator, project: Project) -> None:
    before = versions(project)
    oldest = generations(project)[-1]["name"]

    there = project.cli("restore", "--generation", oldest)
    assert (there.code, len(versions(project)), counts(project)) == (0, 4, [7, 6, 5])
    assert "4 campaigns, 4 versions" in there.out
    assert "to undo: kore-campaigns restore --generation 1" in there.out

    back = restore(project, 1)
    assert (back.code, versions(project), counts(project)) == (0, before, [4, 6, 5])
    assert restore(project, oldest).code == 2  # it has another name now
    report = project.run()
    assert (report.new_versions, report.unchanged) == (0, 4)


def test_a_generation_that_is_not_there_is_exit_2(kore: Emulator, project: Project) -> None:
    before = versions(project)

    for wanted in ["0", "4", "-1", "x", "", "20260304T021507.123456Z"]:
        ended = project.cli("restore", f"--generation={wanted}")

        assert (ended.code, ended.out) == (2, "")
        expected = "a number from 1 (the newest) to 3 or a name, as `kore-campaigns restore`"
        assert f"flag `--generation` is `{wanted}`; expected {expected}" in ended.err
    assert versions(project) == before


def test_before_the_second_run_there_is_nothing_to_go_back_to(
    emulate: Emulate, project: Project
) -> None:
    listed, wanted = project.cli("restore"), restore(project, 1)

    assert (listed.code, listed.err) == (0, "")
    assert "no earlier state is stored yet: each run keeps the file that it replaces" in listed.out
    assert (wanted.code, wanted.json["error_code"]) == (2, "setting_invalid")
    assert "expected nothing: none is kept in" in wanted.err
    assert not (project.folder / ".kore_campaigns").exists()


def test_while_a_run_goes_on_nothing_is_swapped(kore: Emulator, project: Project) -> None:
    before = versions(project)
    kore.latency = 1.0
    process = project.start("run", "--quiet")
    wait_until_asked(kore, kore.counters.requests + 1)

    ended = restore(project, 1)
    listed = project.cli("restore")

    assert (ended.code, ended.json["error_code"], listed.code) == (6, "database_locked", 0)
    assert f"another run holds it (process {process.pid}, since " in ended.err
    assert versions(project) == before
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_generation_that_cannot_be_read_is_listed_as_such_and_not_restored(
    kore: Emulator, project: Project
) -> None:
    before = versions(project)
    newest = DuckDBFile(project.database).generations.files()[0]
    newest.write_bytes(b"damaged")

    shown, ended = project.cli("restore"), restore(project, 1)

    assert f"{newest.name} cannot be read: " in shown.out
    assert (ended.code, ended.json["exit_code"], ended.err.count("\n")) == (6, 6, 1)
    assert "Next: restore another one." in ended.err
    assert versions(project) == before
    assert restore(project, 2).code == 0


@pytest.mark.parametrize("damage", ["deleted", "overwritten"])
def test_a_lost_database_is_put_back(kore: Emulator, project: Project, damage: str) -> None:
    if damage == "deleted":
        project.database.unlink()
    else:
        project.database.write_bytes(b"this is not a database")
        ended = project.cli("run")
        assert (ended.code, "`kore-campaigns restore` lists earlier" in ended.err) == (6, True)

    ended = restore(project, 1)

    assert (ended.code, len(versions(project))) == (0, 6)
    assert project.run().new_versions == 1
    assert live_campaigns(project) == kores_campaigns(kore)
    assert project.sql(GAPS) == []


def test_readers_keep_what_they_have_open_through_a_restore(
    kore: Emulator, project: Project
) -> None:
    with duckdb.connect(str(project.database), read_only=True) as reader:
        before = reader.execute(VERSIONS).fetchall()
        ended = project.command("restore", "--json", "--generation", "3")
        assert reader.execute(VERSIONS).fetchall() == before

    assert (ended.code, len(versions(project))) == (0, 4)


def test_the_setting_says_how_many(kore: Emulator, project: Project) -> None:
    project.set("keep_generations", 1)
    project.run()
    assert counts(project) == [7]

    project.set("keep_generations", 0)
    project.run()
    assert counts(project) == []
