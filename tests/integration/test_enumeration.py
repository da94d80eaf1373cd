"""`*` under listings that lie: all campaigns are loaded in another way, or the run says that it
cannot know them all.
"""

from __future__ import annotations

from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.stored_tables import kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow
# with 140 campaigns, voice and SMS each need more than a page
COUNT = 140


def many(emulate: Emulate) -> Emulator:
    return emulate(sample_campaigns(COUNT))


def states(project: Project) -> list[tuple[Any, ...]]:
    return project.sql(
        "select is_complete, state, listing_state from kore.runs order by started_at"
    )


OTHER_WAY: list[tuple[Fault, dict[str, Any]]] = [
    (Fault.LISTING_IGNORES, {"ignores": "skip"}),
    (Fault.LISTING_IGNORES, {"ignores": "limit"}),
    (Fault.LISTING_IGNORES, {"ignores": "sortBy"}),
    (Fault.LISTING_IGNORES, {"ignores": ["skip", "limit"]}),
    (Fault.LISTING_TOTALS, {"totals": "missing"}),
    (Fault.LISTING_TOTALS, {"totals": "text"}),
    (Fault.LISTING_LIMIT, {}),
    (Fault.LISTING_LIMIT, {"most": 10, "status": 400}),
    (Fault.LISTING_LIMIT, {"most": 50, "status": 500}),
    (Fault.SHIFTING_LISTING, {}),
    (Fault.PARTIAL_LISTING, {"drop": 1}),
    (Fault.PARTIAL_LISTING, {"drop": 3}),
    (Fault.LYING_LISTING, {"duplicate": True}),
    (Fault.LYING_LISTING, {"total_results": 1, "times": 1}),
    (Fault.NULL_LISTING, {"times": 1}),
    (Fault.NULL_LISTING, {"where": "data", "times": 1}),
    (Fault.SERVER_ERROR, {"times": 1, "endpoint": "listing"}),
]


@pytest.mark.parametrize(("fault", "options"), OTHER_WAY, ids=str)
def test_all_are_loaded_where_another_way_shows_them(
    emulate: Emulate, project: Project, fault: Fault, options: dict[str, Any]
) -> None:
    kore = many(emulate)
    project.use(kore, ids=["*"], max_attempts=1)
    kore.fault(fault, **options)

    report = project.run()

    assert (report.new_versions, report.exit_code, report.is_complete) == (COUNT, 0, True)
    assert live_campaigns(project) == kores_campaigns(kore)
    assert states(project) == [(True, "complete", "whole")]


@pytest.mark.parametrize("ignores", [[], "skip", "page"], ids=str)
def test_a_full_page_that_is_the_last_one_is_whole(
    emulate: Emulate, project: Project, ignores: list[str] | str
) -> None:
    kore = emulate([one for one in sample_campaigns(COUNT) if "dialingMode" in one][:50])
    project.use(kore, ids=["*"])
    kore.fault(Fault.LISTING_IGNORES, ignores=ignores)

    report = project.run()

    assert (report.new_versions, report.exit_code, report.is_complete) == (50, 0, True)


NO_WAY: list[tuple[Fault, dict[str, Any]]] = [
    (Fault.LISTING_TOTALS, {"totals": "page"}),
    (Fault.LISTING_IGNORES, {"ignores": ["skip", "page", "sortBy"]}),
    (Fault.PARTIAL_LISTING, {"drop": 50}),
    (Fault.LYING_LISTING, {"total_results": 99_999}),
    (Fault.LYING_LISTING, {"total_results": 3}),
]


