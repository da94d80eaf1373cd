"""The SQLite file in which the processes of this machine count an account's calls."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kore_campaigns.errors import BudgetUnusable

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

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inherited: list[sqlite3.Connection] = []
        self._db: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._process_id = os.getpid()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Alone among all threads and processes; kept if the block ends well, else undone.

        Raises `BudgetUnusable` when the file cannot be opened, read or written.
        """
        if os.getpid() != self._process_id:
            self._start_anew_after_fork()
        with self._lock:
            try:
                if self._db is None:
                    self._db = _opened(self._path)
                db = self._db
                db.execute("begin immediate")
                try:
                    yield db
                    db.execute("commit")
                finally:
                    if db.in_transaction:
                        db.execute("rollback")
            except (sqlite3.Error, OSError) as error:
                raise BudgetUnusable(str(self._path), str(error)) from error

    def close(self) -> None:
        """Closes the connection; what was counted stays for the next process."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _start_anew_after_fork(self) -> None:
        # SQLite forbids a connection in a forked child. It is kept, unused, since closing it could
        # release the parent's locks; our own lock may have been held by a thread that is not here.
        if self._db is not None:
            self._inherited.append(self._db)
        self._db = None
        self._lock = threading.Lock()
        self._process_id = os.getpid()


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
