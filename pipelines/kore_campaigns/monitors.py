"""Who is told how a run ended: a collector by file, a monitor by ping. Neither ever harms a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kore_campaigns import events
from kore_campaigns.destinations import place_of
from kore_campaigns.disk import replace_text
from kore_campaigns.endings import Ending
from kore_campaigns.errors import KoreCampaignsError
from kore_campaigns.events import Tell
from kore_campaigns.facts import App, Status
from kore_campaigns.lookup import resolve
from kore_campaigns.metrics import RunEnded, metrics_text
from kore_campaigns.ping import Ping
from kore_campaigns.problems import in_one_line, problems
from kore_campaigns.project import project_folder
from kore_campaigns.runs import ConnectionRun
from kore_campaigns.status import read_status


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
