"""Runs of a campaign in Kore, from the versions that name them."""

from __future__ import annotations

from conftest import BOTH, Emulate
from kore_emulator import sample_campaigns
from support.project import Project

DESTINATIONS = BOTH
RUNS = """
select campaign_name, campaign_instance_id, statuses, version_count, last_seen_at is null,
    first_seen_at < coalesce(last_seen_at, timestamptz '9999-01-01 00:00:00+00')
from kore.campaign_runs where campaign_id = ? order by first_seen_at
"""


def test_a_run_has_the_statuses_that_it_went_through(emulate: Emulate, project: Project) -> None:
    (one,) = sample_campaigns(1)
    one |= {"name": "Renewals", "status": "Ready"}
    one.pop("campaignInstanceId", None)
    kore = emulate([one])
    project.use(kore)
    project.run()
    assert project.sql(RUNS, one["_id"]) == []

    for instance, status in (
        *(("cid-1", "Active"), ("cid-1", "Paused"), ("cid-1", "Active"), ("cid-1", "Completed")),
        *(("cid-2", "Active"), ("cid-2", "Active")),
    ):
        kore.edit(one["_id"], {"campaignInstanceId": instance, "status": status})
        project.run()
    kore.edit(one["_id"], {"name": "Renewals 2"})
    project.run()

    assert project.sql(RUNS, one["_id"]) == [
        ("Renewals", "cid-1", "Active, Paused, Active, Completed", 4, False, True),
        ("Renewals 2", "cid-2", "Active", 3, True, True),
    ]
