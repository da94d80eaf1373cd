"""What views cost: who counts their rows does not make DuckDB read what Kore sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import Emulate
from kore_campaigns.views.apply import VIEWS, view_sql
from kore_emulator import sample_campaigns
from support.project import Project


def scans(plan: list[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Each table that is read, and which of its columns."""
    for node in plan:
        info = node["extra_info"]
        if "Table" in info:
            columns = info.get("Projections", [])
            yield info["Table"], [columns] if isinstance(columns, str) else columns
        yield from scans(node["children"])


def plan_of(database: Path, view: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(f"explain (format json) select count(*) from kore.{view}")
        plan: list[dict[str, Any]] = json.loads(found.fetchall()[0][1])
        return plan


def test_no_view_reads_raw_to_count_its_rows(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(3)))
    project.run()

    read = {view: list(scans(plan_of(project.database, view))) for view in VIEWS}

    assert [table for table, _ in read["campaigns"] if table.endswith("campaign_versions")]
    for view, tables in read.items():
        wide = [table for table, columns in tables if "raw" in columns]
        assert wide == [], view


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_relies_on_what_duckdb_forgets(view: str) -> None:
    # a view is stored without it: what is read twice would be copied with all of its columns
    assert "not materialized" not in view_sql(view)