@pytest.mark.parametrize("sweep", ["full", "auto"])
@pytest.mark.parametrize(("fault", "options"), NO_WAY, ids=str)
def test_a_listing_in_doubt_is_never_complete(
    emulate: Emulate, project: Project, fault: Fault, options: dict[str, Any], sweep: str
) -> None:
    kore = many(emulate)
    project.use(kore, ids=["*"], sweep=sweep)
    kore.fault(fault, **options)

    for _ in range(2):
        ended = project.cli("run", "--json")

        assert (ended.code, ended.json["is_complete"], ended.json["failed"]) == (4, False, 0)
        assert "the file of campaign ids says `*`" in ended.err
        assert "could not be read whole" in ended.err
        assert "one by one" not in ended.err
    assert {(row[0], row[2]) for row in states(project)} == {(False, "doubtful")}
    freshness = project.sql("select distinct listing_state from kore.campaign_freshness")
    assert freshness in ([("doubtful",)], [])
    status = project.cli("status", "--json").json
    assert status["state"] in ("partial", "failed")
    assert status["last_complete_at"] is None
    said = project.cli("status").out
    assert "NOT complete: the account listing" in said
    assert "could not be read whole (doubtful)" in said


def test_a_refusal_is_explained_once(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore, ids=["*"])
    project.set("credentials__client_secret", "wrong")
    first = project.cli("run")
    project.set("credentials__client_secret", kore.client_secret)
    project.run()
    project.set("credentials__client_secret", "revoked")
    later = project.cli("run")

    for ended in (first, later):
        assert (ended.code, ended.err.count("It does not say which")) == (3, 1)
        assert "were fetched" not in ended.err
    assert "could not be read whole: Kore.ai refused the credentials" in first.err
    assert "could not be read whole: HTTP 401, `Invalid SDK credentials`. Campaigns" in later.err
    assert "Next: correct what Kore.ai refuses, then run again." in later.err
    assert "name the ids" not in later.err


def test_a_doubt_after_a_whole_listing_marks_nothing_gone_and_is_told(
    emulate: Emulate, project: Project
) -> None:
    kore = many(emulate)
    project.use(kore, ids=["*"], sweep="auto")
    project.run()
    kore.edit(kore.campaign_ids()[-1], {"status": "Rescheduled"})
    kore.fault(Fault.LISTING_IGNORES, ignores=["skip", "page", "sortBy"])

    report = project.run()

    assert (report.new_versions, report.vanished, report.failed) == (1, 0, 0)
    assert (report.exit_code, report.is_complete, report.listing_state) == (4, False, "doubtful")
    assert live_campaigns(project) == kores_campaigns(kore)
    kore.clear_faults()
    report = project.run()
    assert (report.exit_code, report.is_complete, report.listing_state) == (0, True, "whole")
    assert project.cli("status", "--json").json["state"] == "ok"


def test_ids_by_name_do_not_rest_on_the_listing(emulate: Emulate, project: Project) -> None:
    kore = many(emulate)
    project.use(kore, sweep="auto")
    project.run()
    kore.edit(kore.campaign_ids()[-1], {"status": "Rescheduled"})
    kore.fault(Fault.LISTING_IGNORES, ignores=["skip", "page", "sortBy"])

    report = project.run()

    assert (report.new_versions, report.unchanged, report.exit_code) == (1, COUNT - 1, 0)
    assert (report.is_complete, report.listing_state) == (True, "doubtful")


def test_a_listing_that_is_refused_for_voice_still_brings_the_sms_campaigns(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(30))
    project.use(kore, ids=["*"])
    # the four sizes of a page, all of voice
    kore.fault(Fault.LISTING_LIMIT, most=0, times=4)

    ended = project.cli("run", "--json")

    sms = [each for each in kore.campaign_ids() if "dialingMode" not in kore.campaign(each)]
    assert (ended.code, ended.json["is_complete"]) == (4, False)
    assert set(live_campaigns(project)) == set(sms)
    assert states(project) == [(False, "partial", "refused")]


@pytest.mark.parametrize("where", ["results", "data"])
def test_null_where_there_are_no_sms_campaigns_is_an_empty_list(
    emulate: Emulate, project: Project, where: str
) -> None:
    voice = [one for one in sample_campaigns(20) if "dialingMode" in one]
    kore = emulate(voice)
    project.use(kore, ids=["*"], contact_lists="true")
    kore.fault(Fault.NULL_LISTING, where=where, type="sms")
    kore.fault(Fault.NO_DATA, endpoint="contact_lists", data="null")

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["new_versions"]) == (0, len(voice))
    assert "contact lists were not read" not in ended.err
    assert project.sql("select count(*) from kore.contact_lists") == [(0,)]


