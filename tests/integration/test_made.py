"""Tables and views are made once, and again when another program or a user changed them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from conftest import Emulate
from kore_campaigns.load.dlt_load import duckdb_pipeline, make_tables_and_views
from kore_emulator import sample_campaigns
from support.project import Project

pytestmark = pytest.mark.slow

HARMS = (
    "drop view kore.campaign_changes",
    "create or replace view kore.time_zones as select timezone from kore_raw.time_zones",
    "create or replace view kore.policies as select * from kore_raw.policies limit 1",
    "drop table kore_raw.zone_offsets",
    "alter table kore_raw.extraction_runs drop column tool_version",
    "comment on table kore_raw._dlt_version is 'made by an older program'",
)
COMMENT = "select comment from duckdb_views() where view_name = 'campaigns'"
COLUMNS = """
select table_name, column_name, data_type from information_schema.columns
where table_schema in ('kore', 'kore_raw')
"""
VIEWS = "select view_name, sql from duckdb_views() where schema_name = 'kore'"
DAMAGE = (
    "drop view kore.campaigns",
    "alter table kore_raw.campaign_versions drop column caller_id",
)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[dlt.Pipeline]:
    with duckdb_pipeline(tmp_path / "x.duckdb", pipelines_dir=tmp_path / "dlt") as made:
        yield made


def sql(pipeline: dlt.Pipeline, query: str) -> list[tuple[Any, ...]]:
    with pipeline.sql_client() as client:
        return sorted(tuple(row) for row in client.execute_sql(query) or ())


def test_what_this_program_made_is_not_made_again(pipeline: dlt.Pipeline) -> None:
    make_tables_and_views(pipeline)
    sql(pipeline, "comment on view kore.campaigns is 'still the same one'")

    make_tables_and_views(pipeline)

    assert sql(pipeline, COMMENT) == [("still the same one",)]


@pytest.mark.parametrize("harm", HARMS)
def test_what_somebody_changed_is_made_again(pipeline: dlt.Pipeline, harm: str) -> None:
    make_tables_and_views(pipeline)
    before = [sql(pipeline, query) for query in (COLUMNS, VIEWS)]
    sql(pipeline, "comment on view kore.campaigns is 'still the same one'")
    sql(pipeline, harm)

    make_tables_and_views(pipeline)

    assert [sql(pipeline, query) for query in (COLUMNS, VIEWS)] == before
    assert sql(pipeline, COMMENT)[0][0].startswith("One row per ")


def test_a_view_of_an_analyst_is_left_alone(pipeline: dlt.Pipeline) -> None:
    make_tables_and_views(pipeline)
    sql(pipeline, "comment on view kore.campaigns is 'still the same one'")
    sql(pipeline, "create view kore.mine as select campaign_id from kore.campaigns")

    make_tables_and_views(pipeline)

    assert sql(pipeline, COMMENT) == [("still the same one",)]


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
