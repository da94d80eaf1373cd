"""Console: printing, signals, progress, and the log on stderr."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from itertools import cycle
from shutil import get_terminal_size
from typing import TextIO

from pythonjsonlogger.core import RESERVED_ATTRS, merge_record_extra

from kore_campaigns.errors import counted
from kore_campaigns.events import log_event
from kore_campaigns.extract.report import Progress, RunReport, duration

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


PREFIX = "kore-campaigns:"
COLOURS = {logging.WARNING: "yellow", logging.ERROR: "red"}
# what a line says, by its first word or its numbers, and how a terminal shows it; it may be
# wrapped between two words, and the later style counts
STYLES = {
    "green": r"^ok\b|^state +ok:|(?<!NOT )\bcomplete\b|verify: alike",
    "yellow": r"^(stale|drift|note|gone|skipped)\b|STALE|INTERRUPTED|\d+\s+medium",
    "red": r"^failed\b|NOT\s+(complete|alike)|FAILED|KILLED|[1-9][\d,]*\s+failed|\d+\s+high"
    r"|riskier",
    "bold": r"(?s)(^next |Next:\s).*|^\w.*\?$",
}


def say(line: str, level: int = logging.INFO) -> None:
    """Write a sentence to stderr; a terminal shows how severe it is."""
    # a disk that is full, or a program that no longer reads, does not stop the run
    with suppress(OSError):
        write(f"{PREFIX} {line}", sys.stderr, prefix_colour=COLOURS.get(level, ""))


def show(text: str, *, as_it_is: bool = False) -> None:
    """Write to stdout; a terminal shows labels, states and counts by severity."""
    try:
        if as_it_is:
            print(text, flush=True)
        else:
            write(text, sys.stdout)
    except OSError as failed:
        give_up_stdout(failed)


# control codes, and signs that reorder text: in a name they would change what a terminal shows
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def write(text: str, stream: TextIO, *, prefix_colour: str = "") -> None:
    """Write lines; on a terminal coloured, and wrapped below their text."""
    text = CONTROLS.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)
    if is_for_people(stream):
        text = coloured(text, stream, prefix_colour)
    print(text, file=stream, flush=True)


def coloured(text: str, terminal: TextIO, prefix_colour: str) -> str:
    """The lines with control codes for colours."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=terminal)
    # captured: what is printed while the bar is shown has to go through its stream
    with console.capture() as found:
        for line in text.split("\n"):
            shown = Text(fitted(line, console.width))
            for style, pattern in STYLES.items():
                shown.highlight_regex(pattern, style)
            shown.stylize(prefix_colour, 0, len(PREFIX))
            console.print(shown, soft_wrap=True)
    return found.get().removesuffix("\n")


def fitted(line: str, width: int) -> str:
    """The line, continued below its text and not below its labels, if the text has room there."""
    if len(line) <= width:
        return line
    if line.startswith("    kore-campaigns "):  # to copy and paste
        command = line.partition("  #")[0].rstrip()
        lines = _wrapped(command, width - 2, indent=8)
        return command if len(command) <= width else " \\\n".join(lines)
    labels = re.match(r" *(\S+( \S+)? {2,}|full sweep )?(\S+ {2,})?", line)
    indent = labels.end() if labels and labels.end() <= DEEPEST_INDENT else 2
    longest = max(map(len, line.split()))
    if longest > width - indent:
        indent = 2 if longest <= width - 2 else 0
        line = re.sub(r"^ {3,}", " " * indent, line)
    return "\n".join(_wrapped(line, width, indent=indent))


def _wrapped(line: str, width: int, *, indent: int) -> list[str]:
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table_width() -> int:
    """Columns of the terminal; so many that nothing is wrapped if stdout is none."""
    return get_terminal_size().columns if is_for_people(sys.stdout) else 1000


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
REDRAWS_A_SECOND = 2.0
BAR_WIDTH = 40
NARROW = 80
DEEPEST_INDENT = 24


