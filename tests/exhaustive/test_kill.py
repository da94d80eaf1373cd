"""A run may be killed at any instant: readers never notice, and the next run makes it whole."""

from __future__ import annotations

import random
from typing import Any

import duckdb
import pytest

from conftest import Emulate
from kore_emulator import sample_campaigns
from support.kills import COURSES, Killing
from support.project import Project
from support.proof_share import FULL, parts
from support.stored_tables import CAMPAIGN_TABLES
from support.watcher import Watcher, unsound

pytestmark = pytest.mark.slow

CAMPAIGNS = 60
PARTS = 5
SHARE = {"first": 5, "unchanged": 5, "tenth": 10, "chunks": 10}


@pytest.mark.exhaustive
@pytest.mark.timeout(2 * 3600 if FULL else 300)
@pytest.mark.parametrize("part", parts(PARTS))
@pytest.mark.parametrize("course", COURSES)
def test_after_kills_at_random_a_run_ends_equal_to_kore_and_no_reader_saw_less(
    emulate: Emulate, project: Project, record_property: Any, course: str, part: int
) -> None:
    record_property("proof", "`kill -9` of a run at a random instant, under a reader")
    kore = emulate(sample_campaigns(CAMPAIGNS), latency=0.01)
    project.use(kore, chunk_size=8 if course in ("first", "chunks") else CAMPAIGNS, workers=4)
    if course != "first":
        project.run(sweep="full")
    killing = Killing(kore, project, course, random.Random(f"{course} {part}"))

    killing.go(25 if FULL else SHARE[course])

    record_property("tried", killing.kills)
    record_property("bad", len(killing.bad))
    assert killing.bad == []
    assert killing.looks >= killing.kills
    assert left_behind(project) == {"campaign_ids.csv", "kore_campaigns.duckdb", ".kore_campaigns"}


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
