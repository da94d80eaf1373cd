"""The clock jumps between runs, in both directions: no campaign leaves its history, a full sweep
that is due comes, and the views are Kore's.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from conftest import Emulate
from kore_emulator import Emulator, sample_campaigns
from support.project import Project
from support.proof_share import FULL, SEED, parts
from support.stored_tables import GAPS, kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow

PARTS = 4
JUMPS = 80 if FULL else 12
# in hours; what was recorded is moved, which is as if the clock had jumped the other way
HOURS = (-1000, -30, -25, -2, -0.1, 0.1, 2, 25, 30, 1000)
RECORDED = {
    "extraction_runs": ("started_at", "finished_at", "full_sweep_started_at"),
    "campaign_versions": ("observed_at", "valid_from"),
    "configured_campaigns": ("configured_at",),
    "campaign_listings": ("seen_at",),
}
LATE = "select count(*) from kore.campaign_history where valid_from > observed_at"
# each campaign is in force from its first version on, in one version at a time
NOT_IN_ONE_PIECE = """
select campaign_id from (
    select campaign_id, is_current, valid_from, valid_to,
        lead(valid_from) over (partition by campaign_id order by version) as next_from
    from kore.campaign_history
)
where valid_to < valid_from or valid_to is distinct from next_from
    or is_current <> (valid_to is null)
"""
# the full sweep that was written last
AHEAD = """
select full_sweep_started_at > now() from kore_raw.extraction_runs
where sweep = 'full' order by run_number desc limit 1
"""


@pytest.mark.exhaustive
@pytest.mark.timeout(2 * 3600 if FULL else 300)
@pytest.mark.parametrize("part", parts(PARTS))
def test_no_jump_of_the_clock_hides_a_campaign_or_a_change(
    emulate: Emulate, project: Project, record_property: Any, part: int
) -> None:
    draw = random.Random(f"{SEED} {part}")
    kore = emulate(sample_campaigns(8))
    project.use(kore, sweep="auto", vanish_confirm_seconds=0)
    project.run()
    for _ in range(JUMPS):
        jump(project, draw.choice(HOURS))
        silent = draw.random() < 0.5
        kore.edit(
            draw.choice(kore.campaign_ids()), {"maxSkips": draw.randrange(10**6)}, silent=silent
        )
        ((was_ahead,),) = project.sql(AHEAD)

        report = project.run()

        assert report.exit_code == 0
        assert report.sweep == "full" or not was_ahead
        assert project.sql(LATE) == [(0,)]
        assert (project.sql(NOT_IN_ONE_PIECE), project.sql(GAPS)) == ([], [])
        if report.sweep == "full" or not silent:
            assert_is_kores(project, kore, is_whole=report.sweep == "full")

    project.run(sweep="full")
    assert_is_kores(project, kore, is_whole=True)
    record_property("proof", "jumps of the clock between two runs")
    record_property("tried", JUMPS)


def jump(project: Project, hours: float) -> None:
    for table, columns in RECORDED.items():
        moved = ", ".join(
            f"{name} = {name} + interval '{hours * 3600} seconds'" for name in columns
        )
        project.alter(f"update {table} set {moved}")


def assert_is_kores(project: Project, kore: Emulator, *, is_whole: bool) -> None:
    found, expected = live_campaigns(project), kores_campaigns(kore)
    assert found.keys() == expected.keys()
    assert not is_whole or found == expected
