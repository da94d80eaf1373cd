"""Monitoring of a run: a metrics file for Prometheus and pings. Their failures are warnings."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from kore_campaigns.api.endpoints import is_web_address
from kore_campaigns.config.paths import replace_text
from kore_campaigns.config.settings import resolve
from kore_campaigns.errors import DatabaseLocked, KoreCampaignsError, SettingInvalid
from kore_campaigns.events import log_event
from kore_campaigns.extract.notify import post
from kore_campaigns.extract.report import COUNTERS, ONLY, in_one_line, problems
from kore_campaigns.load import destination_for
from kore_campaigns.pipeline import ConnectionRun
from kore_campaigns.reports.status import App, Status, read_status
from kore_campaigns.schema import EXTRACTION_RUNS

logger = logging.getLogger(__name__)

_RUN_COUNTERS: Final = [each for each in EXTRACTION_RUNS.columns if each.name in COUNTERS]
# name without the prefix -> help; all are gauges with the app (`stream_id`) as label
METRICS: Final = {
    "last_run_timestamp_seconds": "End of the last run; its start if it was killed.",
    "last_run_success": "1 if the last run fetched and stored every campaign, else 0.",
    "last_run_exit_code": "Exit code of the last run; absent if it was killed.",
    **{f"last_run_{column.name}": column.description for column in _RUN_COUNTERS},
    "last_run_seconds": "Duration of the last run.",
    "last_complete_run_timestamp_seconds": "Start of the last complete run.",
    "last_full_sweep_timestamp_seconds": "Start of the last full sweep that finished.",
    "configured": "Configured campaigns.",
    "live": "Stored campaigns that are not deleted.",
    "deleted": "Stored campaigns that are deleted.",
    "stale": "Configured campaigns whose newest version was not confirmed recently.",
    "drift": "Fields, values and types that this version does not know.",
    "database_bytes": "Size of the published database, with all apps in it.",
}
APP_COUNTS: Final = ("configured", "live", "deleted", "stale", "drift")
PREFIX: Final = "kore_campaigns_"


def metrics_text(
    apps: Sequence[App],
    *,
    database_bytes: int,
    ended: Mapping[str, int] | None = None,
    now: datetime | None = None,
) -> str:
    """The metrics file.

    `ended` has the exit codes of runs, by stream, that left no row in the database. They replace
    the last run of their app.
    """
    ended_at = (now or datetime.now(UTC)).timestamp()
    series: dict[str, dict[str, float | None]] = {
        stream_id: {
            "last_run_timestamp_seconds": ended_at,
            "last_run_success": exit_code == 0,
            "last_run_exit_code": exit_code,
        }
        for stream_id, exit_code in (ended or {}).items()
    }
    for app in apps:
        values = series.setdefault(app.stream_id, _last_run(app))
        values |= {name: getattr(app, name) for name in APP_COUNTS}
        values["last_complete_run_timestamp_seconds"] = _seconds(app.last_complete_at)
        values["last_full_sweep_timestamp_seconds"] = _seconds(app.last_full_sweep_at)
    for values in series.values():
        values["database_bytes"] = database_bytes or None
    registry = CollectorRegistry()
    for name, help_text in METRICS.items():
        found = {stream_id: values.get(name) for stream_id, values in series.items()}
        samples = {stream_id: value for stream_id, value in found.items() if value is not None}
        if samples:
            gauge = Gauge(PREFIX + name, help_text, ["stream_id"], registry=registry)
            for stream_id, value in samples.items():
                gauge.labels(stream_id).set(value)
    return generate_latest(registry).decode()


def _last_run(app: App) -> dict[str, float | None]:
    run = app.last_run
    if run is None:
        return {}
    return {
        **{f"last_run_{name}": getattr(run, name) for name in COUNTERS},
        # a run that was killed recorded no end
        "last_run_timestamp_seconds": _seconds(run.finished_at or run.started_at),
        "last_run_success": run.exit_code == 0,
        "last_run_exit_code": run.exit_code,
        "last_run_seconds": run.duration_seconds,
    }


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def write_metrics(status: Status, file: str, *, ended: Mapping[str, int] | None = None) -> None:
    """Write the metrics file; if that fails, log the reason."""
    text = metrics_text(status.apps, database_bytes=status.database_bytes, ended=ended)
    try:
        replace_text(Path(file), text)
    except OSError as failed:
        reason = failed.strerror or type(failed).__name__
        message = (
            f"the metrics file `{file}` could not be written: {reason}. The run is not affected. "
            "Next: give `--metrics-file` a place in a folder that exists and can be written."
        )
        log_event(logger, "metrics_failed", message)


# of the whole ping: a name look-up has no limit of its own, and headers may arrive slowly
LONGEST_SECONDS: Final = 10.0
LONGEST_BODY: Final = 2000


@dataclass(frozen=True, slots=True)
class Ping:
    """Posts to `url`, `url`/start and `url`/fail; a failure is logged and never raised.

    The address works like a password for the monitor's check, so its path is never shown.
    Raises `SettingInvalid` for an address that is not https, or http to this machine.
    """

    url: str
    longest_seconds: float = LONGEST_SECONDS

    def __post_init__(self) -> None:
        if not is_web_address(self.url):
            raise SettingInvalid(
                key="ping-url",
                value="(not shown)",
                expected="an address such as `https://hc-ping.com/<uuid>`; `http://` is accepted "
                "for this machine only",
            )

    def send(self, suffix: str, body: str = "") -> None:
        """Post the body: `/start`, `/fail`, or no suffix for a success."""
        parts = urlsplit(self.url)
        url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix, fragment=""))
        text, headers = body[:LONGEST_BODY].encode(), {"Content-Type": "text/plain; charset=utf-8"}
        problem = post(url, text, headers, longest_seconds=self.longest_seconds).problem
        if problem is not None:
            message = (
                f"the ping to `{parts.hostname}` failed: {problem}. The run is not affected. "
                "Next: nothing, unless it happens again; then compare `--ping-url` with the "
                "monitor's page."
            )
            log_event(logger, "ping_failed", message)


class Monitors(logging.Handler):
    """The metrics file and the ping that the flags of `run` name.

    As a handler of the package's logger it reports the start of the first run.
    """

    def __init__(
        self, metrics_file: str | None, ping: Ping | None, destination: str, database: str | None
    ) -> None:
        super().__init__()
        self.metrics_file, self.ping = metrics_file, ping
        self.destination, self.database = destination, database
        self._is_started = False

    def emit(self, record: logging.LogRecord) -> None:
        if vars(record).get("event") == "run_started":
            self.started()

    def started(self) -> None:
        """Report the start, once: of a run that has its lock, or that an error prevents."""
        if self.ping is not None and not self._is_started:
            self._is_started = True
            self.ping.send("/start")

    def ended(self, parts: Sequence[ConnectionRun]) -> None:
        """Report runs that ended, complete or not, or that an error prevented.

        A run that was turned away by another one is no failure: the other one reports.
        """
        reported = [part for part in parts if not _is_turned_away(part)]
        if not reported:
            return
        self.started()
        self._write_metrics(parts)
        if self.ping is not None:
            body = "\n".join(_summary(part, is_named=len(parts) > 1) for part in parts)
            self.ping.send("/fail" if any(part.exit_code for part in reported) else "", body)

    def _write_metrics(self, parts: Sequence[ConnectionRun]) -> None:
        """Write the apps of these runs only: other apps of the database have their own files."""
        if self.metrics_file is None:
            return
        try:
            status = read_status(destination_for(self.destination, database=self.database))
        except KoreCampaignsError:
            status = Status("")  # the run has reported this error
        apps: list[App] = []
        ended: dict[str, int] = {}
        for part in parts:
            run_id = None if part.report is None else part.report.run_id
            found = [app for app in status.apps if app.last_run and app.last_run.run_id == run_id]
            if not found:
                try:
                    stream_id = resolve(connection=part.connection).stream_id
                except KoreCampaignsError:
                    stream_id = ""  # the settings may be the reason of the failure
                found = [app for app in status.apps if app.stream_id == stream_id]
                is_of_all = part.report is None or part.report.sweep != ONLY
                if is_of_all and not _is_turned_away(part):
                    ended[stream_id] = part.exit_code
            apps += found
        write_metrics(replace(status, apps=apps), self.metrics_file, ended=ended)


def _is_turned_away(part: ConnectionRun) -> bool:
    return part.ending is not None and part.ending.code == DatabaseLocked.code


def _summary(part: ConnectionRun, *, is_named: bool) -> str:
    """The run in one line, then the reasons why it failed."""
    lines = []
    if part.ending is not None:
        lines = [f"exit code {part.ending.exit_code}: {part.ending.message}"]
    elif part.report is not None:
        lines = [in_one_line(part.report)]
        if part.exit_code:
            reasons = [problem.message for problem in problems(part.report)]
            lines += reasons or [str(failure) for failure in part.report.failures[:1]]
    return (f"{part.connection}: " if is_named else "") + "\n".join(lines)
