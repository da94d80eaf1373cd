"""One connection for all threads of a process; a forked child opens its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class SharedConnection(Generic[C]):
    """Opened when it is first wanted, and again after it was closed or dropped."""

    def __init__(self, connect: Callable[[], C]) -> None:
        self._connect = connect
        self._inherited: list[C] = []
        self._open: C | None = None
        self._lock = threading.Lock()
        self._process_id = os.getpid()

    @contextmanager
    def held(self) -> Iterator[C]:
        """By one thread at a time. What `connect` raises passes through."""
        if os.getpid() != self._process_id:
            self._start_anew_after_fork()
        with self._lock:
            if self._open is None:
                self._open = self._connect()
            yield self._open

    def drop(self) -> None:
        """Closes what the caller holds; whoever wants it next opens another."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def close(self) -> None:
        """Closes the connection, if one is open."""
        if os.getpid() != self._process_id:
            self._start_anew_after_fork()
        with self._lock:
            self.drop()

    def _start_anew_after_fork(self) -> None:
        # A child must not use its parent's connection, and not close it either: SQLite could
        # release the parent's locks, Postgres would end the parent's session. So it is kept,
        # unused; our own lock may have been held by a thread that is not here.
        if self._open is not None:
            self._inherited.append(self._open)
        self._open = None
        self._lock = threading.Lock()
        self._process_id = os.getpid()
