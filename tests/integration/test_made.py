"""Tables and views are made once, and again whenever somebody else had the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dlt
import duckdb
import pytest

from conftest import Emulate
from kore_campaigns.load.dlt_load import duckdb_pipeline, make_tables_and_views
from kore_emulator import sample_campaigns
from support.project import Project

HARM = "drop view kore.campaign_changes"
DAMAGE = (
    "drop view kore.campaigns",
    "alter table kore_raw.campaign_versions drop column caller_id",
)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[dlt.Pipeline]:
    made = duckdb_pipeline(tmp_path / "x.duckdb", pipelines_dir=tmp_path / "dlt")
    yield made
    made.deactivate()


def views_after(pipeline: dlt.Pipeline, record: Path, *, is_untouched: bool) -> int:
    make_tables_and_views(pipeline, record, is_untouched=is_untouched)
    with pipeline.sql_client() as client:
        rows = client.execute_sql("select count(*) from duckdb_views() where schema_name = 'kore'")
    assert rows is not None
    return int(rows[0][0])


def test_what_this_program_made_is_made_again_only_if_somebody_else_had_the_file(
    pipeline: dlt.Pipeline, tmp_path: Path
) -> None:
    record = tmp_path / "made_by.txt"
    every = views_after(pipeline, record, is_untouched=True)  # no record: never made here
    with pipeline.sql_client() as client:
        client.execute_sql(HARM)

    assert views_after(pipeline, record, is_untouched=True) == every - 1
    assert views_after(pipeline, record, is_untouched=False) == every


def test_what_another_program_made_is_made_again(pipeline: dlt.Pipeline, tmp_path: Path) -> None:
    record = tmp_path / "made_by.txt"
    every = views_after(pipeline, record, is_untouched=True)
    with pipeline.sql_client() as client:
        client.execute_sql(HARM)
    record.write_text("an older program", encoding="utf-8")

    assert views_after(pipeline, record, is_untouched=True) == every


def test_a_database_that_somebody_damaged_is_whole_after_the_next_run(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(3)))
    project.run()
    project.run()
    with duckdb.connect(str(project.database)) as connection:
        for harm in DAMAGE:
            connection.execute(harm)

    project.run()

    assert project.sql("select count(caller_id) <= 3 from kore.campaigns") == [(True,)]


def test_a_private_file_that_is_gone_is_copied_from_the_published_one(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(3)))
    project.run()
    (project.folder / ".kore_campaigns" / "kore_campaigns" / "kore_campaigns.duckdb").unlink()

    report = project.run()

    assert (report.new_versions, report.unchanged) == (0, 3)
    assert project.sql("select count(*), max(version) from kore.campaign_history") == [(3, 1)]
