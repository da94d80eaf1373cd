"""One run at a time on a database, and which one it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kore_campaigns.file_errors import DatabaseLocked


@dataclass(frozen=True, slots=True)
class RunLock:
    """A lock in a file, which the system takes back from a process that is killed; beside it the
    name of the holder.
    """

    folder: Path

    @contextmanager
    def held(self, database: Path) -> Iterator[None]:
        """Raises `DatabaseLocked` naming the run that has it, `OSError` where no file can be."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._file, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            holder = self._recorded_holder()
            pid, since = holder.get("pid"), holder.get("since")
            raise DatabaseLocked(str(database), pid=pid, since=since) from None
        try:
            since = datetime.now(UTC).isoformat(timespec="seconds")
            record = {"pid": os.getpid(), "since": since}
            self._holder_file.write_text(json.dumps(record), encoding="utf-8")
            yield
        finally:
            lock.release()

    def holder(self) -> dict[str, Any]:
        """`pid` and `since` of the run that holds the database; empty if none does."""
        if not self._file.exists():
            return {}
        try:
            with FileLock(self._file, timeout=0):
                return {}
        except Timeout:
            return self._recorded_holder()

    @property
    def _file(self) -> Path:
        return self.folder / "run.lock"

    @property
    def _holder_file(self) -> Path:
        return self.folder / "run.json"

    def _recorded_holder(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._holder_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # the holder is just about to write its name
            return {}
        return found
