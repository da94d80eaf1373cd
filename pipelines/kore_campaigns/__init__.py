"""An append-only, typed, queryable history of every Kore.ai campaign.

from kore_campaigns import kore_campaigns      # a plain dlt source
from kore_campaigns import run_pipeline        # what the command and the DAG call
from kore_campaigns import read_view           # a view as a typed pandas DataFrame
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kore_campaigns.read import read_view
    from kore_campaigns.report import RunReport
    from kore_campaigns.run import run_pipeline
    from kore_campaigns.source import kore_campaigns

__all__ = ["RunReport", "kore_campaigns", "read_view", "run_pipeline"]

_HOMES = {
    "RunReport": "report",
    "kore_campaigns": "source",
    "read_view": "read",
    "run_pipeline": "run",
}


def __getattr__(name: str) -> Any:
    # dlt, duckdb and pandas take a second to import: only who uses them waits for them
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
