"""The only place that prints: messages to stderr, answers to stdout."""

from __future__ import annotations

import os
import sys


def say(line: str) -> None:
    print(f"kore-campaigns: {line}", file=sys.stderr, flush=True)


def show(text: str = "") -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader has seen enough; the exit code still counts
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
