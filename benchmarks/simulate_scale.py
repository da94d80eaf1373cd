"""Calls, minutes, processes and storage from 1 account to 10,000, by simulation.

It is believed only where it agrees with a small case that the real command has just run; the costs
that it adds up are measured by `--only costs`. Writes the tables of docs/explanation/scale.md:

    PYTHONPATH=tests python benchmarks/simulate_scale.py \
        --markdown docs/explanation/scale.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import write_part
from scale_table import scale_table
from small_case import TOLERANCE, Small, compare, comparison_table
from table import machine

# the parts of the page, each made and written by itself
SMALL, COSTS, SCALE = "small", "costs", "scale"


class NotBelievedError(Exception):
    """The simulation does not match the measured case, so its other results mean nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the parts, and write them into a page; 1 if the small case is not reproduced."""
    options = _parser().parse_args(arguments)
    for part, make in _PARTS.items():
        if options.only not in (None, part):
            continue
        try:
            lines = make()
        except NotBelievedError as missed:
            print(missed, file=sys.stderr)
            return 1
        print("\n".join(lines), flush=True)
        if options.markdown:
            write_part(options.markdown, part, lines)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write into FILE, between its markers"
    )
    parser.add_argument("--only", choices=tuple(_PARTS), help="one part of it")
    return parser


def _small() -> list[str]:
    found = compare(Small())
    missed = [one.what for one in found if not one.is_close]
    lines = [f"Measured on {machine()}.", "", *comparison_table(found)]
    if missed:
        lines.append(f"Off by more than {TOLERANCE:.0%}: {', '.join(missed)}.")
        raise NotBelievedError("\n".join(lines))
    return lines


def _costs() -> list[str]:
    # a server of its own: only this part needs what the tests bring
    from warehouse_costs import measure_warehouse

    return [f"Measured on {machine()}.", "", *measure_warehouse().table()]


_PARTS: dict[str, Callable[[], list[str]]] = {SMALL: _small, COSTS: _costs, SCALE: scale_table}


if __name__ == "__main__":
    sys.exit(main())
