"""`make prove`: the proofs by force, done in full, and what they came to in docs/guarantees.md."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "guarantees.md"
BEGIN, END = "<!-- proved: begin -->", "<!-- proved: end -->"
# each a share of what it does here, in every run of the tests
PROOFS = ("test_any_course.py", "test_every_failure.py", "test_every_request.py", "test_kill.py")


@dataclass
class Proof:
    """What the tests of one proof came to."""

    tried: int = 0
    bad: int = 0
    seconds: float = 0.0


def main() -> int:
    """Prove, print, and write the counts into the page if nothing was bad."""
    options = _parser().parse_args()
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    print(f"seed {seed}; this takes hours", flush=True)
    proofs: dict[str, Proof] = {}
    is_passed = True
    began = time.monotonic()
    with TemporaryDirectory(prefix="kore-prove-") as scratch:
        for name in PROOFS:
            result = Path(scratch, f"{name}.xml")
            is_passed &= _test(name, result, seed=seed, workers=options.workers) == 0
            _read(result, proofs)
            # after each, so that what is stopped on the way has said what it came to
            print(*_table(proofs), sep="\n", flush=True)
    minutes = (time.monotonic() - began) / 60
    summary = _summary(seed, minutes=minutes, workers=options.workers)
    print(f"\n{summary}")
    if is_passed:
        _write([*_table(proofs), "", summary])
    return not is_passed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
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


def _read(result: Path, proofs: dict[str, Proof]) -> None:
    """Count in what the tests of one file came to, by name of the proof."""
    for case in ElementTree.parse(result).iter("testcase"):
        found = {each.get("name"): each.get("value", "") for each in case.iter("property")}
        if "proof" not in found:
            continue
        proof = proofs.setdefault(found["proof"], Proof())
        is_failed = case.find("failure") is not None or case.find("error") is not None
        proof.tried += int(found.get("tried", 0))
        proof.bad += max(int(found.get("bad", 0)), is_failed)
        proof.seconds += float(case.get("time", 0))


def _table(proofs: dict[str, Proof]) -> Iterable[str]:
    yield "| what | how many | bad | minutes |"
    yield "|---|---|---|---|"
    for name, proof in sorted(proofs.items()):
        yield f"| {name} | {proof.tried:,} | {proof.bad} | {proof.seconds / 60:.0f} |"


def _summary(seed: int, *, minutes: float, workers: int) -> str:
    return (
        f"All of it took {minutes:.0f} minutes, {workers} tests at a time. The courses were those "
        f"of seed {seed}: `make prove SEED={seed}`."
    )


def _write(lines: list[str]) -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([before + BEGIN, *lines, END + after]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
