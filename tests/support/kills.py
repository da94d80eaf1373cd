"""Runs that are killed at random instants, one after the other, while an analyst reads along."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any

import duckdb

from kore_emulator import Emulator
from support.project import Project
from support.stored_tables import GAPS, kores_campaigns, live_campaigns
from support.watcher import Watcher, unsound

# which share of the campaigns is edited before each run; None: there is no database either
COURSES: dict[str, float | None] = {"first": None, "unchanged": 0.0, "tenth": 0.1, "chunks": 0.34}
# so many kills follow each other before a run is left in peace
IN_A_ROW = 5
_LONGEST = 2.0
_GIVE_UP = 60.0


@dataclass
class Killing:
    """Kills run after run of one kind; `bad` names what must not have been."""

    kore: Emulator
    project: Project
    course: str
    rng: random.Random
    kills: int = 0
    ended: int = 0
    """Runs that were quicker than the kill."""
    looks: int = 0
    bad: list[str] = field(default_factory=list)
    _longest: float = _LONGEST

    def go(self, kills: int) -> None:
        """So many kills, and what must hold after each few."""
        is_first = COURSES[self.course] is None
        while self.kills < kills:
            watcher = Watcher(self.project.database)
            if is_first:
                self._forget()
            with watcher.watching():
                for _ in range(1 if is_first else min(IN_A_ROW, kills - self.kills)):
                    self._kill_one()
                    self.bad += self._unsound()
                self._make_whole()
            self.bad += watcher.complaints
            self.looks += watcher.looks

    def _forget(self) -> None:
        self.project.database.unlink(missing_ok=True)
        shutil.rmtree(self.project.folder / ".kore_campaigns", ignore_errors=True)

    def _kill_one(self) -> None:
        """Anywhere between taking the lock and the end; a run that was quicker does not count."""
        ids = self.kore.campaign_ids()
        for campaign_id in self.rng.sample(ids, int(len(ids) * (COURSES[self.course] or 0))):
            change(self.kore, campaign_id, self.rng)
        process = self.project.spawn("run", "--quiet", "--sweep", "full")
        began = wait_for_lock(self.project, process)
        try:
            process.wait(self.rng.uniform(0, self._longest))
            self._longest = 0.5 * self._longest + 0.5 * (time.monotonic() - began)
        except subprocess.TimeoutExpired:
            process.kill()
            # on a busy machine a run takes longer, and is to be killed late, too; how long is known
            # once one came to its end
            self._longest *= 1.02 if self.ended else 1.2
        out, err = process.communicate()
        if process.returncode == -9:
            self.kills += 1
        elif process.returncode == 0:
            self.ended += 1
        else:
            self.bad.append(f"exit {process.returncode}: {out}{err}")

    def _unsound(self) -> list[str]:
        if not self.project.database.exists():
            return []
        with duckdb.connect(str(self.project.database), read_only=True) as connection:
            return unsound(connection)

    def _make_whole(self) -> None:
        """One run goes on with what was stopped; a second asks for everything afresh."""
        for _ in range(2):
            report = self.project.run(sweep="full")
            if report.exit_code != 0:
                self.bad.append(f"in peace: exit {report.exit_code}: {report.as_json()}")
        if live_campaigns(self.project) != kores_campaigns(self.kore):
            self.bad.append("in peace: not equal to Kore")
        self.bad += [f"in peace: gap {row}" for row in self.project.sql(GAPS)]


def change(kore: Emulator, campaign_id: str, rng: random.Random) -> None:
    """Lists that shrink and grow, with and without a new `updatedAt`."""
    days = [{"day": day, "start": "9:00 AM", "end": "5:00 PM"} for day in ("MO", "TU", "WE", "TH")]
    changes: dict[str, Any] = rng.choice(
        [
            {"dialingStrategy.callingHours.days": days[: rng.randrange(5)]},
            {"contactLists": [f"List {number}" for number in range(rng.randrange(4))]},
            {"dncLists": rng.choice([None, {"id": "cl-1", "name": "one"}, {"name": "two"}])},
        ]
    )
    kore.edit(campaign_id, {"description": str(rng.random()), **changes}, silent=rng.random() < 0.3)


def wait_for_lock(project: Project, process: subprocess.Popen[str]) -> float:
    """Returns once the process holds the database."""
    holder = project.folder / ".kore_campaigns" / project.database.stem / "run.json"
    give_up = time.monotonic() + _GIVE_UP
    while time.monotonic() < give_up:
        try:
            found = json.loads(holder.read_text(encoding="utf-8"))["pid"]
        except (OSError, ValueError):
            found = None
        if found == process.pid:
            return time.monotonic()
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.kill()
    message = "the run never began"
    raise TimeoutError(message)
