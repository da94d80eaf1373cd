"""Console: what is printed, progress, signals and the log on stderr."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

from pythonjsonlogger.core import RESERVED_ATTRS, merge_record_extra
from pythonjsonlogger.json import JsonFormatter
from tqdm import tqdm

from kore_campaigns.events import log_event
from kore_campaigns.extract.report import RunReport, duration
from kore_campaigns.extract.sweep import Progress, silent

logger = logging.getLogger(__name__)

STOPPING = "stopping: what was fetched is being stored; press Ctrl-C again to stop at once."


def say(line: str) -> None:
    print(f"kore-campaigns: {line}", file=sys.stderr, flush=True)


def log_line(line: str) -> None:
    """A line for programs; whoever does not read it any more is no reason to stop."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def show(text: str = "") -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader has seen enough; the exit code still counts
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_result(
    options: argparse.Namespace, as_json: Any, summary: Sequence[str], *, quiet: bool = False
) -> None:
    if options.json:
        show(json.dumps(as_json, default=str))
    elif not quiet:
        show("\n".join(summary))


def from_here(path: str | None) -> str | None:
    """A path given as a flag belongs to the current folder, as with any command."""
    return None if path is None else os.path.abspath(path)  # noqa: PTH100


def stop_on_signals(sentence: str = STOPPING) -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; a second one ends the program at once."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        log_event(logger, "stop_requested", sentence)

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    return stop


SECONDS_BETWEEN_LINES = 30.0
SECONDS_BETWEEN_ETAS = 0.5


@contextmanager
def show_progress(*, quiet: bool) -> Iterator[Progress]:
    """What `run_pipeline` calls after each answer. All of it goes to stderr."""
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        bar: tqdm[NoReturn] = tqdm(unit=" campaigns", bar_format=_BAR, leave=False, file=sys.stderr)
        with bar:
            yield _on(bar)
    else:
        yield lines_to(sys.stderr.write)


# tqdm's own guess from the speed so far is far off where calls come in bursts of a minute's budget
_BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"


def _on(bar: tqdm[NoReturn]) -> Progress:
    due = 0.0

    def progress(report: RunReport, eta_seconds: Callable[[int], float]) -> None:
        nonlocal due
        bar.total = report.planned
        bar.n = report.done
        if time.monotonic() >= due:
            due = time.monotonic() + SECONDS_BETWEEN_ETAS
            bar.set_postfix_str(_left(report, eta_seconds), refresh=False)
        bar.update(0)

    return progress


def lines_to(
    write: Callable[[str], object], *, now: Callable[[], float] = time.monotonic
) -> Progress:
    """Progress as a line every `SECONDS_BETWEEN_LINES`."""
    due = now() + SECONDS_BETWEEN_LINES

    def progress(report: RunReport, eta_seconds: Callable[[int], float]) -> None:
        nonlocal due
        if now() >= due:
            due = now() + SECONDS_BETWEEN_LINES
            done = f"{report.done} of {report.planned} campaigns"
            write(f"kore-campaigns: {done}, {_left(report, eta_seconds)}\n")

    return progress


@contextmanager
def log_progress(*, now: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """Progress as an event every `SECONDS_BETWEEN_LINES`."""
    due = now() + SECONDS_BETWEEN_LINES

    def progress(report: RunReport, eta_seconds: Callable[[int], float]) -> None:
        nonlocal due
        if now() >= due:
            due = now() + SECONDS_BETWEEN_LINES
            log_event(
                logger,
                "progress",
                done=report.done,
                planned=report.planned,
                failed=report.failed,
                eta_seconds=round(eta_seconds(report.planned - report.done), 1),
            )

    yield progress


def _left(report: RunReport, eta_seconds: Callable[[int], float]) -> str:
    left = f"about {duration(eta_seconds(report.planned - report.done))} left"
    return f"{report.failed} failed, {left}" if report.failed else left


class EventFormatter(JsonFormatter):
    """An event as a JSON object; docs/operations.md names the fields."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        fields = vars(record)
        log_data["ts"] = f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        log_data["level"] = record.levelname.lower()
        log_data["event"] = fields["event"]
        log_data["run_id"] = fields["run_id"]
        if fields["sentence"]:
            log_data["message"] = fields["sentence"]
        merge_record_extra(record, log_data, reserved={*RESERVED_ATTRS, "sentence"})


class JsonLines(logging.Handler):
    """Writes each event as a line of JSON, with the id of the run once one has started."""

    def __init__(self, write: Callable[[str], object], *, is_quiet: bool = False) -> None:
        super().__init__()
        self.setFormatter(EventFormatter(json_default=str))
        self._write = write
        self._lowest = logging.WARNING if is_quiet else logging.NOTSET
        self._run_id: str | None = None
        self._waiting: list[str] = []
        self._is_writing = False

    def emit(self, record: logging.LogRecord) -> None:
        if not hasattr(record, "event"):
            return
        self._run_id = record.run_id = getattr(record, "run_id", self._run_id)
        if record.levelno < self._lowest:
            return
        self._waiting.append(self.format(record))
        if self._is_writing:  # a signal handler logs in the middle of a line
            return
        self._is_writing = True
        try:
            while self._waiting:
                self._write(self._waiting.pop(0))
        finally:
            self._is_writing = False


class PlainLines(logging.Handler):
    """Shows each event to a person."""

    def emit(self, record: logging.LogRecord) -> None:
        say(vars(record).get("sentence") or record.getMessage())


@contextmanager
def log_to_stderr(*, as_json: bool, is_quiet: bool) -> Iterator[None]:
    """Write events to stderr: all of them as JSON, or for people those of commands and monitors.

    What people see of a run is its summary, which names its problems.
    """
    handler = JsonLines(log_line, is_quiet=is_quiet) if as_json else PlainLines()
    below = ("",) if as_json else (".cli", ".reports")
    loggers = [logging.getLogger(f"kore_campaigns{name}") for name in below]
    package = logging.getLogger("kore_campaigns")
    before = package.level, package.propagate
    package.setLevel(logging.INFO)
    package.propagate = False
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        package.setLevel(before[0])
        package.propagate = before[1]
