"""Writers into one Postgres at the same time, and writers that are killed: nothing is lost."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import Emulate
from kore_emulator import Emulator, sample_campaigns
from support.project import Project
from support.proof_share import FULL, parts
from support.warehouse import Warehouse

pytestmark = pytest.mark.slow

HOURS_OF_DAYS = "dialingStrategy.callingHours.days"
HOURS = {"day": "MO", "start": "9:00 AM", "end": "5:00 PM"}
ORPHANS = """
select count(*) from kore_raw.campaign_versions__calling_hours as hours
left join kore_raw.campaign_versions as versions
    using (stream_id, campaign_id, version)
where versions.campaign_id is null
"""
WITHOUT_CHILDREN = """
select count(*) from kore_raw.campaign_versions as versions
left join kore_raw.campaign_versions__calling_hours as hours
    using (stream_id, campaign_id, version)
where hours.campaign_id is null
"""
ACCOUNTS, RUNS, CAMPAIGNS = (4, 6, 300) if FULL else (4, 3, 30)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600 if FULL else 300)
@pytest.mark.parametrize("part", parts(5))
def test_runs_of_several_accounts_at_the_same_time_lose_nothing(
    emulate: Emulate, warehouse: Warehouse, part: int, record_property: Any
) -> None:
    project = warehouse.project
    apps = [
        emulate(sample_campaigns(CAMPAIGNS), stream_id=f"st-{n}", account_id=f"acc-{n}")
        for n in range(ACCOUNTS)
    ]
    writers = []
    for kore in apps:
        project.use(kore)
        writers.append((kore, dict(os.environ)))

    with ThreadPoolExecutor(ACCOUNTS) as pool:
        said = pool.map(lambda each: runs_of(project, *each), writers)
        assert [*said] == [[("", 0)] * RUNS] * ACCOUNTS

    per_app = "select stream_id, count(*) from kore_raw.campaign_versions group by 1 order by 1"
    assert warehouse.sql(per_app) == [(f"st-{n}", CAMPAIGNS * RUNS) for n in range(ACCOUNTS)]
    assert warehouse.sql(ORPHANS) == warehouse.sql(WITHOUT_CHILDREN) == [(0,)]
    what = f"rows of {ACCOUNTS} accounts that write into one Postgres at once, in {RUNS} runs each"
    record_property("proof", what)
    record_property("tried", ACCOUNTS * RUNS * CAMPAIGNS)


def runs_of(project: Project, kore: Emulator, environment: dict[str, str]) -> list[tuple[str, int]]:
    """One run after the other, each with every campaign edited; what each said and its code."""
    ended = []
    for number in range(RUNS):
        for campaign_id in kore.campaign_ids():
            kore.edit(campaign_id, {HOURS_OF_DAYS: [HOURS], "description": f"edit {number}"})
        process = project.spawn(
            "run", "--destination", "postgres", "--quiet", environment=environment
        )
        ended.append((process.communicate(timeout=600)[1], process.returncode))
    return ended


def test_a_run_that_is_killed_anywhere_is_made_whole_by_the_next(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    project = warehouse.project
    kore = emulate(sample_campaigns(30), latency=0.01)
    project.use(kore, chunk_size=5)
    warehouse.run()
    kills = 0
    for wait in (0.8, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4):
        for campaign_id in kore.campaign_ids():
            kore.edit(campaign_id, {"description": f"waited {wait}", "status": "Rerun"})
        process = project.spawn("run", "--destination", "postgres", "--quiet")
        warehouse.sql("select pg_sleep(%s)", wait)
        process.kill()
        process.communicate()
        kills += process.returncode == -9
        assert warehouse.sql(ORPHANS) == [(0,)]

    # one run goes on with the sweep that was killed, the next asks for all afresh
    for _ in range(2):
        warehouse.run("--sweep", "full")

    assert kills >= 3
    newest = "select count(*) from kore.campaigns where description = %s"
    assert warehouse.sql(newest, f"waited {wait}") == [(30,)]
    gaps = "select count(*) - max(version) from kore.campaign_history group by campaign_id"
    assert set(warehouse.sql(gaps)) == {(0,)}
