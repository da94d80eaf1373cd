"""Invented states of a database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kore_campaigns.reports.status import App, LastRun, Row, Status

STARTED = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
COMPLETE: dict[str, Any] = {"state": "complete", "is_complete": True, "exit_code": 0}


def last_run(**facts: Any) -> LastRun:
    """A partial run of 9 campaigns, unless `facts` say otherwise."""
    values: dict[str, Any] = {
        "run_id": "r1", "stream_id": "st-1", "started_at": STARTED, "finished_at": STARTED,
        "state": "partial", "duration_seconds": 1020, "sweep": "full", "planned": 9, "fetched": 8,
        "new_versions": 1, "unchanged": 6, "vanished": 1, "failed": 1, "requests": 12, "retries": 2,
        "rate_limited": 1, "is_complete": False, "exit_code": 4,
    }  # fmt: skip
    return LastRun(**values | facts)


def app(run: LastRun | None = None, **facts: Any) -> App:
    return App(**{"stream_id": "st-1", "last_run": run, **facts})


def status(*apps: App, **facts: Any) -> Status:
    return Status("/d/k.duckdb", list(apps), **facts)


def stale(campaign_id: str, name: str | None, at: datetime | None, code: str | None) -> Row:
    return {
        "campaign_id": campaign_id,
        "campaign_name": name,
        "last_confirmed_at": at,
        "last_error_code": code,
    }


def failure(campaign_id: str, code: str, message: str) -> Row:
    return {"campaign_id": campaign_id, "error_code": code, "message": message, "held_since": None}


def drift(path: str, count: int) -> Row:
    return {
        "path": path,
        "example_type": "number",
        "campaign_count": count,
        "first_seen_at": STARTED,
    }
