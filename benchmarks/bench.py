"""`make bench`: speed, memory and requests of kore-campaigns beside a plain script."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from budget import measure_budget
from cases import PROGRAMS, RUNS, Case, measure
from measure import Cost, clean_environment
from table import Measured, aligned, cost_table, machine
from targets import run_targets, start_targets, target_table, view_targets
from views import CAMPAIGNS, VERSIONS, measure_views

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
# compiles the modules of both programs, so that no measured run does
WARM_UP = Case(10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and compare with the targets."""
    options = _parser().parse_args(arguments)
    for program in PROGRAMS:
        list(measure(WARM_UP, program))
    measured = _measure_all(options.sizes, repeat=options.repeat)
    with TemporaryDirectory(prefix="kore-bench-") as scratch:
        folder = Path(scratch)
        environment = clean_environment(folder)
        targets = [*run_targets(measured), *start_targets(folder, environment)]
        if options.views:
            _say(f"views over {CAMPAIGNS:,} campaigns with {VERSIONS} versions each")
            view_times = measure_views(environment)
            targets += view_targets(view_times)
    how_often = "once" if options.repeat == 1 else f"{options.repeat} times: medians, highest peaks"
    lines = [f"Measured {how_often}, on {machine()}.", "", *cost_table(measured), ""]
    lines += target_table(targets)
    if options.views:
        lines += ["", *view_times.table()]
    if options.budget_minutes:
        _say(f"1,000 campaigns under 60 calls a minute: {options.budget_minutes + 2} minutes")
        names = ["1,000 unchanged, 60 calls a minute", "seconds", "calls"]
        rows = measure_budget(options.budget_minutes).rows()
        lines += ["", *aligned(names, rows, left=1)]
    print("\n".join(lines))
    if options.markdown:
        _write(options.markdown, lines)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes",
        type=read_cases,
        default="100,1000,10000,1000@100",
        metavar="N[@MS],...",
        help="campaigns, and the latency of a call in ms (default: %(default)s)",
    )
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="for medians")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write into FILE, between its markers"
    )
    parser.add_argument(
        "--budget-minutes",
        type=int,
        default=2,
        metavar="N",
        help="how long to ask for each under the real budget; 0 leaves this out",
    )
    parser.add_argument(
        "--no-views", dest="views", action="store_false", help="leave the views' times out"
    )
    return parser


def read_cases(text: str) -> list[Case]:
    cases = []
    for part in text.split(","):
        campaigns, _, latency_ms = part.partition("@")
        cases.append(Case(int(campaigns), int(latency_ms or 0)))
    return cases


def _measure_all(cases: Sequence[Case], *, repeat: int) -> Measured:
    measured: dict[tuple[Case, str, str], list[Cost]] = defaultdict(list)
    for case in cases:
        for number in range(repeat):
            # by turns, so that a busy minute of the machine hits both
            for program in PROGRAMS:
                _say(f"{program.name}: {case}, {number + 1} of {repeat}")
                for step, cost in zip(RUNS, measure(case, program), strict=True):
                    measured[case, program.name, step].append(cost)
    return measured


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write(path: Path, lines: Sequence[str]) -> None:
    """Replace what stands between the markers; a file without them is written whole."""
    block = "\n".join([BEGIN, *lines, END])
    before, began, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, ended, after = rest.partition(END)
    text = before + block + after if began and ended else block + "\n"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
