"""Console: printing, signals, progress, and the log on stderr."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pythonjsonlogger.core import RESERVED_ATTRS, merge_record_extra

from kore_campaigns.events import log_event
from kore_campaigns.extract.report import RunReport, duration

if TYPE_CHECKING:
    from kore_campaigns.extract.sweep import Progress

logger = logging.getLogger(__name__)

STOPPING = "stopping: fetched campaigns are being stored; press Ctrl-C again to stop at once."


def use_streams() -> None:
    """Give a standard stream that is missing a place to write to; write signs that it lacks."""
    for name in ("stdin", "stdout", "stderr"):  # in the order of their numbers
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(line: str) -> None:
    write_line(f"kore-campaigns: {line}")


def show(text: str = "") -> None:
    try:
        print(text, flush=True)
    except OSError as failed:
        give_up_stdout(failed)


def give_up_stdout(failed: OSError) -> None:
    """Write no more to stdout: the work is done, and its exit code counts."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(failed, BrokenPipeError):  # its reader has seen enough
        say(f"stdout could not be written: {failed.strerror}. Nothing else is affected.")


def stop_on_signals(sentence: str = STOPPING) -> threading.Event:
    """Return an event that the first Ctrl-C or SIGTERM sets; a second one ends the program."""
    stop = threading.Event()

    def request_stop(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        log_event(logger, "stop_requested", sentence)

    signal.signal(signal.SIGINT, request_stop)
    signal.signal(signal.SIGTERM, request_stop)
    return stop


SECONDS_BETWEEN_LINES = 30.0
SECONDS_BETWEEN_ESTIMATES = 0.5


@contextmanager
def show_progress(*, quiet: bool, in_log: bool = False) -> Iterator[Progress]:
    """Show the progress on stderr: as a bar on a terminal, otherwise as lines or in the log."""
    if in_log:
        yield every(SECONDS_BETWEEN_LINES, log_progress)
    elif quiet:
        yield lambda report, eta_seconds: None
    elif sys.stderr.isatty():
        from tqdm import tqdm

        # tqdm estimates from the speed so far, which is wrong under a budget per minute
        form = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"
        with tqdm(unit=" campaigns", bar_format=form, leave=False, file=sys.stderr) as bar:

            def move(report: RunReport, seconds_left: float) -> None:
                bar.total, bar.n = report.planned, report.done
                bar.set_postfix_str(left(report, seconds_left))

            yield every(SECONDS_BETWEEN_ESTIMATES, move)
    else:
        yield every(SECONDS_BETWEEN_LINES, say_progress)


def say_progress(report: RunReport, seconds_left: float) -> None:
    say(f"{report.done} of {report.planned} campaigns, {left(report, seconds_left)}")


def log_progress(report: RunReport, seconds_left: float) -> None:
    log_event(
        logger,
        "progress",
        done=report.done,
        planned=report.planned,
        failed=report.failed,
        eta_seconds=round(seconds_left, 1),
    )


def every(
    seconds: float,
    show: Callable[[RunReport, float], None],
    *,
    now: Callable[[], float] = time.monotonic,
) -> Progress:
    """Call `show` with the seconds that are left, but not more often than every `seconds`, and not
    before the run is planned.
    """
    due = now() + seconds

    def progress(report: RunReport, eta_seconds: Callable[[int], float]) -> None:
        nonlocal due
        if report.planned and now() >= due:
            due = now() + seconds
            show(report, eta_seconds(report.planned - report.done))

    return progress


def left(report: RunReport, seconds_left: float) -> str:
    """Failed campaigns, and the time that the others will take."""
    failed = f"{report.failed} failed, " if report.failed else ""
    return f"{failed}about {duration(seconds_left)} left"


class JsonLines(logging.Handler):
    """Writes each event as a JSON object in a line; docs/reference/events.md names the fields.

    Each has the id of the run once one has started.
    """

    def __init__(self, write: Callable[[str], object], *, is_quiet: bool = False) -> None:
        super().__init__()
        self._write = write
        self._lowest = logging.WARNING if is_quiet else logging.NOTSET
        self._run_id: str | None = None
        self._waiting: list[str] = []
        self._is_writing = False

    def emit(self, record: logging.LogRecord) -> None:
        fields = vars(record)
        if "event" not in fields:
            return
        self._run_id = fields.setdefault("run_id", self._run_id)
        if record.levelno < self._lowest:
            return
        line = {
            "ts": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "level": record.levelname.lower(),
            "event": fields["event"],
            "run_id": self._run_id,
        }
        if fields["sentence"]:
            line["message"] = fields["sentence"]
        merge_record_extra(record, line, reserved={*RESERVED_ATTRS, "sentence"})
        self._waiting.append(json.dumps(line, default=str))
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


def write_line(line: str) -> None:
    # a disk that is full, or a program that no longer reads, does not stop the run
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


@contextmanager
def log_to_stderr(*, as_json: bool, is_quiet: bool) -> Iterator[None]:
    """Write events to stderr: all of them as JSON, or for people those of commands and monitors.

    What people see of a run is its summary, which names its problems.
    """
    handler = JsonLines(write_line, is_quiet=is_quiet) if as_json else PlainLines()
    package = logging.getLogger("kore_campaigns")
    below = [package] if as_json else [package.getChild("cli"), package.getChild("reports")]
    before = package.level, package.propagate
    package.setLevel(logging.INFO)
    package.propagate = False
    for each in below:
        each.addHandler(handler)
    try:
        yield
    finally:
        for each in below:
            each.removeHandler(handler)
        package.setLevel(before[0])
        package.propagate = before[1]
