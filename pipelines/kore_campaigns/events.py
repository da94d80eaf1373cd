"""What a run tells while it goes on: one function per kind, its name and fields stable.

docs/operations.md lists them. Nothing here is made from what was sent, so no secret can be in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from kore_campaigns.campaign_errors import CampaignFailed
from kore_campaigns.problems import Problem, in_one_line
from kore_campaigns.report import RunReport

Level = Literal["info", "warning", "error"]

# every event there is
EVENTS: Final[Mapping[str, Level]] = {
    "run_started": "info",
    "sweep_planned": "info",
    "progress": "info",
    "chunk_loaded": "info",
    "rate_limited": "warning",
    "campaign_failed": "warning",
    "campaigns_not_reached": "warning",
    "vanish_not_believed": "warning",
    "listing_doubted": "warning",
    "contact_lists_unread": "warning",
    "listing_unreadable": "error",
    "access_refused": "error",
    "run_stopped": "error",
    "stop_requested": "warning",
    "deadline_reached": "warning",
    "run_interrupted": "warning",
    "drift_found": "info",
    "run_finished": "info",
    "run_failed": "error",
    "metrics_failed": "warning",
    "ping_failed": "warning",
}


@dataclass(frozen=True, slots=True)
class Event:
    """`message` is the sentence that a person is shown; empty where the fields say all."""

    name: str
    level: Level
    message: str
    fields: Mapping[str, Any]


Tell = Callable[[Event], None]


def tell_nobody(event: Event) -> None:
    """Nobody reads along."""


def _event(name: str, message: str = "", *, level: Level | None = None, **fields: Any) -> Event:
    return Event(name, level or EVENTS[name], message, fields)


def run_started(report: RunReport, *, stream_id: str, tool_version: str) -> Event:
    return _event(
        "run_started",
        run_id=report.run_id,
        stream_id=stream_id,
        database=report.database,
        tool_version=tool_version,
    )


def sweep_planned(report: RunReport, *, to_ask: int) -> Event:
    return _event(
        "sweep_planned",
        sweep=report.sweep,
        sweep_reason=report.sweep_reason,
        listed=report.listed,
        planned=report.planned,
        to_ask=to_ask,
    )


def progress(report: RunReport, *, eta_seconds: float) -> Event:
    return _event(
        "progress",
        done=report.done,
        planned=report.planned,
        failed=report.failed,
        eta_seconds=round(eta_seconds, 1),
    )


def chunk_loaded(report: RunReport, *, versions: int, load_seconds: float) -> Event:
    return _event(
        "chunk_loaded",
        versions=versions,
        done=report.done,
        planned=report.planned,
        load_seconds=round(load_seconds, 3),
    )


def rate_limited(*, count: int) -> Event:
    return _event("rate_limited", count=count)


def campaign_failed(failed: CampaignFailed) -> Event:
    return _event(
        "campaign_failed",
        failed.message,
        campaign_id=failed.campaign_id,
        code=failed.code,
        http_status=failed.http_status,
    )


def campaigns_not_reached(message: str, *, code: str, count: int) -> Event:
    return _event("campaigns_not_reached", message, code=code, count=count)


def vanish_not_believed(message: str, *, count: int) -> Event:
    return _event("vanish_not_believed", message, count=count)


def problem_told(problem: Problem) -> Event:
    """What concerns the run as a whole."""
    return _event(problem.event, problem.message)


def stop_requested(message: str) -> Event:
    return _event("stop_requested", message)


def drift_found(*, path: str, example_type: str, count: int) -> Event:
    return _event("drift_found", path=path, example_type=example_type, count=count)


def run_finished(report: RunReport) -> Event:
    facts = report.as_json()
    del facts["drift"]  # each has an event of its own
    code = report.exit_code
    level: Level = "error" if code else "info"
    return _event("run_finished", in_one_line(report), level=level, exit_code=code, **facts)


def run_failed(message: str, *, code: str, exit_code: int) -> Event:
    """An error ended the run, or kept it from beginning."""
    return _event("run_failed", message, code=code, exit_code=exit_code)


def metrics_failed(message: str) -> Event:
    return _event("metrics_failed", message)


def ping_failed(message: str) -> Event:
    return _event("ping_failed", message)
