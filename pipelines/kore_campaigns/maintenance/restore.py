"""Going back: what is kept of earlier states, and swapping one of them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from kore_campaigns.errors import DestinationUnavailable, SettingInvalid, first_line
from kore_campaigns.load.duckdb_file import Workspace

_LAST_RUN = """
select run_id, exit_code from kore_raw.extraction_runs order by started_at desc limit 1
"""
_COUNTS = """
select count(*) filter (where is_current and not is_deleted), count(*) from kore.campaign_history
"""


@dataclass(frozen=True, slots=True)
class State:
    """A database file: the published one, or a generation with its `number`, 1 the newest kept.

    The numbers are empty, and `problem` says why, where the file cannot be read.
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
    """What there is to go back to."""

    database: str
    published: State | None
    generations: Sequence[State]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Restored:
    """What is published now, and the generation that holds what it replaced."""

    database: str
    restored: State
    replaced: State | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_kept(workspace: Workspace) -> Kept:
    """Every generation, newest first, and what is published, to compare them with."""
    files = workspace.generations.files()
    found = [_read_state(path, number) for number, path in enumerate(files, start=1)]
    return Kept(
        str(workspace.published),
        _read_state(workspace.published),
        [state for state in found if state is not None],
    )


def restore_generation(workspace: Workspace, wanted: str) -> Restored:
    """Put a generation, by number or name, in the place of what is published.

    Raises `SettingInvalid` if there is none such, `DestinationUnavailable` if it cannot be read or
    a run goes on; then nothing is changed.
    """
    path = _find(workspace, wanted)
    with workspace.locked():
        state = _read_state(path)
        if state is None:  # a run that has just ended kept another in its place
            raise _unknown(workspace, wanted)
        if state.problem is not None:
            reason = f"the generation `{path}` cannot be read: {state.problem}"
            raise DestinationUnavailable(
                str(workspace.published), reason, next_step="restore another one"
            )
        replaced = workspace.restore(path)
        return Restored(
            str(workspace.published),
            state,
            None if replaced is None else _read_state(replaced, number=1),
        )


def _find(workspace: Workspace, wanted: str) -> Path:
    files = workspace.generations.files()
    for number, path in enumerate(files, start=1):
        if wanted in (str(number), path.name, path.stem):
            return path
    raise _unknown(workspace, wanted)


def _unknown(workspace: Workspace, wanted: str) -> SettingInvalid:
    count = len(workspace.generations.files())
    folder = workspace.generations.folder
    expected = (
        f"a number from 1 (the newest) to {count} or a name, as `kore-campaigns restore` lists them"
        if count
        else f"nothing: none is kept in `{folder}`; each run keeps what it replaces"
    )
    return SettingInvalid(key="generation", value=wanted, expected=expected)


def _read_state(path: Path, number: int | None = None) -> State | None:
    """None if the file is not there."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    published_at = datetime.fromtimestamp(status.st_mtime, UTC)
    state = State(path.name, published_at, status.st_size, number)
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            run = connection.execute(_LAST_RUN).fetchone()
            counts = connection.execute(_COUNTS).fetchone()
    except duckdb.Error as failed:
        return replace(state, problem=first_line(failed))
    run_id, exit_code = run or (None, None)
    campaigns, versions = counts or (None, None)
    return replace(
        state, run_id=run_id, exit_code=exit_code, campaigns=campaigns, versions=versions
    )
