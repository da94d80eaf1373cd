"""What the command leaves out of its own process. In somebody else's process nothing is touched."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

# DuckDB and pyarrow import them, where they are installed, to ask of each value whether it is one
# of their kind. No command needs them: 0.3 CPU-s and 35 MiB of a run that loads something.
NOT_NEEDED: Final = ("pandas", "numpy")
# Answers and rows are freed by reference count. With Python's 700 the collector ran 950 times in a
# first run over 10,000 campaigns and took 0.5 of 9.3 CPU-s. Run seldom, the peak is no higher; and
# imports alone make 140,000 objects, none of which can go.
ALLOCATIONS_BETWEEN_COLLECTIONS: Final = 200_000
# With memory of its own pyarrow does not use again what the answers took: 25 MiB of a first run
# over 10,000 campaigns.
ARROW_MEMORY: Final = {"ARROW_DEFAULT_MEMORY_POOL": "system"}


class _Without(MetaPathFinder):
    """Says of a module that it is not installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in NOT_NEEDED:
            msg = f"No module named {fullname!r}"
            raise ModuleNotFoundError(msg, name=fullname)
        return None


def make_lean() -> None:
    """For the rest of this process: no pandas, no numpy, one memory, and seldom a collection."""
    sys.meta_path.insert(0, _Without())
    os.environ.update(ARROW_MEMORY)
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
    # what is left when the process ends need not be searched for cycles: 0.2 CPU-s of any command
    atexit.register(gc.freeze)
