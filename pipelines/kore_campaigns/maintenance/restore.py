"""List the generations of a DuckDB file, and restore one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from kore_campaigns.errors import DestinationUnavailable, SettingInvalid, first_line
from kore_campaigns.load.duckdb_file import DuckDBFile

_LAST_RUN = """
select run_id, exit_code from kore_raw.extraction_runs order by rowid desc limit 1
"""
_COUNTS = """
select count(*) filter (where is_current and not is_deleted), count(*) from kore.campaign_history
"""


@dataclass(frozen=True, slots=True)
class State:
    """A database file: the published one, or a generation with its `number` (1 is the newest).

    If the file cannot be read, `problem` says why, and the counts are None.
    """

    name: str
    published_at: datetime
    size_bytes: int
    number: int | None = None
    run_id: str | None = None
    exit_code: int | None = None
    campaigns: int | None = None
    versions: int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The published file and its generations."""

    database: str
    published: State | None
    generations: Sequence[State]


@dataclass(frozen=True, slots=True)
class Restored:
    """The published state, and the generation that the replaced file became."""

    database: str
    restored: State
    replaced: State | None


def read_kept(file: DuckDBFile) -> Kept:
    """The published file and every generation, newest first."""
    paths = enumerate(file.generations.files(), start=1)
    found = [_read_state(path, number) for number, path in paths]
    return Kept(file.name, _read_state(file.published), [state for state in found if state])


def restore_generation(file: DuckDBFile, wanted: str) -> Restored:
    """Publish a generation, given by number or name.

    Raises `SettingInvalid` if it does not exist, `DestinationUnavailable` if it cannot be read or
    during a run; nothing is changed then.
    """
    paths = file.generations.files()
    names = {
        name: path
        for number, path in enumerate(paths, start=1)
        for name in (str(number), path.name, path.stem)
    }
    expected = (
        f"a number from 1 (the newest) to {len(paths)} or a name, as `kore-campaigns restore` "
        "lists them"
        if paths
        else f"nothing: none is kept in `{file.generations.folder}`; each run keeps what it "
        "replaces"
    )
    unknown = SettingInvalid(key="generation", value=wanted, expected=expected)
    if wanted not in names:
        raise unknown
    with file.locked():
        state = _read_state(names[wanted])
        if state is None:  # a run that ended just now removed it
            raise unknown
        if state.problem is not None:
            reason = f"the generation `{names[wanted]}` cannot be read: {state.problem}"
            raise DestinationUnavailable(file.name, reason, next_step="restore another one")
        replaced = file.restore(names[wanted])
        return Restored(
            file.name, state, None if replaced is None else _read_state(replaced, number=1)
        )


def _read_state(path: Path, number: int | None = None) -> State | None:
    """None if the file does not exist."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    state = State(path.name, datetime.fromtimestamp(status.st_mtime, UTC), status.st_size, number)
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            run_id, exit_code = connection.execute(_LAST_RUN).fetchone() or (None, None)
            campaigns, versions = connection.execute(_COUNTS).fetchone() or (None, None)
    except duckdb.Error as failed:
        return replace(state, problem=first_line(failed))
    return replace(
        state, run_id=run_id, exit_code=exit_code, campaigns=campaigns, versions=versions
    )
