"""A database changed behind the program's back, as somebody with any DuckDB client can."""

from __future__ import annotations

import duckdb

from project_case import Project


def alter(project: Project, *statements: str) -> None:
    """Carry statements out in the published file, within the schema of the raw tables."""
    with duckdb.connect(str(project.database)) as connection:
        connection.execute("use kore_raw")
        for statement in statements:
            connection.execute(statement)
