"""One project, one Kore, and all that may happen to them, in any order."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from kore_campaigns.extract.plan import errors_allowed
from kore_campaigns.extract.report import RunReport
from kore_emulator import Emulator, Fault
from support.acting_stop import ActingStop
from support.failures import Break
from support.forked_command import forked
from support.history_events import CONFIGURED, EXIST, POOL, Act, acts
from support.history_model import MAX_VANISHED, CourseModel, Version
from support.project import Project

STEPS: Counter[str] = Counter()
"""Steps done, by name."""


class AnyCourse(RuleBasedStateMachine):
    """One project, one Kore, and whatever may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        folder = Path(tempfile.mkdtemp(prefix="any-course-"))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        monkeypatch = self._stack.enter_context(pytest.MonkeyPatch.context())
        (folder / "project").mkdir()
        monkeypatch.chdir(folder / "project")
        monkeypatch.setenv("DLT_PROJECT_DIR", str(folder / "project"))
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        self._folder = folder
        kore = Emulator(campaigns=POOL[:EXIST], requests_per_minute=None)
        self.kore = self._stack.enter_context(kore)
        self.project = Project(folder / "project", monkeypatch)
        self.model = CourseModel(self.kore, self.project)
        self._backup: dict[str, list[Version]] | None = None
        self._has_lie = False
        self._budget = 1.0

    def teardown(self) -> None:
        try:
            self._clean_run("full")
            assert self.kore.writes == []
        finally:
            self._stack.close()

    @initialize(
        attempts=st.sampled_from([1, 1, 2]),
        chunk=st.sampled_from([1, 3, 100]),
        workers=st.sampled_from([1, 4]),
        budget=st.sampled_from([0.2, 1]),
    )
    def begin(self, attempts: int, chunk: int, workers: int, budget: float) -> None:
        self.project.use(
            self.kore,
            max_attempts=attempts,
            chunk_size=chunk,
            workers=workers,
            error_budget=budget,
            max_vanished=MAX_VANISHED,
            campaign_timeout_seconds=5,
        )
        self._budget = budget
        self._configure([campaign["_id"] for campaign in POOL[:CONFIGURED]])

    def _configure(self, ids: list[str]) -> None:
        self.model.configured = ids
        self.project.configure(ids)

    @rule(act=acts())
    def step(self, act: Act) -> None:
        name, given = act
        STEPS[name] += 1
        getattr(self, f"_{name}")(**given)

    def _edit(self, place: int, change: dict[str, Any], *, silent: bool = False) -> str:
        """A campaign that Kore never had is made instead."""
        campaign_id: str = POOL[place]["_id"]
        if campaign_id in self.model.touched or place < EXIST:
            self.kore.edit(campaign_id, change, silent=silent)
        else:
            self.kore.add(POOL[place])
        self.model.touch(campaign_id)
        return campaign_id

    def _silent_edit(self, place: int, change: dict[str, Any]) -> None:
        self._edit(place, change, silent=True)

    def _deletion(self, place: int) -> None:
        self.kore.delete(POOL[place]["_id"])
        self.model.touch(POOL[place]["_id"])

    def _resurrection(self, place: int) -> None:
        self.kore.restore(POOL[place]["_id"])
        self.model.touch(POOL[place]["_id"])

    def _change_of_ids(self, place: int, front: bool) -> None:
        campaign_id = POOL[place]["_id"]
        others = [key for key in self.model.configured if key != campaign_id]
        if campaign_id in self.model.configured and others:
            self._configure(others)
        else:
            self._configure([campaign_id, *others] if front else [*others, campaign_id])

    def _fault(self, fault: tuple[Fault, dict[str, Any]], place: int | None, times: int) -> None:
        name, options = fault
        if name is Fault.NOT_FOUND:
            if self._has_lie:  # two such lies in one run are what a deletion looks like
                self.kore.clear_faults()
            self._has_lie, times = True, 1
        is_of_listing = name in (Fault.PARTIAL_LISTING, Fault.LYING_LISTING)
        campaign_id = None if place is None or is_of_listing else POOL[place]["_id"]
        self.kore.fault(name, campaign_id, times, **options)
        self.model.has_faults = True

    def _look_at_run(self, sweep: str, *, accept: bool = False, **options: Any) -> RunReport:
        self.model.accepts = accept
        report = self.project.run(sweep=sweep, accept_vanished=accept, **options)
        assert sweep == "auto" or report.sweep == sweep
        self.model.look(report)
        return report

    def _run(self, sweep: str, accept: bool) -> None:
        self._look_at_run(sweep, accept=accept)

    def _clean_run(self, sweep: str) -> None:
        """No faults any more; what a full sweep had left is done first."""
        self.kore.clear_faults()
        self.model.has_faults = self._has_lie = False
        self._mend_ids()
        report = self._look_at_run(sweep, accept=True)
        if report.sweep == "full":
            if report.full_sweep_started_at != report.started_at:
                report = self._look_at_run("full", accept=True)
            assert report.full_sweep_started_at == report.started_at
            self.model.look_at_views()

    def _mend_ids(self) -> None:
        """More ids that Kore never had than the error budget lets pass stop every full sweep."""
        wrong = self.model.never_in_kore()
        if len(wrong) > errors_allowed(len(self.model.configured), error_budget=self._budget):
            right = [key for key in self.model.configured if key not in wrong]
            self._configure(right or [*self.model.in_kore()][:1] or self.model.configured)

    def _run_asked_to_stop(self, sweep: str, looks: int) -> None:
        self._look_at_run(sweep, stop=ActingStop(looks))

    def _run_while_kore_changes(
        self, sweep: str, looks: int, place: int, change: dict[str, Any], silent: bool
    ) -> None:
        model, before = self.model, self.model.in_kore().get(POOL[place]["_id"])

        def edit() -> None:
            campaign_id = self._edit(place, change, silent=silent)
            model.crossed[campaign_id] = before
            model.ever_crossed.add(campaign_id)

        self._look_at_run(sweep, stop=ActingStop(looks, edit))
        model.crossed.clear()

    def _run_that_breaks(self, sweep: str, kind: str, at: int, how: str) -> None:
        breaking = Break(kind, at, how, below=(str(self._folder),))
        ended = forked(self.project, "run", "--quiet", "--sweep", sweep, breaking=breaking)
        assert ended.code in (-9 if how == "kill" else 6, 0, 2, 3, 4, 5, 75), ended
        self.model.look(None)

    def _run_that_is_killed(self, sweep: str, kind: str, at: int) -> None:
        self._run_that_breaks(sweep, kind, at, "kill")

    def _lost_working_directory(self) -> None:
        shutil.rmtree(self.project.folder / ".kore_campaigns", ignore_errors=True)

    def _backup_taken(self) -> None:
        if self.project.database.exists():
            shutil.copyfile(self.project.database, self._folder / "backup")
            self._backup = {key: list(versions) for key, versions in self.model.history.items()}

    def _backup_put_back(self) -> None:
        if self._backup is not None:
            shutil.copyfile(self._folder / "backup", self.project.database)
            self.model.history = {key: list(found) for key, found in self._backup.items()}
