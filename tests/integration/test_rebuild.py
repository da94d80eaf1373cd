"""`rebuild`: columns and nested rows of every version derived anew, and nothing lost."""

from __future__ import annotations

import os
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.extract.state import VERSIONS_A_PAGE
from kore_campaigns.maintenance.rebuild import PACKAGE
from kore_emulator import REMOVED, Emulator, sample_campaigns
from support.odd_campaigns import odd_campaigns
from support.project import SETTINGS, Project
from support.saved_history import saved_history
from support.stored_tables import campaign_rows, columns_of

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

HISTORY = """
select account_id, stream_id, campaign_id, version, content_hash, observed_at, valid_from,
    is_deleted, raw
from kore_raw.campaign_versions order by all
"""
LINKS = ("_dlt_id", "_dlt_load_id", "_dlt_parent_id", "_dlt_root_id", "_dlt_list_idx")
NESTED = ("calling_hours", "dnc_lists", "contact_lists", "changes")
TABLES = ("campaign_versions", *(f"campaign_versions__{name}" for name in NESTED))
UK = "cd-16b9f7d-8c40-4a53-9d2e-4b7c1e6f0a98"


def with_history(emulate: Emulate, project: Project) -> Emulator:
    """Edits, a deletion and a campaign that came back, of odd campaigns and ordinary ones."""
    kore = emulate(odd_campaigns())
    project.use(kore, max_vanished=0.5)
    back, gone, *_ = kore.campaign_ids()
    with saved_history("rebuild", kore, project) as run:
        run(sweep="full")
        kore.delete(back)
        kore.delete(gone)
        kore.edit(UK, {"dialingStrategy.callingHours.days": [], "name": REMOVED})
        kore.edit("cd-odd-05", {"dncLists": [{"name": "x"}], "schedule.at": "9:00"}, silent=True)
        run(sweep="full")
        kore.restore(back)
        kore.edit(UK, {"contactLists": ["A", "A", "B"]})
        run(sweep="full")
    return kore


