"""What an earlier program left is gone on with, rebuilt and verified, and nothing of it is lost."""

from __future__ import annotations

import json
import lzma
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import Emulate
from kore_campaigns.schema import TABLES
from kore_campaigns.views.apply import VIEWS
from kore_emulator import Emulator, demo_campaigns
from support.project import Project
from support.stored_tables import GAPS

pytestmark = pytest.mark.slow

WRITTEN = Path(__file__).parents[1] / "data" / "written_by_710881a.duckdb.xz"
STREAM = "st-0603182c-7ffb-53c3-b307-47ca14b00000"
# all that the earlier program knew of a version; later ones may know more
HISTORY = """
select account_id, stream_id, campaign_id, version, valid_from, valid_to, observed_at, is_current,
    is_deleted, campaign_type, name, description, status, priority, dialing_mode, caller_id,
    calling_hours_frequency, timezone, dialing_order, max_attempts_per_record,
    retry_period_minutes, max_ring_seconds, max_skips, use_system_mappings, experience_flow_id,
    machine_detection, is_filters_enabled, format, campaign_instance_id, is_scheduling_enabled,
    is_recurrence_enabled, schedule, created_at, updated_at, content_hash, raw
from kore.campaign_history order by all
"""
CHANGES = """
select stream_id, campaign_id, version, position, path, old_value, new_value
from kore_raw.campaign_versions__changes order by all
"""
LISTS = """
select 'calling hours', stream_id, campaign_id, version, position, day, start_text, end_minute::text
from kore_raw.campaign_versions__calling_hours
union all
select 'dnc', stream_id, campaign_id, version, position, dnc_list_id, dnc_list_name, null
from kore_raw.campaign_versions__dnc_lists
union all
select 'contacts', stream_id, campaign_id, version, position, contact_list_id, contact_list_name,
    null
from kore_raw.campaign_versions__contact_lists
order by all
"""
# views that the earlier program had
VIEWS_THEN = (
    *("weekdays", "minutes_of_day"),  # newer, and read by one of the others
    *("campaign_history", "campaigns", "campaign_calling_hours", "campaign_dnc_lists"),
    "campaign_changes",
)
# columns that the earlier program did not have
NEWER = {"change_summary", "changes.kind", "changes.is_risky"}
# three versions, their calling hours edited twice
EDITED = demo_campaigns()[0]["_id"]


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    """The earlier program's database in the project, and Kore as that program last saw it."""
    project.database.write_bytes(lzma.decompress(WRITTEN.read_bytes()))
    last_seen = project.sql(
        "select campaign_id, raw, is_deleted from kore.campaign_history"
        " where is_current and stream_id = ? order by campaign_id",
        STREAM,
    )
    kore = emulate([json.loads(raw) for _, raw, is_deleted in last_seen if not is_deleted])
    project.use(kore, ids=[campaign_id for campaign_id, *_ in last_seen])
    return kore


