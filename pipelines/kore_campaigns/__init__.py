"""An append-only, typed, queryable history of every Kore.ai campaign.

From Python: `kore_campaigns` is a plain dlt source, `run_pipeline` is what the command and the DAG
call, `read_view` returns a view as a typed pandas DataFrame. docs/explanation/architecture.md
has a map of the folders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kore_campaigns.extract.report import RunReport
    from kore_campaigns.pipeline import run_pipeline
    from kore_campaigns.reports.export import read_view
    from kore_campaigns.source import kore_campaigns

__all__ = ["RunReport", "kore_campaigns", "read_view", "run_pipeline"]

_HOMES = {
    "RunReport": "extract.report",
    "kore_campaigns": "source",
    "read_view": "reports.export",
    "run_pipeline": "pipeline",
}


def __getattr__(name: str) -> Any:
    # dlt, duckdb and pandas take a second to import: only who uses them waits for them
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
