"""Create the analysts' views, and say in the database itself what each table and column means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import TYPE_CHECKING

from kore_campaigns import tables

if TYPE_CHECKING:
    import dlt

# in the order in which they are built: later ones read earlier ones
VIEWS = (
    "campaign_history",
    "campaigns",
    "campaign_calling_hours",
    "campaign_dnc_lists",
    "contact_lists",
    "contact_list_campaigns",
    "campaign_contact_lists",
    "calling_hours_history",
    "dnc_list_history",
    "contact_list_history",
    "campaign_changes",
    "calling_windows",
    "open_hours",
    "weekly_minutes",
    "calling_window_checks",
    "policies",
    "time_zones",
    "zone_offsets",
    "calendar",
    "calling_windows_utc",
    "campaign_resources",
    "shared_resources",
    "campaign_overlaps",
    "policy_limits",
    "runs",
    "campaign_freshness",
    "hours_findings",
    "list_findings",
    "dialing_findings",
    "freshness_findings",
    "findings",
)


def view_sql(name: str) -> str:
    """The text of a view, its header `-- one row per ...` included."""
    return resources.files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def view_description(name: str) -> str:
    """The header of the view's file: one sentence, `One row per ...`."""
    header = view_sql(name).splitlines()[0].removeprefix("--").strip()
    return header[0].upper() + header[1:] + "."


def apply_views(pipeline: dlt.Pipeline, *, are_described: bool = True) -> None:
    """Make the views of this version, in one transaction, and say what each is where databases
    take comments on views.
    """
    with pipeline.sql_client() as client, client.begin_transaction():
        client.execute_many([*_create_views()])
        if not are_described:
            return
        client.execute_many([*_comments_on_tables()])
        columns = client.execute_sql(_VIEW_COLUMNS) or ()
        client.execute_many([*_comments_on_views(columns)])


_VIEW_COLUMNS = f"""
select table_name, column_name
from information_schema.columns
where table_schema = '{tables.VIEW_SCHEMA}'
"""  # noqa: S608  # a constant of ours


def _create_views() -> Iterator[str]:
    yield f"create schema if not exists {tables.VIEW_SCHEMA}"
    # Postgres replaces no view by one with other columns, and drops none that another one reads
    for name in reversed(VIEWS):
        yield f"drop view if exists {tables.VIEW_SCHEMA}.{name}"
    for name in VIEWS:
        yield f"create view {tables.VIEW_SCHEMA}.{name} as\n{view_sql(name)}"


def _comments_on_tables() -> Iterator[str]:
    for table in tables.TABLES:
        yield from _comments_on_table(f"{tables.RAW_SCHEMA}.{table.name}", table)
        for child in table.children:
            yield from _comments_on_table(f"{tables.RAW_SCHEMA}.{table.name}__{child.name}", child)


def _comments_on_table(name: str, table: tables.Table) -> Iterator[str]:
    yield f"comment on table {name} is {_quoted(table.description)}"
    for column in table.columns:
        yield f"comment on column {name}.{column.name} is {_quoted(column.description)}"


def _comments_on_views(columns: Iterable[Sequence[str]]) -> Iterator[str]:
    for name in VIEWS:
        described = _quoted(view_description(name))
        yield f"comment on view {tables.VIEW_SCHEMA}.{name} is {described}"
    known = {view: tables.columns_of(view) for view in VIEWS}
    for view, column in columns:
        if view in VIEWS:
            described = _quoted(known[view][column].description)
            yield f"comment on column {tables.VIEW_SCHEMA}.{view}.{column} is {described}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
