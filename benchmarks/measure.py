"""Run a command in a process of its own and say what it cost."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class RunFailedError(Exception):
    """A measured command failed; its numbers would mean nothing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and those it started and waited for took."""

    wall_seconds: float
    cpu_seconds: float
    """User and system, all threads."""
    peak_mb: float
    """The most memory resident at once, in MiB; of the largest process, if there were several."""
    requests: int = 0


def run(command: Sequence[str | Path], *, folder: Path, environment: Mapping[str, str]) -> Cost:
    """The cost of `command`. Raises `RunFailedError` with what it said, unless it returns 0."""
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            text = said.read().decode(errors="replace")
            msg = f"{' '.join(map(str, command))} returned {process.returncode}:\n{text}"
            raise RunFailedError(msg)
    # Linux counts in KiB. A child starts with the peak of the process that forked it: ours is small
    return Cost(wall_seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def clean_environment(scratch: Path) -> dict[str, str]:
    """This process's environment without what could change a measurement."""
    dropped = ("SOURCES__", "DESTINATION__", "DLT_", "RUNTIME__", "PYTHONDONTWRITEBYTECODE")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(dropped) and not name.lower().endswith("_proxy")
    }
    return {**kept, "XDG_STATE_HOME": str(scratch / "state")}
