"""`make bench`: speed, memory and requests of kore-campaigns, compared with plain programs."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from budget import measure_budget
from cases import PROGRAMS, Case, measure
from measure import Cost, clean_environment
from table import Measured, aligned, cost_table, day_table, machine
from targets import STARTS, run_targets, start_targets, target_table, view_targets

# the parts of the page, each measured and written by itself
MEASURED, VIEWED, GRANTED = PARTS = ("measured", "views", "grants")
# compiles the modules of both programs, so that no measured run does
WARM_UP = Case(10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and compare with the targets."""
    options = _parser().parse_args(arguments)
    wanted = [options.only] if options.only else PARTS
    parts = {}
    with TemporaryDirectory(prefix="kore-bench-") as scratch:
        folder = Path(scratch)
        environment = clean_environment(folder)
        if MEASURED in wanted:
            parts[MEASURED] = _runs(options, folder, environment)
        if VIEWED in wanted:
            parts[VIEWED] = _views(environment)
        if GRANTED in wanted:
            parts[GRANTED] = _grants()
    for part, lines in parts.items():
        print("\n".join(lines))
        if options.markdown:
            write_part(options.markdown, part, lines)
    return 0


def _runs(options: argparse.Namespace, folder: Path, environment: Mapping[str, str]) -> list[str]:
    for program in () if options.quick else PROGRAMS:
        with closing(measure(WARM_UP, program)) as costs:
            next(costs)
    measured = _measure_all(options.sizes, repeat=options.repeat)
    times = 1 if options.quick else STARTS
    targets = [*run_targets(measured), *start_targets(folder, environment, times=times)]
    how_often = "once" if options.repeat == 1 else f"{options.repeat} times: medians, highest peaks"
    lines = [f"Measured {how_often}, on {machine()}.", "", *cost_table(measured), ""]
    lines += [*target_table(targets), "", *day_table(measured)]
    if options.budget_minutes:
        _say(f"1,000 campaigns under 60 calls a minute: {options.budget_minutes + 2} minutes")
        names = ["1,000 unchanged, 60 calls a minute", "seconds", "calls"]
        rows = measure_budget(options.budget_minutes).rows()
        lines += ["", *aligned(names, rows, left=1)]
    return lines


def _views(environment: Mapping[str, str]) -> list[str]:
    # a browser's and a dashboard's modules: a process that is started inherits the peak of this one
    from views import CAMPAIGNS, VERSIONS, measure_views

    _say(f"views over {CAMPAIGNS:,} campaigns with {VERSIONS} versions each")
    found = measure_views(environment)
    what = f"Measured over {CAMPAIGNS:,} campaigns with {VERSIONS} versions each"
    targets = target_table([*view_targets(found)])
    return [f"{what}, on {machine()}.", "", *targets, "", *found.table()]


def _grants() -> list[str]:
    # what it imports would be in the peak of processes that are measured before
    from grants import CALLS, measure_grants

    _say(f"places in the budget: {CALLS} calls in a file and in Postgres")
    return [f"Measured over {CALLS} calls, on {machine()}.", "", *measure_grants()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes",
        type=read_cases,
        default="12,100,1000,10000,1000@100",
        metavar="N[@MS],...",
        help="campaigns, and the latency of a call in ms (default: %(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help="no warm-up, and each start once")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="for medians")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write into FILE, between its markers"
    )
    parser.add_argument(
        "--budget-minutes",
        type=int,
        default=2,
        metavar="N",
        help="minutes to fetch each campaign under the real budget; 0 leaves this out",
    )
    parser.add_argument(
        "--only",
        choices=PARTS,
        help="runs and the other programs, views and dashboard, or the rate limit",
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
                for step, cost in measure(case, program):
                    measured[case, program.name, step].append(cost)
    return measured


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def write_part(path: Path, part: str, lines: Sequence[str]) -> None:
    """Replace what stands between the part's markers, which the page must have."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    before, began, rest = path.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (began and ended):
        message = f"{path} has no {begin} and {end}"
        raise ValueError(message)
    path.write_text(before + "\n".join([begin, *lines, end]) + after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
