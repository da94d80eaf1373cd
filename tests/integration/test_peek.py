"""A peek: one call settles all campaigns if the newest rows of the listing are as recorded, and
anything else leads to the whole listing in the same run.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.stored_tables import campaign_rows, kores_campaigns, live_campaigns

DESTINATIONS = BOTH
COUNT = 120


def voice_campaigns(count: int) -> list[dict[str, Any]]:
    return [one for one in sample_campaigns(2 * count) if "dialingMode" in one][:count]


def swept(
    emulate: Emulate, project: Project, *, ids: list[str] | None = None, **settings: Any
) -> Emulator:
    """A project after its first run, which asked for every campaign."""
    kore = emulate(voice_campaigns(COUNT))
    project.use(kore, ids=ids, sweep="auto", vanish_confirm_seconds=0.01, **settings)
    assert project.run().sweep == "full"
    kore.reset_counters()
    return kore


def calls(kore: Emulator) -> tuple[int, int]:
    """Calls to the listing, and for single campaigns, since the last time."""
    found = kore.counters.listing_requests, kore.counters.detail_requests
    kore.reset_counters()
    return found


def created(kore: Emulator) -> str:
    """A campaign that Kore has made just now."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    one = voice_campaigns(COUNT + 1)[-1] | {"createdAt": now, "updatedAt": now}
    kore.add(one)
    return str(one["_id"])


def test_the_first_run_reads_the_listing_too_and_the_next_ones_cost_one_call(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(COUNT))
    project.use(kore, sweep="auto")

    assert (project.run().listing_state, calls(kore)) == ("whole", (3, COUNT))
    before = campaign_rows(project)
    for _ in range(2):
        report = project.run()

        assert (report.sweep, report.unchanged, report.listed) == ("peek", COUNT, COUNT)
        assert (report.exit_code, report.is_complete, report.listing_state) == (0, True, None)
        assert calls(kore) == (1, 0)
    assert campaign_rows(project) == before
    assert project.sql("select sweep from kore.runs order by run_number") == [
        ("full",),
        ("peek",),
        ("peek",),
    ]


@pytest.mark.parametrize("ids", [None, ["*"]], ids=["named", "every"])
def test_a_page_of_a_thousand_takes_one_call_a_type(
    emulate: Emulate, project: Project, ids: list[str] | None
) -> None:
    kore = emulate(sample_campaigns(COUNT))
    kore.listing_cap = 1_000
    project.use(kore, ids=ids, sweep="auto")
    project.run()
    kore.reset_counters()

    report = project.run()

    # such a page is the whole listing
    assert (report.sweep, report.listing_state, calls(kore)) == ("peek", "whole", (2, 0))


@pytest.mark.parametrize(("changed", "pages"), [(10, 2), (50, 2), (51, 3), (COUNT, 3)])
def test_pages_are_read_until_one_is_as_recorded(
    emulate: Emulate, project: Project, changed: int, pages: int
) -> None:
    kore = swept(emulate, project)
    for campaign_id in kore.campaign_ids()[-changed:]:
        kore.edit(campaign_id, {"description": "new"})

    report = project.run()

    assert (report.sweep, report.new_versions) == ("peek", changed)
    assert calls(kore) == (pages, changed)
    assert live_campaigns(project) == kores_campaigns(kore)
    assert (project.run().sweep, calls(kore)) == ("peek", (1, 0))


def test_a_campaign_that_is_not_configured_is_none_to_fetch(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(COUNT))
    project.use(kore, ids=kore.campaign_ids()[:40], sweep="auto")
    project.run()
    kore.edit(kore.campaign_ids()[-1], {"description": "new"})
    kore.reset_counters()

    assert (project.run().sweep, calls(kore)) == ("peek", (2, 0))
    assert (project.run().sweep, calls(kore)) == ("peek", (1, 0))


