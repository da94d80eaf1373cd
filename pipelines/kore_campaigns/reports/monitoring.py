"""Who is told how a run ended: a collector by file, a monitor by ping. Neither ever harms a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import requests
from requests import PreparedRequest

from kore_campaigns.api.endpoints import is_loopback
from kore_campaigns.api.responses import NO_ANSWER, reason_of
from kore_campaigns.config.project import project_folder
from kore_campaigns.config.settings import resolve
from kore_campaigns.errors import Ending, KoreCampaignsError, SettingInvalid
from kore_campaigns.extract import report as events
from kore_campaigns.extract.report import Tell, in_one_line, problems
from kore_campaigns.load.destination import place_of
from kore_campaigns.load.disk import replace_text
from kore_campaigns.pipeline import ConnectionRun
from kore_campaigns.reports.status import App, LastRun, Status, read_status


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


CONNECT_SECONDS: Final = 3.05
READ_SECONDS: Final = 5.0
# all of it: looking a name up knows no limit of its own, and headers may trickle in
LONGEST_SECONDS: Final = 10.0
LONGEST_BODY: Final = 2000


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks `url`, `url`/start and `url`/fail; whatever goes wrong is handed to `warn` and no more.

    The address is as good as a password for the check behind it, so its path is never shown.
    Raises `SettingInvalid` for one that is not https, or http to this very machine.
    """

    url: str
    warn: Callable[[str], None]
    longest_seconds: float = LONGEST_SECONDS

    def __post_init__(self) -> None:
        if not _is_acceptable(self.url):
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
        found: list[str | None] = []
        # a thread, as nothing else ends a look-up of a name in time
        thread = threading.Thread(
            target=lambda: found.append(_post(_with(self.url, suffix), body)),
            name="ping",
            daemon=True,
        )
        thread.start()
        thread.join(self.longest_seconds)
        problem = found[0] if found else f"no answer within {self.longest_seconds:g} s"
        if problem is not None:
            self.warn(
                f"the ping to `{urlsplit(self.url).hostname}` failed: {problem}. The run is not "
                "concerned. Next: nothing, if it does not stay; else compare `--ping-url` with "
                "the monitor's page."
            )


def _is_acceptable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is not a number up to 65535
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    return is_safe and bool(parts.hostname) and url.isprintable() and " " not in url


def _with(url: str, suffix: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix, fragment=""))


def _post(url: str, body: str) -> str | None:
    """Why it failed, or None."""
    try:
        with requests.post(
            url,
            data=body[:LONGEST_BODY].encode(),
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,  # the body of the answer is of no interest
            auth=_no_password,
        ) as reply:
            return None if 200 <= reply.status_code < 300 else f"HTTP {reply.status_code}"
    except NO_ANSWER as failed:
        return reason_of(failed)
    except (ValueError, UnicodeError):  # what no check above foresaw; its text may hold the path
        return "the address cannot be used"


def _no_password(request: PreparedRequest) -> PreparedRequest:
    """Without a rule of its own requests looks for one in ~/.netrc."""
    return request


def write_metrics_of(
    status: Status, file: str, tell: Tell, *, ended: Sequence[RunEnded] = ()
) -> None:
    """The file, or an event that says why it could not be written."""
    text = metrics_text(status.apps, database_bytes=status.database_bytes, ended=ended)
    try:
        replace_text(Path(file), text)
    except OSError as failed:
        reason = failed.strerror or type(failed).__name__
        message = (
            f"the metrics file `{file}` could not be written: {reason}. The run is not concerned. "
            "Next: give `--metrics-file` a place in a folder that exists and can be written."
        )
        tell(events.metrics_failed(message))


@dataclass(frozen=True, slots=True)
class Monitors:
    """Those that the flags of `run` name."""

    metrics_file: str | None
    ping: Ping | None
    destination: str
    database: str | None
    connections: Sequence[str | None]
    tell: Tell
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

    def failed(self, ending: Ending) -> None:
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
        write_metrics_of(of_these, file, self.tell, ended=ended)

    def _status(self) -> Status:
        try:
            return read_status(place_of(self.destination, self.database, project_folder()))
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


def _of_ending(ending: Ending) -> str:
    return f"exit code {ending.exit_code}: {ending.message}"
