"""The file in which calls are counted: private, small, and clear about what is wrong with it."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from kore_campaigns.errors import BudgetUnusable
from support.budgets import THREE_A_MINUTE, InFile, budget, call

MAKES_FORTY_FILES = """
import sys, time
from pathlib import Path
from kore_campaigns.api.rate_limit_stores import CallsFile
from kore_campaigns.api.rate_limit import Budget

folder, begin = Path(sys.argv[1]), float(sys.argv[2])
for number in range(40):
    time.sleep(max(0, begin + number * 0.02 - time.time()))
    budget = Budget(CallsFile(folder / f"{number}.sqlite"), limits=(), lease_seconds=1)
    budget.paused_for()
    budget.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "calls.sqlite"


@pytest.fixture
def place(path: Path) -> InFile:
    return InFile(path)


class TestFile:
    def test_only_its_owner_can_read_it(self, path: Path, place: InFile) -> None:
        with budget(place).slot():
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
        assert modes == dict.fromkeys(
            ("calls.sqlite", "calls.sqlite-shm", "calls.sqlite-wal"), 0o600
        )
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_a_damaged_one_is_named_with_what_to_do(self, path: Path, place: InFile) -> None:
        path.parent.mkdir()
        path.write_bytes(b"this is no database, however long one looks at it" * 100)
        with pytest.raises(BudgetUnusable) as raised, budget(place).slot():
            pass
        told = str(raised.value)
        assert str(path) in told
        assert "file is not a database" in told
        assert "delete it" in told

    def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(
        self, path: Path, place: InFile
    ) -> None:
        path.parent.write_text("a file where the folder should be")
        with pytest.raises(BudgetUnusable, match="XDG_STATE_HOME") as raised:
            budget(place).paused_for()
        assert str(path) in str(raised.value)

    def test_a_new_one_that_another_process_is_just_making_is_waited_for(
        self, path: Path, place: InFile
    ) -> None:
        path.parent.mkdir()
        with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
            other.execute("begin exclusive")
            threading.Timer(0.1, other.execute, ("rollback",)).start()
            assert call(budget(place), place.clock) == 0

    def test_many_processes_may_make_a_new_one_at_once(self, tmp_path: Path) -> None:
        """SQLite answers "database is locked" to some of them, without waiting."""
        begin = str(time.time() + 1)
        command = [sys.executable, "-c", MAKES_FORTY_FILES, str(tmp_path), begin]
        makers = [subprocess.Popen(command) for _ in range(4)]
        assert [maker.wait() for maker in makers] == [0] * 4

    def test_calls_are_forgotten_after_an_hour(self, path: Path, place: InFile) -> None:
        pacer = budget(place)
        for _ in range(500):
            call(pacer, place.clock)
        with closing(sqlite3.connect(path)) as db:
            (rows,) = db.execute("select count(*) from calls").fetchone()
        assert rows <= THREE_A_MINUTE.calls * 61  # an hour of them
