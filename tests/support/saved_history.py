"""Runs that many tests begin with, made once: later tests get a copy of what they left."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kore_emulator import Emulator
from support.project import Project


@dataclass(frozen=True)
class Saved:
    """The folder of the project, its Postgres database, and the campaigns in Kore."""

    folder: Path
    database: str
    campaigns: list[dict[str, Any]]


_SAVED: dict[tuple[str, str], Saved] = {}


@contextmanager
def saved_history(name: str, kore: Emulator, project: Project) -> Iterator[Callable[..., None]]:
    """Give a function that makes a run, and that does nothing once this history is saved.

    What a test changes in Kore between the runs it changes each time.
    """
    key = (name, project.destination)
    saved = _SAVED.get(key)
    yield _no_run if saved else _runs_of(project)
    if saved is None:
        _SAVED[key] = _save(key, kore, project)
        return
    shutil.copytree(saved.folder, project.folder, dirs_exist_ok=True)
    if project.server is not None:
        project.server.copy(saved.database, project.address)
    for campaign in saved.campaigns:  # an edit takes the time of the clock
        kore.add(campaign)
    kore.reset_counters()


def _runs_of(project: Project) -> Callable[..., None]:
    def run(**options: Any) -> None:
        project.run(**options)

    return run


def _no_run(**_: Any) -> None:
    pass


def _save(key: tuple[str, str], kore: Emulator, project: Project) -> Saved:
    folder = project.folder.parents[1] / "-".join(("saved", *key))
    shutil.copytree(project.folder, folder)
    database = ""
    if project.server is not None:
        database = project.server.new_database()
        project.server.copy(project.address, database)
    kore.reset_counters()
    return Saved(folder, database, [kore.campaign(each) for each in kore.campaign_ids()])
