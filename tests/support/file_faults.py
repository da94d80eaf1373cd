"""A run in a process of its own that is killed, or finds the disk full, at one file operation.

Python reports each operation to an audit hook just before it does it; there the process kills
itself, or asks the kernel to limit its files to half of what is about to be copied.  So nothing is
replaced by a stand-in, and the instant is exact.

    python -m support.file_faults HARM EVENT COUNT FOLDER write VALUE   a run of `published_file`
    python -m support.file_faults HARM EVENT COUNT FOLDER run ...       the command

HARM is `kill`, `break` or `fill`; EVENT is `NAME:PATH_ENDS_WITH`, or `any` for every operation on a
file below FOLDER; COUNT says at which of them.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOUCHING = {
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.utime",
    "shutil.copyfile",
    "shutil.rmtree",
}
KILL, BREAK, FILL = "kill", "break", "fill"


def harmed(
    how: str, event: str, folder: Path, *arguments: str, count: int = 1
) -> subprocess.CompletedProcess[str]:
    """The ended process."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "support.file_faults",
            how,
            event,
            str(count),
            str(folder),
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )


def strike(how: str, source: Path) -> None:
    """What happens to this process when its time has come."""
    if how == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    sys.dont_write_bytecode = True  # Python would leave compiled modules that are cut off
    half = source.stat().st_size // 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (half, resource.RLIM_INFINITY))
    # the kernel's signal ends the process in the middle of the write; ignored, the write fails
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if how == BREAK else signal.SIG_IGN)


def watch(how: str, wanted: str, count: int, folder: Path) -> Callable[[str, Any], None]:
    """The audit hook."""
    left = count
    wanted_event, _, ends_with = wanted.partition(":")

    def hook(event: str, arguments: Any) -> None:
        nonlocal left
        if event not in TOUCHING:
            return
        paths = [str(each) for each in arguments if isinstance(each, str | os.PathLike)]
        if not any(path.startswith(str(folder)) for path in paths):
            return
        if wanted == "any" or (event == wanted_event and paths[-1].endswith(ends_with)):
            left -= 1
            if left == 0:
                strike(how, Path(paths[0]))

    return hook


def main() -> int:
    how, wanted, count, folder, command, *arguments = sys.argv[1:]
    sys.addaudithook(watch(how, wanted, int(count), Path(folder)))
    if command == "write":
        from kore_campaigns.load.duckdb_file import DuckDBFile
        from support.published_file import write

        write(DuckDBFile(Path(folder) / "calls.duckdb"), int(arguments[0]))
        return 0
    from kore_campaigns.cli.main import main as kore_campaigns

    return kore_campaigns([command, *arguments])


if __name__ == "__main__":
    sys.exit(main())