@pytest.mark.parametrize("ids", [None, ["*"]], ids=["named", "every"])
def test_what_is_created_or_deleted_is_found_in_the_same_run(
    emulate: Emulate, project: Project, ids: list[str] | None
) -> None:
    kore = swept(emulate, project, ids=ids)

    kore.delete(kore.campaign_ids()[0])
    report = project.run()
    assert (report.sweep, report.vanished) == ("listing", 1)
    assert "it counts 119 campaigns, and the last whole listing 120" in report.sweep_reason

    late = created(kore)
    report = project.run()
    assert (report.sweep, report.new_versions) == ("listing", 0 if ids is None else 1)
    assert "it counts 120 campaigns" in report.sweep_reason

    kore.delete(late)
    kore.delete(kore.campaign_ids()[0])
    created(kore)
    kore.edit(late, {"name": "Made again"})
    another = voice_campaigns(COUNT + 2)[-1] | {"updatedAt": kore.campaign(late)["updatedAt"]}
    kore.add(another)
    report = project.run()
    assert (report.sweep, report.exit_code) == ("listing", 0)
    assert f"`{another['_id']}` is new" in report.sweep_reason
    expected = kores_campaigns(kore)
    if ids is None:
        expected = {key: one for key, one in expected.items() if key not in (late, another["_id"])}
    assert live_campaigns(project) == expected
    assert project.run().sweep == "peek"


def test_a_status_that_moves_no_updated_at_is_found_by_the_next_whole_listing(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project)
    oldest = min(kore.campaign_ids(), key=lambda each: str(kore.campaign(each)["updatedAt"]))
    kore.edit(oldest, {"status": "Rescheduled"}, silent=True)

    assert (project.run().sweep, project.run().new_versions) == ("peek", 0)
    project.set("full_listing_every_minutes", 0)
    report = project.run()

    assert (report.sweep, report.new_versions) == ("listing", 1)
    assert live_campaigns(project) == kores_campaigns(kore)


LIES: list[tuple[Fault, dict[str, Any], str]] = [
    (Fault.LISTING_ORDER, {}, "not begin with the newest"),
    (Fault.LISTING_ORDER, {"sort_by": {"updatedAt": "asc"}}, "not begin with the newest"),
    (Fault.LYING_LISTING, {"total_results": 1}, "it counts 1 campaigns"),
    (Fault.LISTING_TOTALS, {"totals": "missing"}, "it counts None campaigns"),
    (Fault.LISTING_LIMIT, {"most": 40}, "HTTP 412"),
    (Fault.NULL_LISTING, {}, "brought no campaign that was not there before"),
    (Fault.STATUS_FAILURE, {"endpoint": "listing"}, "status is `"),
    (Fault.LISTING_IGNORES, {"ignores": ["skip", "page"]}, "brought no campaign"),
]


@pytest.mark.parametrize(("fault", "options", "why"), LIES, ids=str)
def test_a_peek_that_contradicts_what_is_known_is_followed_by_the_whole_listing(
    emulate: Emulate, project: Project, fault: Fault, options: dict[str, Any], why: str
) -> None:
    kore = swept(emulate, project)
    for campaign_id in kore.campaign_ids()[:3]:
        kore.edit(campaign_id, {"status": "Rescheduled"})
    # all pages are one way or the other, so that the second one of the peek lies, too
    kore.fault(fault, times=2 if "ignores" in options else 1, **options)

    report = project.run()

    assert (report.sweep, report.listing_state) == ("listing", "whole")
    assert why in report.sweep_reason
    assert (report.new_versions, report.vanished, report.failed) == (3, 0, 0)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_run_that_left_campaigns_unasked_is_followed_by_the_whole_listing(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, error_budget=0)
    for campaign_id in kore.campaign_ids()[:60]:
        kore.edit(campaign_id, {"description": "new"})
    kore.fault(Fault.STATUS_FAILURE, times=2, endpoint="detail")
    assert project.run().sweep == "peek"

    report = project.run()

    assert (report.sweep, report.exit_code) == ("listing", 0)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_campaign_that_failed_is_asked_for_again_by_a_peek(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, error_budget=1)
    failing = kore.campaign_ids()[3]
    kore.edit(failing, {"description": "new"})
    kore.fault(Fault.STATUS_FAILURE, failing)
    assert (project.run().sweep, calls(kore)) == ("peek", (2, 1))
    assert stale(project) == [failing]

    report = project.run()
    assert (report.sweep, report.failed, calls(kore)) == ("peek", 1, (1, 1))
    kore.clear_faults()
    report = project.run()
    assert (report.sweep, report.new_versions, calls(kore)) == ("peek", 1, (1, 1))

    assert stale(project) == []
    assert live_campaigns(project) == kores_campaigns(kore)


def stale(project: Project) -> list[str]:
    query = "select campaign_id from kore.campaign_freshness where is_stale"
    return [campaign_id for (campaign_id,) in project.sql(query)]


