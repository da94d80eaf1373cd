"""A small database that is written and published as a run does it, without Kore and dlt."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from kore_campaigns.load.duckdb_file import DuckDBFile


def write(workspace: DuckDBFile, *values: int, publishes: int = 1) -> None:
    """What one run does: go on from what is published, write, publish, once a chunk."""
    with workspace.locked():
        workspace.prepare()
        for _ in range(publishes):
            workspace.begin_step()
            with duckdb.connect(str(workspace.working_copy)) as connection:
                connection.execute("create table if not exists numbers (n integer)")
                connection.executemany("insert into numbers values (?)", [[n] for n in values])
            workspace.publish()


def numbers(path: Path) -> list[int]:
    """What a new reader of a file sees."""
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("from numbers order by n").fetchall()
    return [number for (number,) in rows]


def kept(workspace: DuckDBFile) -> list[list[int]]:
    """What each generation holds, newest first."""
    return [numbers(path) for path in workspace.generations.files()]


def runs(workspace: DuckDBFile, values: Sequence[int]) -> None:
    """One run for each value."""
    for value in values:
        write(workspace, value)


def beside(workspace: DuckDBFile) -> set[str]:
    """Names of all files that belong to a database, but for the generations, which have times."""
    root = workspace.published.parent
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return {name for name in found if not ("/generations/2" in name and name.endswith("Z.duckdb"))}


@contextmanager
def another_disk() -> Iterator[Path]:
    """A folder on another disk, to which no second name of a file can lead."""
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir() or shared_memory.stat().st_dev == Path("/tmp").stat().st_dev:
        pytest.skip("there is one disk only")
    folder = shared_memory / f"kore-campaigns-{uuid.uuid4().hex}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


SETTLED = {
    "calls.duckdb",
    ".kore_campaigns/calls/calls.duckdb",
    ".kore_campaigns/calls/origin.json",
    ".kore_campaigns/calls/run.json",
    ".kore_campaigns/calls/run.lock",
}
