"""After the first run, whatever it brought: every table, column, type and comment is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conftest import BOTH, Emulate
from kore_campaigns import schema
from kore_campaigns.views.apply import VIEWS, columns_of
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

# what the two databases call them
TYPES = {
    **{"varchar": "text", "character varying": "text", "text": "text"},
    **{"bigint": "bigint", "boolean": "bool", "date": "date", "json": "json"},
    **{"timestamp with time zone": "timestamp"},
    **{"time": "time", "time without time zone": "time"},
}
COLUMNS = """
select table_name, column_name, data_type, is_nullable = 'NO'
from information_schema.columns
where table_schema = ? and column_name not like '\\_dlt%' escape '\\'
    and table_name not like '\\_dlt%' escape '\\'
order by table_name, ordinal_position
"""


def columns(project: Project, schema: str) -> list[tuple[str, str, str, bool]]:
    """Table, column, declared type, and whether it cannot be empty."""
    return [
        (table, column, TYPES[data_type.lower()], is_required)
        for table, column, data_type, is_required in project.sql(COLUMNS, schema)
    ]


def bare(kore: Emulator) -> None:
    """One campaign without any list: no child row at all."""
    for campaign_id in kore.campaign_ids()[1:]:
        kore.delete(campaign_id)
    kore.add({"_id": kore.campaign_ids()[0], "name": "bare"})


def every_answer_html(kore: Emulator) -> None:
    kore.fault(Fault.HTML)


def no_scope(kore: Emulator) -> None:
    kore.scope_granted = False


def ordinary(kore: Emulator) -> None:
    """Twelve campaigns of every shape."""


@pytest.mark.empty_database
@pytest.mark.parametrize("brings", [ordinary, bare, every_answer_html, no_scope])
def test_all_declared_tables_and_columns_exist_typed_after_the_first_run(
    emulate: Emulate, project: Project, brings: Callable[[Emulator], None]
) -> None:
    kore = emulate(sample_campaigns(12))
    project.use(kore)
    brings(kore)

    project.run()

    found = {row[:3] for row in columns(project, schema.RAW_SCHEMA)}
    assert found == {
        (name, column.name, column.data_type)
        for name, table in schema.ALL_TABLES.items()
        for column in table.columns
    }
    shown = columns(project, schema.VIEW_SCHEMA)
    assert {row[0] for row in shown} == set(VIEWS)
    assert [row[:3] for row in shown] == [
        (view, name, columns_of(view)[name].data_type) for view, name, *_ in shown
    ]


def test_the_keys_cannot_be_empty(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(2)))

    project.run()

    required = {
        (table, column)
        for table, column, _, is_required in columns(project, "kore_raw")
        if is_required
    }
    assert required == {
        (name, column) for name, table in schema.ALL_TABLES.items() for column in table.key
    }


@pytest.mark.duckdb_only
def test_the_database_itself_says_what_each_table_and_column_means(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(2)))

    project.run()

    assert (
        project.sql(
            "select table_name, column_name from duckdb_columns()"
            " where schema_name in ('kore', 'kore_raw')"
            " and table_name not like '\\_dlt%' escape '\\'"
            " and column_name not like '\\_dlt%' escape '\\'"
            " and coalesce(comment, '') = ''"
        )
        == []
    )
    said = dict(
        project.sql(
            "select table_name, comment from duckdb_tables() where schema_name = 'kore_raw'"
            " and table_name not like '\\_dlt%' escape '\\'"
        )
    )
    assert said == {name: table.description for name, table in schema.ALL_TABLES.items()}
    shown = dict(
        project.sql("select view_name, comment from duckdb_views() where schema_name = 'kore'")
    )
    assert set(shown) == set(VIEWS)
    assert all(text.startswith("One row per ") for text in shown.values())