def is_for_people(stream: TextIO) -> bool:
    """Whether a terminal shows this stream, and may be sent colours and control codes."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in ("dumb", "unknown")
    return stream.isatty() and not is_plain


def show_progress(*, quiet: bool, in_log: bool = False) -> AbstractContextManager[Progress]:
    """Show on stderr how far a run is: as a bar on a terminal, otherwise as lines or in the log."""
    progress = Progress()
    if in_log:
        return every(SECONDS_BETWEEN_LINES, log_progress, progress)
    if quiet:
        return nullcontext(progress)
    if is_for_people(sys.stderr):
        return bar(progress)
    return every(SECONDS_BETWEEN_LINES, say_progress, progress)


@contextmanager
def every(
    seconds: float, show: Callable[[RunReport, Progress], None], progress: Progress
) -> Iterator[Progress]:
    """Call `show` every `seconds` once the run is planned."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            if progress.report is not None and progress.report.planned:
                progress.context.copy().run(show, progress.report, progress)

    thread = threading.Thread(target=repeat, name="progress", daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        ended.set()
        thread.join()


def say_progress(report: RunReport, progress: Progress) -> None:
    seconds = progress.seconds_left()
    failed = f", {report.failed} failed" if report.failed else ""
    left = "" if seconds is None else f", about {duration(seconds)} left"
    say(f"{report.done} of {report.planned} campaigns{failed}{left}")


def log_progress(report: RunReport, progress: Progress) -> None:
    seconds = progress.seconds_left()
    log_event(
        logger,
        "progress",
        done=report.done,
        planned=report.planned,
        failed=report.failed,
        eta_seconds=None if seconds is None else round(seconds, 1),
    )


@contextmanager
def bar(progress: Progress) -> Iterator[Progress]:
    """Two lines at the bottom of the terminal, drawn again and again until the run ends."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)
    width = BAR_WIDTH if console.width >= NARROW else BAR_WIDTH // 4
    done_sign, open_sign = "━─" if console.encoding.startswith("utf") else "#-"
    signs_of_life = cycle("-\\|/")  # turns where nothing else changes

    def draw() -> Text:
        report, sign = progress.report, next(signs_of_life)
        if report is None or not report.planned:
            return Text(f"{sign} planning\n  {counted(progress.requests, 'request')} sent")
        done = width * report.done // report.planned
        failed = f", {report.failed} failed" if report.failed else ""
        return Text.assemble(
            f"{sign} ",
            (done_sign * done, "cyan"),
            (open_sign * (width - done), "dim"),
            f" {report.done} of {report.planned} campaigns{failed}\n  {what_is_left(progress)}",
        )

    # stdout may be another file; what is written to stderr meanwhile appears above
    with Live(
        console=console,
        get_renderable=draw,
        refresh_per_second=REDRAWS_A_SECOND,
        transient=True,
        redirect_stdout=False,
    ):
        yield progress


def what_is_left(progress: Progress) -> str:
    """Calls that are left, how long they take, and how long the budget allows none."""
    if not progress.calls_left:
        return "storing the last answers"
    seconds, waiting = progress.seconds_left(), progress.waiting_for
    left = "" if seconds is None else f", about {on_clock(seconds)}"
    wait = f"; waiting for {waiting}" if waiting else ""
    return f"{counted(progress.calls_left, 'call')} left{left}{wait}"


def on_clock(seconds: float) -> str:
    """`0:43`, `16:20`, `1:05:00`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


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
    """Shows each event to a person; with `--verbose` also its name, and the retries."""

    def __init__(self, *, is_verbose: bool = False) -> None:
        super().__init__()
        self._is_verbose = is_verbose

    def emit(self, record: logging.LogRecord) -> None:
        sentence = None if self._is_verbose else vars(record).get("sentence")
        say(sentence or record.getMessage(), record.levelno)


def write_line(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


@contextmanager
def log_to_stderr(*, as_json: bool, is_quiet: bool, is_verbose: bool = False) -> Iterator[None]:
    """Write events to stderr: all of them as JSON or with `is_verbose`, otherwise for people those
    of commands and monitors.

    What people see of a run is its summary, which names its problems.
    """
    json_lines = JsonLines(write_line, is_quiet=is_quiet)
    handler = json_lines if as_json else PlainLines(is_verbose=is_verbose)
    package = logging.getLogger("kore_campaigns")
    before = package.level, package.propagate
    package.setLevel(logging.INFO)
    package.propagate = False
    try:
        with handled_by(handler, *(() if as_json or is_verbose else ("cli", "reports"))):
            yield
    finally:
        package.setLevel(before[0])
        package.propagate = before[1]


@contextmanager
def handled_by(handler: logging.Handler, *folders: str) -> Iterator[None]:
    """Give events of these modules to a handler, by default those of the whole package."""
    package = logging.getLogger("kore_campaigns")
    loggers = [*map(package.getChild, folders)] or [package]
    for each in loggers:
        each.addHandler(handler)
    try:
        yield
    finally:
        for each in loggers:
            each.removeHandler(handler)
