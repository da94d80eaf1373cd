"""Free room on a disk, and files that are complete and durable before they get their name."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kore_campaigns.errors import NoRoom

# what the system says of a full disk, a quota or a limit; DuckDB passes on the words
_FULL: Final = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))
_DAMAGED: Final = (
    "Corrupt database file",
    "not a valid DuckDB database file",
    "Failure while replaying WAL",
)
# stays free: a disk that is filled to its last byte stops other programs
MARGIN: Final = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class Room:
    """The disk of a database; `spare` is a folder on it that may be deleted."""

    database: Path
    spare: Path
    free_bytes: Callable[[Path], int]

    def require(self, needed: int) -> None:
        """Raises `NoRoom` if so many bytes cannot be written."""
        if self.free_bytes(self.database.parent) < needed + MARGIN:
            raise self.lacking(needed)

    def lacking(self, needed: int, *, said: str = "") -> NoRoom:
        """The error, with what the system said if it tried to write."""
        folder = self.database.parent
        return NoRoom(
            str(self.database),
            folder=str(folder),
            free=self.free_bytes(folder),
            needed=needed + MARGIN,
            said=said,
            generations=str(self.spare),
            kept=sum(map(size_of, self.spare.iterdir())) if self.spare.is_dir() else 0,
        )


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write on the disk of a folder."""
    return shutil.disk_usage(folder).free


def room_for(campaigns: int) -> int:
    """Bytes that one step with so many campaigns may write at most, copies of files not counted.

    An empty database and dlt's working files take less than 16 MB. A version took 3 KB in the file,
    and is in a load file, the write-ahead log, the working copy and the published copy on its way.
    """
    return 16 * 1024**2 + campaigns * 16 * 1024


def said_full(text: str) -> str:
    """The words of the system for a full disk; empty if it did not say so."""
    return next((words for words in _FULL if words in text), "")


def said_damaged(text: str) -> bool:
    """True if DuckDB found a file, or its write-ahead log, that is not as it was written."""
    return any(words in text for words in _DAMAGED)


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if it does not exist."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def copy_durably(source: Path, target: Path, room: Room) -> None:
    """Copy a file; the copy is complete on the disk when this returns."""
    room.require(size_of(source))
    shutil.copyfile(source, target)
    to_disk(target)


def link_or_copy(source: Path, target: Path, room: Room) -> None:
    """Add a second name for a file, which writes nothing; copy it if the disk has no links."""
    original = source.resolve()  # the file, not a symlink to it
    try:
        os.link(original, target)
    except FileExistsError:
        raise
    except OSError:
        copy_durably(original, target, room)
        shutil.copystat(original, target)  # as old as its original, as a link is


def replace_text(file: Path, text: str) -> None:
    """Write a text file; a reader sees the old one or the new one.

    Raises `OSError`; the old one stays then.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def to_disk(path: Path) -> None:
    """Return when a file, or the names in a folder, would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
