"""What a project's database may hold after any course of edits, faults, kills and runs, in plain
Python: beside it, every run is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

import duckdb

from kore_campaigns.extract.report import RunReport
from kore_campaigns.transform.campaign import shape
from kore_campaigns.transform.values import canonical
from kore_emulator import Emulator
from support.project import Project
from support.stored_tables import kores_campaigns
from support.watcher import unsound

HISTORY = """
select campaign_id, is_deleted, raw from kore.campaign_history order by campaign_id, version
"""
# fields of a campaign that its row in the account listing does not show
HIDDEN = ("dialingStrategy", "maxSkips", "lname")
MAX_VANISHED = 0.2
Version = tuple[bool, str]
"""Whether it is a deletion, and the object, as canonical text."""


@dataclass
class CourseModel:
    kore: Emulator
    project: Project
    configured: list[str] = field(default_factory=list)
    history: dict[str, list[Version]] = field(default_factory=dict)
    touched: dict[str, datetime] = field(default_factory=dict)
    """When a campaign was last changed, deleted or restored in Kore."""
    has_faults: bool = False
    accepts: bool = False
    """The run believes any number of deletions."""
    crossed: dict[str, str | None] = field(default_factory=dict)
    """Campaigns that changed while the run went on, as they were before."""
    ever_crossed: set[str] = field(default_factory=set)

    def touch(self, campaign_id: str) -> None:
        self.touched[campaign_id] = datetime.now(UTC)

    def in_kore(self) -> dict[str, str]:
        """Every campaign that Kore has, as canonical text."""
        return {key: canonical(value) for key, value in kores_campaigns(self.kore).items()}

    def never_in_kore(self) -> set[str]:
        """Configured ids that were never loaded and that Kore does not have."""
        return {*self.configured} - self.history.keys() - self.in_kore().keys()

    def look(self, report: RunReport | None) -> None:
        """Compares the database with what it was and with Kore; a run that died has no report."""
        found = self._read()
        kore = self.in_kore()
        assert self.history.keys() <= found.keys(), "a campaign was there and is gone"
        for campaign_id, versions in found.items():
            known = self.history.get(campaign_id, [])
            assert versions[: len(known)] == known, f"{campaign_id}: its history changed"
            new = versions[len(known) :]
            assert len(new) <= 1, f"{campaign_id}: {len(new)} versions of one run"
            assert not new or self._could_be_seen(campaign_id, new[0], kore), (campaign_id, new)
        if report is not None:
            self._look_at_report(report, found, kore)
        self.history = found

    def _read(self) -> dict[str, list[Version]]:
        if not self.project.database.exists():
            return {}
        found: dict[str, list[Version]] = {}
        with duckdb.connect(str(self.project.database), read_only=True) as connection:
            assert unsound(connection) == []
            for campaign_id, is_deleted, raw in connection.execute(HISTORY).fetchall():
                found.setdefault(campaign_id, []).append((is_deleted, canonical(json.loads(raw))))
        return found

    def _could_be_seen(self, campaign_id: str, new: Version, kore: Mapping[str, str]) -> bool:
        is_deleted, content = new
        states = [kore.get(campaign_id)]
        if campaign_id in self.crossed:
            states.append(self.crossed[campaign_id])
        if is_deleted:
            return None in states and content == self.history[campaign_id][-1][1]
        return campaign_id in self.configured and content in states

    def _look_at_report(
        self, report: RunReport, found: Mapping[str, list[Version]], kore: Mapping[str, str]
    ) -> None:
        failed = {error.campaign_id for error in report.failures}
        new = {key for key in found if len(found[key]) > len(self.history.get(key, []))}
        assert report.planned == len(self.configured)
        ends = (report.new_versions, report.unchanged, report.vanished, report.failed)
        assert sum(ends) == report.planned, ends
        assert report.new_versions + report.vanished == len(new)
        assert len(failed) == report.failed
        assert failed <= set(self.configured)
        assert not failed & new
        for campaign_id in self.configured:
            if campaign_id not in failed and not self._is_excused(campaign_id, report, kore):
                assert self._is_equal(campaign_id, found, kore), (campaign_id, report.sweep)
        if self._is_foreseeable(report):
            assert failed == self._must_fail(report, kore), report.failures
            assert report.exit_code == (4 if failed else 0)

    def _is_equal(
        self, campaign_id: str, found: Mapping[str, list[Version]], kore: Mapping[str, str]
    ) -> bool:
        versions = found.get(campaign_id)
        if versions is None:
            return False
        return (
            versions[-1] == (False, kore[campaign_id]) if campaign_id in kore else versions[-1][0]
        )

    def _is_excused(self, campaign_id: str, report: RunReport, kore: Mapping[str, str]) -> bool:
        """A campaign may be held as it was before: if it changed since the run asked for it, or
        where the listing cannot show it.
        """
        if campaign_id in self.crossed:
            return True
        if report.sweep == "full":
            begun = report.full_sweep_started_at
            assert begun is not None
            is_resumed = begun < report.started_at
            return is_resumed and self.touched.get(campaign_id, begun) > begun
        versions = self.history.get(campaign_id, [(True, "{}")])
        is_deleted, held = versions[-1]
        if is_deleted or campaign_id not in kore:
            return False
        is_hidden = _shown(held) == _shown(kore[campaign_id])
        is_crossed = campaign_id in self.ever_crossed
        return is_hidden or (is_crossed and _is_silent(held, kore[campaign_id]))

    def _is_foreseeable(self, report: RunReport) -> bool:
        """Kore told the truth, and the whole run heard it."""
        is_whole = not report.interrupted and report.stopped is None and not self.crossed
        begun = report.full_sweep_started_at
        return is_whole and not self.has_faults and begun in (None, report.started_at)

    def _must_fail(self, report: RunReport, kore: Mapping[str, str]) -> set[str]:
        """Ids that Kore never had; and known ones, if so many are gone that it is not believed."""
        newest = {key: self.history[key][-1] for key in self.configured if key in self.history}
        live = {key for key, (is_deleted, _) in newest.items() if not is_deleted}
        gone = {key for key in live if key not in kore}
        unknown = {key for key in self.configured if key not in newest and key not in kore}
        answers = any(key in kore for key in self.configured)
        if report.sweep == "listing":  # that it lacks what is marked deleted is an answer, too
            answers = answers or any(is_deleted for is_deleted, _ in newest.values())
        allowed = max(1, int(len(live) * MAX_VANISHED))
        is_believed = self.accepts or (answers and len(gone) <= allowed)
        return unknown if is_believed else unknown | gone

    def look_at_views(self) -> None:
        """Every column and every row of the views says what Kore says."""
        with duckdb.connect(str(self.project.database), read_only=True) as connection:
            for campaign_id in set(self.configured) & self.in_kore().keys():
                expected = shape(self.kore.campaign(campaign_id))
                row = expected.columns | {"content_hash": expected.content_hash}
                wanted: dict[str, list[dict[str, Any]]] = {"campaigns": [row]}
                wanted["campaign_calling_hours"] = [
                    window._asdict() for window in expected.calling_hours
                ]
                wanted["campaign_dnc_lists"] = expected.dnc_lists
                wanted["campaign_contact_lists"] = expected.contact_lists
                for view, rows in wanted.items():
                    query = f"select * from kore.{view} where campaign_id = '{campaign_id}'"
                    found = connection.sql(query)
                    assert _plain(found, rows) == rows, (campaign_id, view)


def _plain(found: duckdb.DuckDBPyRelation, like: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, in order, with the keys of `like` and their values in its terms."""
    names = list(like[0]) if like else found.columns
    rows = (found.order("position") if "position" in names else found).fetchall()
    plain = []
    for values in rows:
        row = dict(zip(found.columns, values, strict=True))
        row |= {name: str(value) for name, value in row.items() if isinstance(value, time)}
        if isinstance(row.get("schedule"), str):
            row["schedule"] = json.loads(row["schedule"])
        plain.append({name: row[name] for name in names})
    return plain


def _shown(content: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(content).items() if key not in HIDDEN}


def _is_silent(held: str, kore: str) -> bool:
    return bool(json.loads(held).get("updatedAt") == json.loads(kore).get("updatedAt"))
