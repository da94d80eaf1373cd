"""Analysts never stop a run, and no run disturbs an analyst."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from conftest import Emulate
from kore_emulator import sample_campaigns
from support.project import Project
from support.reader_process import STATE, ask, reader
from support.stored_tables import kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow

RUNS = 20


@pytest.mark.exhaustive
@pytest.mark.timeout(400)
def test_a_connection_held_through_twenty_runs_stops_none_and_keeps_what_it_saw(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(12))
    project.use(kore)
    project.run()
    first = state(project)

    with reader(project.database, "hold") as held, reader(project.database, "poll") as polling:
        for number in range(RUNS):
            changed = [kore.campaign_ids()[(number + step) % 12] for step in (0, 3, 7)]
            for campaign_id in changed:
                lists = [f"List {each}" for each in range(number % 4)]
                kore.edit(campaign_id, {"description": f"run {number}", "contactLists": lists})

            report = project.run()

            assert (report.exit_code, report.new_versions) == (0, 3), number
            assert ask(held) == [[], first], number
            assert live_campaigns(project) == kores_campaigns(kore), number
        looks, complaints = ask(polling)

    assert complaints == []
    assert looks > RUNS
    assert state(project) != first


def state(project: Project) -> Any:
    """What a new connection sees, as the reader's process would say it."""
    return json.loads(json.dumps(project.sql(STATE)))


def test_a_process_that_has_it_open_sees_the_new_state_once_all_its_connections_are_closed(
    emulate: Emulate, project: Project
) -> None:
    """DuckDB's own doing, and what docs/how-to/files.md tells analysts."""
    kore = emulate(sample_campaigns(2))
    project.use(kore)
    project.run()
    question = "select count(*) from kore.campaign_history"
    with duckdb.connect(str(project.database), read_only=True):
        kore.edit(kore.campaign_ids()[0], {"status": "Rerun"})
        assert project.command("run").code == 0
        assert project.sql(question) == [(2,)]

    assert project.sql(question) == [(3,)]
