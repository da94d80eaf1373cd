"""Room on the disk, and files that are whole and durable before they get their name."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kore_campaigns.errors import NoRoom, WorkingCopyDamaged

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DAMAGED: Final = (
    "Corrupt database file",
    "not a valid DuckDB database file",
    "Failure while replaying WAL",
)
# stays free: a disk filled to its last byte stops more than us
MARGIN: Final = 16 * 1024**2
# an empty database is 6 MB, and dlt's working files beside it are a few more
_LEAST_BYTES = 16 * 1024**2
# a version took 3 KB in the file, measured with the sample campaigns, and real ones are larger; on
# its way it is in a load file, in the write-ahead log, in the private file and in the copy of it
_BYTES_A_CAMPAIGN = 16 * 1024


@dataclass(frozen=True, slots=True)
class Room:
    """The disk of a database, on which `spare` is a folder that may be deleted."""

    database: Path
    spare: Path
    free_bytes: Callable[[Path], int]

    def require(self, needed: int) -> None:
        """Raises `NoRoom` where so many bytes cannot be written."""
        if self.free_bytes(self.database.parent) < needed + MARGIN:
            raise self.lacking(needed)

    def lacking(self, needed: int, *, said: str = "") -> NoRoom:
        """The error, with the word of the system if that has tried."""
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

    def damaged(self, reason: str) -> WorkingCopyDamaged:
        """The error for what a run was writing."""
        folder = self.database.parent
        free = self.free_bytes(folder)
        return WorkingCopyDamaged(str(self.database), reason, folder=str(folder), free=free)


def free_bytes(folder: Path) -> int:
    """What this user may still write on the disk of a folder."""
    return shutil.disk_usage(folder).free


def room_for(campaigns: int) -> int:
    """Bytes that one step with so many campaigns may write at most, copies of files not counted."""
    return _LEAST_BYTES + campaigns * _BYTES_A_CAMPAIGN


def said_full(failed: Exception) -> str:
    """How the system said that a disk, a quota or a limit is used up; empty if it did not."""
    for word in map(os.strerror, _FULL):
        if word in str(failed):  # DuckDB passes on the word, not the number
            return word
    return ""


def said_damaged(failed: Exception) -> bool:
    """True where DuckDB found a file, or its write-ahead log, that is not as it was written."""
    return any(words in str(failed) for words in _DAMAGED)


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def copy_durably(source: Path, target: Path, room: Room) -> None:
    """A copy that is whole on the disk when this returns."""
    room.require(size_of(source))
    shutil.copyfile(source, target)
    to_disk(target)


def link_or_copy(source: Path, target: Path, room: Room) -> None:
    """A second name for a file, which writes nothing; a copy where the disk has no such names."""
    original = source.resolve()  # the file is meant, not a symlink to it
    try:
        os.link(original, target)
    except FileExistsError:
        raise
    except OSError:
        copy_durably(original, target, room)
        shutil.copystat(original, target)  # as old as its original, as a second name is


def replace_text(file: Path, text: str) -> None:
    """Put a text file in place at once: a reader sees the old one or the new one.

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
    """Returns once a file, or the names in a folder, would outlast a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
