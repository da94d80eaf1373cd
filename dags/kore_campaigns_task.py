"""What a task of the DAG does: one run of `kore-campaigns` for one connection.

Neither the package nor dlt is imported before a task runs, and in Airflow's own environment only
where no other Python is configured.
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
    """How a run ended, and what it told on its way."""

    exit_code: int = 1
    report: dict[str, Any] | None = None
    code: str | None = None
    told: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def hear(self, log: logging.Logger, event: Mapping[str, Any]) -> None:
        """Writes an event into the task's log, and remembers what the outcome depends on."""
        name, message = str(event["event"]), str(event.get("message") or "")
        if "campaign_id" in event:
            message = f"{event['campaign_id']}: {message}"
        facts = {key: value for key, value in event.items() if key not in _ELSEWHERE}
        level = logging.getLevelNamesMapping()[str(event["level"]).upper()]
        log.log(level, "%s: %s", name, message or facts)
        self.told.add(name)
        if name == "run_failed":
            self.code = event.get("code")
        if message and level >= logging.WARNING:
            self.problems.append(message)

    @property
    def sentence(self) -> str:
        """How it ended, and the first thing that went wrong."""
        first, last = self.problems[:1], self.problems[1:][-1:]
        return f"exit code {self.exit_code}: {' '.join(last + first) or 'it said nothing'}"


_ELSEWHERE: Final = ("ts", "level", "event", "message", "run_id")


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
        # a worker need keep nothing: what was loaded is asked of the warehouse
        with TemporaryDirectory(prefix="kore-campaigns-") as folder:
            environment = {
                **kore_environment(self.connection, Path(folder)),
                **warehouse_environment(conf.get(SECTION, "warehouse", fallback="kore_warehouse")),
                "DLT_PROJECT_DIR": folder,
                # with it, dlt asks Airflow's API for each key that it looks up
                "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
            }
            python = conf.get(SECTION, "python", fallback="")
            if python:
                outcome = self._outside(python, environment, stop)
            else:
                outcome = self._inside(environment, stop)
        if outcome.report is not None:
            report = {**outcome.report, "drift": len(outcome.report["drift"])}
            told = {"connection": self.connection, "exit_code": outcome.exit_code}
            context["ti"].xcom_push(key="report", value=told | report)
        self._judge(outcome)

    def on_kill(self) -> None:
        """Airflow wants the task to end: the run stores what it has."""
        if self._stop is not None:
            self._stop.set()
        if self._process is not None:
            self._process.terminate()

    def _inside(self, environment: Mapping[str, str], stop: threading.Event) -> Outcome:
        """The package is in Airflow's own environment."""
        outcome = Outcome()
        with added_to_environment(environment):
            from kore_campaigns import run_pipeline
            from kore_campaigns.errors import UNEXPECTED, ending_of

            try:
                report = run_pipeline(
                    destination="postgres",
                    project_dir=environment["DLT_PROJECT_DIR"],
                    deadline_seconds=self.deadline_seconds,
                    stop=stop,
                    tell=lambda event: outcome.hear(
                        self.log,
                        {
                            "event": event.name,
                            "level": event.level,
                            "message": event.message,
                            **event.fields,
                        },
                    ),
                )
            except Exception as failed:
                ended = ending_of(failed)
                outcome.exit_code, outcome.code = ended.exit_code, ended.code
                outcome.problems.append(ended.message)
                if ended.code == UNEXPECTED:
                    self.log.exception("unexpected")
            else:
                outcome.exit_code, outcome.report = report.exit_code, report.as_json()
        return outcome

    def _outside(
        self, python: str, environment: Mapping[str, str], stop: threading.Event
    ) -> Outcome:
        """The package is in the environment of another Python."""
        outcome = Outcome()
        folder = environment["DLT_PROJECT_DIR"]
        deadline = ("--deadline", f"{self.deadline_seconds:.0f}s")
        where = ("--destination", "postgres", "--project-dir", folder)
        form = ("--json", "--log-format", "json")
        with Path(folder, "report.json").open("w+", encoding="utf-8") as answer:
            self._process = subprocess.Popen(  # noqa: S603  # its parts are ours and the operator's
                [python, "-m", "kore_campaigns", "run", *where, *deadline, *form],
                env={**without_airflow(os.environ), **environment},
                stdout=answer,
                stderr=subprocess.PIPE,
                text=True,
                # it gets one signal, from `on_kill`: at a second it would end at once
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
                    outcome.hear(self.log, event)
            outcome.exit_code = self._process.wait()
            answer.seek(0)
            told = answer.read()
        outcome.report = json.loads(told) if told.strip() else None
        return outcome

    def _judge(self, outcome: Outcome) -> None:
        """What Airflow is to make of it: success, a retry, a failure, or left to the next run."""
        if outcome.exit_code == 0:
            return
        if outcome.exit_code == TRY_LATER and DEADLINE in outcome.told:
            raise AirflowSkipException(outcome.sentence)
        # in a pool of one slot, who holds the account is a run that was killed and is not gone yet
        if outcome.exit_code == TRY_LATER or outcome.code == LOCKED:
            raise AirflowException(outcome.sentence)
        raise AirflowFailException(outcome.sentence)


def event_of(line: str) -> dict[str, Any] | None:
    """An event of the log for programs; None for a line that is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"event", "level"} <= found.keys() else None


@contextmanager
def added_to_environment(added: Mapping[str, str]) -> Iterator[None]:
    """`airflow dags test` runs every task in one process: none is to see another's settings."""
    before = dict(os.environ)
    os.environ.update(added)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def without_airflow(environment: Mapping[str, str]) -> dict[str, str]:
    """Airflow's own secrets are no business of the run."""
    return {key: value for key, value in environment.items() if not key.startswith("AIRFLOW")}


def _end_with_parent() -> None:
    """A task that is killed leaves no run behind: the kernel kills that, too."""
    # not SIGTERM, which comes once for each thread of the parent, and the second ends it anyway
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
