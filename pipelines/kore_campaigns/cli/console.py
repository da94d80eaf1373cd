"""Events as one JSON object a line."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from tqdm import tqdm

from kore_campaigns.extract import report as events
from kore_campaigns.extract.report import Event, RunReport, Tell, duration
from kore_campaigns.extract.sweep import Progress, silent

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


def stop_on_signals(tell: Callable[[str], None] = say) -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; a second one ends the program at once."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        tell(STOPPING)

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
def tell_progress(tell: Tell, *, now: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """Progress as an event every `SECONDS_BETWEEN_LINES`."""
    due = now() + SECONDS_BETWEEN_LINES

    def progress(report: RunReport, eta_seconds: Callable[[int], float]) -> None:
        nonlocal due
        if now() >= due:
            due = now() + SECONDS_BETWEEN_LINES
            left = eta_seconds(report.planned - report.done)
            tell(events.progress(report, eta_seconds=left))

    yield progress


def _left(report: RunReport, eta_seconds: Callable[[int], float]) -> str:
    left = f"about {duration(eta_seconds(report.planned - report.done))} left"
    return f"{report.failed} failed, {left}" if report.failed else left


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class JsonLog:
    """`write` gets each line. Every line names the run, once one has begun."""

    write: Callable[[str], object]
    is_quiet: bool = False
    """Warnings and errors alone."""
    now: Callable[[], datetime] = utc_now
    _run_id: str | None = None
    _waiting: list[str] = field(default_factory=list)
    _is_writing: bool = False

    def __call__(self, event: Event) -> None:
        self._run_id = event.fields.get("run_id", self._run_id)
        if self.is_quiet and event.level == "info":
            return
        self._waiting.append(self._line(event))
        if self._is_writing:  # a signal came in the middle of a line
            return
        self._is_writing = True
        try:
            while self._waiting:
                self.write(self._waiting.pop(0))
        finally:
            self._is_writing = False

    def _line(self, event: Event) -> str:
        line = {
            "ts": f"{self.now().astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "level": event.level,
            "event": event.name,
            "run_id": self._run_id,
            **({"message": event.message} if event.message else {}),
            **event.fields,
        }
        return json.dumps(line, default=str)
