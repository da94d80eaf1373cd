"""The SQLite file in which the processes of this machine count an account's calls."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from kore_campaigns.call_waits import Calls
from kore_campaigns.errors import BudgetUnusable
from kore_campaigns.shared_connection import SharedConnection

T = TypeVar("T")

_BUSY_SECONDS: Final = 30.0

# `ends`: when the answer came back; for a call in flight, when its lease runs out.
# `autoincrement`: an id that was handed out is never another call's, even after its row is gone.
_SCHEMA: Final = """
create table if not exists calls (
    call_id integer primary key autoincrement, ends real not null, in_flight integer not null
);
create index if not exists calls_by_end on calls (ends);
create table if not exists pause (
    only_row integer primary key check (only_row = 1), until real not null
);
insert or ignore into pause values (1, 0);
"""


class CallsFile:
    """One connection for all threads of a process; a forked child opens its own."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._connection = SharedConnection(lambda: _opened(path))

    def transact(self, work: Callable[[Calls], T]) -> T:
        """What `work` returns, alone among all threads and processes; undone if it raises.

        Raises `BudgetUnusable` when the file cannot be opened, read or written.
        """
        try:
            with self._connection.held() as db:
                db.execute("begin immediate")
                try:
                    done = work(_CallsInFile(db, self._now()))
                    db.execute("commit")
                finally:
                    if db.in_transaction:
                        db.execute("rollback")
                return done
        except (sqlite3.Error, OSError) as error:
            raise BudgetUnusable(str(self._path), str(error)) from error

    def close(self) -> None:
        """Closes the connection; what was counted stays for the next process."""
        self._connection.close()


class _CallsInFile:
    """See `Calls`."""

    def __init__(self, db: sqlite3.Connection, now: float) -> None:
        self._db = db
        self.now = now

    @property
    def paused_until(self) -> float:
        return float(self._db.execute("select until from pause").fetchone()[0])

    def end(self, place: int) -> float | None:
        found = self._db.execute(
            "select ends from calls order by ends desc limit 1 offset ?", (place,)
        ).fetchone()
        return None if found is None else float(found[0])

    def take(self, *, lease_ends: float, forget: float) -> int:
        self._db.execute("delete from calls where ends <= ?", (forget,))
        taken = self._db.execute("insert into calls (ends, in_flight) values (?, 1)", (lease_ends,))
        return int(taken.lastrowid or 0)  # never 0 after an insert

    def give_back(self, call_id: int) -> None:
        # Replaced, not updated: the row may be gone, when the call outlived its lease.
        self._db.execute("insert or replace into calls values (?, ?, 0)", (call_id, self.now))

    def pause(self, until: float) -> None:
        self._db.execute("update pause set until = ?", (until,))

    def draw_back(self, *, answered: float, in_flight: float) -> bool:
        ends = {"answered": answered, "in_flight": in_flight}
        drawn = self._db.execute(
            "update calls set ends = iif(in_flight, :in_flight, :answered)"
            " where ends > iif(in_flight, :in_flight, :answered)",
            ends,
        )
        return drawn.rowcount > 0


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Created before SQLite does it with the umask; its -wal and -shm files take over the mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _use_write_ahead_log(db)
        # Survives the process in either mode. A power cut may lose the last calls, but not damage
        # the file, as OFF would; the call costs the same, since NORMAL syncs at checkpoints only.
        db.execute("pragma synchronous = normal")
        db.executescript(f"begin immediate; {_SCHEMA} commit;")
    except BaseException:
        db.close()
        raise
    return db


def _use_write_ahead_log(db: sqlite3.Connection) -> None:
    # Processes that open a new file at once get SQLITE_BUSY here at once (78 of 900 did), without
    # SQLite's own waiting. So it is done here, in real time like SQLite's.
    give_up = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            db.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return
