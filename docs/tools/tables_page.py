"""Page of all tables and views, from schema.sql and the SQL of the views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kore_campaigns import schema
from kore_campaigns.schema import Column
from kore_campaigns.views.apply import VIEWS, view_columns, view_description

TYPES = {
    "text": "text",
    "bigint": "whole number",
    "bool": "yes/no",
    "timestamp": "timestamp, UTC",
    "time": "time of day",
    "date": "date",
    "json": "JSON",
}
# relations in addition to nesting: one row of the first table has rows of the second
RELATIONS = (
    ("configured_campaigns", "campaign_versions"),
    ("campaign_listings", "campaign_versions"),
    ("extraction_runs", "extraction_errors"),
    ("extraction_runs", "extraction_drift"),
    ("contact_lists", "contact_list_campaigns"),
    ("configured_campaigns", "contact_list_campaigns"),
    ("time_zones", "zone_offsets"),
    ("time_zones", "campaign_versions"),
)
# the same for views that are often joined; the columns that both have join them
VIEW_RELATIONS = (
    ("contact_lists", "campaign_contact_lists"),
    ("dnc_lists", "dnc_list_states"),
    ("dnc_lists", "campaign_dnc_lists"),
    ("campaigns", "campaign_calling_hours"),
    ("campaigns", "campaign_dnc_lists"),
    ("campaigns", "campaign_contact_lists"),
    ("campaigns", "campaign_history"),
    ("campaign_history", "campaign_changes"),
    ("campaigns", "campaign_freshness"),
    ("campaigns", "findings"),
    ("policies", "findings"),
)
_JOINED_BY = (
    "campaign_key",
    "version_key",
    "stream_id",
    "contact_list_id",
    "dnc_list_id",
    "policy_name",
)


def views() -> str:
    """All views: a list, a diagram, and the columns of each."""
    rows = [f"| [`{name}`](#kore{name}) | {view_description(name)} |" for name in VIEWS]
    parts = ["| view | rows |\n|---|---|\n" + "\n".join(rows) + "\n"]
    parts.append(_drawn(_views_diagram()))
    for name in VIEWS:
        parts.append(f"### kore.{name}\n\n{view_description(name)}\n")
        parts.append(_described(view_columns(name)))
    return "\n".join(parts)


def _views_diagram() -> Iterator[str]:
    """Lines of the diagram: views with the columns that join them."""
    for name in dict.fromkeys(view for relation in VIEW_RELATIONS for view in relation):
        yield f"    {name} {{"
        for column in view_columns(name):
            if column.name in _JOINED_BY:
                yield f"        {column.data_type} {column.name}"
        yield "    }"
    for one, many in VIEW_RELATIONS:
        yield f"    {one} ||--o{{ {many} : has"


def tables() -> str:
    """All raw tables: a diagram, and the columns of each."""
    parts = [_drawn(_diagram())]
    for table in schema.TABLES:
        parts.append(_table(table.name, table))
        parts += [_table(f"{table.name}__{child.name}", child) for child in table.children]
    return "\n".join(parts)


def _drawn(lines: Iterable[str]) -> str:
    return "\n".join(["```mermaid", "erDiagram", "    direction LR", *lines, "```\n"])


def _diagram() -> Iterator[str]:
    """Lines of the diagram: tables with their keys, and the relations between tables."""
    for table in schema.TABLES:
        yield from _entity(table.name, table)
        for child in table.children:
            yield from _entity(f"{table.name}__{child.name}", child)
            yield f"    {table.name} ||--o{{ {table.name}__{child.name} : has"
    for one, many in RELATIONS:
        yield f"    {one} ||--o{{ {many} : has"


def _entity(name: str, table: schema.Table) -> Iterator[str]:
    yield f"    {name} {{"
    for column in table.columns:
        if column.name in table.key:
            yield f"        {column.data_type} {column.name} PK"
    yield "    }"


def _table(name: str, table: schema.Table) -> str:
    rows = _described(table.columns)
    key = ", ".join(f"`{column}`" for column in table.key)
    return f"### kore_raw.{name}\n\n{table.description} Key: {key}.\n\n{rows}"


def _described(columns: Iterable[Column]) -> str:
    lines = ["| column | type | meaning |", "|---|---|---|"]
    lines += [f"| `{c.name}` | {TYPES[c.data_type]} | {c.description} |" for c in columns]
    return "\n".join(lines) + "\n"
