"""The published database is the only memory: whatever else is lost, the next run goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from conftest import Emulate
from kore_emulator import Emulator, sample_campaigns
from support.project import Project
from support.stored_tables import GAPS, campaign_rows, kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow

VERSIONS = "select campaign_id, version, content_hash from kore.campaign_history order by all"


def loaded(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(8))
    project.use(kore)
    project.run()
    return kore


def test_a_lost_working_directory_costs_nothing(emulate: Emulate, project: Project) -> None:
    loaded(emulate, project)
    rows = campaign_rows(project)
    shutil.rmtree(project.folder / ".kore_campaigns")

    report = project.run()

    assert (report.new_versions, report.unchanged, report.exit_code) == (0, 8, 0)
    assert campaign_rows(project) == rows


def test_an_older_backup_is_followed_and_what_it_lacks_is_added_again(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project)
    backup = project.folder / "backup.duckdb"
    shutil.copyfile(project.database, backup)
    kore.edit(kore.campaign_ids()[0], {"status": "Rerun"})
    kore.delete(kore.campaign_ids()[5])
    project.run()
    versions = project.sql(VERSIONS)
    shutil.copyfile(backup, project.database)

    report = project.run()

    assert (report.new_versions, report.vanished, report.unchanged) == (1, 1, 6)
    assert project.sql(VERSIONS) == versions
    assert project.sql("select count(*) from kore_raw.extraction_runs") == [(2,)]
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_deleted_database_is_built_afresh(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    kore.edit(kore.campaign_ids()[0], {"status": "Rerun"})
    project.run()
    project.database.unlink()

    report = project.run()

    assert (report.new_versions, report.unchanged, report.exit_code) == (8, 0, 0)
    assert project.sql("select distinct version from kore.campaign_history") == [(1,)]
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_load_that_is_recorded_twice_doubles_no_row(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    with duckdb.connect(str(project.database)) as connection:
        # as dlt leaves it where a load is killed in its last step and replayed
        connection.execute("insert into kore_raw._dlt_loads from kore_raw._dlt_loads")

    report = project.run()

    assert (report.new_versions, report.unchanged) == (0, 8)
    assert project.sql("select count(*) from kore.campaign_history") == [(8,)]
    assert live_campaigns(project) == kores_campaigns(kore)


def test_what_a_killed_run_had_not_published_is_dropped(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    rows = campaign_rows(project)
    beside = project.folder / ".kore_campaigns" / "kore_campaigns"
    with duckdb.connect(str(beside / "kore_campaigns.duckdb")) as connection:
        # a step that was under way: the parent table is filled, its children are not
        connection.execute("delete from kore_raw.campaign_versions__calling_hours")
    (beside / "origin.json").unlink()
    unfinished = project.folder / ".kore_campaigns.duckdb.tmp"
    unfinished.write_bytes(project.database.read_bytes()[:5000])

    report = project.run()

    assert (report.new_versions, report.unchanged) == (0, 8)
    assert campaign_rows(project) == rows
    assert live_campaigns(project) == kores_campaigns(kore)
    assert not unfinished.exists()


def test_the_working_directory_does_not_grow_with_every_run(
    emulate: Emulate, project: Project
) -> None:
    loaded(emulate, project)
    files = files_beside(project)

    project.run()
    project.run()

    assert files_beside(project) == files


def files_beside(project: Project) -> set[Path]:
    """All but the generations, whose number has a test of its own."""
    found = (project.folder / ".kore_campaigns").rglob("*")
    return {path for path in found if path.is_file() and path.parent.name != "generations"}


def test_a_database_moved_to_another_folder_goes_on_there(
    emulate: Emulate, project: Project, tmp_path: Path
) -> None:
    loaded(emulate, project)
    rows = campaign_rows(project)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = project.database.rename(elsewhere / "history.duckdb")

    ended = project.cli("run", "--json", "--database", str(moved))

    project.database = moved
    assert (ended.code, ended.json["new_versions"], ended.json["unchanged"]) == (0, 0, 8)
    assert ended.json["database"] == str(moved)
    assert campaign_rows(project) == rows


def test_two_apps_share_a_database_and_not_their_versions(
    emulate: Emulate, project: Project
) -> None:
    first = loaded(emulate, project)
    second = emulate(sample_campaigns(8), stream_id="st-another-app")
    second.edit(second.campaign_ids()[0], {"status": "Rerun"})
    project.use(second)

    report = project.run()

    assert (report.new_versions, report.unchanged) == (8, 0)
    project.use(first)
    assert project.run().unchanged == 8
    assert project.sql(
        "select stream_id, count(*) from kore.campaigns group by all order by all"
    ) == [
        (first.stream_id, 8),
        (second.stream_id, 8),
    ]
    assert project.sql(GAPS) == []


@pytest.mark.parametrize("damage", [b"this is not a database", b""], ids=["text", "empty"])
def test_a_file_that_is_no_database_is_named_and_left_alone(
    emulate: Emulate, project: Project, damage: bytes
) -> None:
    kore = loaded(emulate, project)
    kore.reset_counters()
    project.database.write_bytes(damage)

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["error_code"]) == (6, "destination_unavailable")
    assert f"the database `{project.database}` cannot be used" in ended.err
    assert "not a valid DuckDB database" in ended.err
    assert project.database.read_bytes() == damage
    assert kore.counters.requests == 0


def test_a_database_put_right_again_goes_on(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project)
    rows = campaign_rows(project)
    good = project.database.read_bytes()
    project.database.write_bytes(b"this is not a database")
    project.cli("run")
    project.database.write_bytes(good)

    report = project.run()

    assert (report.unchanged, report.exit_code) == (8, 0)
    assert campaign_rows(project) == rows
    assert kore.writes == []


def test_a_folder_that_cannot_be_used_is_named_before_the_first_request(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(2))
    project.use(kore)
    (project.folder / "file").write_text("no folder", encoding="utf-8")

    ended = project.cli("run", "--database", str(project.folder / "file" / "kore.duckdb"))

    assert ended.code in (2, 6)
    assert str(project.folder / "file") in ended.err
    assert kore.counters.requests == 0
