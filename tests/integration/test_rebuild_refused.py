"""`rebuild` publishes nothing it cannot prove; whatever stops it, the published file is whole."""

from __future__ import annotations

import random
import signal
import subprocess
import time

import duckdb
import pytest

from conftest import BOTH, Emulate
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_emulator import Emulator, sample_campaigns
from support.project import Project
from support.saved_history import saved_history
from support.stored_tables import campaign_rows, kores_campaigns, live_campaigns
from support.watcher import Watcher

DESTINATIONS = BOTH

KILLS = 12


WAY_BACK = {"duckdb": "`kore-campaigns restore`", "postgres": "restore a backup of the server"}


def stored(project: Project) -> object:
    """Differs once anything was written."""
    is_file = project.destination == "duckdb"
    return project.database.read_bytes() if is_file else campaign_rows(project)


def with_history(emulate: Emulate, project: Project) -> tuple[Emulator, str]:
    """Six campaigns, one of which has three versions and is deleted."""
    kore = emulate(sample_campaigns(6))
    project.use(kore)
    edited = kore.campaign_ids()[0]
    with saved_history("rebuild-refused", kore, project) as run:
        run()
        kore.edit(edited, {"status": "Rerun"})
        run()
        kore.delete(edited)
        run()
    return kore, edited


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            """update campaign_versions set raw = '{"name":"other"}' where version = 2""",
            "version 2: its `raw` does not match its `content_hash`",
        ),
        (
            "update campaign_versions set content_hash = 'x' where version = 1",
            "version 1: its `raw` does not match its `content_hash`",
        ),
        (
            "update campaign_versions set raw = null where version = 2",
            "version 2: its `raw` does not match its `content_hash`",
        ),
        (
            "insert into campaign_versions select * from campaign_versions where version = 3",
            "version 3 is stored twice",
        ),
        (
            "update campaign_versions__contact_lists set version = 7, _dlt_root_id = 'x'"
            " where version = 2",
            "version 7 has rows of `contact_lists` that belong to no version",
        ),
    ],
)
def test_a_version_that_would_not_be_kept_is_named_and_nothing_is_published(
    emulate: Emulate, project: Project, harm: str, said: str
) -> None:
    _, edited = with_history(emulate, project)
    if project.destination == "postgres":  # where a constraint of dlt's keeps such rows out
        for table in ("campaign_versions", "campaign_versions__contact_lists"):
            project.alter(f"alter table {table} drop constraint {table}__dlt_id_key")
    project.alter(harm, "update campaign_versions set name = null")
    before = stored(project)

    ended = project.cli("rebuild")

    assert (ended.code, ended.out) == (6, "")
    assert ended.err.count("\n") == 1
    assert f"campaign `{edited}`" in ended.err
    assert said in ended.err
    assert "Nothing was published, the database is as it was." in ended.err
    assert f"Next: {WAY_BACK[project.destination]}" in ended.err
    assert stored(project) == before


def test_list_rows_without_a_version_are_refused_in_a_file_and_mended_on_a_server(
    emulate: Emulate, project: Project
) -> None:
    with_history(emulate, project)
    rows = "select position, path from kore_raw.campaign_versions__changes order by all"
    before = project.sql(rows)
    project.alter(
        "update campaign_versions__changes set _dlt_root_id = 'x' where version = 3",
        "update campaign_versions set name = null",
    )

    ended = project.cli("rebuild")

    if project.destination == "duckdb":
        assert ended.code == 6
        assert "version 3 has rows of `changes` that belong to no version" in ended.err
    else:
        assert (ended.code, ended.err) == (0, "")
    assert project.sql(rows) == before


def test_many_damaged_versions_are_named_in_part_and_counted(
    emulate: Emulate, project: Project
) -> None:
    with_history(emulate, project)
    project.alter("update campaign_versions set content_hash = 'x'")

    ended = project.cli("rebuild")

    assert ended.code == 6
    assert ended.err.count("its `raw` does not match") == 5
    # 6 first versions and an edit; a deletion proves nothing
    assert "`content_hash` and 2 more." in ended.err


