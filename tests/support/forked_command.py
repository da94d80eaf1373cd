"""A command in a copy of a process that has the program loaded: real, and quick to start."""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

from support.failures import Break
from support.project import Project

_TIMEOUT = 120


@dataclass(frozen=True)
class Ended:
    """A finished command: its exit code, what it wrote, and what became of the break."""

    code: int
    """Negative: the signal that killed it."""
    out: str = ""
    err: str = ""
    count: int = 0
    hit: str = ""


def forked(project: Project, *arguments: str, breaking: Break | None = None) -> Ended:
    """A command in a process of its own, in which something goes wrong, finished."""
    context = _warmed_up()
    mine, its = context.Pipe(duplex=False)
    given = (arguments, project.folder, dict(os.environ), breaking, its)
    process = context.Process(target=_command, args=given, daemon=True)
    process.start()
    its.close()
    with mine:
        try:
            found: Ended | None = mine.recv() if mine.poll(_TIMEOUT) else None
        except EOFError:  # it died
            found = None
    process.join(_TIMEOUT)
    code = process.exitcode
    process.kill()
    process.join()
    process.close()
    assert code is not None, f"{arguments} with {breaking} did not end in {_TIMEOUT} s"
    return Ended(code) if found is None else found


@cache
def _warmed_up() -> ForkServerContext:
    """The copies are made by a process that has made a run, and has no threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.warm_process"])
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    forkserver.ensure_running()
    if path is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = path
    return context


def _command(
    arguments: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    breaking: Break | None,
    result: Connection,
) -> None:
    # a module that cannot be imported beforehand is left out without a word
    assert "support.warm_process" in sys.modules
    from kore_campaigns.cli.main import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    out, err = io.StringIO(), io.StringIO()
    if breaking is not None:
        breaking.install()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    count, hit = 0, ""
    if breaking is not None:
        breaking.disarm()
        count, hit = breaking.count, breaking.hit
    result.send(Ended(code, out.getvalue(), err.getvalue(), count, hit))
