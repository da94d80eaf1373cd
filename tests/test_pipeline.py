"""Runs end to end: emulator, socket, DuckDB file; each promise with two runs or more."""

from __future__ import annotations

import json

from conftest import Emulate
from project_case import Project

from kore_campaigns.emulator import sample_campaigns


def test_nothing_changed_writes_no_campaign_row(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(25))
    project.use(kore)
    first = project.run()
    rows = project.sql("select * from kore_raw.campaign_versions order by campaign_id")

    second = project.run()

    assert (first.new_versions, first.exit_code) == (25, 0)
    assert (second.new_versions, second.unchanged, second.exit_code) == (0, 25, 0)
    assert project.sql("select * from kore_raw.campaign_versions order by campaign_id") == rows
    assert kore.writes == []


def test_raw_is_what_was_received(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(25))
    project.use(kore)
    project.run()

    held = dict(project.sql("select campaign_id, raw from kore.campaigns"))

    assert {key: json.loads(raw) for key, raw in held.items()} == {
        campaign_id: kore.campaign(campaign_id) for campaign_id in kore.campaign_ids()
    }
