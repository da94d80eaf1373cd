"""Who is told how a run ended: a collector by file, a monitor by ping. Neither ever harms a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kore_campaigns import events
from kore_campaigns.disk import replace_text
from kore_campaigns.endings import Ending
from kore_campaigns.errors import KoreCampaignsError
from kore_campaigns.events import Tell
from kore_campaigns.facts import Status
from kore_campaigns.lookup import resolve
from kore_campaigns.metrics import RunEnded, metrics_text
from kore_campaigns.ping import Ping
from kore_campaigns.problems import in_one_line, problems
from kore_campaigns.project import project_folder
from kore_campaigns.publish import workspace_for
from kore_campaigns.report import RunReport
from kore_campaigns.status import read_status


def write_metrics_of(
    status: Status, file: str, tell: Tell, *, ended: RunEnded | None = None
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
    database: str | None
    connection: str | None
    tell: Tell
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def started(self) -> None:
        if self.ping is not None:
            self.ping.start()

    def ended(self, report: RunReport) -> None:
        """The run came to its end, well or not."""
        if self.metrics_file is not None:
            self._write(self.metrics_file, run_id=report.run_id, exit_code=report.exit_code)
        if self.ping is not None and report.exit_code == 0:
            self.ping.success(in_one_line(report))
        elif self.ping is not None:
            reasons = [problem.message for problem in problems(report)]
            reasons += [str(failure) for failure in report.failures[: 0 if reasons else 1]]
            self.ping.fail("\n".join([in_one_line(report), *reasons]))

    def failed(self, ending: Ending) -> None:
        """An error ended the run, or kept it from beginning."""
        if self.metrics_file is not None:
            self._write(self.metrics_file, run_id=None, exit_code=ending.exit_code)
        if self.ping is not None:
            self.ping.fail(f"exit code {ending.exit_code}: {ending.message}")

    def _write(self, file: str, *, run_id: str | None, exit_code: int) -> None:
        """The app of this run alone: others in the database have files of their own."""
        status = self._status()
        for app in status.apps:
            if app.last_run is not None and app.last_run.run_id == run_id:
                of_app = Status(status.database, [app], database_bytes=status.database_bytes)
                write_metrics_of(of_app, file, self.tell)
                return
        stream_id = self._stream_id()
        apps = [app for app in status.apps if app.stream_id == stream_id]
        of_app = Status(status.database, apps, database_bytes=status.database_bytes)
        ended = RunEnded(stream_id, exit_code, self.now())
        write_metrics_of(of_app, file, self.tell, ended=ended)

    def _status(self) -> Status:
        try:
            return read_status(workspace_for(self.database, project_folder()))
        except KoreCampaignsError:
            return Status("")  # the run has said so

    def _stream_id(self) -> str:
        try:
            return resolve(connection=self.connection).stream_id
        except KoreCampaignsError:
            return ""  # the settings themselves may be what is wrong