def history(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    return {query: project.sql(query) for query in (HISTORY, CHANGES, LISTS)}


def test_it_is_gone_on_with_rebuilt_and_verified(kore: Emulator, project: Project) -> None:
    before = history(project)
    ids = {row[2] for row in before[HISTORY] if row[1] == STREAM}
    assert {row[3] for row in before[HISTORY]} == {1, 2, 3}

    report = project.run(sweep="full")

    assert (report.exit_code, report.planned, report.unchanged) == (0, len(ids), len(ids))
    assert history(project) == before

    rebuilt = project.cli("rebuild", "--json")

    assert (rebuilt.code, rebuilt.json["versions"]) == (0, len(before[HISTORY]))
    assert history(project) == before

    verified = project.cli("verify", "--json")

    assert (verified.code, verified.json["alike"]) == (0, len(ids))
    assert project.sql(GAPS) == []


def test_rebuilt_first_it_is_gone_on_with_as_well(kore: Emulator, project: Project) -> None:
    before = history(project)

    assert project.cli("rebuild").code == 0

    assert history(project) == before
    assert project.cli("verify").code == 0
    assert project.run(sweep="full").new_versions == 0


def test_an_edit_is_a_version_after_those_of_the_earlier_program(
    kore: Emulator, project: Project
) -> None:
    before = history(project)
    kore.edit(EDITED, {"status": "Stopped"}, silent=True)
    gone = kore.campaign_ids()[-1]
    kore.delete(gone)
    held = max(row[3] for row in before[HISTORY] if row[1:3] == (STREAM, gone))

    report = project.run(sweep="full")

    assert (report.exit_code, report.new_versions, report.vanished) == (0, 1, 1)
    now = history(project)
    assert {observed(row) for row in before[HISTORY]} < {observed(row) for row in now[HISTORY]}
    assert len(now[HISTORY]) == len(before[HISTORY]) + 2
    added = [row for row in now[CHANGES] if row not in before[CHANGES]]
    assert {row[1:6] for row in added} == {
        (EDITED, 4, 1, "status", "Active"),
        (gone, held + 1, 1, "is_deleted", "false"),
    }
    assert project.cli("rebuild", "--json").json["versions"] == len(now[HISTORY])
    assert history(project) == now
    assert project.cli("verify").code == 0


def observed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row of history without what a later version changes: `valid_to` and `is_current`."""
    return (*row[:5], row[6], *row[8:])


@pytest.mark.parametrize("then", ["run", "rebuild"])
def test_tables_and_columns_that_it_did_not_know_are_there_afterwards(
    kore: Emulator, project: Project, then: str
) -> None:
    older = columns(project)
    assert project.cli(then, *(["--sweep", "full"] if then == "run" else [])).code == 0
    newer = columns(project)
    project.database.unlink()
    project.cli("run")

    assert newer == columns(project)
    assert {*older} < {*newer}
    assert {table.name for table in TABLES} <= {name for _, name, *_ in newer}


def columns(project: Project) -> list[tuple[Any, ...]]:
    return project.sql(
        "select schema_name, table_name, column_name, data_type from duckdb_columns()"
        " where schema_name in ('kore', 'kore_raw') and not starts_with(table_name, '_dlt')"
        " order by all"
    )


def test_a_column_that_is_new_is_empty_after_the_next_run_and_filled_by_a_rebuild(
    kore: Emulator, project: Project
) -> None:
    project.run(sweep="full")
    forget(project)
    kore.edit(EDITED, {"status": "Stopped"})

    report = project.run(sweep="full")

    assert (report.exit_code, report.new_versions) == (0, 1)
    assert filled(project) == [
        (1, False, False),
        (2, False, False),
        (3, False, False),
        (4, True, True),
    ]
    verified = project.cli("verify")
    assert verified.code == 4
    assert "Next: `kore-campaigns rebuild`." in verified.out

    rebuilt = project.cli("rebuild", "--json")

    assert rebuilt.code == 0
    assert rebuilt.json["columns"].keys() == {"caller_id", "calling_hours.end_minute", *NEWER}
    assert filled(project) == [(version, True, True) for version in (1, 2, 3, 4)]
    assert project.cli("verify").code == 0


def test_a_rebuild_before_the_next_run_fills_it_as_well(kore: Emulator, project: Project) -> None:
    before = history(project)
    forget(project)

    assert project.cli("rebuild").code == 0

    assert history(project) == before
    assert project.run(sweep="full").new_versions == 0
    assert history(project) == before


def test_a_list_that_it_did_not_know_at_all_is_filled_by_a_rebuild(
    kore: Emulator, project: Project
) -> None:
    before = history(project)
    table = "campaign_versions__contact_lists"
    project.alter(
        "drop view kore.campaign_contact_lists",
        f"drop table {table}",
        f"drop table kore_raw_staging.{table}",
    )

    rebuilt = project.cli("rebuild", "--json")

    assert rebuilt.code == 0, rebuilt.err
    count = sum(row[0] == "contacts" for row in before[LISTS])
    assert rebuilt.json["rows_before"]["contact_lists"] == 0
    assert rebuilt.json["rows_after"]["contact_lists"] == count
    assert rebuilt.json["columns"].keys() == {"contact_lists", *NEWER}
    assert history(project) == before


def filled(project: Project) -> list[tuple[Any, ...]]:
    """Whether the versions of a campaign have what `forget` takes away."""
    return project.sql(
        "select version, caller_id is not null, (select bool_and(end_minute is not null)"
        " from kore_raw.campaign_versions__calling_hours as hours"
        " where hours.campaign_id = history.campaign_id and hours.version = history.version)"
        " from kore.campaign_history as history where campaign_id = ? order by version",
        EDITED,
    )


def forget(project: Project) -> None:
    """Leave the file as a program would that does not know two of the columns."""
    views = project.sql("select view_name, sql from duckdb_views() where schema_name = 'kore'")
    ranked = sorted(views, key=lambda view: VIEWS.index(view[0]))  # later ones read earlier ones
    known = [
        re.sub(r"(\w+\.)?(caller_id|end_minute),", "", sql)
        for name, sql in ranked
        if name in VIEWS_THEN
    ]
    drops = [
        f"alter table {schema}.campaign_versions{column}"
        for schema in ("kore_raw", "kore_raw_staging")
        for column in (" drop column caller_id", "__calling_hours drop column end_minute")
    ]
    project.alter(*(f"drop view kore.{name}" for name, _ in views), *drops, *known)
