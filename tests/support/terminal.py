"""A command in a real terminal, and what a person sees on its screen."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pyte


class Terminal:
    """The screen of a terminal, in which one command runs."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        columns: int = 80,
        lines: int = 24,
        environment: Mapping[str, str] | None = None,
        module: str = "kore_campaigns",
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._side, child_side = pty.openpty()
        termios.tcsetwinsize(child_side, (lines, columns))
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env=inherited | {"TERM": "xterm-256color"} | dict(environment or {}),
            stdin=child_side,
            stdout=child_side,
            stderr=child_side,
        )
        os.close(child_side)
        self.written = b""
        self._is_open = True

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def colour_of(self, words: str) -> str:
        """The colour of the first place that shows these words."""
        row = next(row for row, line in enumerate(self._screen.display) if words in line)
        return self._screen.buffer[row][self._screen.display[row].index(words)].fg

    def until(self, found: Callable[[str], object], *, seconds: float = 60) -> str:
        """The first screen in which something is found."""
        for text in self.screens(seconds):
            if found(text):
                return text
        raise AssertionError(f"not shown:\n{self.text}")

    def screens(self, seconds: float = 60) -> Iterator[str]:
        """The screen now and after each time that something was written, until the command ends."""
        gives_up = time.monotonic() + seconds
        yield self.text
        while self._is_open and (left := gives_up - time.monotonic()) > 0:
            if select.select([self._side], [], [], left)[0]:
                self._read()
                yield self.text

    def standstills(self, shown: Callable[[str], object], *, seconds: float) -> Iterator[float]:
        """For how long each screen stays in which something is shown, until the command ends.

        Without the time for which a thread of the command, or of this test, waited for a processor:
        a machine that is busy with something else is no fault of the command.
        """
        before, began = self.until(shown), time.monotonic()
        waited = _Waited(self.process.pid, os.getpid())
        for text in self.screens(seconds):
            if text == before:
                continue
            now, without = time.monotonic(), waited.more()
            if shown(before):
                yield now - began - without
            before, began = text, now

    def _read(self) -> None:
        try:
            some = os.read(self._side, 65_536)
        except OSError:  # Linux says that the other side is closed in this way
            some = b""
        self._is_open = bool(some)
        self.written += some
        self._stream.feed(some)

    def end(self, *, with_signal: signal.Signals | None = None) -> int:
        """Wait for the end of the command; return its exit code."""
        if with_signal is not None:
            self.process.send_signal(with_signal)
        for _ in self.screens():
            pass
        return self.process.wait(timeout=60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._side)


@contextmanager
def terminal(
    *arguments: str,
    folder: Path,
    columns: int = 80,
    lines: int = 24,
    environment: Mapping[str, str] | None = None,
    module: str = "kore_campaigns",
) -> Iterator[Terminal]:
    """A terminal with a command; it is killed in the end."""
    found = Terminal(
        *arguments,
        folder=folder,
        columns=columns,
        lines=lines,
        environment=environment,
        module=module,
    )
    try:
        yield found
    finally:
        found.close()


class _Waited:
    """Seconds for which threads of some processes were ready and no processor was free."""

    def __init__(self, *processes: int) -> None:
        self._processes = processes
        self._of_threads: dict[Path, int] = {}
        self.more()

    def more(self) -> float:
        """Seconds since the last look."""
        found = {}
        for process in self._processes:
            for thread in Path(f"/proc/{process}/task").glob("*"):
                with suppress(OSError):  # it has ended
                    found[thread] = int((thread / "schedstat").read_text().split()[1])
        before, self._of_threads = self._of_threads, found
        return sum(now - before.get(thread, 0) for thread, now in found.items()) / 1e9
