"""`kore-campaigns plan`: every campaign with its reason, and nothing written or asked for."""

from __future__ import annotations

import pytest

from conftest import BOTH, Emulate
from integration.test_listing import calls, swept, voice_campaigns
from kore_emulator import Fault, sample_campaigns
from support.project import Project
from support.stored_tables import campaign_rows

DESTINATIONS = BOTH


def test_the_plan_names_each_campaign_with_its_reason_and_the_run_does_just_that(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, 60, error_budget=1, requests_per_minute=600)
    ids = kore.campaign_ids()
    kore.edit(ids[0], {"status": "Rescheduled"})
    kore.delete(ids[1])
    kore.fault(Fault.STATUS_FAILURE, ids[2], times=1)
    kore.edit(ids[2], {"status": "Rescheduled"}, silent=True)
    project.run()
    late = voice_campaigns(61)[60]
    kore.add(late)
    kore.restore(ids[1])
    kore.delete(ids[3])
    kore.edit(ids[4], {"priority": "9"}, silent=True)
    project.configure([*ids, late["_id"]])
    kore.reset_counters()
    before = campaign_rows(project)

    plan = project.cli("plan", "--json")

    assert plan.code == 0
    reasons = {one["campaign_id"]: one["reason"] for one in plan.json["campaigns"]}
    assert reasons == {
        ids[1]: "marked deleted, and listed",
        ids[2]: "failed last time",
        ids[3]: "not in the listing",
        ids[4]: "the listing differs",
        late["_id"]: "never loaded",
    }
    fields = {one["campaign_id"]: one["fields"] for one in plan.json["campaigns"]}
    assert fields[ids[4]] == ["priority"]
    assert plan.json["maybe_gone"] == [ids[3]]
    assert plan.json["settled"] == sorted(set(ids) - reasons.keys())
    assert (plan.json["calls"], plan.json["listing_calls"]) == (7, 2)
    assert calls(kore) == (2, 0)
    assert campaign_rows(project) == before

    kore.reset_counters()
    report = project.run()
    assert calls(kore) == (2, 5)
    assert kore.counters.by_campaign == dict.fromkeys(reasons, 1)
    assert (report.new_versions, report.vanished, report.unchanged) == (4, 1, 56)


def test_the_plan_reads_as_a_page_with_the_cost_first(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project, 3)
    ids = kore.campaign_ids()
    kore.edit(ids[0], {"status": "Rescheduled"})
    project.configure(ids[:2])

    ended = project.cli("plan")

    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith("sweep      listing: cheaper: ")
    assert lines[1:3] == [
        "calls      2: 1 for the listing, 1 for campaigns; about 0 s under the budget",
        "campaigns  2 configured: 1 to request, 1 confirmed without a request",
    ]
    assert lines[3] == f"others     1 listed, and not configured: {ids[2]}"
    assert lines[4] == f"request    {ids[0]}  the listing differs: status, updatedAt"


def test_too_many_gone_are_said_to_be_doubted(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project, 10)
    for campaign_id in kore.campaign_ids()[:5]:
        kore.delete(campaign_id)

    out = project.cli("plan").out

    assert "gone       5 are not in the listing, and at most 2 are believed" in out
    assert "--accept-vanished" in out


@pytest.mark.empty_database
def test_before_the_first_run_all_are_to_be_loaded_and_nothing_is_made(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(110))
    project.use(kore, sweep="auto", requests_per_minute=60)

    ended = project.cli("plan", "--json")

    assert ended.json["sweep_reason"] == "no full sweep was finished yet"
    assert {one["reason"] for one in ended.json["campaigns"]} == {"never loaded"}
    # 60 leave at once, the others a minute later; the listing is read now, and again by the run
    assert 55 < ended.json["eta_seconds"] < 70
    assert kore.counters.requests == kore.counters.listing_requests == 3
    assert not project.database.exists()
    assert [path.name for path in project.folder.iterdir()] == ["campaign_ids.csv"]


def test_a_refused_listing_is_no_obstacle(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project, 4)
    kore.fault(Fault.SCOPE, endpoint="listing")

    ended = project.cli("plan", "--json")

    assert (ended.code, ended.json["sweep"]) == (0, "full")
    assert "Scope is incorrect" in ended.json["sweep_reason"]
    assert ended.json["calls"] == 5


def test_a_long_plan_shows_its_first_requests_and_counts_the_others(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(20)))

    lines = project.cli("plan").out.splitlines()

    assert sum(line.startswith("request ") for line in lines) == 15
    assert lines[-1] == "           and 5 more requests: --json has all"
    assert len(lines) <= 23


def test_with_every_campaign_configured_the_listing_is_read_for_its_names(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(3)), ids=["*"], sweep="auto", full_listing_every_minutes=0)
    project.run()

    ended = project.cli("plan", "--json")

    assert (ended.json["sweep"], ended.json["campaigns"]) == ("listing", [])
    assert ended.json["sweep_reason"] == "the listing names the campaigns, as `*` is configured"


def test_where_nothing_is_stored_after_a_full_sweep_all_are_requested(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore, ids=["*"], sweep="auto", full_listing_every_minutes=0)
    kore.fault(Fault.UNAUTHORIZED)
    project.run()
    kore.clear_faults()

    ended = project.cli("plan", "--json")

    assert (ended.json["sweep"], len(ended.json["campaigns"])) == ("full", 3)
    assert ended.json["sweep_reason"] == "the listing could confirm no campaign"
