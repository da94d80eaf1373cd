"""Answers with what this version does not know: loaded, kept in `raw`, named; no column appears."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_emulator import Fault, demo_campaigns, sample_campaigns
from support.project import Project
from support.stored_tables import kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

UK = "cd-16b9f7d-8c40-4a53-9d2e-4b7c1e6f0a98"
COLUMNS = """
select table_schema, table_name, column_name, data_type
from information_schema.columns where table_schema in ('kore', 'kore_raw') order by all
"""
# each value is of a kind that the column cannot hold
ODD: dict[str, Any] = {
    "name": {"en": "Eye tests"},
    "priority": "very high",
    "maxSkips": [1, 2],
    "status": 7,
    "isFiltersEnabled": "perhaps",
    "updatedAt": "yesterday",
    "schedule": "never",
    "dialingStrategy.maxRingTime": "half a minute",
    "dialingStrategy.callingHours.days": "weekdays",
    "dncLists": [{"id": "cl-1", "owner": {"name": "x"}}, "by name", 5],
    "contactLists": {"a": 1},
}


def test_an_unknown_field_is_reported_kept_and_makes_no_column(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(6))
    project.use(kore)
    project.run()
    columns = project.sql(COLUMNS)
    (one, two, *_) = kore.campaign_ids()
    for campaign_id in (one, two):
        kore.fault(Fault.UNKNOWN_FIELD, campaign_id)

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["new_versions"], ended.json["is_complete"]) == (0, 2, True)
    assert ended.json["drift"] == [
        {"path": "dialingStrategy.futureField", "example_type": "object", "count": 2},
        {"path": "futureField", "example_type": "string", "count": 2},
    ]
    assert "drift: `futureField` (string) of 2 campaigns is unknown" in ended.err
    assert project.sql(COLUMNS) == columns
    raw = live_campaigns(project)
    assert {
        (raw[key]["futureField"], raw[key]["dialingStrategy"]["futureField"]["isEnabled"])
        for key in (one, two)
    } == {("added by Kore", True)}


def test_values_of_an_unforeseen_kind_are_kept_reported_and_make_no_column(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(demo_campaigns())
    project.use(kore)
    project.run()
    columns = project.sql(COLUMNS)
    kore.edit(UK, ODD)

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["new_versions"], ended.json["failed"]) == (0, 1, 0)
    assert project.sql(COLUMNS) == columns
    assert live_campaigns(project) == kores_campaigns(kore)
    named = {found["path"] for found in ended.json["drift"]}
    assert {"name", "priority", "maxSkips", "schedule", "updatedAt"} <= named
    assert "dialingStrategy.maxRingTime" in named


@pytest.mark.duckdb_only
def test_a_first_run_of_nothing_but_odd_answers_has_the_same_columns(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(demo_campaigns())
    project.use(kore)
    project.run()
    columns = project.sql(COLUMNS)
    project.database.unlink()
    kore.edit(UK, ODD)
    project.configure([UK])

    report = project.run()

    assert (report.exit_code, report.new_versions) == (0, 1)
    assert project.sql(COLUMNS) == columns


def test_text_that_looks_like_something_else_stays_as_received(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(demo_campaigns())
    project.use(kore, ids=[UK])
    texts = {
        "name": "'; drop table campaigns; --",
        "description": '{"not": "json"} 😀 2025-12-08T05:29:38.298Z\nsecond line\ttab',
        "lname": "1e5",
    }
    kore.edit(UK, texts)

    report = project.run()

    assert report.exit_code == 0
    assert live_campaigns(project) == {UK: kore.campaign(UK)}
    ((name, raw),) = project.sql("select name, raw from kore.campaigns")
    assert name == texts["name"]
    assert json.loads(raw)["lname"] == "1e5"


def test_a_campaign_of_nothing_but_its_id_is_loaded(emulate: Emulate, project: Project) -> None:
    kore = emulate([{"_id": "cd-bare"}])
    project.use(kore)

    report = project.run()

    assert (report.exit_code, report.new_versions) == (0, 1)
    assert live_campaigns(project) == {"cd-bare": {"_id": "cd-bare"}}
    assert project.sql(
        "select name, status, priority, updated_at, valid_from = observed_at from kore.campaigns"
    ) == [(None, None, None, None, True)]
