"""Nothing configured is silently missing: each id ends in exactly one way, and the right one."""

from __future__ import annotations

import random

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.extract.report import RunReport
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.stored_tables import failures

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH


@pytest.mark.parametrize("seed", range(3))
def test_every_planned_id_ends_in_exactly_one_way(
    emulate: Emulate, project: Project, seed: int
) -> None:
    kore = emulate(sample_campaigns(40, seed))
    fates = mixed_fates(kore, random.Random(seed))
    project.use(kore, ids=[key for key, fate in fates.items() if fate != "added"], error_budget=0.9)
    project.run()
    before = versions(project)
    bring_about(kore, fates)
    project.configure(list(fates))

    report = project.run()

    news = {key: row for key, row in versions(project).items() if row != before.get(key)}
    ended = {
        "new": {key for key, (_, is_deleted) in news.items() if not is_deleted},
        "vanished": {key for key, (_, is_deleted) in news.items() if is_deleted},
        "failed": set(failures(project, report.run_id)),
    }
    ended["unchanged"] = set(fates) - ended["new"] - ended["vanished"] - ended["failed"]
    assert ended == {
        "new": {key for key, fate in fates.items() if fate in ("edited", "silent", "added")},
        "vanished": {key for key, fate in fates.items() if fate == "deleted"},
        "failed": {key for key, fate in fates.items() if fate in ("broken", "unknown", "foreign")},
        "unchanged": {key for key, fate in fates.items() if fate == "kept"},
    }
    assert counts(report) == {way: len(keys) for way, keys in ended.items()}
    assert report.planned == sum(counts(report).values()) == len(fates)


def mixed_fates(kore: Emulator, rng: random.Random) -> dict[str, str]:
    """What becomes of each campaign between two runs, in mixed order."""
    ids = [*kore.campaign_ids(), "cd-0000000-0000-4000-8000-000000000001", "cd-typo"]
    kinds = ("kept", "edited", "silent", "deleted", "broken", "foreign", "added")
    fates = {key: rng.choices(kinds, (8, 4, 2, 1, 2, 1, 3))[0] for key in ids}
    fates |= dict.fromkeys(ids[-2:], "unknown")
    # three of other apps in a row, or many deleted, would rightly be taken for something else
    for rare, at_most in (("deleted", 3), ("foreign", 2)):
        for key in [key for key, fate in fates.items() if fate == rare][at_most:]:
            fates[key] = "kept"
    rng.shuffle(ids)
    # the first answer shows whether the credentials are accepted, so it must not be a refusal
    return {key: fates[key] for key in sorted(ids, key=lambda key: fates[key] != "kept")}


def bring_about(kore: Emulator, fates: dict[str, str]) -> None:
    for campaign_id, fate in fates.items():
        if fate in ("edited", "silent"):
            kore.edit(campaign_id, {"status": "Rerun"}, silent=fate == "silent")
        elif fate == "deleted":
            kore.delete(campaign_id)
        elif fate == "broken":
            kore.fault(Fault.TRUNCATED_JSON, campaign_id)
        elif fate == "foreign":
            kore.fault(Fault.UNAUTHORIZED, campaign_id)


def versions(project: Project) -> dict[str, tuple[int, bool]]:
    rows = project.sql(
        "select campaign_id, version, is_deleted from kore.campaign_history where is_current"
    )
    return {campaign_id: (version, is_deleted) for campaign_id, version, is_deleted in rows}


def counts(report: RunReport) -> dict[str, int]:
    return {
        "new": report.new_versions,
        "vanished": report.vanished,
        "failed": report.failed,
        "unchanged": report.unchanged,
    }
