"""DuckDB only: write a private file, then swap a complete copy in under open readers.

    <folder>/<stem>.duckdb                               what analysts open
    <folder>/.kore_campaigns/<stem>/<stem>.duckdb        what the run writes
    <folder>/.kore_campaigns/<stem>/dlt/                 dlt's working directory
    <folder>/.kore_campaigns/<stem>/run.lock             held while a run goes on

DuckDB lets nobody read a file that another process has open for writing, and nobody write one that
another reads.  With two files neither ever waits for the other.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from kore_campaigns import tables
from kore_campaigns.errors import DatabaseLocked, DestinationUnavailable, SettingInvalid

DEFAULT_DATABASE = "kore_campaigns.duckdb"
NOTHING_PUBLISHED = "nothing"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a database and everything beside it is kept."""

    published: Path

    def __post_init__(self) -> None:
        if self.published.stem.casefold() in (tables.RAW_SCHEMA, tables.VIEW_SCHEMA):
            # DuckDB names the catalogue after the file: `kore.campaigns` would be ambiguous
            expected = (
                f"a file name other than its schemas `{tables.VIEW_SCHEMA}` and "
                f"`{tables.RAW_SCHEMA}`"
            )
            raise SettingInvalid(key="database", value=self.published, expected=expected)

    @property
    def folder(self) -> Path:
        return self.published.parent / ".kore_campaigns" / self.published.stem

    @property
    def private(self) -> Path:
        return self.folder / self.published.name

    @property
    def pipelines_dir(self) -> Path:
        return self.folder / "dlt"

    @property
    def _origin(self) -> Path:
        """Says which published file the private one goes on from."""
        return self.folder / "origin.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the database for one run; raises `DatabaseLocked` naming the run that has it."""
        lock = FileLock(self._lock_file, timeout=0)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            holder = self._recorded_holder()
            pid, since = holder.get("pid"), holder.get("since")
            raise DatabaseLocked(str(self.published), pid=pid, since=since) from None
        except OSError as failed:
            raise DestinationUnavailable(str(self.published), _reason(failed)) from failed
        try:
            since = datetime.now(UTC).isoformat(timespec="seconds")
            record = {"pid": os.getpid(), "since": since}
            self._holder_file.write_text(json.dumps(record), encoding="utf-8")
            yield
        finally:
            lock.release()

    def holder(self) -> dict[str, Any]:
        """`pid` and `since` of the run that holds the database; empty if none does."""
        if not self._lock_file.exists():
            return {}
        try:
            with FileLock(self._lock_file, timeout=0):
                return {}
        except Timeout:
            return self._recorded_holder()

    @property
    def _lock_file(self) -> Path:
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

    def prepare(self) -> None:
        """Make the private file go on from the published one.

        The published file is the truth: restored from a backup or deleted, the run follows it.
        What a killed run had not published is dropped and read again: dlt's replay of a load
        that was killed between a copy into staging and its record doubles rows of the parent.
        """
        try:
            is_settled = self._origin_recorded() == self._identity()
            self.begin_step()
            if is_settled:
                return
            shutil.rmtree(self.pipelines_dir, ignore_errors=True)
            for leftover in (self.private, Path(f"{self.private}.wal")):
                leftover.unlink(missing_ok=True)
            if self.published.exists():
                shutil.copyfile(self.published, self.private)
                duckdb.connect(str(self.private)).close()  # it may be any file, or a later DuckDB's
        except (OSError, duckdb.Error) as failed:
            raise DestinationUnavailable(str(self.published), _reason(failed)) from failed

    def begin_step(self) -> None:
        """From here to the next `publish` the private file holds what nobody has seen."""
        self._origin.unlink(missing_ok=True)

    def publish(self) -> None:
        """Swap a complete, checkpointed copy in; open readers keep the file they have."""
        temporary = self.published.with_name(f".{self.published.name}.tmp")
        try:
            with duckdb.connect(str(self.private)) as connection:
                connection.execute("force checkpoint")
            shutil.copyfile(self.private, temporary)
            _to_disk(temporary)
            temporary.replace(self.published)
            _to_disk(self.published.parent)
            self._record_origin()
        except (OSError, duckdb.Error) as failed:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise DestinationUnavailable(str(self.published), _reason(failed)) from failed

    def _identity(self) -> str:
        try:
            status = self.published.stat()
        except FileNotFoundError:
            return NOTHING_PUBLISHED
        return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"

    def _origin_recorded(self) -> str | None:
        return self._origin.read_text(encoding="utf-8") if self._origin.exists() else None

    def _record_origin(self) -> None:
        temporary = self._origin.with_suffix(".tmp")
        temporary.write_text(self._identity(), encoding="utf-8")
        temporary.replace(self._origin)


def workspace_for(database: str | Path | None, folder: Path) -> Workspace:
    """The workspace of a database file, relative to the project folder."""
    return Workspace((folder / (database or DEFAULT_DATABASE)).absolute())


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(failed: Exception) -> str:
    if isinstance(failed, OSError) and failed.strerror:
        return f"{failed.strerror} ({failed.filename})"
    return str(failed).splitlines()[0]
