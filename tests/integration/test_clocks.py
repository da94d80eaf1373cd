"""Clocks that are wrong, Kore's or this machine's, take no campaign out of its history."""

from __future__ import annotations

import pytest

from conftest import BOTH, Emulate
from kore_emulator import sample_campaigns
from support.project import Project

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

IN_FORCE = """
select campaign_id, max(name), count(*) from kore.campaign_history
where valid_from <= observed_at
    and (valid_to is null or valid_from < valid_to) and (valid_to is null) = is_current
group by campaign_id order by campaign_id
"""
LATE = "select count(*) from kore_raw.campaign_versions where valid_from > observed_at"
TOLD = "select path, example_type, campaign_count from kore_raw.extraction_drift"


def test_a_time_in_the_future_counts_from_when_it_was_seen(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(2))
    one, _ = kore.campaign_ids()
    project.use(kore, max_vanished=1)
    kore.edit(one, {"updatedAt": "2099-01-01T00:00:00.000Z"})

    first = project.run()
    kore.edit(one, {"name": "mended", "updatedAt": "2026-02-03T04:05:06.789Z"})
    project.run()
    kore.delete(one)
    last = project.run()

    assert [each["example_type"] for each in first.drift] == ["in the future"]
    assert (last.vanished, last.drift) == (1, [])
    assert project.sql(TOLD) == [("updatedAt", "in the future", 1)]
    assert project.sql(LATE) == [(0,)]
    assert (one, "mended", 3) in project.sql(IN_FORCE)


def test_what_an_older_program_stored_is_in_force_at_once_and_mended_by_a_rebuild(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(1))
    (one,) = kore.campaign_ids()
    project.use(kore)
    project.run()
    kore.edit(one, {"name": "second"})
    project.run()
    project.alter("update campaign_versions set valid_from = timestamptz '2099-01-01 00:00:00+00'")
    kore.edit(one, {"name": "third"})

    project.run()

    assert project.sql(LATE) == [(2,)]
    assert project.sql(IN_FORCE) == [(one, "third", 3)]
    assert project.cli("rebuild").code == 0
    assert project.sql(LATE) == [(0,)]
    assert project.sql(IN_FORCE) == [(one, "third", 3)]
