"""Every view is written once and says the same on DuckDB and on Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from conftest import Emulate
from kore_campaigns.views.apply import VIEWS, apply_views
from kore_emulator import demo_campaigns
from support.eventful_project import eventful_campaigns, make_eventful
from support.postgres import (
    Postgres,
    copy_to_postgres,
    postgres_pipeline,
    rows_of,
)
from support.project import Project

pytestmark = pytest.mark.slow

DESCRIBED_IN_DUCKDB = """
select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns()
where schema_name in ('kore', 'kore_raw') and comment is not null
union all
select schema_name || '.' || table_name, comment from duckdb_tables()
where schema_name = 'kore_raw' and comment is not null
union all
select schema_name || '.' || view_name, comment from duckdb_views()
where schema_name = 'kore' and comment is not null
"""
DESCRIBED_IN_POSTGRES = """
select
    schemas.nspname || '.' || classes.relname || coalesce('.' || attributes.attname, ''),
    descriptions.description
from pg_description as descriptions
join pg_class as classes on classes.oid = descriptions.objoid
join pg_namespace as schemas on schemas.oid = classes.relnamespace
left join pg_attribute as attributes
    on attributes.attrelid = descriptions.objoid and attributes.attnum = descriptions.objsubid
    and descriptions.objsubid > 0
where schemas.nspname in ('kore', 'kore_raw')
"""


def both(project: Project, url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        on_duckdb = {view: rows_of(connection, view) for view in VIEWS}
    connection = psycopg2.connect(url, options="-c timezone=UTC")
    try:
        on_postgres = {view: rows_of(connection, view) for view in VIEWS}
    finally:
        connection.close()
    return on_duckdb, on_postgres


def test_every_view_has_equal_rows_on_both(
    emulate: Emulate, project: Project, postgres: Postgres
) -> None:
    make_eventful(emulate(eventful_campaigns()), project)
    url = postgres.new_database()
    copy_to_postgres(project.database, url)

    on_duckdb, on_postgres = both(project, url)

    for view in VIEWS:
        assert on_postgres[view] == on_duckdb[view], view
    assert [view for view in VIEWS if not on_duckdb[view]] == []


def test_every_view_table_and_column_is_described_on_both(
    emulate: Emulate, project: Project, postgres: Postgres
) -> None:
    project.use(emulate(demo_campaigns()[:1]))
    project.run()
    url = postgres.new_database()
    copy_to_postgres(project.database, url)

    with duckdb.connect(str(project.database), read_only=True) as connection:
        on_duckdb = dict(connection.execute(DESCRIBED_IN_DUCKDB).fetchall())
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute(DESCRIBED_IN_POSTGRES)
        on_postgres = dict(cursor.fetchall())
    connection.close()

    for comments in (on_postgres, on_duckdb):
        assert comments.pop("kore_raw._dlt_version").startswith("made by kore-campaigns, ")
    assert on_postgres == on_duckdb
    assert len(on_postgres) > 400


def test_views_of_an_earlier_version_are_replaced_whatever_columns_they_had(
    emulate: Emulate, project: Project, postgres: Postgres, tmp_path: Path
) -> None:
    project.use(emulate(demo_campaigns()[:2]))
    project.run()
    url = postgres.new_database()
    copy_to_postgres(project.database, url)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    cursor = connection.cursor()
    for view in reversed(VIEWS):
        cursor.execute(f"drop view kore.{view}")
    cursor.execute("create view kore.campaigns as select 1 as name, 'x' as campaign_id")
    cursor.execute("create view kore.findings as select name from kore.campaigns")

    pipeline = postgres_pipeline(url, tmp_path)
    try:
        apply_views(pipeline)
        apply_views(pipeline)
    finally:
        pipeline.deactivate()

    cursor.execute("select count(*), count(distinct name) from kore.campaigns")
    assert cursor.fetchall() == [(2, 2)]
    connection.close()