def derived(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    """All rows without what dlt adds to link them."""
    found = {}
    for table in TABLES:
        columns = columns_of(project, f"kore_raw.{table}", *LINKS)
        found[table] = project.sql(f"select {columns} from kore_raw.{table} order by all")
    return found


def test_a_sound_database_comes_out_as_it_was(emulate: Emulate, project: Project) -> None:
    kore = with_history(emulate, project)
    rows = campaign_rows(project)

    ended = project.cli("rebuild", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert ended.json["versions"] == len(rows["campaign_versions"]) > len(kore.campaign_ids())
    assert (ended.json["different"], ended.json["columns"]) == (0, {})
    assert campaign_rows(project) == rows  # dlt's columns included
    assert kore.counters.requests == 0


HARMS: list[tuple[list[str], set[str]]] = [
    (["update campaign_versions set name = 'Z', priority = null"], {"name", "priority"}),
    (["update campaign_versions set schedule = '{}', updated_at = null"], {"schedule"}),
    (["update campaign_versions__calling_hours set end_minute = 0"], set()),
    (["delete from campaign_versions__dnc_lists"], {"dnc_lists"}),
    (["delete from campaign_versions__changes"], {"changes"}),
    (["update campaign_versions__changes set old_value = 'x'"], {"changes.old_value"}),
    (
        [
            "update campaign_versions set campaign_type = 'fax'",
            "delete from campaign_versions__contact_lists where position = 1",
            "update campaign_versions__calling_hours set start_time = null",
        ],
        {"campaign_type", "contact_lists"},
    ),
]


def test_what_is_derived_comes_back_of_every_version_and_history_stays(
    emulate: Emulate, project: Project
) -> None:
    kore = with_history(emulate, project)
    rows, history = derived(project), project.sql(HISTORY)

    for harm, columns in HARMS:
        project.alter(*harm)
        assert derived(project) != rows, harm

        ended = project.cli("rebuild", "--json")

        assert ended.code == 0, (harm, ended.err)
        assert 0 < ended.json["different"] <= ended.json["versions"] == len(history), harm
        assert columns <= ended.json["columns"].keys(), harm
        assert derived(project) == rows, harm
        assert project.sql(HISTORY) == history, harm
        assert ended.json["rows_after"] == {
            name: len(rows[f"campaign_versions__{name}"]) for name in NESTED
        }
        again = project.cli("rebuild", "--json")
        assert (again.code, again.json["different"]) == (0, 0), harm
        assert kore.counters.requests == 0, harm
        assert project.cli("verify").code == 0, harm
        kore.reset_counters()


def test_it_needs_no_settings_and_no_credentials(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_history(emulate, project)
    rows = derived(project)
    project.alter("update campaign_versions set name = null")
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        monkeypatch.delenv(name)
    (project.folder / "campaign_ids.csv").unlink()

    ended = project.command("rebuild")

    assert (ended.code, ended.err) == (0, "")
    assert derived(project) == rows
    summary = ended.out.splitlines()
    versions = len(rows["campaign_versions"])
    assert summary[0].startswith("rebuild: ")
    assert f" of {versions} versions came out different, in " in summary[0]
    assert summary[1] == f"  kept       all {versions}: same keys, hashes, times, `raw`"
    hours = len(rows["campaign_versions__calling_hours"])
    assert f"  rows       calling_hours: {hours} before, {hours} after" in summary
    assert any(line.startswith("  different  name: ") for line in summary)
    assert project.cli("rebuild", "--quiet").out == ""


def test_two_apps_are_both_rebuilt(emulate: Emulate, project: Project) -> None:
    for stream_id in ("st-one", "st-two"):
        kore = emulate(sample_campaigns(4), stream_id=stream_id)
        project.use(kore)
        project.run()
        kore.edit(kore.campaign_ids()[0], {"status": "Rerun"})
        project.run()
    rows = derived(project)
    project.alter("update campaign_versions set status = null")

    ended = project.cli("rebuild", "--json")

    assert (ended.code, ended.json["versions"], ended.json["columns"]) == (0, 10, {"status": 10})
    assert derived(project) == rows


@pytest.mark.exhaustive
def test_more_versions_than_a_page_or_a_package_holds(emulate: Emulate, project: Project) -> None:
    count = PACKAGE + VERSIONS_A_PAGE + 7
    kore = emulate(sample_campaigns(count))
    project.use(kore)
    project.run()
    rows = derived(project)
    project.alter("update campaign_versions set caller_id = 'none'")

    ended = project.cli("rebuild", "--json")

    assert (ended.code, ended.json["versions"], ended.json["different"]) == (0, count, count)
    assert derived(project) == rows


def test_a_run_after_it_goes_on_as_if_nothing_had_been(emulate: Emulate, project: Project) -> None:
    kore = with_history(emulate, project)
    project.alter("update campaign_versions set name = null")
    project.cli("rebuild")
    kore.edit(UK, {"status": "Paused"})

    report = project.run(sweep="full")

    assert (report.new_versions, report.vanished, report.failed) == (1, 0, 0)
    assert project.sql(
        "select version, path, old_value, new_value from kore.campaign_changes"
        " where campaign_id = ? and path = 'status'",
        UK,
    ) == [(4, "status", "Completed", "Paused")]


@pytest.mark.duckdb_only
@pytest.mark.parametrize(("kept", "files"), [(2, 2), (0, 0)])
def test_what_it_replaced_can_be_gone_back_to(
    emulate: Emulate, project: Project, kept: int, files: int
) -> None:
    project.use(emulate(sample_campaigns(3)), keep_generations=kept)
    project.run()
    project.run()
    project.alter("update campaign_versions set name = 'Z'")

    assert project.cli("rebuild").code == 0

    assert len(project.cli("restore", "--json").json["generations"]) == files
    if files:
        assert project.cli("restore", "--generation", "1").code == 0
        assert project.sql("select distinct name from kore.campaigns") == [("Z",)]
