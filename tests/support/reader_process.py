"""An analyst in a process of its own.

python reader_process.py DATABASE hold     one connection, held open; a line in, its state out
python reader_process.py DATABASE poll     new connections without a pause, until stdin ends;
                                           then how often it looked, and what was wrong
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from support.watcher import Watcher, unsound

STATE = """
select campaign_id, version, description, content_hash from kore.campaigns order by campaign_id
"""


@contextmanager
def reader(database: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """The process, ready; ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "support.reader_process", str(database), how],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert answer(process) == "ready"
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(process: subprocess.Popen[str]) -> Any:
    """The one that holds looks once more; the one that polls ends and says what it saw."""
    assert process.stdin is not None
    process.stdin.write("now\n")
    process.stdin.flush()
    return answer(process)


def answer(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def hold(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        say("ready")
        for _ in sys.stdin:
            say([unsound(connection), connection.execute(STATE).fetchall()])


def poll(database: Path) -> None:
    watcher = Watcher(database)
    with watcher.watching():
        say("ready")
        sys.stdin.readline()
    say([watcher.looks, watcher.complaints])


def say(found: Any) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    (hold if sys.argv[2] == "hold" else poll)(Path(sys.argv[1]))
