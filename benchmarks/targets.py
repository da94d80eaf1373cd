"""What we hold ourselves to, and whether it was met."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from cases import DLT, OURS, SCRIPT, Case
from measure import run
from table import Measured, aligned, typical

if TYPE_CHECKING:
    from views import ViewTimes

SLOW_NETWORK = Case(1_000, latency_ms=100)
LARGE = Case(10_000)
# CPU of an unchanged run, as a share of the script's
UNCHANGED = {Case(12): 1.0, Case(100): 1.0, LARGE: 0.1}
COMPARED = (OURS, SCRIPT, DLT)
# what a user waits for before anything happens; a median of so many starts
STARTS = 5


@dataclass(frozen=True, slots=True)
class Target:
    text: str
    found: float
    limit: float
    unit: str

    def row(self) -> list[str]:
        verdict = "met" if self.found <= self.limit else "NOT met"
        return [self.text, verdict, *(f"{it:.3g} {self.unit}" for it in (self.found, self.limit))]


def target_table(targets: Sequence[Target]) -> list[str]:
    return aligned(
        ["target", "verdict", "found", "at most"], [target.row() for target in targets], left=2
    )


def run_targets(measured: Measured) -> Iterator[Target]:
    """The targets of the cases that were measured."""
    for case in dict.fromkeys(case for case, _, _ in measured):
        ours, script, with_dlt = (typical(measured[case, one.name, "first"]) for one in COMPARED)
        if case == SLOW_NETWORK:
            ratio = ours.wall_seconds / script.wall_seconds
            text = "1,000 campaigns at 100 ms: time, compared with the script"
            yield Target(text, ratio, 0.2, "x")
        if case == LARGE:
            text = "10,000 campaigns, first run: CPU, compared with the script"
            yield Target(text, ours.cpu_seconds / script.cpu_seconds, 1.6, "x")
            text = "10,000 campaigns, first run: CPU, compared with dlt and jsonl"
            yield Target(text, ours.cpu_seconds / with_dlt.cpu_seconds, 0.5, "x")
            yield Target("10,000 campaigns, first run: memory", ours.peak_mb, 350, "MiB")
        if case in UNCHANGED:
            ours, script = (typical(measured[case, one.name, "unchanged"]) for one in COMPARED[:2])
            text = f"{case.campaigns:,} campaigns, unchanged: CPU, compared with the script"
            yield Target(text, ours.cpu_seconds / script.cpu_seconds, UNCHANGED[case], "x")


def view_targets(found: ViewTimes) -> Iterator[Target]:
    """The slowest view and the slowest page."""
    many = "10,000 campaigns of 20 versions"
    view = max(found.duckdb, key=found.duckdb.__getitem__)
    yield Target(f"slowest view on DuckDB, `{view}`: {many}", found.duckdb[view], 1.0, "s")
    again = {page: seconds.again for page, seconds in found.pages.items()}
    page = max(again, key=again.__getitem__)
    yield Target(f"slowest page of the dashboard, {page}: {many}", again[page], 1.0, "s")


def start_targets(
    folder: Path, environment: Mapping[str, str], *, times: int = STARTS
) -> Iterator[Target]:
    """How long the command and the package take before they do anything."""
    helps = [
        run((OURS.command[0], "--help"), folder=folder, environment=environment).wall_seconds
        for _ in range(times)
    ]
    yield Target("`kore-campaigns --help`", median(helps), 0.3, "s")
    run((OURS.command[0], "demo"), folder=folder, environment=environment)
    status = (OURS.command[0], "status", "--database", "demo/kore_campaigns.duckdb")
    statuses = [
        run(status, folder=folder, environment=environment).cpu_seconds for _ in range(times)
    ]
    yield Target("`kore-campaigns status`, small database: CPU", median(statuses), 0.5, "s")
    imports = [_import_seconds(environment) for _ in range(times)]
    yield Target("`import kore_campaigns`", median(imports), 0.1, "s")


def _import_seconds(environment: Mapping[str, str]) -> float:
    code = (
        "from time import perf_counter\n"
        "began = perf_counter()\n"
        "import kore_campaigns\n"
        "print(perf_counter() - began)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, env=environment
    )
    return float(ended.stdout)
