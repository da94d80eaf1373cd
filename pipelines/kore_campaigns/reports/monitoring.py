"""Monitoring of a run: a metrics file for Prometheus and pings. Their failures are warnings."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import requests
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from kore_campaigns.api.endpoints import is_loopback
from kore_campaigns.api.responses import NO_RESPONSE, reason_of
from kore_campaigns.config.project import project_folder
from kore_campaigns.config.settings import resolve
from kore_campaigns.errors import ErrorSummary, KoreCampaignsError, SettingInvalid
from kore_campaigns.events import log_event
from kore_campaigns.extract.report import in_one_line, problems
from kore_campaigns.load import destination_for
from kore_campaigns.load.disk import replace_text
from kore_campaigns.pipeline import ConnectionRun
from kore_campaigns.reports.status import App, LastRun, Status, read_status

logger = logging.getLogger(__name__)

# name without the prefix -> help; all are gauges with the app (`stream_id`) as label
METRICS: Final = {
    "last_run_timestamp_seconds": "End of the last run; its start if it was killed.",
    "last_run_success": "1 if the last run fetched and stored every campaign, else 0.",
    "last_run_exit_code": "Exit code of the last run; absent if it was killed.",
    "last_run_planned": "Campaigns that the last run was to read.",
    "last_run_fetched": "Campaigns that were fetched.",
    "last_run_new_versions": "Versions stored, without deletions.",
    "last_run_unchanged": "Campaigns that equal their stored version.",
    "last_run_vanished": "Campaigns marked deleted.",
    "last_run_failed": "Campaigns that failed.",
    "last_run_requests": "HTTP requests sent, retries included.",
    "last_run_retries": "Requests that were retries.",
    "last_run_rate_limited": "Responses `call limit reached`.",
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
PREFIX: Final = "kore_campaigns_"


@dataclass(frozen=True, slots=True)
class RunEnded:
    """End of a run that the database has no row of."""

    stream_id: str
    exit_code: int
    at: datetime


def metrics_text(
    apps: Sequence[App], *, database_bytes: int, ended: Sequence[RunEnded] = ()
) -> str:
    """The metrics file; an element of `ended` replaces the last run of its app."""
    ended_by_stream = {each.stream_id: each for each in ended}
    series = {app.stream_id: _app_series(app) for app in apps}
    for app in apps:
        if app.stream_id not in ended_by_stream and app.last_run is not None:
            series[app.stream_id] |= _run_series(app.last_run)
    for stream_id, run in ended_by_stream.items():
        series[stream_id] = series.get(stream_id, {}) | {
            "last_run_timestamp_seconds": run.at.timestamp(),
            "last_run_success": run.exit_code == 0,
            "last_run_exit_code": run.exit_code,
        }
    registry = CollectorRegistry()
    for name, help_text in METRICS.items():
        values = {
            stream_id: database_bytes or None if name == "database_bytes" else found.get(name)
            for stream_id, found in series.items()
        }
        if any(value is not None for value in values.values()):
            gauge = Gauge(PREFIX + name, help_text, ["stream_id"], registry=registry)
            for stream_id, value in values.items():
                if value is not None:
                    gauge.labels(stream_id).set(value)
    return generate_latest(registry).decode()


def _app_series(app: App) -> dict[str, float | None]:
    complete_at, full_sweep_at = app.last_complete_at, app.last_full_sweep_at
    return {
        "last_complete_run_timestamp_seconds": complete_at and complete_at.timestamp(),
        "last_full_sweep_timestamp_seconds": full_sweep_at and full_sweep_at.timestamp(),
        **{name: getattr(app, name) for name in ("configured", "live", "deleted", "stale")},
        "drift": app.drift,
    }


def _run_series(run: LastRun) -> dict[str, float | None]:
    counters = (
        *("planned", "fetched", "new_versions", "unchanged", "vanished", "failed"),
        *("requests", "retries", "rate_limited"),
    )
    return {
        # a run that was killed recorded no end
        "last_run_timestamp_seconds": (run.finished_at or run.started_at).timestamp(),
        "last_run_success": run.exit_code == 0,
        "last_run_exit_code": run.exit_code,
        "last_run_seconds": run.duration_seconds,
        **{f"last_run_{name}": getattr(run, name) for name in counters},
    }


CONNECT_SECONDS: Final = 3.05
READ_SECONDS: Final = 5.0
# for all of it: a name look-up has no limit of its own, and headers may arrive slowly
LONGEST_SECONDS: Final = 10.0
LONGEST_BODY: Final = 2000


@dataclass(frozen=True, slots=True)
class Ping:
    """Posts to `url`, `url`/start and `url`/fail; a failure is passed to `warn` and never raised.

    The address is as good as a password for the monitor's check, so its path is never shown.
    Raises `SettingInvalid` for an address that is not https, or http to this machine.
    """

    url: str
    warn: Callable[[str], None]
    longest_seconds: float = LONGEST_SECONDS

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            _ = parts.port  # raises for a port that is not a number up to 65535
            is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(self.url))
            is_address = bool(parts.hostname) and self.url.isprintable() and " " not in self.url
        except ValueError:
            is_safe = is_address = False
        if not (is_safe and is_address):
            raise SettingInvalid(
                key="ping-url",
                value="(not shown)",
                expected="an address such as `https://hc-ping.com/<uuid>`; `http://` is accepted "
                "for this machine only",
            )

    def start(self) -> None:
        self._send("/start", "")

    def success(self, body: str) -> None:
        self._send("", body)

    def fail(self, body: str) -> None:
        self._send("/fail", body)

    def _send(self, suffix: str, body: str) -> None:
        parts = urlsplit(self.url)
        url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix, fragment=""))
        results: list[str | None] = []
        # a thread, since nothing else ends a name look-up in time
        thread = threading.Thread(
            target=lambda: results.append(_post(url, body)), name="ping", daemon=True
        )
        thread.start()
        thread.join(self.longest_seconds)
        problem = results[0] if results else f"no answer within {self.longest_seconds:g} s"
        if problem is not None:
            self.warn(
                f"the ping to `{parts.hostname}` failed: {problem}. The run is not affected. "
                "Next: nothing, unless it happens again; then compare `--ping-url` with the "
                "monitor's page."
            )


def _post(url: str, body: str) -> str | None:
    """Reason of the failure, or None."""
    try:
        with requests.post(
            url,
            data=body[:LONGEST_BODY].encode(),
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,  # the body of the response is not needed
            auth=lambda request: request,  # without an auth requests looks one up in ~/.netrc
        ) as response:
            is_accepted = 200 <= response.status_code < 300
            return None if is_accepted else f"HTTP {response.status_code}"
    except NO_RESPONSE as failed:
        return reason_of(failed)
    except (ValueError, UnicodeError):  # their texts may contain the path
        return "the address cannot be used"


def write_metrics_of(status: Status, file: str, *, ended: Sequence[RunEnded] = ()) -> None:
    """The file, or an event that says why it could not be written."""
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


@dataclass(frozen=True, slots=True)
class Monitors:
    """Those that the flags of `run` name."""

    metrics_file: str | None
    ping: Ping | None
    destination: str
    database: str | None
    connections: Sequence[str | None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def started(self) -> None:
        if self.ping is not None:
            self.ping.start()

    def ended(self, parts: Sequence[ConnectionRun]) -> None:
        """The runs came to their end, well or not."""
        if self.metrics_file is not None:
            self._write(self.metrics_file, parts)
        if self.ping is None:
            return
        told = "\n".join(_told(part, len(parts)) for part in parts)
        if any(part.exit_code for part in parts):
            self.ping.fail(told)
        else:
            self.ping.success(told)

    def failed(self, ending: ErrorSummary) -> None:
        """An error ended all of it, or kept it from beginning."""
        parts = [ConnectionRun(name, ending=ending) for name in self.connections]
        if self.metrics_file is not None:
            self._write(self.metrics_file, parts)
        if self.ping is not None:
            self.ping.fail(_of_ending(ending))

    def _write(self, file: str, parts: Sequence[ConnectionRun]) -> None:
        """The apps of these runs alone: others in the database have files of their own."""
        status = self._status()
        apps: list[App] = []
        ended: list[RunEnded] = []
        for part in parts:
            run_id = None if part.report is None else part.report.run_id
            of_run = [app for app in status.apps if app.last_run and app.last_run.run_id == run_id]
            if not of_run:
                stream_id = self._stream_id(part.connection)
                of_run = [app for app in status.apps if app.stream_id == stream_id]
                ended.append(RunEnded(stream_id, part.exit_code, self.now()))
            apps += of_run
        of_these = Status(status.database, apps, database_bytes=status.database_bytes)
        write_metrics_of(of_these, file, ended=ended)

    def _status(self) -> Status:
        try:
            folder = project_folder()
            return read_status(
                destination_for(self.destination, database=self.database, folder=folder)
            )
        except KoreCampaignsError:
            return Status("")  # the run has said so

    def _stream_id(self, connection: str | None) -> str:
        try:
            return resolve(connection=connection).stream_id
        except KoreCampaignsError:
            return ""  # the settings themselves may be what is wrong


def _told(part: ConnectionRun, count: int) -> str:
    """The run in one line, and why it is not well; with its connection where there are several."""
    whose = f"{part.connection}: " if count > 1 else ""
    if part.report is None:
        return whose + ("" if part.ending is None else _of_ending(part.ending))
    lines = [in_one_line(part.report)]
    if part.exit_code:
        reasons = [problem.message for problem in problems(part.report)]
        lines += reasons or [str(failure) for failure in part.report.failures[:1]]
    return whose + "\n".join(lines)


def _of_ending(ending: ErrorSummary) -> str:
    return f"exit code {ending.exit_code}: {ending.message}"
