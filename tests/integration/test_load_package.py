"""Versions and their nested rows, loaded as one package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
import pytest

from kore_campaigns.load.dlt_load import duckdb_pipeline, ensure_tables, load
from kore_campaigns.schema import CAMPAIGN_VERSIONS
from kore_campaigns.transform.campaign import shape, version_row
from kore_emulator import sample_campaigns

CHILDREN = [f"campaign_versions__{child.name}" for child in CAMPAIGN_VERSIONS.children]
WINDOWS = [{"day": day, "start": "9:00 AM", "end": "5:00 PM"} for day in ("MO", "TU", "WE")]


def row(campaign: dict[str, Any]) -> dict[str, Any]:
    return version_row(
        shape(campaign),
        account_id="an account",
        stream_id="st-1",
        campaign_id=campaign["_id"],
        observed_at=datetime(2026, 1, 2, tzinfo=UTC),
        stored=None,
        stored_raw=None,
    )


def dialling(campaign_id: str, windows: list[dict[str, str]]) -> dict[str, Any]:
    return row({"_id": campaign_id, "dialingStrategy": {"callingHours": {"days": windows}}})


class Target:
    def __init__(self, pipeline: dlt.Pipeline) -> None:
        self.pipeline = pipeline
        ensure_tables(pipeline)

    def load(self, rows: list[dict[str, Any]]) -> None:
        load(self.pipeline, iter(rows))

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with self.pipeline.sql_client() as client:
            return [tuple(row) for row in client.execute_sql(query) or ()]


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    with duckdb_pipeline(tmp_path / "x.duckdb", pipelines_dir=tmp_path / "dlt") as pipeline:
        yield Target(pipeline)


def test_a_replay_overwrites_itself_rows_that_are_gone_included(target: Target) -> None:
    target.load([dialling("cd-1", WINDOWS), dialling("cd-2", WINDOWS), dialling("cd-3", WINDOWS)])
    target.load([dialling("cd-1", WINDOWS[1:]), dialling("cd-2", []), dialling("cd-4", WINDOWS)])

    assert target.sql("select campaign_id from campaign_versions order by all") == [
        (f"cd-{number}",) for number in (1, 2, 3, 4)
    ]
    assert target.sql(
        "select campaign_id, string_agg(day, ' ' order by position)"
        " from campaign_versions__calling_hours group by all order by all"
    ) == [("cd-1", "TU WE"), ("cd-3", "MO TU WE"), ("cd-4", "MO TU WE")]


def test_every_row_leads_to_its_version_and_every_version_to_its_load(target: Target) -> None:
    rows = [row(campaign) for campaign in sample_campaigns(520)]  # more than dlt buffers

    target.load(rows)

    assert target.sql("select count(*), count(distinct _dlt_id) from campaign_versions") == [
        (len(rows), len(rows))
    ]
    assert target.sql(
        "select count(*) from campaign_versions anti join _dlt_loads on _dlt_load_id = load_id"
    ) == [(0,)]
    for table in CHILDREN:
        name = table.rpartition("__")[2]
        assert target.sql(
            "select count(*), count(distinct child._dlt_id),"
            " count(*) filter (child.position > child._dlt_list_idx)"
            f" from {table} as child join campaign_versions as parent"
            " on child._dlt_parent_id = parent._dlt_id and child._dlt_root_id = parent._dlt_id"
            " and child.campaign_id = parent.campaign_id and child.version = parent.version"
        ) == [(sum(len(one[name]) for one in rows),) * 3]


def test_no_column_has_a_variant_or_another_type_after_any_load(target: Target) -> None:
    columns = "select * from (describe) where schema = 'kore_raw'"
    before = target.sql(columns)

    target.load([row({"_id": "cd-bare"})])
    target.load([row({"_id": "cd-odd", "priority": "x", "dncLists": 5, "schedule": [1]})])
    target.load([row(campaign) for campaign in sample_campaigns(12)])

    assert target.sql(columns) == before


def test_json_is_kept_as_it_was_received(target: Target) -> None:
    odd: dict[str, Any] = {
        "_id": "cd-odd",
        "z": [1.0, 1e22, 5e-324, -0.0, 2**63 - 1, -(2**63), 0.1, 1e2],
        "a": {"date": "2025-12-08T05:29:38.298Z", "time": "9:00", "number": "1e5", "empty": ""},
        "none": None,
        "text": " \U0001f600\u2028\t\\\"'\x7f",
        "schedule": {"b": "09:00", "a": [None, {}, []]},
    }

    target.load([row(odd), row({"_id": "cd-bare"})])

    raw = "select raw, schedule from campaign_versions order by campaign_id desc"
    (kept, schedule), (bare, nothing) = target.sql(raw)
    assert repr(json.loads(kept)) == repr(odd)  # order of keys and kind of numbers, too
    assert repr(json.loads(schedule)) == repr(odd["schedule"])
    assert (bare, nothing) == ('{"_id":"cd-bare"}', None)


def test_a_second_package_leaves_no_row_without_its_version(target: Target) -> None:
    target.load([dialling("cd-1", WINDOWS)])
    target.load([dialling("cd-1", WINDOWS[:2])])

    assert target.sql(
        "select position, count(parent.version) from campaign_versions__calling_hours as child"
        " left join campaign_versions as parent on child._dlt_root_id = parent._dlt_id"
        " group by all order by all"
    ) == [(1, 1), (2, 1)]
