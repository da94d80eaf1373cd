"""`make prove`: the proofs by force, done in full, and what each came to in docs/guarantees.md.

They take hours, so each is recorded when it ends: with its seed, the day and the commit.
`make prove PROOFS="test_kill.py"` does some of them.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "guarantees.md"
BEGIN, END = "<!-- proved: begin -->", "<!-- proved: end -->"
HEAD = "| what | how many | bad | minutes | seed | day | commit |"
# each a share of what it does here, in every run of the tests
PROOFS = ("test_any_course.py", "test_every_failure.py", "test_every_request.py", "test_kill.py")


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
    print(f"seed {seed}; this takes hours", flush=True)
    is_passed = True
    with TemporaryDirectory(prefix="kore-prove-") as scratch:
        for name in options.proofs or PROOFS:
            result = Path(scratch, f"{name}.xml")
            code = _test(name, result, seed=seed, workers=options.workers)
            rows = _rows(_read(result), seed)
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


def _test(name: str, result: Path, *, seed: int, workers: int) -> int:
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={result}"]
    command += ["-o", "junit_family=xunit1", "-n", str(workers), "--maxschedchunk=1"]
    return subprocess.run(
        [*command, str(TESTS / name)],
        cwd=TESTS.parent,
        env=os.environ | {"PROVE": "full", "PROVE_SEED": str(seed)},
        check=False,
    ).returncode


def _read(result: Path) -> dict[str, Proof]:
    """By name of the proof; tests without one belong to none."""
    proofs: dict[str, Proof] = {}
    for case in ElementTree.parse(result).iter("testcase"):
        found = {each.get("name"): each.get("value", "") for each in case.iter("property")}
        if "proof" not in found:
            continue
        proof = proofs.setdefault(found["proof"], Proof())
        is_failed = case.find("failure") is not None or case.find("error") is not None
        proof.tried += int(found.get("tried", 0))
        proof.bad += max(int(found.get("bad", 0)), is_failed)
        proof.seconds += float(case.get("time", 0))
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
    differs = _git("status", "--porcelain", "--", ".", f":!{PAGE}")
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
