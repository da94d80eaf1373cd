"""The n-th file operation, or the n-th call of DuckDB, of a process fails, or kills it.

For the child process of a test alone: an audit hook cannot be taken out again, and DuckDB's
connection is wrapped for good.  Nothing of our own package is replaced.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHANGING = frozenset(
    {
        "os.chmod",
        "os.link",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.truncate",
        "shutil.copyfile",
    }
)
READING = frozenset({"os.listdir", "os.scandir", "shutil.rmtree", "sqlite3.connect"})
DATABASE_CALLS = ("begin", "commit", "duplicate", "execute", "executemany", "query", "sql")
FAILED = os.strerror(errno.EIO)
# where DuckDB itself writes, no hook can be: there no file may grow beyond a size
DISK_STEP = 128 * 1024


@dataclass(slots=True)
class Break:
    """What goes wrong in a process: the `at`-th event of its kind, counted from 1; 0 for none."""

    kind: str
    """`files`; `writes`, the files operations that change something; `database`, the calls of
    DuckDB; `disk`: no file grows beyond `at` times 128 KiB.
    """
    at: int
    how: str = "once"
    """`once`; `after`: it is done, and fails all the same; `on`: each later one fails as well;
    `kill`: the process dies instead.
    """
    below: tuple[str, ...] = ()
    """Folders whose files are meant."""
    matching: str = ""
    """Only events whose text has this are counted."""
    count: int = 0
    hit: str = ""
    """What the event was; empty if there were not so many."""
    _armed: bool = field(default=True)

    def install(self) -> None:
        """Once in a process, before what is to go wrong."""
        if self.kind in ("files", "writes"):
            sys.addaudithook(self._audit)
        elif self.kind == "database":
            self._wrap_duckdb()
        elif self.at:
            most = self.at * DISK_STEP
            sys.dont_write_bytecode = True  # Python would leave compiled modules that are cut off
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
            self.hit = f"files end at {most} bytes"

    def disarm(self) -> None:
        self._armed = False

    def _is_due(self, what: str) -> bool:
        if not self._armed or self.matching not in what:
            return False
        self.count += 1
        if self.count == self.at:
            self.hit = what
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
        return self.at > 0 and (
            self.count == self.at or (self.how == "on" and self.count > self.at)
        )

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_meant(event, arguments) or isinstance(arguments[0], int):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100  # pathlib is audited too
        if path.startswith(self.below) and self._is_due(f"{event} {path}"):
            if event == "sqlite3.connect":
                raise sqlite3.OperationalError(FAILED)
            raise OSError(errno.EIO, FAILED, path)

    def _is_meant(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            return self.kind == "files" or bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        return event in CHANGING or (self.kind == "files" and event in READING)

    def _wrap_duckdb(self) -> None:
        import duckdb

        duckdb.connect = self._failing("connect", duckdb.connect)
        for name in DATABASE_CALLS:
            call = getattr(duckdb.DuckDBPyConnection, name)
            setattr(duckdb.DuckDBPyConnection, name, self._failing(name, call))

    def _failing(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        import duckdb

        def counted(*arguments: Any, **options: Any) -> Any:
            text = " ".join(str(part) for part in arguments if isinstance(part, str | Path))
            is_due = self._is_due(f"{name} {text[:200]}")
            if is_due and self.how == "after":
                call(*arguments, **options)
            if is_due:
                message = f"IO Error: Could not write to the file: {FAILED}"
                raise duckdb.IOException(message)
            return call(*arguments, **options)

        return counted
