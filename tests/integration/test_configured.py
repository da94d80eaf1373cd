"""Which campaigns are configured since when: rows for what differs, none where nothing does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.extract.rows import configured_rows
from kore_campaigns.load.reader import pipeline_reader
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.run_records import DAY, START, STREAM, Record, open_pipeline

DESTINATIONS = BOTH

ROWS = """
select campaign_id, configured_at, removed_at from kore_raw.configured_campaigns order by 1
"""


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "record.duckdb")


def rows(record: Record, *ids: str) -> dict[str, dict[str, Any]]:
    with open_pipeline(record.database) as pipeline, pipeline_reader(pipeline) as reader:
        found = configured_rows(
            reader, ids, account_id="a-1", stream_id=STREAM, started_at=START + 9 * DAY
        )
    assert all(row.pop("stream_id") == STREAM for row in found)
    return {row.pop("campaign_id"): row for row in found}


def test_only_what_differs_gets_a_row(record: Record) -> None:
    record.configured("cd-same", START)
    record.configured("cd-removed", START + DAY, account_id="a-0")
    record.configured("cd-removed-before", START, removed_at=START + DAY)
    record.configured("cd-back", START, removed_at=START + DAY)
    record.configured("cd-other", START, stream_id="st-2")

    found = rows(record, "cd-same", "cd-back", "cd-new", "cd-other")

    now = {"account_id": "a-1", "configured_at": START + 9 * DAY, "removed_at": None}
    gone = {"account_id": "a-0", "configured_at": START + DAY, "removed_at": START + 9 * DAY}
    assert found == {"cd-back": now, "cd-new": now, "cd-other": now, "cd-removed": gone}


def test_an_unchanged_file_gets_none(record: Record) -> None:
    record.configured("cd-1", START)

    assert rows(record, "cd-1", "cd-1") == {}


def test_where_nobody_loads_every_id_is_new() -> None:
    found = configured_rows(None, ["cd-1"], account_id="a-1", stream_id=STREAM, started_at=START)
    assert [row["campaign_id"] for row in found] == ["cd-1"]


def test_runs_record_when_a_campaign_came_went_and_came_back(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    stays, goes, comes = kore.campaign_ids()

    starts = []
    for ids in ([stays, goes], [stays, goes], [stays, comes], [stays, goes, comes]):
        project.configure(ids)
        starts.append(project.run().started_at)

    assert project.sql(ROWS) == sorted(
        [(stays, starts[0], None), (goes, starts[3], None), (comes, starts[2], None)]
    )
    writers = project.sql("select distinct _dlt_load_id from kore_raw.configured_campaigns")
    assert len(writers) == 3


def test_what_failed_was_configured_all_the_same(emulate: Emulate, project: Project) -> None:
    kore: Emulator = emulate(sample_campaigns(2))
    project.use(kore, ids=["cd-unknown", *kore.campaign_ids()])
    kore.fault(Fault.HTML, kore.campaign_ids()[0])

    project.run()

    freshness = "select is_stale from kore.campaign_freshness order by last_confirmed_at is null"
    assert project.sql(freshness) == [(False,), (True,), (True,)]
