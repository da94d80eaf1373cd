"""`make prove`: the proofs by force, in full; their counts go into docs/explanation/guarantees.md.

They take hours, so each is recorded when it ends: with its seed, the day and the commit. One that
was cut short goes on where it was, with the same SEED at the same commit.
`make prove PROOFS="test_kill.py"` does some of them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "explanation" / "guarantees.md"
# parts that passed at the same commit with the same seed are not done again
RESULTS = TESTS.parent / ".proofs"
# pytest's exit code where no test is selected
NOTHING_LEFT = 5
BEGIN, END = "<!-- proved: begin -->", "<!-- proved: end -->"
HEAD = "| what | how many | bad | minutes | seed | day | commit |"
# each a share of what it does here, in every run of the tests
PROOFS = (
    *("test_any_course.py", "test_every_failure.py", "test_every_request.py", "test_kill.py"),
    *("test_warehouse_writers.py", "test_lying_listings.py", "test_storms.py"),
    *("test_lost_sessions.py", "test_clock_jumps.py", "test_notify_kills.py"),
)


@dataclass
class Proof:
    """What the tests of one proof came to."""

    tried: int = 0
    bad: int = 0
    seconds: float = 0.0


def main() -> int:
    """Prove, print, and put the counts of each proof in which nothing was bad into the page."""
    options = _parser().parse_args()
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    print(f"seed {seed}; this takes hours, SEED={seed} goes on with what was not done", flush=True)
    RESULTS.mkdir(exist_ok=True)
    is_passed = True
    for name in options.proofs or PROOFS:
        results = RESULTS / f"{name}-{_commit()}-{seed}.jsonl"
        done = [each["test"] for each in _read(results) if each["passed"]]
        code = _test(name, results, seed=seed, workers=options.workers, done=done)
        rows = _rows(_proofs(_read(results)), seed)
        print(HEAD, *rows.values(), sep="\n", flush=True)
        if code == 0:
            _record(rows)
        is_passed &= code == 0
    return not is_passed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proofs", nargs="*", metavar="FILE", help=f"of {', '.join(PROOFS)}")
    parser.add_argument("--seed", type=int, metavar="N", help="of what is drawn at random")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="tests at a time")
    return parser


def _test(name: str, results: Path, *, seed: int, workers: int, done: Iterable[str]) -> int:
    """What is left of a proof; its exit code, 0 as well if nothing was."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--maxschedchunk=1"]
    command += [f"--deselect={test}" for test in done]
    environment = {"PROVE": "full", "PROVE_SEED": str(seed), "PROVE_RESULTS": str(results)}
    code = subprocess.run(
        [*command, f"tests/exhaustive/{name}"],
        cwd=TESTS.parent,
        env=os.environ | environment,
        check=False,
    ).returncode
    return 0 if code == NOTHING_LEFT else code


def _read(results: Path) -> list[dict[str, Any]]:
    """How each test of a proof ended, the last time."""
    found: dict[str, dict[str, Any]] = {}
    for line in results.read_text(encoding="utf-8").splitlines() if results.exists() else ():
        ended = json.loads(line)
        found[ended["test"]] = ended
    return [*found.values()]


def _proofs(ended: Iterable[dict[str, Any]]) -> dict[str, Proof]:
    """By name of the proof; tests without one belong to none."""
    proofs: dict[str, Proof] = {}
    for each in ended:
        if "proof" in each:
            proof = proofs.setdefault(each["proof"], Proof())
            proof.tried += each.get("tried", 0)
            proof.bad += max(each.get("bad", 0), not each["passed"])
            proof.seconds += each["seconds"]
    return proofs


def _rows(proofs: Mapping[str, Proof], seed: int) -> dict[str, str]:
    """A line of the table for each."""
    day = datetime.now(UTC).date()
    return {
        name: f"| {name} | {proof.tried:,} | {proof.bad} | {proof.seconds / 60:.0f} "
        f"| {seed} | {day} | {_commit()} |"
        for name, proof in proofs.items()
    }


def _commit() -> str:
    """What was proven: the commit, with a plus if files differ from it, but for the page."""
    page = PAGE.relative_to(TESTS.parent)
    differs = _git("status", "--porcelain", "--", ".", f":(exclude){page}")
    return _git("rev-parse", "--short=7", "HEAD") + ("+" if differs else "")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    ended = subprocess.run(command, cwd=PAGE.parents[1], capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def _record(rows: Mapping[str, str]) -> None:
    """Put the lines in the place of those of the same proofs."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    old, _, after = rest.partition(END)
    PAGE.write_text("\n".join([before + BEGIN, *_merged(old, rows), END + after]), encoding="utf-8")


def _merged(old: str, rows: Mapping[str, str]) -> Iterable[str]:
    known = {line.split(" | ")[0].strip("| "): line for line in old.splitlines()[3:] if line}
    yield HEAD
    yield "|---|---|---|---|---|---|---|"
    yield from dict(sorted({**known, **rows}.items())).values()


if __name__ == "__main__":
    sys.exit(main())
