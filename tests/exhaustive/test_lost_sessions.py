"""The session that holds a run's lock ends at any instant, while another run begins: no stored
version is ever replaced, and the next run makes the database whole.
"""

from __future__ import annotations

import random
import subprocess
import time
from typing import Any

import pytest

from conftest import Emulate
from kore_emulator import Emulator, sample_campaigns
from support.proof_share import FULL, SEED, parts
from support.warehouse import Warehouse

pytestmark = pytest.mark.slow

PARTS = 4
LOSSES = 20 if FULL else 5
SESSIONS = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""
STORED = "select campaign_id, version, content_hash, is_deleted from kore_raw.campaign_versions"
GAPS = """
select campaign_id from kore_raw.campaign_versions group by campaign_id
having min(version) <> 1 or max(version) <> count(*) or count(distinct version) <> count(*)
"""
CHILDREN = """
select count(*) from kore_raw.campaign_versions__calling_hours as hours
left join kore_raw.campaign_versions as versions on hours._dlt_root_id = versions._dlt_id
where versions._dlt_id is null
"""
RUN = ("run", "--destination", "postgres", "--quiet", "--sweep", "full")


@pytest.mark.exhaustive
@pytest.mark.timeout(2 * 3600 if FULL else 300)
@pytest.mark.parametrize("part", parts(PARTS))
def test_a_lost_session_replaces_no_version_and_loses_none(
    emulate: Emulate, warehouse: Warehouse, record_property: Any, part: int
) -> None:
    draw = random.Random(f"{SEED} {part}")
    kore = emulate(sample_campaigns(12), latency=0.02)
    warehouse.project.use(kore, workers=2, chunk_size=4)
    warehouse.run()
    history = Seen(warehouse)
    lost = 0
    for number in range(LOSSES):
        change(kore, draw, number)
        a = warehouse.project.spawn(*RUN)
        time.sleep(draw.uniform(0.5, 2.5))
        ended = sum(is_ended for (is_ended,) in warehouse.sql(SESSIONS))
        lost += ended > 0
        change(kore, draw, number)
        b = warehouse.project.spawn(*RUN)
        while a.poll() is None or b.poll() is None:
            history.look()
            time.sleep(0.05)
        assert {code(a), code(b)} <= {0, 6}, number
        history.look()
        assert (warehouse.sql(GAPS), warehouse.sql(CHILDREN)) == ([], [(0,)])

    warehouse.run("--sweep", "full")
    history.look()
    newest = dict(warehouse.sql("select campaign_id, description from kore.campaigns"))
    assert newest == {each: kore.campaign(each)["description"] for each in kore.campaign_ids()}
    record_property("proof", "sessions that Postgres ends in the middle of a run, with another run")
    record_property("tried", lost)
    assert lost > 0


class Seen:
    """Every stored version that was ever seen: none may change or go away."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.versions: dict[tuple[str, int], tuple[str, bool]] = {}
        self.look()

    def look(self) -> None:
        rows = self.warehouse.sql(STORED)
        found = {(campaign, version): (digest, gone) for campaign, version, digest, gone in rows}
        changed = {key: each for key, each in self.versions.items() if found.get(key) != each}
        assert changed == {}
        self.versions = found


def change(kore: Emulator, draw: random.Random, number: int) -> None:
    for campaign_id in draw.sample(kore.campaign_ids(), 5):
        kore.edit(campaign_id, {"description": f"edit {number} {draw.random()}"})


def code(process: subprocess.Popen[str]) -> int:
    process.communicate()
    return process.returncode