def test_a_peek_confirms_only_what_it_looked_at(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project)
    changed = kore.campaign_ids()[0]
    kore.edit(changed, {"description": "new"})

    assert project.run().sweep == "peek"

    confirmed = dict(
        project.sql("select campaign_id, last_confirmed_at from kore.campaign_freshness")
    )
    (first,), (peeked,) = project.sql("select started_at from kore.runs order by run_number")
    assert confirmed.pop(changed) > peeked
    assert all(first <= moment < peeked for moment in confirmed.values())
    project.set("full_listing_every_minutes", 0)
    project.run()
    query = "select min(last_confirmed_at) from kore.campaign_freshness"
    assert project.sql(query) > [(peeked,)]


def test_a_campaign_that_changes_between_listing_and_answer_is_not_settled_by_its_old_row(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(3))
    project.use(kore, sweep="auto", workers=1)
    ids = kore.campaign_ids()
    before = kore.campaign(ids[1])["status"]
    # the answer shows a status that the listing has not shown
    kore.fault(Fault.SILENT_CHANGE, ids[1], times=1, changes={"status": "Between"})
    project.run()
    kore.edit(ids[1], {"status": before}, silent=True)

    report = project.run()

    assert (report.sweep, report.new_versions) == ("listing", 1)
    assert live_campaigns(project) == kores_campaigns(kore)
    assert (project.run().sweep, project.run().sweep) == ("peek", "peek")


def test_the_whole_listing_is_due_though_each_peek_showed_all_campaigns(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(12))
    project.use(kore, sweep="auto", contact_lists="true")
    assert project.run().sweep == "full"
    for _ in range(2):
        report = project.run()
        assert (report.sweep, report.listing_state, report.requests) == ("peek", "whole", 1)
    project.alter(
        "update extraction_runs set started_at = started_at - interval '2 hours' "
        "where sweep = 'full'"
    )

    report = project.run()

    # and with it the contact lists
    assert (report.sweep, report.requests) == ("listing", 2)


def test_null_where_there_are_no_sms_campaigns_settles_them(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(3))
    kore.fault(Fault.NULL_LISTING, where="data", type="sms")
    project.use(kore, ids=["*"], sweep="auto")
    assert project.run().listing_state == "whole"
    kore.reset_counters()

    report = project.run()

    assert (report.sweep, report.listing_state, calls(kore)) == ("peek", "whole", (2, 0))


def test_contact_lists_are_read_with_the_whole_listing(emulate: Emulate, project: Project) -> None:
    kore = swept(emulate, project, contact_lists="true")

    for settings, requests in ({}, 1), ({"full_listing_every_minutes": 0}, 3 + 1):
        report = project.run(**settings)

        assert (report.exit_code, report.requests, kore.counters.requests) == (0, *[requests] * 2)
        kore.reset_counters()


def test_the_size_of_a_page_that_worked_is_remembered(emulate: Emulate, project: Project) -> None:
    kore = emulate(voice_campaigns(COUNT))
    kore.listing_cap = 1_000
    kore.fault(Fault.LISTING_LIMIT, most=100)
    project.use(kore, sweep="auto", full_listing_every_minutes=0)

    assert (project.run().listing_page_size, calls(kore)) == (100, (1 + 2, COUNT))
    assert (project.run().listing_page_size, calls(kore)) == (100, (2, 0))
    kore.clear_faults()
    kore.fault(Fault.LISTING_LIMIT, most=50)
    assert (project.run().listing_page_size, calls(kore)) == (50, (1 + 3, 0))
    kore.clear_faults()
    # a full sweep tries again whether larger ones work
    report = project.run(full_sweep_every_hours=1e-9)
    assert (report.sweep, report.listing_page_size, calls(kore)) == ("full", 1000, (1, COUNT))
    assert (project.run().listing_page_size, calls(kore)) == (1000, (1, 0))


def test_a_full_sweep_by_setting_reads_no_listing_and_the_next_run_requests_no_campaign(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(COUNT))
    project.use(kore, sweep="full")
    project.run()
    assert calls(kore) == (0, COUNT)

    report = project.run(sweep="auto")

    assert (report.sweep, report.unchanged, calls(kore)) == ("listing", COUNT, (3, 0))
    assert (project.run(sweep="auto").sweep, calls(kore)) == ("peek", (1, 0))