def test_a_run_goes_on_after_a_rebuild_that_was_refused(emulate: Emulate, project: Project) -> None:
    kore, _ = with_history(emulate, project)
    project.alter("update campaign_versions set content_hash = 'x' where version = 2")
    project.cli("rebuild")
    kore.edit(kore.campaign_ids()[0], {"status": "Paused"})

    assert project.run(sweep="full").new_versions == 1
    assert live_campaigns(project) == kores_campaigns(kore)


@pytest.mark.empty_database
def test_without_a_database_nothing_is_made(project: Project) -> None:
    ended = project.cli("rebuild")

    assert (ended.code, ended.out) == (6, "")
    assert "`kore-campaigns run" in ended.err
    assert [*project.folder.iterdir()] == []
    if project.destination == "postgres":
        assert project.sql("select * from pg_namespace where nspname like 'kore%'") == []


@pytest.mark.duckdb_only
@pytest.mark.parametrize("command", ["verify", "rebuild"])
@pytest.mark.parametrize("content", ["text", "another"])
def test_a_file_that_is_not_ours_is_named_and_left_alone(
    emulate: Emulate, project: Project, command: str, content: str
) -> None:
    project.use(emulate(sample_campaigns(2)))
    if content == "text":
        project.database.write_text("this is not a database", encoding="utf-8")
    else:
        with duckdb.connect(str(project.database)) as connection:
            connection.execute("create table theirs as select 1")
    before = project.database.read_bytes()

    ended = project.cli(command)

    assert (ended.code, ended.out, ended.err.count("\n")) == (6, "", 1)
    assert f"the database `{project.database}` cannot be used: " in ended.err
    assert project.database.read_bytes() == before


@pytest.mark.duckdb_only
def test_a_run_that_goes_on_is_named(emulate: Emulate, project: Project) -> None:
    with_history(emulate, project)
    with DuckDBFile.in_folder(project.folder).locked():
        ended = project.cli("rebuild")

    assert ended.code == 6
    assert "another run holds it (process " in ended.err


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_at_any_instant_it_leaves_the_published_file_whole(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(300))
    project.use(kore)
    project.run()
    for campaign_id in kore.campaign_ids()[:100]:
        kore.edit(campaign_id, {"status": "Rerun"})
    project.run()
    statuses = project.sql("select status from kore.campaign_history order by all")
    project.alter("update campaign_versions set status = null")
    began = time.monotonic()
    assert project.command("rebuild").code == 0
    took = time.monotonic() - began
    project.alter("update campaign_versions set status = null")
    watcher, rng, codes = Watcher(project.database), random.Random(4), []

    for _ in range(KILLS):
        began = time.monotonic()
        with watcher.watching():
            codes.append(rebuild_and_kill(project, rng.uniform(0.5, took), rng))
        if codes[-1] == 0:  # it had ended: the machine is quicker now than it was
            took = min(took, time.monotonic() - began)
        status = project.sql("select status from kore.campaign_history order by all")
        assert status in (statuses, [(None,)] * len(statuses))
        project.alter("update campaign_versions set status = null")
    last = project.command("rebuild", "--json")

    assert watcher.complaints == []
    assert sum(code != 0 for code in codes) > KILLS / 3, codes
    assert (last.code, last.err, last.json["different"]) == (0, "", 400)
    assert project.sql("select status from kore.campaign_history order by all") == statuses
    left = {path.name for path in project.folder.iterdir()} - {project.database.name}
    assert left == {"campaign_ids.csv", ".kore_campaigns"}
    if project.destination == "postgres":
        schemas = "select nspname from pg_namespace where nspname like 'kore_raw_rebuild%'"
        assert project.sql(schemas) == []


def rebuild_and_kill(project: Project, seconds: float, rng: random.Random) -> int:
    """Its exit code: of a rebuild that was killed somewhere, or had ended by then."""
    process = project.spawn("rebuild", "--quiet")
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
    process.communicate()
    return process.returncode