def test_check_names_a_listing_that_is_in_doubt(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(30))
    project.use(kore, ids=["*"])
    kore.fault(Fault.LYING_LISTING, total_results=99)

    ended = project.cli("check", "--json")

    legs = {leg["name"]: (leg["state"], leg["message"]) for leg in ended.json["legs"]}
    assert ended.code == 4
    assert legs["token"][0] == "ok"
    assert legs["listing"][0] == "failed"
    assert "contradicts itself" in legs["listing"][1]


def test_verify_does_not_call_it_whole_either(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(30))
    project.use(kore, ids=["*"])
    project.run()
    kore.fault(Fault.LYING_LISTING, total_results=99)

    ended = project.cli("verify")

    assert ended.code == 4
    assert "verify: NOT complete" in ended.out
    assert "could not be read whole" in ended.err


ODD_IDS = [
    *("cd-1/2", "cd\\1", "..", ".", "contactList", "getAllCampaignDetails", "trigger"),
    *("cd\x001", "cd-\ud83d", "cd-1/", "/"),
]


@pytest.mark.parametrize("destination", BOTH, indirect=True)
def test_an_id_that_cannot_be_requested_fails_alone(emulate: Emulate, project: Project) -> None:
    good = [one for one in sample_campaigns(8) if "dialingMode" in one]
    kore = emulate([*good, *(good[0] | {"_id": odd} for odd in ODD_IDS)])
    project.use(kore, ids=["*"], error_budget=1)

    for _ in range(2):
        ended = project.cli("run", "--json")

        assert (ended.code, ended.json["failed"]) == (4, len(ODD_IDS))
        assert set(live_campaigns(project)) == {one["_id"] for one in good}
        rows = project.sql(
            "select error_code, http_status from kore_raw.extraction_errors where run_id = ?",
            ended.json["run_id"],
        )
        assert rows == len(ODD_IDS) * [("id_not_usable", None)]
        assert "no request can be made for this id of the account listing" in ended.err


def test_ids_that_cannot_be_requested_use_up_no_error_budget(
    emulate: Emulate, project: Project
) -> None:
    good = [one for one in sample_campaigns(8) if "dialingMode" in one]
    kore = emulate([*good, *(good[0] | {"_id": odd} for odd in ODD_IDS)])
    project.use(kore, ids=["*"], workers=1, error_budget=0)

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["failed"]) == (4, len(ODD_IDS))
    assert set(live_campaigns(project)) == {one["_id"] for one in good}
    assert "stopped" not in ended.err


@pytest.mark.parametrize("destination", BOTH, indirect=True)
def test_an_id_that_only_looks_odd_is_loaded(emulate: Emulate, project: Project) -> None:
    good = [one for one in sample_campaigns(8) if "dialingMode" in one]
    odd = ["cd 1", "cd%2F1", "cd?x=1", "cd-\u202a1", "cd-ü", "x" * 300]
    kore = emulate([*good, *(good[0] | {"_id": each} for each in odd)])
    project.use(kore, ids=["*"])

    report = project.run()

    assert (report.exit_code, report.new_versions) == (0, len(good) + len(odd))
    assert {*odd} <= live_campaigns(project).keys()


@pytest.mark.parametrize("sweep", ["full", "auto"])
def test_a_listing_without_a_campaign_that_answers_is_in_doubt(
    emulate: Emulate, project: Project, sweep: str
) -> None:
    """It contradicts no total, so only the answer shows that it is wrong."""
    kore = emulate(sample_campaigns(20))
    project.use(kore, ids=["*"], sweep="auto")
    project.run()
    kore.fault(Fault.NULL_LISTING, type="voice")

    ended = project.cli("run", "--json", "--sweep", sweep)

    assert (ended.code, ended.json["is_complete"], ended.json["vanished"]) == (4, False, 0)
    assert "which answers" in ended.err
    assert states(project)[-1] == (False, "partial", "doubtful")
    assert live_campaigns(project) == kores_campaigns(kore)
