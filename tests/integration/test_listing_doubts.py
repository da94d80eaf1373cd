"""A listing that lies, or is refused: nothing is marked gone by it, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import BOTH, Emulate
from integration.test_listing_sweep import calls, swept, voice_campaigns
from kore_emulator import Fault, sample_campaigns
from support.project import Project
from support.stored_tables import campaign_rows, kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH


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


def test_a_listing_longer_than_the_ids_are_many_is_left_and_not_tried_again(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(400))
    project.use(kore, ids=kore.campaign_ids()[:5], sweep="auto")
    project.run()
    kore.reset_counters()

    report = project.run()

    assert (report.sweep, calls(kore), report.listed) == ("full", (1, 5), 400)
    assert "400" in report.sweep_reason
    assert (project.run().sweep, calls(kore)) == ("full", (1, 10))


def test_with_one_campaign_asking_for_it_is_as_cheap(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project, 1)

    assert (project.run().sweep, calls(kore)) == ("full", (0, 1))


def test_a_listing_asked_for_is_read_whatever_it_costs(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(4))
    project.use(kore, sweep="listing")

    assert (project.run().new_versions, calls(kore)) == (4, (1, 4))
    assert (project.run().unchanged, calls(kore)) == (4, (2, 4))
