"""DuckDB only: write a private file, then swap a complete copy in under open readers.

    <folder>/<stem>.duckdb                               what analysts open
    <folder>/.kore_campaigns/<stem>/<stem>.duckdb        what the run writes
    <folder>/.kore_campaigns/<stem>/dlt/                 dlt's working directory
    <folder>/.kore_campaigns/<stem>/generations/         what the last runs replaced
    <folder>/.kore_campaigns/<stem>/run.lock             held while a run goes on

DuckDB lets nobody read a file that another process has open for writing, and nobody write one that
another reads.  With two files neither ever waits for the other.

"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
from filelock import FileLock, Timeout

from kore_campaigns import schema
from kore_campaigns.errors import (
    DatabaseLocked,
    DestinationUnavailable,
    KoreCampaignsError,
    SettingInvalid,
    first_line,
)
from kore_campaigns.load import disk
from kore_campaigns.load.disk import RequireRoom, link_or_copy, to_disk

_NAME: Final = "%Y%m%dT%H%M%S.%fZ.duckdb"
_IS_NAME: Final = re.compile(r"\d{8}T\d{6}\.\d{6}Z\.duckdb")


@dataclass(frozen=True, slots=True)
class Generations:
    """The kept files of one database."""

    published: Path
    folder: Path
    require_room: RequireRoom

    def files(self) -> list[Path]:
        """Newest first; other files in the folder are not ours."""
        return [path for path in self._all() if not self._is_published(path)]

    def keep(self) -> Path | None:
        """Keep what is published, which is about to be replaced; nothing, if nothing is."""
        self.tidy()
        if not self.published.exists():
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self.folder / self._next_name()
        link_or_copy(self.published, self._unfinished, self.require_room)
        self._unfinished.rename(kept)
        to_disk(self.folder)
        return kept

    def prune(self, keep: int) -> None:
        """Remove all but the newest `keep`."""
        for path in self.files()[keep:]:
            path.unlink()

    def tidy(self) -> None:
        """Remove what a killed run left: half a copy, or a second name of what is published."""
        self._unfinished.unlink(missing_ok=True)
        for path in self._all():
            if self._is_published(path):
                path.unlink()

    @property
    def _unfinished(self) -> Path:
        return self.folder / ".unfinished.tmp"

    def _all(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        ours = [path for path in self.folder.iterdir() if _IS_NAME.fullmatch(path.name)]
        return sorted(ours, key=lambda path: path.name, reverse=True)

    def _is_published(self, path: Path) -> bool:
        try:
            return self.published.samefile(path)
        except FileNotFoundError:
            return False

    def _next_name(self) -> str:
        """Later than all names there are, also where the clock was set back."""
        moment = datetime.now(UTC)
        for newest in self._all()[:1]:
            last = datetime.strptime(newest.name, _NAME).replace(tzinfo=UTC)
            moment = max(moment, last + timedelta(microseconds=1))
        return moment.strftime(_NAME)


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


DEFAULT_DATABASE = "kore_campaigns.duckdb"
NOTHING_PUBLISHED = "nothing"


@dataclass(slots=True)
class Workspace:
    """Where a database and everything beside it is kept.

    `chunk` is how many campaigns one step may bring: room for so many is asked for beforehand.
    """

    published: Path
    keep_generations: int = 3  # as in the settings, which bring dlt with them
    chunk: int = 0
    free_bytes: Callable[[Path], int] = disk.free_bytes
    _is_kept: bool = field(default=False, init=False)
    _is_prepared: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.published.stem.casefold() in (schema.RAW_SCHEMA, schema.VIEW_SCHEMA):
            # DuckDB names the catalogue after the file: `kore.campaigns` would be ambiguous
            expected = (
                f"a file name other than its schemas `{schema.VIEW_SCHEMA}` and "
                f"`{schema.RAW_SCHEMA}`"
            )
            raise SettingInvalid(key="database", value=self.published, expected=expected)

    @property
    def folder(self) -> Path:
        # `x.db` beside `x.duckdb` is another database
        name = self.published.stem if self.published.suffix == ".duckdb" else self.published.name
        return self.published.parent / ".kore_campaigns" / name

    @property
    def private(self) -> Path:
        return self.folder / self.published.name

    @property
    def pipelines_dir(self) -> Path:
        return self.folder / "dlt"

    @property
    def generations(self) -> Generations:
        return Generations(self.published, self.folder / "generations", self._room.require)

    @property
    def _room(self) -> disk.Room:
        return disk.Room(self.published, self.folder / "generations", self.free_bytes)

    @property
    def _origin(self) -> Path:
        """Says which published file the private one goes on from."""
        return self.folder / "origin.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold it for a command, which keeps what it replaces once; raises `DatabaseLocked`."""
        self._is_kept = self._is_prepared = False
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(RunLock(self.folder).held(self.published))
            except OSError as failed:
                raise self._unusable(failed) from failed
            try:
                yield
            except Exception as failed:  # a full disk may show itself anywhere, in dlt, in DuckDB
                if not _may_be_the_disk(failed):
                    raise
                raise self._unusable(failed) from failed

    def holder(self) -> dict[str, Any]:
        """`pid` and `since` of the run that holds the database; empty if none does."""
        return RunLock(self.folder).holder()

    def prepare(self) -> bool:
        """Make the private file go on from the published one; a run begins with this.
        True if both are as the last run left them.

        The published file is the truth: restored from a backup or deleted, the run follows it.
        What a killed run had not published is dropped and read again: dlt's replay of a load
        that was killed between a copy into staging and its record doubles rows of the parent.

        Raises `NoRoom` where the disk cannot take what the run may write; nothing is changed then.
        """
        with self._writing():
            self._remove_leftovers()
            is_settled = self._origin_recorded() == self._identity() and self.private.exists()
            if not is_settled:
                self._drop_private()
            self._room.require(self._step_bytes(is_settled=is_settled))
            self.begin_step()
            if not is_settled and self.published.exists():
                self._make_private()
        self._is_prepared = True
        return is_settled

    def _remove_leftovers(self) -> None:
        """What a killed run had not finished; the names are fixed, so it never piles up."""
        self._temporary.unlink(missing_ok=True)
        self.generations.tidy()
        shutil.rmtree(f"{self.private}.tmp", ignore_errors=True)  # what DuckDB put aside

    def _drop_private(self) -> None:
        shutil.rmtree(self.pipelines_dir, ignore_errors=True)
        for leftover in (self.private, _log_of(self.private)):
            leftover.unlink(missing_ok=True)

    def _make_private(self) -> None:
        try:
            shutil.copyfile(self.published, self.private)
            duckdb.connect(str(self.private)).close()  # it may be any file, or a later DuckDB's
        except OSError:
            self.private.unlink(missing_ok=True)  # half a copy must not fill the disk
            raise
        except duckdb.Error as failed:
            if not self.generations.files():
                raise
            way_back = "`kore-campaigns restore` lists earlier states to go back to"
            raise DestinationUnavailable(
                str(self.published), _reason(failed), next_step=way_back
            ) from failed

    def begin_step(self) -> None:
        """From here to the next `publish` the private file holds what nobody has seen."""
        self._origin.unlink(missing_ok=True)

    def publish(self) -> None:
        """Swap a complete, checkpointed copy in; open readers keep the file they have.

        The first of a run keeps what it replaces, which is how the run before ended.
        """
        with self._writing():
            with duckdb.connect(str(self.private)) as connection:
                connection.execute("force checkpoint")
            disk.copy_durably(self.private, self._temporary, self._room.require)
            if self.keep_generations and not self._is_kept:
                self.generations.keep()
            self._swap()
            self._is_kept = True
            self.generations.prune(self.keep_generations)
            self._record_origin()

    def restore(self, generation: Path) -> Path | None:
        """Swap a generation in; what it replaces takes its place and is returned, if there is any.

        So their number stays as it is, and a restore can be undone by another.
        """
        with self._writing():
            self._remove_leftovers()
            self.begin_step()
            disk.link_or_copy(generation, self._temporary, self._room.require)
            replaced = self.generations.keep()
            self._swap()
            generation.unlink()
            return replaced

    def _swap(self) -> None:
        # DuckDB would replay what somebody wrote into the old file onto the new one
        _log_of(self.published).unlink(missing_ok=True)
        self._temporary.replace(self.published)
        disk.to_disk(self.published.parent)

    @property
    def _temporary(self) -> Path:
        return self.published.with_name(f".{self.published.name}.tmp")

    def _step_bytes(self, *, is_settled: bool = True) -> int:
        """What a step brings, the copy it publishes, and the private file where it is made anew."""
        copies = [self.private] if is_settled else 2 * [self.published]
        return sum(map(disk.size_of, copies)) + disk.room_for(self.chunk)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Raises `DestinationUnavailable`; half a copy is not left to fill the disk."""
        try:
            yield
        except (OSError, duckdb.Error, DestinationUnavailable) as failed:
            with contextlib.suppress(OSError):
                self._temporary.unlink()
            raise self._unusable(failed) from failed

    def _unusable(self, failed: Exception) -> DestinationUnavailable:
        if said := disk.said_full(failed):
            return self._room.lacking(self._step_bytes(), said=said)
        if self._is_prepared and disk.said_damaged(failed):  # before that, it is the published one
            return self._room.damaged(_reason(failed))
        if isinstance(failed, DestinationUnavailable):
            return failed
        return DestinationUnavailable(str(self.published), _reason(failed))

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


def workspace_for(database: str | Path | None, folder: Path, **options: Any) -> Workspace:
    """The workspace of a database file, relative to the project folder."""
    return Workspace((folder / (database or DEFAULT_DATABASE)).absolute(), **options)


def _log_of(database: Path) -> Path:
    """DuckDB's write-ahead log of a file."""
    return Path(f"{database}.wal")


def _may_be_the_disk(failed: Exception) -> bool:
    """True if nothing better is known of it; the file that counts calls has its own error."""
    is_ours = isinstance(failed, KoreCampaignsError) and type(failed) is not DestinationUnavailable
    return not is_ours and (disk.said_full(failed) != "" or disk.said_damaged(failed))


def _reason(failed: Exception) -> str:
    if isinstance(failed, DestinationUnavailable):
        return failed.reason
    if isinstance(failed, OSError) and failed.strerror:
        return f"{failed.strerror} ({failed.filename})"
    return first_line(failed)
