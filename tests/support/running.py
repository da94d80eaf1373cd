"""A command that runs in a process of its own, to be read, signalled or killed."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TextIO


@dataclass
class Running:
    """The same to a test as a `Popen`, but its parent is the server that copied itself."""

    pid: int
    outputs: tuple[Path, Path]
    ended: Callable[[int], int]
    """Its exit code; it has ended."""
    returncode: int | None = None
    stdout: TextIO = field(init=False)
    stderr: TextIO = field(init=False)

    def __post_init__(self) -> None:
        self._end = os.pidfd_open(self.pid)
        self.stdout, self.stderr = (path.open(encoding="utf-8") for path in self.outputs)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(15)

    def kill(self) -> None:
        self.send_signal(9)

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        if self.returncode is None and select.select([self._end], [], [], 0)[0]:
            self._reap()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._end], [], [], timeout)[0]:
                raise TimeoutExpired(f"process {self.pid}", timeout or 0)
            self._reap()
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it writes from now on, and its end."""
        with ThreadPoolExecutor(2) as pool, self.stdout, self.stderr:
            texts = [pool.submit(file.read) for file in (self.stdout, self.stderr)]
            try:
                self.wait(timeout)
            except TimeoutExpired:
                self.kill()
                raise
            return texts[0].result(), texts[1].result()

    def _reap(self) -> None:
        os.close(self._end)
        self.returncode = self.ended(self.pid)
