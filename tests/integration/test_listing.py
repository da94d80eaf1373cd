"""A sweep by listing: calls follow the changes, nothing that the listing shows is missed, and a
listing that lies or is refused marks nothing as deleted and loses nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.saved_history import saved_history
from support.stored_tables import campaign_rows, columns_of, kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH


def voice_campaigns(count: int) -> list[dict[str, Any]]:
    return [one for one in sample_campaigns(2 * count) if "dialingMode" in one][:count]


def swept(
    emulate: Emulate,
    project: Project,
    campaigns: list[dict[str, Any]] | int,
    **settings: Any,
) -> Emulator:
    """A project after its first run, which asked for every campaign; later runs do not peek."""
    kore = emulate(voice_campaigns(campaigns) if isinstance(campaigns, int) else campaigns)
    project.use(kore, sweep="auto", full_listing_every_minutes=0, **settings)
    if isinstance(campaigns, int) and not settings:
        with saved_history(f"swept-{campaigns}", kore, project) as run:
            run()
    else:
        project.run()
    assert project.sql("select sweep from kore.runs") == [("full",)]
    kore.reset_counters()
    return kore


def calls(kore: Emulator) -> tuple[int, int]:
    """Calls to the listing, and for single campaigns."""
    return kore.counters.listing_requests, kore.counters.detail_requests


def test_a_thousand_unchanged_campaigns_take_twenty_calls_and_each_changed_one_more(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, 1000)
    before = campaign_rows(project)

    report = project.run()

    assert calls(kore) == (20, 0)
    assert (report.sweep, report.planned, report.unchanged) == ("listing", 1000, 1000)
    assert (report.exit_code, report.listed, report.is_complete) == (0, 1000, True)
    assert campaign_rows(project) == before

    kore.reset_counters()
    for campaign_id in kore.campaign_ids()[::100]:
        kore.edit(campaign_id, {"description": "new"})

    report = project.run()

    assert calls(kore) == (20, 10)
    assert (report.new_versions, report.unchanged) == (10, 990)
    assert live_campaigns(project) == kores_campaigns(kore)


SHOWN: list[dict[str, Any]] = [
    {"status": "Rescheduled"},
    {"name": "Another name"},
    {"priority": "9"},
    {"dialingMode": "Predictive"},
    {"dncLists": {"id": "cl-1", "name": "New DNC"}},
    {"dncLists": None},
    {"contactLists": ["One", "Two", "Three"]},
    {"schedule": {"isSchedulingEnabled": True, "isRecurrenceEnabled": True}},
]


def test_what_the_listing_shows_is_found_though_updated_at_does_not_tell(
    emulate: Emulate, project: Project
) -> None:
    campaigns = voice_campaigns(3)
    campaigns[1]["dncLists"] = {"id": "cl-0", "name": "Old DNC"}
    kore = swept(emulate, project, campaigns)
    changed = kore.campaign_ids()[1]
    for changes in SHOWN:
        kore.edit(changed, changes, silent=True)
        kore.reset_counters()

        report = project.run()

        assert (report.new_versions, report.unchanged) == (1, 2), changes
        assert calls(kore) == (1, 1), changes
        assert live_campaigns(project) == kores_campaigns(kore), changes


def test_what_the_listing_cannot_show_is_found_when_a_full_sweep_is_due(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, 3)
    changed = kore.campaign_ids()[1]
    kore.edit(changed, {"dialingStrategy.maxRingTime": 7}, silent=True)

    assert (project.run().sweep, calls(kore)) == ("listing", (1, 0))
    project.set("full_sweep_every_hours", 0.0001)
    report = project.run()

    assert (report.sweep, report.new_versions) == ("full", 1)
    assert "due" in report.sweep_reason
    assert live_campaigns(project) == kores_campaigns(kore)


def test_an_older_updated_at_counts_as_a_change(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project, 3)
    restored = kore.campaign_ids()[0]
    kore.edit(restored, {"updatedAt": "2020-01-01T00:00:00.000Z"}, silent=True)

    assert project.run().new_versions == 1
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_new_campaign_is_loaded_and_one_that_failed_is_asked_for_again(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, 12, error_budget=1)
    ids = kore.campaign_ids()
    kore.edit(ids[2], {"description": "new"})
    kore.fault(Fault.STATUS_FAILURE, ids[2])
    late = voice_campaigns(13)[12] | {"updatedAt": "2020-01-01T00:00:00.000Z"}
    kore.add(late)
    project.configure([*ids, late["_id"]])

    report = project.run()

    assert (report.new_versions, report.failed, report.unchanged) == (1, 1, 11)
    # nothing differs any more, and still it is not forgotten
    kore.clear_faults()
    kore.edit(ids[2], {"description": kore.campaign(ids[2])["description"]}, silent=True)
    kore.reset_counters()
    report = project.run()
    assert (report.new_versions, report.failed, calls(kore)) == (1, 0, (1, 1))
    assert live_campaigns(project) == kores_campaigns(kore)


def test_what_changed_while_it_was_not_configured_is_found_when_it_is_again(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, 5)
    ids = kore.campaign_ids()
    project.run()

    project.configure(ids[1:])
    kore.edit(ids[0], {"contactLists": ["Another list"]})
    assert project.run().sweep == "listing"
    assert project.run().unchanged == 4
    project.configure(ids)
    kore.reset_counters()
    report = project.run()

    assert (report.sweep, report.new_versions, report.unchanged) == ("listing", 1, 4)
    assert calls(kore) == (1, 1)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_failure_is_remembered_beyond_runs_that_did_not_get_to_it(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, 6)
    ids = kore.campaign_ids()
    kore.edit(ids[2], {"dialingStrategy.maxRingTime": 7}, silent=True)
    kore.fault(Fault.STATUS_FAILURE, ids[2])
    assert project.cli("run", "--sweep", "full").code == 4
    kore.clear_faults()
    kore.fault(Fault.UNAUTHORIZED, times=4)
    assert project.cli("run").code == 3

    report = project.run()

    assert (report.sweep, report.new_versions, report.exit_code) == ("listing", 1, 0)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_sms_campaigns_have_a_listing_of_their_own(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project, sample_campaigns(24))
    sms = next(key for key in kore.campaign_ids() if "dialingMode" not in kore.campaign(key))
    kore.edit(sms, {"status": "Paused"}, silent=True)

    report = project.run()

    assert (report.new_versions, report.unchanged, report.listed) == (1, 23, 24)
    assert calls(kore) == (2, 1)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_the_listings_own_fields_land_without_a_version(emulate: Emulate, project: Project) -> None:
    campaigns = voice_campaigns(2)
    campaigns[0] |= {"dialingMode": "Preview", "campaignInstanceId": "cid-1"}
    kore = swept(emulate, project, campaigns)
    before = campaign_rows(project)
    fields = "select connection, campaign_instance_updated_at is not null from kore.campaigns"
    first = campaigns[0]["_id"]
    assert project.sql(f"{fields} where campaign_id = ?", first) == [("Default Queue", True)]
    kore.edit(first, {"dialingMode": "Agentless", "experienceFlow": "cf-1"}, silent=True)
    kore.edit(first, {"dialingMode": "Preview"}, silent=True)

    project.run()

    assert campaign_rows(project) == before
    columns = columns_of(project, "kore_raw.campaign_listings", "_dlt_id", "_dlt_load_id")
    written = f"select {columns} from kore_raw.campaign_listings order by 1, 2, 3"
    rows = project.sql(written)
    project.run()
    assert project.sql(written) == rows


def test_star_loads_every_campaign_of_the_listing(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(60))
    project.use(kore, ids=["*"], sweep="auto")

    report = project.run()

    assert (report.sweep, report.planned, report.new_versions) == ("full", 60, 60)
    assert live_campaigns(project) == kores_campaigns(kore)
    gone, late = kore.campaign_ids()[7], sample_campaigns(61)[60]
    kore.delete(gone)
    kore.add(late)
    report = project.run()
    assert (report.sweep, report.planned) == ("listing", 61)
    assert (report.new_versions, report.vanished, report.unchanged) == (1, 1, 59)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_star_without_a_listing_reads_what_is_known_and_says_that_more_may_be_missing(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(4))
    project.use(kore, ids=["*"], sweep="auto")
    project.run()
    kore.fault(Fault.SERVER_ERROR, endpoint="listing")
    project.set("max_attempts", 1)

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["planned"], ended.json["unchanged"]) == (75, 4, 4)
    assert ended.json["is_complete"] is False
    assert "`*`" in ended.err
    assert "run again" in ended.err


def test_a_campaign_the_listing_lacks_is_gone_after_one_call_that_says_so(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, 10)
    gone = kore.campaign_ids()[4]
    kore.delete(gone)

    report = project.run()

    assert (report.vanished, report.unchanged, report.exit_code) == (1, 9, 0)
    assert kore.counters.by_campaign == {gone: 1}
    assert live_campaigns(project) == kores_campaigns(kore)
    # gone stays gone without a call, and is asked for when the listing has it again
    kore.reset_counters()
    assert (project.run().unchanged, calls(kore)) == (10, (1, 0))
    kore.restore(gone)
    assert (project.run().new_versions, calls(kore)) == (1, (2, 1))
    assert live_campaigns(project) == kores_campaigns(kore)


LIES: list[tuple[Fault, dict[str, Any]]] = [
    (Fault.PARTIAL_LISTING, {"drop": 3}),
    (Fault.PARTIAL_LISTING, {"drop": 50}),
    (Fault.LYING_LISTING, {"total_results": 1}),
    (Fault.LYING_LISTING, {"total_results": 0}),
    (Fault.LYING_LISTING, {"total_results": 99_999}),
    (Fault.LYING_LISTING, {"duplicate": True}),
]


@pytest.mark.parametrize(("fault", "options"), LIES, ids=lambda part: str(part))
@pytest.mark.parametrize("times", [1, 2, None])
def test_a_listing_that_lies_marks_nothing_gone_and_loses_no_change(
    emulate: Emulate, project: Project, fault: Fault, options: dict[str, Any], times: int | None
) -> None:
    kore = swept(emulate, project, 70)
    ids = kore.campaign_ids()
    for changed in (ids[0], ids[49], ids[50], ids[69]):
        kore.edit(changed, {"status": "Rescheduled"})
    kore.fault(fault, times=times, **options)

    report = project.run()

    assert (report.vanished, report.failed, report.exit_code) == (0, 0, 0)
    assert (report.new_versions, report.unchanged) == (4, 66)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_hidden_campaign_is_asked_for_and_stays(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project, 10)
    hidden = kore.campaign_ids()[4]
    kore.edit(hidden, {"description": "changed and hidden"})
    # with a total to match, nothing but a call for the campaign itself can tell
    kore.fault(Fault.LYING_LISTING, hide=hidden, total_results=9)

    report = project.run()

    assert (report.vanished, report.new_versions, report.unchanged) == (0, 1, 9)
    assert kore.counters.by_campaign == {hidden: 1}


def test_too_many_gone_are_sounded_out_and_not_believed(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project, 40)
    before = campaign_rows(project)
    for campaign_id in kore.campaign_ids()[:30]:
        kore.delete(campaign_id)

    report = project.run()

    # 20 % of 40 may go: 9 calls show that more have
    assert (report.vanished, report.failed, report.unchanged) == (0, 30, 10)
    assert calls(kore) == (1, 9)
    assert report.exit_code == 4
    assert {failure.code for failure in report.failures} == {"vanish_not_believed"}
    assert campaign_rows(project) == before

    report = project.run(accept_vanished=True)

    assert (report.vanished, report.exit_code) == (30, 0)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_listing_that_hides_many_is_found_out_by_the_first_that_answers(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, 40)
    kore.fault(Fault.LYING_LISTING, total_results=40 - 39, duplicate=False)
    kore.fault(Fault.PARTIAL_LISTING, drop=39)

    report = project.run()

    assert (report.vanished, report.failed, report.unchanged) == (0, 0, 40)


@pytest.mark.parametrize("fault", [Fault.SCOPE, Fault.FORBIDDEN, Fault.HTML, Fault.STATUS_FAILURE])
def test_a_refused_listing_means_a_full_sweep_with_the_reason(
    emulate: Emulate, project: Project, fault: Fault
) -> None:
    kore = swept(emulate, project, 4)
    kore.edit(kore.campaign_ids()[1], {"description": "new"})
    kore.fault(fault, endpoint="listing")

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["sweep"], ended.json["new_versions"]) == (0, "full", 1)
    assert ended.json["sweep_reason"].startswith("the listing is refused: ")
    assert kore.counters.detail_requests == 4


def test_a_listing_that_refuses_large_pages_or_ignores_skip_is_still_cheaper_than_requests(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, 200)
    kore.edit(kore.campaign_ids()[150], {"status": "Rescheduled"})
    kore.fault(Fault.LISTING_LIMIT)

    assert (project.run().new_versions, calls(kore)) == (1, (4, 1))
    kore.clear_faults()
    kore.fault(Fault.LISTING_IGNORES, ignores="skip")
    kore.reset_counters()
    report = project.run()

    assert (report.unchanged, calls(kore)) == (200, (2 + 3, 0))
    assert report.listing_state == "whole"


def test_a_listing_longer_than_the_ids_are_many_is_left_and_not_tried_again(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(400))
    project.use(kore, ids=kore.campaign_ids()[:5], sweep="auto")

    report = project.run()

    assert (report.sweep, calls(kore), report.listed) == ("full", (1, 5), 400)
    kore.reset_counters()
    report = project.run()
    assert (report.sweep, calls(kore)) == ("full", (0, 5))
    assert "the listing would cost 8 calls and save at most 5" in report.sweep_reason


def test_with_one_campaign_asking_for_it_is_as_cheap(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project, 1)

    assert (project.run().sweep, calls(kore)) == ("full", (0, 1))


def test_a_listing_asked_for_is_read_whatever_it_costs(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(4))
    project.use(kore, sweep="listing")

    assert (project.run().new_versions, calls(kore)) == (4, (1, 4))
    assert (project.run().unchanged, calls(kore)) == (4, (2, 4))
