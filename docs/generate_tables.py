"""Write docs/tables.md from the declared tables and the SQL of the views; `--check` compares."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from kore_campaigns import schema
from kore_campaigns.schema import Column
from kore_campaigns.views.apply import VIEWS, columns_of, view_description, view_sql

PAGE = Path(__file__).with_name("tables.md")
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
INTRODUCTION = """\
# Tables and views

`make docs` generates this page from `pipelines/kore_campaigns/schema.sql` and the views.
The database has the same descriptions as comments on every table, view and column.

Analysts read the views in schema `kore`. The raw tables in `kore_raw` may get other columns; their
rows are added and never changed. Views show completed loads only.
"""


def page() -> str:
    """Text of the page."""
    parts = [INTRODUCTION, "## Views: schema `kore`\n"]
    for name in VIEWS:
        parts.append(f"### kore.{name}\n\n{view_description(name)}\n")
        parts.append(_described(view_columns(name)))
    parts.append("## Raw tables: schema `kore_raw`\n")
    parts.append("\n".join(["```mermaid", "erDiagram", *_diagram(), "```\n"]))
    for table in schema.TABLES:
        parts.append(_table(table.name, table))
        parts += [_table(f"{table.name}__{child.name}", child) for child in table.children]
    return "\n".join(parts)


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


def view_columns(name: str) -> Iterator[Column]:
    """Columns of a view in their order, with their descriptions."""
    described = columns_of(name)
    final = re.search(r"final as \(\s*select\n(.*?)\n    from", view_sql(name), flags=re.DOTALL)
    for line in (final.group(1) if final else "").splitlines():
        yield described[line.strip().rstrip(",").split(" as ")[-1].split(".")[-1]]


def _table(name: str, table: schema.Table) -> str:
    rows = _described(table.columns)
    key = ", ".join(f"`{column}`" for column in table.key)
    return f"### kore_raw.{name}\n\n{table.description} Key: {key}.\n\n{rows}"


def _described(columns: Iterable[Column]) -> str:
    lines = ["| column | type | meaning |", "|---|---|---|"]
    lines += [f"| `{c.name}` | {TYPES[c.data_type]} | {c.description} |" for c in columns]
    return "\n".join(lines) + "\n"


def main() -> int:
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/tables.md differs from the code. Next: make docs")
    return 1


if __name__ == "__main__":
    sys.exit(main())
