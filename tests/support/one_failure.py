"""A run with something to do, in which one thing goes wrong: what must hold after it, and after
the next.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from kore_campaigns.transform.values import canonical, text_hash
from kore_emulator import Emulator
from support.forked_command import Ended
from support.project import Project
from support.stored_tables import GAPS, kores_campaigns, live_campaigns
from support.watcher import unsound

NEWEST = """
select campaign_id, max(version), max_by(content_hash, version), max_by(is_deleted, version)
from kore.campaign_history group by campaign_id
"""
State = tuple[int, str, bool]
STATUSES = ("Active", "Paused", "Ready", "Completed", "Stopped")


@dataclass
class OneFailure:
    """The same project again and again: made ready, broken, looked at, and made whole."""

    kore: Emulator
    project: Project
    scenario: str
    """`first`: there is no database; `changed`: half of the campaigns differ, one is gone, one is
    back; `restored`: the same, and the database was put back from a copy.
    """
    outcomes: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    _rounds: int = 0
    _before: dict[str, State] = field(default_factory=dict)
    _after: dict[str, State] = field(default_factory=dict)

    def make_ready(self) -> None:
        """Kore moves on; what the database holds, and should hold after a run, is noted."""
        self._rounds += 1
        if self.scenario == "first":
            self.project.database.unlink(missing_ok=True)
            shutil.rmtree(self.project.folder / ".kore_campaigns", ignore_errors=True)
        else:
            self._change()
        if self.scenario == "restored":
            copy = self.project.database.with_suffix(".backup")
            shutil.copyfile(self.project.database, copy)
            copy.replace(self.project.database)
        self._before = self._held()
        self._after = self._expected()

    def _change(self) -> None:
        ids = [*self._expected_ids()]
        for place, campaign_id in enumerate(ids):
            if place % 2:
                self.kore.edit(
                    campaign_id,
                    {
                        "status": STATUSES[(self._rounds + place) % len(STATUSES)],
                        "contactLists": [f"List {n}" for n in range((self._rounds + place) % 4)],
                        "description": str(self._rounds),
                    },
                )
        self.kore.restore(ids[-1 - (self._rounds - 1) % 2])
        self.kore.delete(ids[-1 - self._rounds % 2])

    def _expected_ids(self) -> list[str]:
        text = (self.project.folder / "campaign_ids.csv").read_text(encoding="utf-8")
        return text.split()[1:]

    def _held(self) -> dict[str, State]:
        if not self.project.database.exists():
            return {}
        return {row[0]: (row[1], row[2], row[3]) for row in self.project.sql(NEWEST)}

    def _expected(self) -> dict[str, State]:
        live = kores_campaigns(self.kore)
        expected = {}
        for campaign_id in self._expected_ids():
            version, held_hash, is_deleted = self._before.get(campaign_id, (0, "", False))
            if campaign_id in live:
                found = (text_hash(canonical(live[campaign_id])), False)
            else:
                found = (held_hash, True)
            is_new = found != (held_hash, is_deleted)
            expected[campaign_id] = (version + is_new, *found)
        return expected

    def look(
        self, what: str, ended: Ended, *, codes: Mapping[int, str], denies: bool = False
    ) -> None:
        """After the run in which `what` went wrong; `codes` may be what it ended with, and what its
        message must match.  `denies`: Kore denied a campaign that it has; one that is held
        as deleted stays so until the next run, since no answer tells such a lie from the truth.
        """
        found = self._held()
        self._complain_if(what, "unsound", self._unsound())
        for campaign_id, after in self._after.items():
            before = self._before.get(campaign_id)
            stays_deleted = denies and before is not None and before[2]
            allowed = [after, before] if ended.code or stays_deleted else [after]
            state = found.get(campaign_id)
            unknown = f"exit code {ended.code}, {state} is none of {allowed}"
            self._complain_if(what, campaign_id, state not in allowed and unknown)
        self._complain_if(what, f"exit code {ended.code}", ended.code not in codes)
        is_clear = (
            re.search(codes.get(ended.code, ""), ended.err) is not None
            and "Traceback" not in ended.err
            and "unexpected" not in ended.err
            and bool(ended.err) >= (ended.code > 0)
        )
        self._complain_if(what, f"says `{ended.err.strip()}`", not is_clear)
        changed = "all of it is stored" if found == self._after else "a part of it is stored"
        changed = "nothing changed" if found == self._before != self._after else changed
        self.outcomes[f"exit {ended.code}, {changed}"] += 1

    def make_whole(self, what: str) -> None:
        """The next run, in which nothing goes wrong, must end equal to Kore."""
        report = self.project.run()
        self._complain_if(what, f"next run: exit {report.exit_code}", report.exit_code != 0)
        self._complain_if(what, "next run: other states", self._held() != self._after)
        self._complain_if(what, "next run: unsound", self._unsound())
        self._complain_if(what, "next run: gaps", self.project.sql(GAPS))
        differs = live_campaigns(self.project) != kores_campaigns(self.kore)
        self._complain_if(what, "next run: not equal to Kore", differs)

    def _unsound(self) -> list[str]:
        if not self.project.database.exists():
            return []
        with duckdb.connect(str(self.project.database), read_only=True) as connection:
            return unsound(connection)

    def _complain_if(self, what: str, complaint: str, found: object) -> None:
        if found:
            detail = "" if found is True else f": {found}"
            self.complaints.append(f"{what}: {complaint}{detail}")
