"""Facts for a monitor: a file in Prometheus' text format, one series per app."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kore_campaigns.facts import App, LastRun


@dataclass(frozen=True, slots=True)
class RunEnded:
    """How a run ended that the database does not tell of."""

    stream_id: str
    exit_code: int
    at: datetime


@dataclass(frozen=True, slots=True)
class _Told:
    """What the series of one app are made from."""

    stream_id: str
    app: App | None
    run: LastRun | None
    ended: RunEnded | None
    database_bytes: int


Value = Callable[[_Told], float | None]


def _of_run(name: str) -> Value:
    return lambda told: None if told.run is None else getattr(told.run, name)


def _of_app(name: str) -> Value:
    return lambda told: None if told.app is None else getattr(told.app, name)


def _moment(name: str) -> Value:
    def value(told: _Told) -> float | None:
        moment = None if told.app is None else getattr(told.app, name)
        return None if moment is None else moment.timestamp()

    return value


def _ended_at(told: _Told) -> float | None:
    if told.ended is not None:
        return told.ended.at.timestamp()
    # a run that was killed did not say when
    return None if told.run is None else (told.run.finished_at or told.run.started_at).timestamp()


def _exit_code(told: _Told) -> float | None:
    if told.ended is not None:
        return told.ended.exit_code
    return None if told.run is None else told.run.exit_code


def _success(told: _Told) -> float | None:
    return None if told.ended is None and told.run is None else float(_exit_code(told) == 0)


_LAST = "kore_campaigns_last_run"
# name, help, value; all are gauges
METRICS: Final[tuple[tuple[str, str, Value], ...]] = (
    (f"{_LAST}_timestamp_seconds", "When the last run ended; when it began, if killed.", _ended_at),
    (f"{_LAST}_success", "1 if the last run answered and stored every campaign.", _success),
    (f"{_LAST}_exit_code", "Exit code of the last run; none if it was killed.", _exit_code),
    (f"{_LAST}_planned", "Campaigns the last run set out to read.", _of_run("planned")),
    (f"{_LAST}_fetched", "Campaigns that were answered.", _of_run("fetched")),
    (
        f"{_LAST}_new_versions",
        "Versions written; deletions are `vanished`.",
        _of_run("new_versions"),
    ),
    (f"{_LAST}_unchanged", "Campaigns found as they are held.", _of_run("unchanged")),
    (f"{_LAST}_vanished", "Campaigns marked deleted.", _of_run("vanished")),
    (f"{_LAST}_failed", "Campaigns that failed.", _of_run("failed")),
    (f"{_LAST}_requests", "HTTP requests sent, retries included.", _of_run("requests")),
    (f"{_LAST}_retries", "Requests that were repetitions.", _of_run("retries")),
    (f"{_LAST}_rate_limited", "Answers `call limit reached`.", _of_run("rate_limited")),
    (f"{_LAST}_seconds", "How long the last run took.", _of_run("duration_seconds")),
    (
        "kore_campaigns_last_complete_run_timestamp_seconds",
        "Start of the last run that answered and stored every campaign.",
        _moment("last_complete_at"),
    ),
    (
        "kore_campaigns_last_full_sweep_timestamp_seconds",
        "Start of the last full sweep that was finished.",
        _moment("last_full_sweep_at"),
    ),
    ("kore_campaigns_configured", "Campaigns that are configured.", _of_app("configured")),
    ("kore_campaigns_live", "Campaigns held and not deleted.", _of_app("live")),
    ("kore_campaigns_deleted", "Campaigns held and deleted.", _of_app("deleted")),
    (
        "kore_campaigns_stale",
        "Configured campaigns whose newest version may not be what Kore has.",
        _of_app("stale"),
    ),
    ("kore_campaigns_drift", "Fields, values and types nobody knows.", _of_app("drift")),
    (
        "kore_campaigns_database_bytes",
        "Size of the published database, of all apps in it.",
        lambda told: told.database_bytes or None,
    ),
)


def metrics_text(
    apps: Sequence[App], *, database_bytes: int, ended: Sequence[RunEnded] = ()
) -> str:
    """The whole file. What `ended` takes the place of the last run of its app."""
    instead = {one.stream_id: one for one in ended}
    told = [
        _Told(app.stream_id, app, app.last_run, None, database_bytes)
        for app in apps
        if app.stream_id not in instead
    ]
    for one in instead.values():
        of_it = next((app for app in apps if app.stream_id == one.stream_id), None)
        told.append(_Told(one.stream_id, of_it, None, one, database_bytes))
    lines: list[str] = []
    for name, help_text, value in METRICS:
        samples = list(_samples(name, value, told))
        if samples:
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge", *samples]
    return "".join(f"{line}\n" for line in lines)


def _samples(name: str, value: Value, told: Sequence[_Told]) -> Iterator[str]:
    for one in told:
        found = value(one)
        if found is not None:
            yield f'{name}{{stream_id="{_escaped(one.stream_id)}"}} {found}'


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
