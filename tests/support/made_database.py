"""A DuckDB file with all tables and views and no rows, made once: it takes half a second."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from kore_campaigns.load.dlt_load import duckdb_pipeline, make_tables_and_views


@cache
def made_database() -> bytes:
    with TemporaryDirectory(prefix="kore-made-") as folder:
        database = Path(folder, "kore_campaigns.duckdb")
        with duckdb_pipeline(database, pipelines_dir=Path(folder, "dlt")) as pipeline:
            make_tables_and_views(pipeline)
        return database.read_bytes()
