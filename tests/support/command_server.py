"""Run the installed command in copies of a process that has loaded it: 0.3 s each, not 2 s.

    python -P command_server.py FOLDER

`FOLDER` is for what it needs itself. One request a line on stdin, its exit code a line on stdout,
until stdin is closed. A request with `starts` is answered by the id of its process, and one with
`ends` by the exit code of the process that it names.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path

from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext


def main(folder: Path) -> None:
    (installed,) = entry_points(group="console_scripts", name="kore-campaigns")
    command = installed.load()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")

    def run(arguments: Sequence[str], out: str, err: str) -> int:
        for descriptor, path in ((1, out), (2, err)):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, descriptor)
            os.close(file)
        # new ones: those that were opened for a file cannot be used for a pipe
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", closefd=False)
        sys.argv = ["kore-campaigns", *arguments]
        try:
            code = command()
        except SystemExit as ended:
            code = ended.code
        except Exception:
            # as an interpreter of its own would end; a copy must not end as one, since it lacks
            # the threads of the process that it was copied from
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        return int(code or 0)

    # once in this process, so that each copy has what is imported and made once
    demo = ("demo", "--json", "--directory", str(folder / "demo"))
    run(demo, str(folder / "out"), str(folder / "err"))
    for line in sys.stdin:
        request = json.loads(line)
        child = request.get("ends") or os.fork()
        if not child:
            _move(request["folder"], request["environment"])
            os._exit(run(request["arguments"], request["out"], request["err"]))
        answer = child
        if not request.get("starts"):
            answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answers.write(f"{answer}\n")
        answers.flush()


def _move(folder: str, environment: Mapping[str, str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with suppress(Exception):  # a file that cannot be read is the command's to find
        # dlt has read the files of another folder
        Container()[PluggableRunContext].reload_providers()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
