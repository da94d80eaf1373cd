"""The only place that prints: messages to stderr, answers to stdout; and what a shell hands in."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

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
