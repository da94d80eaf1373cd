"""How far a run is: a bar on a terminal, a plain line now and then in cron, silence when asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from tqdm import tqdm

from kore_campaigns import events
from kore_campaigns.events import Tell
from kore_campaigns.problems import duration
from kore_campaigns.report import RunReport
from kore_campaigns.sweep import Progress, silent

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
