"""Paths that users name, and the files behind them.

Every path setting and flag goes through `local_path`. Every file that is replaced goes through
`replace`: it is complete and durable before it gets its name, and keeps what its owner gave it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final
from urllib.parse import unquote

from kore_campaigns.errors import NoRoom, SettingInvalid

# `scheme:...` and `user@host:...` at the start; `scheme:/` and `user:password@` anywhere, as a
# library leaves them that took an address for a path; the `key=value` forms of libpq and ODBC
_ADDRESS: Final = re.compile(
    r"""(?isx)
    \s*["']? (?: [a-z][\w+.@-]+ )? :
    | .*? (?: :// | (?:^|/) [a-z][\w+.-]+ :/ | [^/]* : [^/]* @ | @ [\w.-]+ : [0-9]+ )
    | .*? \b (?: password | pwd ) ["']? \s* [=:]
    | \s* (?: host | hostaddr | port | server | driver | dbname | database | user | service )
      \s* = (?: [^/]* $ | .* [\s;] \w+ \s* = )
    """
)

_PLAIN: Final = re.compile(r"[\w/. -]+")
_IS_LINUX: Final = sys.platform == "linux"


def looks_like_address(text: str) -> bool:
    """True for the address of a server in any form; it may contain a password."""
    return any(map(_ADDRESS.match, (text, unquote(text))))


def local_path(text: str | Path, *, key: str, folder: Path | None = None) -> Path:
    """The absolute path of a setting or flag; `~` is the home directory.

    A relative one is below `folder`, by default the current one. Raises `SettingInvalid`, without
    the text, for an address: it may contain a password.
    """
    given = str(text)
    # an absolute path into an existing folder is one, whatever the names in it
    is_path = given.startswith("/") and os.path.isdir(os.path.dirname(given))  # noqa: PTH112, PTH120
    if looks_like_address(given) and not is_path:
        expected = (
            "the path of a file or folder; it looks like an address. A server is chosen with "
            "`--destination postgres`, and its address is `[destination.postgres.credentials]` in "
            "`.dlt/secrets.toml`"
        )
        raise SettingInvalid(key, value="(not shown)", expected=expected)
    expanded = os.path.expanduser(given)  # noqa: PTH111  # leaves what it does not know
    path = ((folder or Path()) / expanded).absolute()
    is_utf8 = str(path).encode(errors="ignore").decode() == str(path)
    if not given.strip() or expanded.startswith("~") or not is_utf8 or "\0" in given:
        expected = "a path in UTF-8; its `~` must be a home directory that the system knows"
        raise SettingInvalid(key, value=ascii(given), expected=expected)
    return path


@contextmanager
def plainly_named(folder: Path) -> Iterator[Path]:
    """The folder, if its path means nothing in SQL, as a wildcard, a hive partition or with `%`:
    dlt and DuckDB build such texts from the paths of working files. Otherwise a temporary folder.
    """
    if _PLAIN.fullmatch(str(folder)):
        yield folder
        return
    with scratch_folder() as scratch:
        yield Path(scratch)


def scratch_folder() -> TemporaryDirectory[str]:
    """A temporary folder with a plain path, which is removed at the end."""
    parent = gettempdir() if _PLAIN.fullmatch(gettempdir()) else "/tmp"  # noqa: S108
    return TemporaryDirectory(prefix="kore-campaigns-", dir=parent)


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

    @property
    def folder(self) -> Path:
        """Where there is less room: the folder of the file, or of what a symlink leads to."""
        linked, real = self.database.parent, draft_of(self.database).parent
        return linked if linked == real else min(linked, real, key=self.free_bytes)

    def require(self, needed: int) -> None:
        """Raises `NoRoom` if so many bytes cannot be written."""
        if self.free_bytes(self.folder) < needed + MARGIN:
            raise self.lacking(needed)

    def lacking(self, needed: int, *, said: str = "") -> NoRoom:
        """The error, with what the system said if it tried to write."""
        folder = self.folder
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
    """Copy a file with its mode; the copy is complete on the disk when this returns."""
    room.require(size_of(source))
    target.touch(mode=0o600)  # no one reads it who may not read the source
    shutil.copyfile(source, target)
    shutil.copymode(source, target)
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
    draft = draft_of(file, str(os.getpid()))
    try:
        draft.write_text(text, encoding="utf-8")
        replace(file, draft)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def draft_of(file: Path, mark: str = "") -> Path:
    """Where to write what shall replace a file: next to it, or to what a symlink leads to."""
    real = Path(os.path.realpath(file))
    return real.with_name(f".{real.name}{mark and '.'}{mark}.tmp")


def replace(file: Path, draft: Path) -> None:
    """Replace a file, or what a symlink leads to, by its draft.

    Mode, owner, group and ACL stay, as far as this user may set them. Raises `OSError`.
    """
    require_replaceable(file)
    with suppress(FileNotFoundError):
        before = file.stat()
        for owner, group in ((before.st_uid, -1), (-1, before.st_gid)):
            with suppress(PermissionError):
                os.chown(draft, owner, group)
        for acl in ("system.posix_acl_access", "system.nfs4_acl") if _IS_LINUX else ():
            with suppress(OSError):
                os.removexattr(draft, acl)  # what the folder gave it
            with suppress(OSError):
                os.setxattr(draft, acl, os.getxattr(file, acl))
        draft.chmod(stat.S_IMODE(before.st_mode))
    draft.replace(os.path.realpath(file))


def require_replaceable(file: Path) -> None:
    """Raise `OSError` if this user could not replace the file, whatever is written into it."""
    real = os.path.realpath(file)
    folder = os.path.dirname(real)  # noqa: PTH120
    if file.is_symlink() and not os.path.isdir(folder):  # noqa: PTH112
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
    if os.path.isdir(real):  # noqa: PTH112
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    if os.path.isdir(folder) and not os.access(folder, os.W_OK | os.X_OK):  # noqa: PTH112
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
    if os.fsencode(real) in _mount_points():
        why = "a file that is mounted alone cannot be replaced; mount its folder instead"
        raise OSError(errno.EBUSY, why, str(file))


def _mount_points() -> set[bytes]:
    """Also bind mounts of the same disk, which `os.path.ismount` does not find."""
    if not _IS_LINUX:
        return set()
    lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    return {
        re.sub(rb"\\(\d{3})", lambda code: bytes([int(code[1], 8)]), line.split()[4])
        for line in lines
    }


def to_disk(path: Path) -> None:
    """Return when a file, or the names in a folder, would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
