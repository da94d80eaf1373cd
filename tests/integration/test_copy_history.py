"""`copy`: a DuckDB history goes over to Postgres whole, is read back, and goes on there."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from conftest import Emulate
from kore_campaigns.load.postgres import Postgres
from kore_campaigns.maintenance.copy import COPIED
from kore_campaigns.views.apply import VIEWS
from kore_emulator import Emulator
from support.odd_campaigns import odd_campaigns
from support.project import Project
from support.saved_history import saved_history
from support.stored_tables import columns_of
from support.warehouse import Warehouse

ODD_TEXT = "a \\N tab\t, new\r\nline, \\t, quote ' \", \u2028, 😀, \\."


def with_history(emulate: Emulate, project: Project) -> Emulator:
    """Edits, a deletion, a campaign that came back and texts of every kind, in the DuckDB file."""
    kore = emulate(odd_campaigns())
    project.use(kore, contact_lists="true")
    first, gone, back, *_ = kore.campaign_ids()
    with saved_history("copy", kore, project) as run:
        run()
        kore.edit(first, {"name": ODD_TEXT, "description": "", "contactLists": [ODD_TEXT, ""]})
        for campaign_id in (gone, back):
            kore.delete(campaign_id)
        run(accept_vanished=True)
        kore.restore(back)
        project.configure([each for each in kore.campaign_ids() if each != gone])
        run()
    return kore


def here_and_there(
    project: Project, warehouse: Warehouse, name: str
) -> tuple[list[str], list[str]]:
    """All rows of a table or view of both, as texts in one order."""
    query = f"select {columns_of(project, name)} from {name}"
    with duckdb.connect(str(project.database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        here = [str(row) for row in connection.execute(query).fetchall()]
    there = [str(row) for row in on_server(project, warehouse).sql(query)]
    return sorted(map(of_any_zone, here)), sorted(map(of_any_zone, there))


def of_any_zone(text: str) -> str:
    return text.replace("tzinfo=<UTC>", "tzinfo=datetime.timezone.utc")


def on_server(project: Project, warehouse: Warehouse) -> Project:
    """The same project, whose commands are about the server."""
    return Project(project.folder, project.monkeypatch, address=warehouse.url)


@pytest.mark.slow
def test_every_row_comes_over_and_the_views_say_the_same(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    project = warehouse.project
    with_history(emulate, project)
    before = project.database.read_bytes()

    ended = project.cli("copy", "--destination", "postgres", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert {*ended.json["rows"]} == {*COPIED}
    for name in COPIED:
        here, there = here_and_there(project, warehouse, f"kore_raw.{name}")
        assert here == there, name
        assert ended.json["rows"][name] == len(here)
    for view in VIEWS:
        here, there = here_and_there(project, warehouse, f"kore.{view}")
        assert here == there, view
    assert ended.json["rows"]["campaign_versions"] > 20
    assert project.database.read_bytes() == before


def test_the_next_run_there_goes_on_from_what_was_copied(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    project = warehouse.project
    kore = with_history(emulate, project)
    text = project.cli("copy", "--destination", "postgres")
    kore.reset_counters()
    unchanged = warehouse.run("--sweep", "listing")
    asked = dict(kore.counters.by_campaign)
    edited = kore.campaign_ids()[0]
    kore.edit(edited, {"status": "Paused"})

    changed = warehouse.run()

    assert (unchanged["new_versions"], asked) == (0, {})
    assert (changed["new_versions"], changed["failed"]) == (1, 0)
    assert warehouse.sql(
        "select version, old_value, new_value from kore.campaign_changes"
        " where campaign_id = %s and path = 'status' order by version desc limit 1",
        edited,
    ) == [(3, "Active", "Paused")]
    assert project.cli("verify", "--destination", "postgres").code == 0
    lines = text.out.splitlines()
    assert lines[-1] == "next       kore-campaigns run --destination postgres continues from here"
    assert "each read back and equal" in lines[-2]


def test_a_server_that_holds_rows_is_left_alone(emulate: Emulate, warehouse: Warehouse) -> None:
    project = warehouse.project
    with_history(emulate, project)
    warehouse.run()
    count = "select count(*) from kore_raw.campaign_versions"
    before = warehouse.sql(count)

    ended = project.cli("copy", "--destination", "postgres")

    assert (ended.code, ended.out, ended.err.count("\n")) == (6, "", 1)
    assert "it has rows already" in ended.err
    assert "drop its schemas `kore_raw` and `kore`" in ended.err
    assert warehouse.sql(count) == before


def test_a_row_that_is_not_read_back_as_it_was_undoes_all(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    project = warehouse.project
    with_history(emulate, project)
    with Postgres(project.folder).receive_copy():
        pass  # it makes the tables
    warehouse.sql(
        "create function kore_raw.harm() returns trigger language plpgsql as"
        " 'begin if new.position = 2 then new.end_text = ''18:01''; end if; return new; end'"
    )
    warehouse.sql(
        "create trigger harm before insert on kore_raw.campaign_versions__calling_hours"
        " for each row execute function kore_raw.harm()"
    )

    ended = project.cli("copy", "--destination", "postgres")

    assert (ended.code, ended.err.count("\n")) == (6, 1)
    assert "`campaign_versions__calling_hours` was read back with " in ended.err
    for name in COPIED:
        assert warehouse.sql(f"select count(*) from kore_raw.{name}") == [(0,)]


@pytest.mark.empty_database
def test_without_a_file_nothing_is_made(warehouse: Warehouse) -> None:
    ended = warehouse.project.cli("copy", "--destination", "postgres")

    assert ended.code == 6
    assert "it does not exist; `kore-campaigns run` makes it" in ended.err
    assert warehouse.sql("select 1 from pg_namespace where nspname like 'kore%%'") == []


@pytest.mark.parametrize("kind", ["duckdb", "filesystem", "snowflake"])
def test_another_destination_is_refused(
    emulate: Emulate, warehouse: Warehouse, kind: str, tmp_path: Path
) -> None:
    with_history(emulate, warehouse.project)

    ended = warehouse.project.cli("copy", "--destination", kind)

    assert ended.code == 2
    assert f"`{kind}`" in ended.err
