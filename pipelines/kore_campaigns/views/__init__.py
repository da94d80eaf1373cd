"""The views, one `.sql` file each, for the databases that run them as they are and for others."""

from __future__ import annotations

from typing import Final

NATIVE_DIALECTS: Final = ("duckdb", "postgres")
"""The views are written in SQL that both of them understand."""
GENERATED_DIALECTS: Final = ("snowflake", "bigquery", "redshift", "databricks", "clickhouse")
SEVERITIES: Final = ("high", "medium", "low", "info")
"""Severities of findings, the worst first."""
