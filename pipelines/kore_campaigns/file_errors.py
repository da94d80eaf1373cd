"""What can go wrong with the DuckDB file, told by what the operator does next."""

from __future__ import annotations

from kore_campaigns.errors import DestinationUnavailable


class NoRoom(DestinationUnavailable):
    """Said before something is written, or by the disk itself in the middle; either way what is
    published is as it was.
    """

    code = "no_room"

    def __init__(
        self,
        database: str,
        *,
        folder: str,
        free: int,
        needed: int,
        said: str,
        generations: str,
        kept: int,
    ) -> None:
        self.folder, self.free, self.needed = folder, free, needed
        why = f"`{said}` (a full disk, a quota or a limit for file sizes); " if said else ""
        spare = (
            f"; the earlier states in `{generations}`, {in_bytes(kept)}, may be deleted, only "
            "`kore-campaigns restore` needs them"
            if kept
            else ""
        )
        super().__init__(
            database,
            f"{why}the disk of `{folder}` has {in_bytes(free)} free, {in_bytes(needed)} are "
            "needed. What is published is as it was",
            next_step=f"make room on this disk{spare}. Then run the same command again",
        )


class WorkingCopyDamaged(DestinationUnavailable):
    """DuckDB tells a full disk only where it asks: a checkpoint that fails while a connection is
    closed says nothing, and leaves half a block for the next one to find.
    """

    code = "working_copy_damaged"

    def __init__(self, database: str, reason: str, *, folder: str, free: int) -> None:
        self.folder, self.free = folder, free
        super().__init__(
            database,
            f"the copy of it that this run was writing is damaged: {reason}. A disk that is full, "
            f"a limit for file sizes or a failing disk does that; the disk of `{folder}` has "
            f"{in_bytes(free)} free. What is published is as it was",
            next_step="see to the disk, then run the same command again, it makes the copy anew",
        )


class DatabaseLocked(DestinationUnavailable):
    code = "database_locked"

    def __init__(self, database: str, *, pid: int | None, since: str | None) -> None:
        self.pid, self.since = pid, since
        holder = f"process {pid}, since {since}" if pid else "another process"
        super().__init__(
            database,
            f"another run holds it ({holder}); wait for it, or stop it with `kill {pid or 'PID'}`",
        )


def in_bytes(count: int) -> str:
    """`512 bytes`, `6.0 MB`, `1.2 GB`."""
    if count < 1000:
        return f"{count} bytes"
    size = float(count)
    for unit in ("KB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"
