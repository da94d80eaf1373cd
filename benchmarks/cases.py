"""What is measured: cases, the programs, and the runs of each."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Cost, clean_environment, run
from service import Service

# nothing changes before the second run and the third. The second is the first that can read the
# account listing, and records what it shows; the third is what nearly all runs are like
RUNS = ("first", "second", "unchanged", "1 % changed")
# by kore-campaigns alone: what it does once an hour
LISTING = "by listing"
CHANGED = {"status": "Paused for the benchmark"}


@dataclass(frozen=True, slots=True)
class Case:
    campaigns: int
    latency_ms: int = 0

    @property
    def changed(self) -> int:
        """How many campaigns change before the last run: 1 %, at least one."""
        return math.ceil(self.campaigns / 100)


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    command: tuple[str | Path, ...]
    database: str
    table: str


OURS = Program(
    "kore-campaigns",
    (Path(sys.executable).with_name("kore-campaigns"), "run", "--quiet"),
    "kore_campaigns.duckdb",
    "kore.campaigns",
)
SCRIPT = Program(
    "script",
    (sys.executable, Path(__file__).with_name("plain_script.py")),
    "plain.duckdb",
    "campaigns",
)
DLT = Program(
    "dlt, jsonl",
    (sys.executable, Path(__file__).with_name("dlt_resource.py")),
    "with_dlt.duckdb",
    "dlt.campaigns",
)
# its libraries need another environment, which `make bench` makes
SINGER = Program(
    "singer_sdk",
    (
        Path(__file__).parents[1] / ".venv-singer" / "bin" / "python",
        Path(__file__).with_name("singer_tap.py"),
    ),
    "singer.duckdb",
    "campaigns",
)
PROGRAMS = (OURS, SCRIPT, DLT, *([SINGER] if Path(SINGER.command[0]).exists() else []))


class WrongRowsError(Exception):
    """A program loaded something else than what the emulator holds."""


def measure(case: Case, program: Program) -> Generator[tuple[str, Cost], None, None]:
    """Each run and its cost, in a fresh folder and against a fresh emulator."""
    with TemporaryDirectory(prefix="kore-bench-") as scratch:
        project = Path(scratch) / "project"
        # without a file of secrets dlt imports streamlit, if that is installed, to look for its own
        (project / ".dlt").mkdir(parents=True)
        (project / ".dlt" / "secrets.toml").touch()
        ids_file = project / "campaign_ids.csv"
        environment = clean_environment(Path(scratch))
        with Service(
            campaigns=case.campaigns,
            latency_ms=case.latency_ms,
            ids_file=ids_file,
            environment=environment,
        ) as service:
            settings = environment | service.settings | {"DLT_PROJECT_DIR": str(project)}
            settings["SOURCES__KORE_CAMPAIGNS__REQUESTS_PER_MINUTE"] = "0"
            # the script does not read them
            settings["SOURCES__KORE_CAMPAIGNS__CONTACT_LISTS"] = "false"
            changed = 0
            for step in steps_of(case, program):
                if step == LISTING:
                    settings["SOURCES__KORE_CAMPAIGNS__SWEEP"] = "listing"
                if step == RUNS[-1]:
                    changed = case.changed
                    lines = ids_file.read_text(encoding="utf-8").splitlines()
                    for line in lines[1 : changed + 1]:
                        service.change(line.partition(",")[0], CHANGED)
                before = service.requests()
                cost = run(program.command, folder=project, environment=settings)
                _check(project, program, expected=[case.campaigns, changed], environment=settings)
                yield step, replace(cost, requests=service.requests() - before)


def steps_of(case: Case, program: Program) -> Sequence[str]:
    """The runs that are measured; with a latency each run of another program is like its first."""
    if program is OURS:
        return (*RUNS, LISTING)
    return RUNS[:1] if case.latency_ms else RUNS


def _check(
    project: Path, program: Program, *, expected: list[int], environment: Mapping[str, str]
) -> None:
    """A fast wrong answer is worth nothing: count campaigns, and those with the new status."""
    code = (
        "import duckdb, json, sys\n"
        "with duckdb.connect(sys.argv[1], read_only=True) as database:\n"
        "    print(json.dumps(database.execute(sys.argv[2], sys.argv[3:]).fetchone()))"
    )
    sql = f"select count(*), count(*) filter (status = ?) from {program.table}"  # noqa: S608 - ours
    counted = subprocess.run(
        [sys.executable, "-c", code, project / program.database, sql, *CHANGED.values()],
        stdout=subprocess.PIPE,
        check=True,
        env=environment,
    )
    if json.loads(counted.stdout) != expected:
        msg = f"{program.name}: expected {expected} campaigns and changed ones, found "
        raise WrongRowsError(msg + counted.stdout.decode().strip())
