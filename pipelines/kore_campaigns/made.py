"""Tables, views and comments of this program; those it has made itself are not made again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import dlt

from kore_campaigns import tables
from kore_campaigns.hints import ensure_tables
from kore_campaigns.views.apply import VIEWS, apply_views, view_sql


def make_tables_and_views(pipeline: dlt.Pipeline, record: Path, *, is_untouched: bool) -> None:
    """Make them in the pipeline's database, unless it is `is_untouched` since this program did.

    `record` is the file that says which program was the last to make them.
    """
    program = fingerprint()
    if is_untouched and record.exists() and record.read_text(encoding="utf-8") == program:
        return  # 0.1 CPU-s, which counts in a run that finds nothing new
    ensure_tables(pipeline)
    apply_views(pipeline)
    record.write_text(program, encoding="utf-8")


def fingerprint() -> str:
    """Differs between programs that make other tables, views or comments."""
    columns = [repr(tables.columns_of(view)) for view in VIEWS]
    made = [dlt.__version__, repr(tables.TABLES), *columns, *map(view_sql, VIEWS)]
    return hashlib.sha256("\n".join(made).encode()).hexdigest()
