"""Operator of the DAG: one run of `kore-campaigns` for one connection.

The package and dlt are imported when a task runs, and only if no other Python is configured.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from airflow.sdk import BaseOperator
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from kore_campaigns_environment import kore_environment, warehouse_environment

SECTION: Final = "kore_campaigns"
TRY_LATER: Final = 75
LOCKED: Final = "database_locked"
DEADLINE: Final = "deadline_reached"


@dataclass
class Outcome:
    """Result of a run, and the events that it logged."""

    exit_code: int = 1
    report: dict[str, Any] | None = None
    code: str | None = None
    events: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def add(self, event: Mapping[str, Any], *, level: int, message: str) -> None:
        """Keep of an event what the outcome depends on."""
        self.events.add(event["event"])
        if event["event"] == "run_failed":
            self.code = event["code"]
        if message and level >= logging.WARNING:
            self.problems.append(about(event) + message)

    @property
    def sentence(self) -> str:
        """Exit code, and the last and first problem."""
        first, last = self.problems[:1], self.problems[1:][-1:]
        return f"exit code {self.exit_code}: {' '.join(last + first) or 'no message'}"


def about(event: Mapping[str, Any]) -> str:
    """The campaign of an event, for messages."""
    return f"{event['campaign_id']}: " if "campaign_id" in event else ""


class EventHandler(logging.Handler):
    """Adds the events of this process to an outcome; Airflow shows them in the task's log."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome

    def emit(self, record: logging.LogRecord) -> None:
        event = vars(record)
        if "event" in event:
            self.outcome.add(event, level=record.levelno, message=event["sentence"])


class KoreCampaignsRun(BaseOperator):
    """`kore-campaigns run` for one connection, into the warehouse."""

    _stop: threading.Event | None = None
    _process: subprocess.Popen[str] | None = None

    def __init__(self, *, connection: str, deadline_seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self.connection = connection
        self.deadline_seconds = deadline_seconds

    def execute(self, context: Mapping[str, Any]) -> None:
        stop = self._stop = threading.Event()
        # a worker needs no files of earlier runs: the warehouse has the stored versions
        with TemporaryDirectory(prefix="kore-campaigns-") as folder:
            environment = {
                **kore_environment(self.connection, Path(folder)),
                **warehouse_environment(conf.get(SECTION, "warehouse", fallback="kore_warehouse")),
                "DLT_PROJECT_DIR": folder,
                # otherwise dlt queries Airflow's API for each key that it looks up
                "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
            }
            python = conf.get(SECTION, "python", fallback="")
            if python:
                outcome = self._outside(python, environment, stop)
            else:
                outcome = self._inside(environment, stop)
        if outcome.report is not None:
            report = {**outcome.report, "drift": len(outcome.report["drift"])}
            result = {"connection": self.connection, "exit_code": outcome.exit_code}
            context["ti"].xcom_push(key="report", value=result | report)
        self._judge(outcome)

    def on_kill(self) -> None:
        """Stop the run; it stores the fetched campaigns first."""
        if self._stop is not None:
            self._stop.set()
        if self._process is not None:
            self._process.terminate()

    def _inside(self, environment: Mapping[str, str], stop: threading.Event) -> Outcome:
        """Run the package in Airflow's own environment."""
        outcome = Outcome()
        package, handler = logging.getLogger("kore_campaigns"), EventHandler(outcome)
        package.addHandler(handler)
        with added_to_environment(environment):
            from kore_campaigns import run_pipeline
            from kore_campaigns.errors import UNEXPECTED, error_summary

            try:
                report = run_pipeline(
                    destination="postgres",
                    project_dir=environment["DLT_PROJECT_DIR"],
                    deadline_seconds=self.deadline_seconds,
                    stop=stop,
                )
            except Exception as failed:
                ended = error_summary(failed)
                outcome.exit_code, outcome.code = ended.exit_code, ended.code
                outcome.problems.append(ended.message)
                if ended.code == UNEXPECTED:
                    self.log.exception("unexpected")
            else:
                outcome.exit_code, outcome.report = report.exit_code, report.as_json()
            finally:
                package.removeHandler(handler)
        return outcome

    def _outside(
        self, python: str, environment: Mapping[str, str], stop: threading.Event
    ) -> Outcome:
        """Run the package with another Python."""
        outcome = Outcome()
        folder = environment["DLT_PROJECT_DIR"]
        deadline = ("--deadline", f"{self.deadline_seconds:.0f}s")
        where = ("--destination", "postgres", "--project-dir", folder)
        form = ("--json", "--log-format", "json")
        with Path(folder, "report.json").open("w+", encoding="utf-8") as answer:
            self._process = subprocess.Popen(  # noqa: S603  # the arguments come from this file and from Airflow's configuration
                [python, "-m", "kore_campaigns", "run", *where, *deadline, *form],
                env={**without_airflow(os.environ), **environment},
                stdout=answer,
                stderr=subprocess.PIPE,
                text=True,
                # only `on_kill` may signal it: a second signal would end it at once
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
            if stop.is_set():
                self._process.terminate()
            for line in self._process.stderr or ():
                event = event_of(line)
                if event is None:
                    self.log.warning("%s", line.rstrip())
                else:
                    level = logging.getLevelNamesMapping()[str(event["level"]).upper()]
                    message = event.get("message") or ""
                    self.log.log(level, "%s: %s%s", event["event"], about(event), message or event)
                    outcome.add(event, level=level, message=message)
            outcome.exit_code = self._process.wait()
            answer.seek(0)
            text = answer.read()
        report = json.loads(text) if text.strip() else {}
        outcome.report = report if "run_id" in report else None  # otherwise an error
        return outcome

    def _judge(self, outcome: Outcome) -> None:
        """Map the result to success, retry, failure or skip."""
        if outcome.exit_code == 0:
            return
        if outcome.exit_code == TRY_LATER and DEADLINE in outcome.events:
            raise AirflowSkipException(outcome.sentence)
        # the pool has one slot, so the lock belongs to a killed run that has not ended yet
        if outcome.exit_code == TRY_LATER or outcome.code == LOCKED:
            raise AirflowException(outcome.sentence)
        raise AirflowFailException(outcome.sentence)


def event_of(line: str) -> dict[str, Any] | None:
    """Parse a line of the JSON log; None if it is not an event."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"event", "level"} <= found.keys() else None


@contextmanager
def added_to_environment(added: Mapping[str, str]) -> Iterator[None]:
    """Set variables and remove them again: `airflow dags test` runs all tasks in one process."""
    before = dict(os.environ)
    os.environ.update(added)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def without_airflow(environment: Mapping[str, str]) -> dict[str, str]:
    """Copy of the environment without Airflow's variables, which contain its secrets."""
    return {key: value for key, value in environment.items() if not key.startswith("AIRFLOW")}


def _end_with_parent() -> None:
    """Have the kernel kill the run when its task is killed."""
    # not SIGTERM: it comes once per thread of the parent, and the second one ends the run anyway
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
