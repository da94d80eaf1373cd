"""Drift in the tables: what, in how many campaigns, since when."""

from __future__ import annotations

import pytest

from conftest import BOTH, Emulate
from kore_emulator import Emulator, sample_campaigns
from support.project import Project

DESTINATIONS = BOTH

ROWS = """
select run_id, path, example_type, campaign_count, first_seen_at
from kore_raw.extraction_drift order by first_seen_at, run_id, path
"""


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(4))
    project.use(kore, sweep="full")
    return kore


def test_a_run_without_drift_writes_no_row(kore: Emulator, project: Project) -> None:
    project.run()

    assert project.sql(ROWS) == []


def test_each_run_says_what_it_met_and_when_that_was_met_first(
    kore: Emulator, project: Project
) -> None:
    one, two, *_ = kore.campaign_ids()
    kore.edit(one, {"pacingRatio": 2})
    first = project.run()
    kore.edit(two, {"pacingRatio": 3, "status": "Archived"})
    second = project.run()
    kore.edit(one, {"priority": "high"})
    kore.edit(two, {"pacingRatio": None})
    third = project.run()

    assert project.sql(ROWS) == sorted(
        [
            (first.run_id, "pacingRatio", "number", 1, first.started_at),
            (second.run_id, "pacingRatio", "number", 2, first.started_at),
            (third.run_id, "pacingRatio", "number", 1, first.started_at),
            (second.run_id, "status", "value Archived", 1, second.started_at),
            (third.run_id, "status", "value Archived", 1, second.started_at),
            (third.run_id, "pacingRatio", "null", 1, third.started_at),
            (third.run_id, "priority", "unreadable string", 1, third.started_at),
        ],
        key=lambda row: (row[4], row[0], row[1]),
    )


def test_nothing_of_it_is_lost(kore: Emulator, project: Project) -> None:
    one = kore.campaign_ids()[0]
    kore.edit(one, {"priority": "high", "pacingRatio": 2})

    report = project.run()

    found = project.sql(
        "select priority, raw ->> 'priority', raw ->> 'pacingRatio' from kore.campaigns"
        " where campaign_id = ?",
        one,
    )
    assert (found, report.exit_code) == ([(None, "high", "2")], 0)
