"""Tables of the measurements, readable in a terminal and valid Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from statistics import median

from cases import LISTING, OURS, PROGRAMS, RUNS, SCRIPT, Case
from measure import Cost

# costs of each repetition, by case, program and run
Measured = Mapping[tuple[Case, str, str], Sequence[Cost]]

LIBRARIES = ("dlt", "duckdb", "pyarrow", "pandas", "requests")


def machine() -> str:
    """What the numbers depend on."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, "
        f"Python {platform.python_version()}, {libraries}"
    )


def typical(costs: Sequence[Cost]) -> Cost:
    """The median of each number; of the memory the maximum, as a limit must hold each time."""
    return Cost(
        wall_seconds=median(cost.wall_seconds for cost in costs),
        cpu_seconds=median(cost.cpu_seconds for cost in costs),
        peak_mb=max(cost.peak_mb for cost in costs),
        requests=max(cost.requests for cost in costs),
    )


def cost_table(measured: Measured) -> list[str]:
    """Make one line per case and run, with the numbers of all programs."""
    head = ["campaigns", "latency", "run"]
    for what in ("wall s", "CPU s", "peak MiB", "requests"):
        head += [what if program is OURS else program.name for program in PROGRAMS]
    rows = []
    for case in dict.fromkeys(case for case, _, _ in measured):
        for step in (*RUNS, LISTING):
            found = [measured.get((case, program.name, step)) for program in PROGRAMS]
            costs = [typical(each) if each else None for each in found]
            row = [f"{case.campaigns:,}", f"{case.latency_ms} ms", step]
            row += [f"{cost.wall_seconds:.1f}" if cost else "" for cost in costs]
            row += [f"{cost.cpu_seconds:.2f}" if cost else "" for cost in costs]
            row += [f"{cost.peak_mb:.0f}" if cost else "" for cost in costs]
            row += [f"{cost.requests:,}" if cost else "" for cost in costs]
            rows.append(row)
    return aligned(head, rows, left=3)


# a schedule of every 15 minutes: one full sweep a day, one whole listing in each other hour
A_DAY = {"first": 1, LISTING: 23, "unchanged": 72}
CALLS_A_MINUTE = 60


def day_table(measured: Measured) -> list[str]:
    """Calls of a day without changes, and the minutes of the account's budget that they take."""
    head = ["a day, every 15 minutes", "calls", SCRIPT.name, "minutes of the budget", SCRIPT.name]
    rows = []
    for case in dict.fromkeys(case for case, _, _ in measured if not case.latency_ms):
        ours = sum(
            times * typical(measured[case, OURS.name, step]).requests
            for step, times in A_DAY.items()
        )
        script = sum(A_DAY.values()) * typical(measured[case, SCRIPT.name, "unchanged"]).requests
        minutes = [f"{calls / CALLS_A_MINUTE:,.0f}" for calls in (ours, script)]
        rows.append([f"{case.campaigns:,} campaigns", f"{ours:,}", f"{script:,}", *minutes])
    return aligned(head, rows, left=1)


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """A table; the first `left` columns are texts, the others numbers."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * width for width in widths[:left]]
    rule += ["-" * (width - 1) + ":" for width in widths[left:]]
    lines = []
    for row in (head, rule, *rows):
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
