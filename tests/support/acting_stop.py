"""A stop event with which a test acts in the middle of a run, at the same place each time."""

from __future__ import annotations

import threading
from collections.abc import Callable


class ActingStop(threading.Event):
    """Acts once, when the program has looked at it so many times; it does so around each request.

    Nothing else is requested while it acts.
    """

    def __init__(self, looks: int, act: Callable[[], object] | None = None) -> None:
        super().__init__()
        self._looks, self._act = looks, act or self.set
        self._acting = threading.RLock()

    def is_set(self) -> bool:
        with self._acting:
            self._looks -= 1
            if self._looks == 0:
                self._act()
        return super().is_set()
