"""A run may be killed at any instant: readers never notice, and the next run makes it whole."""

from __future__ import annotations

import json
import random
import subprocess
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import Emulate
from kept_tables import CAMPAIGN_TABLES, GAPS, kores_campaigns, live_campaigns
from kore_campaigns.emulator import Emulator, sample_campaigns
from project_case import Project
from watcher import Watcher, unsound

KILLS = 30
CAMPAIGNS = 60


@pytest.mark.timeout(900)
def test_after_thirty_kills_one_run_ends_equal_to_kore_and_no_reader_saw_less(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(CAMPAIGNS), latency=0.01)
    project.use(kore, chunk_size=8, workers=4)
    watcher = Watcher(project.database)
    rng = random.Random(20251208)

    with watcher.watching():
        codes = kill_runs(kore, project, rng)
        last = project.command("run", "--json")
        again = project.command("run", "--json")

    assert watcher.complaints == []
    assert watcher.looks > KILLS
    assert codes.count(-9) > KILLS * 2 / 3, codes
    assert (last.code, last.err, again.json["new_versions"]) == (0, "", 0)
    assert live_campaigns(project) == kores_campaigns(kore)
    assert project.sql(GAPS) == []
    assert project.sql("select count(*) from kore_raw.extraction_errors") == [(0,)]
    assert versions_per_campaign(project) > 1  # edits were seen between the kills
    assert left_behind(project) == {"campaign_ids.csv", "kore_campaigns.duckdb", ".kore_campaigns"}


def kill_runs(kore: Emulator, project: Project, rng: random.Random) -> list[int]:
    """Exit codes of runs killed anywhere between taking the lock and their end."""
    longest = 2.0
    codes = []
    for _ in range(KILLS):
        for campaign_id in rng.sample(kore.campaign_ids(), 20):
            change(kore, campaign_id, rng)
        process = project.spawn("run", "--quiet")
        began = wait_for_lock(project, process)
        try:
            process.wait(rng.uniform(0, longest))
            longest = 0.5 * longest + 0.5 * (time.monotonic() - began)
        except subprocess.TimeoutExpired:
            process.kill()
            # on a busy machine a run takes longer, and is to be killed late, too; how long is known
            # once one came to its end
            longest *= 1.02 if 0 in codes else 1.2
        process.communicate()
        codes.append(process.returncode)
    return codes


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
    holder = project.folder / ".kore_campaigns" / "kore_campaigns" / "run.json"
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        if pid_in(holder) == process.pid:
            return time.monotonic()
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    pytest.fail("the run never began")


def pid_in(holder: Path) -> int | None:
    try:
        found: int = json.loads(holder.read_text(encoding="utf-8"))["pid"]
    except (OSError, ValueError):
        return None
    return found


def versions_per_campaign(project: Project) -> float:
    ((average,),) = project.sql("select count(*) / ? from kore.campaign_history", CAMPAIGNS)
    return float(average)


def left_behind(project: Project) -> set[str]:
    return {path.name for path in project.folder.iterdir()}


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        ("delete from campaign_versions__calling_hours where position = 3", "children that"),
        ("delete from campaign_versions__contact_lists where version = 1", "children that"),
        ("delete from campaign_versions__dnc_lists where version = 1", "children that"),
        ("delete from campaign_versions__changes", "or none of a later one"),
        ("delete from campaign_versions where version = 1", "versions with a gap"),
        ("insert into campaign_versions from campaign_versions", "there twice"),
        ("delete from _dlt_loads", "versions that the views hide or double"),
    ],
)
def test_the_watcher_sees_such_harm(
    emulate: Emulate, project: Project, harm: str, found: str
) -> None:
    kore = emulate(sample_campaigns(6))
    project.use(kore)
    project.run()
    kore.edit(kore.campaign_ids()[0], {"status": "Rerun"})
    project.run()

    with duckdb.connect(str(project.database)) as connection:
        assert unsound(connection) == []
        connection.execute("use kore_raw")
        connection.execute(harm)
        complaints = unsound(connection)

    assert any(found in complaint for complaint in complaints)


def test_a_version_that_disappears_is_seen_too(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(6)))
    project.run()
    watcher = Watcher(project.database)
    watcher.look()
    with duckdb.connect(str(project.database)) as connection:
        for name in CAMPAIGN_TABLES:
            connection.execute(f"delete from kore_raw.{name}")
    watcher.look()

    assert [text for text in watcher.complaints if "were there and are gone" in text]
