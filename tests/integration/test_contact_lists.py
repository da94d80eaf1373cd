"""The app's contact lists: one call at the end of a run, as Kore has them now, and no secret."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.extract.report import RunReport
from kore_emulator import Emulator, Fault, demo_campaigns
from support.project import Project

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

REFUSALS: list[tuple[Fault, dict[str, Any], str]] = [
    (Fault.SCOPE, {}, "HTTP 401, `Permission denied. Scope is incorrect!`"),
    (Fault.FORBIDDEN, {}, "HTTP 403, `Forbidden`"),
    (Fault.SERVER_ERROR, {"status": 404}, "HTTP 404"),
    (Fault.SERVER_ERROR, {"status": 405}, "HTTP 405"),
    (Fault.SERVER_ERROR, {"status": 500}, "HTTP 500"),
    (
        Fault.STATUS_FAILURE,
        {},
        "HTTP 200, but status is `failure`: `Unable to retrieve the campaign`",
    ),
    (Fault.HTML, {}, "HTTP 200, but the body is not JSON"),
    (Fault.NOT_JSON_OBJECT, {}, "HTTP 200, but the body is not a JSON object"),
    (Fault.REDIRECT, {}, "HTTP 302 redirects to `https://login.example.com/`"),
    (Fault.RATE_LIMIT, {}, "the account's call limit was reached"),
]
TABLES = ("contact_lists", "contact_list_campaigns")
CAMPAIGNS_OF_LISTS = """
select
    account_id, stream_id, contact_list_id, contact_list_name, campaign_id, campaign_name, is_held
from kore.contact_list_campaigns order by all
"""


@pytest.fixture
def kore(emulate: Emulate) -> Emulator:
    return emulate(demo_campaigns())


def use(project: Project, kore: Emulator, **settings: Any) -> None:
    project.use(kore, contact_lists="true", **settings)


def rows(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    """Every raw row, the ids that each write gives anew included."""
    return {name: project.sql(f"select * from kore_raw.{name} order by all") for name in TABLES}


def names(project: Project) -> set[str]:
    return {name for (name,) in project.sql("select contact_list_name from kore.contact_lists")}


def asked(kore: Emulator) -> int:
    return kore.counters.by_endpoint["contact_lists"]


def test_one_call_at_the_end_of_a_run_brings_them_and_is_counted(
    kore: Emulator, project: Project
) -> None:
    use(project, kore)

    report = project.run()

    assert (report.exit_code, report.list_notes) == (0, [])
    assert (report.requests, asked(kore)) == (13, 1)
    assert kore.requests[-1].endpoint == "contact_lists"
    assert kore.requests[-1].query["type"] == "call"
    assert project.sql("select requests from kore.runs") == [(13,)]
    shown = project.sql("select * from kore.contact_lists order by contact_list_id")
    account = (kore.account_id, kore.stream_id)
    assert [row[:8] + row[8:9] for row in shown] == sorted(
        (
            *account,
            one["_id"],
            one["name"],
            "call",
            one["totalRecordCount"],
            one["status"],
            one["source"],
            one["mapping"]["timeZone"] or None,
        )
        for one in kore.contact_lists()
    )
    assert {row[9].isoformat() for row in shown} == {"2025-12-05T09:34:12.449000+00:00"}
    assert {row[10] for row in shown} == {report.started_at}
    assert project.sql(CAMPAIGNS_OF_LISTS) == sorted(
        (*account, one["_id"], one["name"], use["id"], use["name"], True)
        for one in kore.contact_lists()
        for use in one["campaignInUse"]
    )


def test_they_are_not_asked_for_where_the_setting_says_so(kore: Emulator, project: Project) -> None:
    use(project, kore)
    project.set("contact_lists", "false")

    report = project.run()

    assert (report.requests, asked(kore), report.list_notes) == (12, 0, [])
    assert rows(project) == {name: [] for name in TABLES}


def test_they_are_asked_for_unless_a_setting_says_otherwise(
    kore: Emulator, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(project, kore)
    monkeypatch.delenv("SOURCES__KORE_CAMPAIGNS__CONTACT_LISTS")

    assert (project.run().requests, asked(kore)) == (13, 1)


def test_a_run_that_finds_them_as_they_are_held_writes_no_row(
    kore: Emulator, project: Project
) -> None:
    use(project, kore)
    project.run()
    before = rows(project)

    report = project.run(sweep="listing")

    assert all(before.values())
    assert rows(project) == before
    assert asked(kore) == 2
    assert report.requests == kore.counters.requests - 13


def test_a_list_renamed_gone_or_left_by_a_campaign_is_so_after_the_next_run(
    kore: Emulator, project: Project
) -> None:
    use(project, kore)
    project.run()
    before = rows(project)
    renamed, gone, left, *others = kore.contact_lists()
    renamed["name"] = "Renamed"
    (unlinked,) = left["campaignInUse"][:1]
    left["campaignInUse"] = left["campaignInUse"][1:]
    kore.serve_contact_lists([renamed, left, *others])

    report = project.run()

    after = rows(project)
    assert report.exit_code == 0
    assert names(project) == {one["name"] for one in kore.contact_lists()}
    uses = project.sql("select contact_list_id, campaign_id from kore.contact_list_campaigns")
    assert set(uses) == {
        (one["_id"], use["id"]) for one in kore.contact_lists() for use in one["campaignInUse"]
    }
    assert (left["_id"], unlinked["id"]) not in uses
    assert gone["_id"] not in {list_id for list_id, _ in uses}
    # what is as it was is the very row
    written = set(after["contact_lists"]) - set(before["contact_lists"])
    assert [row[2] for row in written] == [renamed["_id"]]
    assert set(after["contact_list_campaigns"]) < set(before["contact_list_campaigns"])


def test_where_they_are_refused_the_run_is_as_good_says_why_and_keeps_those_held(
    kore: Emulator, project: Project
) -> None:
    use(project, kore, max_attempts=1)
    project.run()
    before = rows(project)

    for fault, options, reason in REFUSALS:
        kore.clear_faults()
        kore.edit(kore.campaign_ids()[0], {"description": f"{fault} {options}"})
        kore.fault(fault, endpoint="contact_lists", **options)

        ended = project.cli("run", "--json")

        was_good = (ended.code, ended.json["is_complete"], ended.json["new_versions"])
        assert was_good == (0, True, 1), reason
        assert rows(project) == before, reason
        (line,) = ended.err.splitlines()[-1:]
        assert line.startswith(f"kore-campaigns: the contact lists were not read: {reason}")
        assert "set `contact_lists` = false to skip the call" in line
        # a service that is unwell says nothing about rights
        assert ("grant the scope" in line) == (fault in (Fault.SCOPE, Fault.FORBIDDEN)), reason


def test_an_answer_without_a_list_of_them_is_none(kore: Emulator, project: Project) -> None:
    use(project, kore)
    project.run()
    before = rows(project)

    for served, found in (({"results": []}, "an object"), ("none", "a text"), (0, "a number")):
        kore.serve_contact_lists(served)
        report = project.run()
        assert report.exit_code == 0
        assert f"`data` is {found}, not a list" in report.list_notes[0]
    assert rows(project) == before


def test_a_stop_while_they_are_asked_for_ends_the_run_well(
    kore: Emulator, project: Project
) -> None:
    use(project, kore)
    kore.fault(Fault.RATE_LIMIT, endpoint="contact_lists")
    stop = threading.Event()

    def stop_once_requested() -> None:
        while not kore.counters.by_endpoint["contact_lists"]:
            time.sleep(0.05)
        stop.set()

    thread = threading.Thread(target=stop_once_requested, daemon=True)
    thread.start()

    report = project.run(stop=stop)

    thread.join()
    assert (report.exit_code, report.new_versions) == (0, 12)
    (note,) = report.list_notes
    assert "the run was stopped" in note
    assert note.endswith("Next: nothing, a later run reads them")


@pytest.mark.parametrize("how", ["stopped", "refused", "budget"])
def test_a_run_that_was_refused_or_stopped_does_not_ask(
    kore: Emulator, project: Project, how: str
) -> None:
    use(project, kore, error_budget=0)
    stop = threading.Event()
    if how == "stopped":
        stop.set()
    elif how == "refused":
        kore.scope_granted = False
    else:
        for campaign_id in kore.campaign_ids()[:6]:
            kore.fault(Fault.STATUS_FAILURE, campaign_id)

    report = project.run(stop=stop)

    assert asked(kore) == 0
    assert report.exit_code == {"stopped": 75, "refused": 3, "budget": 4}[how]
    assert len(report.list_notes) == (how != "refused")


def test_odd_fields_are_empty_or_typed_and_never_in_the_way(
    kore: Emulator, project: Project
) -> None:
    secret = {"auth": "not to be kept"}
    use(project, kore)
    kore.serve_contact_lists(
        [
            {"id": "cl-1", "name": "by the other name of its id", "totalRecordCount": "12"},
            {"_id": "cl-2", "name": secret, "status": [secret], "totalRecordCount": secret},
            {"_id": 3, "name": 7, "mapping": "none", "campaignInUse": "all", "updatedAt": "soon"},
            {"_id": "cl-4", "name": "a NUL \0 and \uf026", "totalRecordCount": 2**70},
            {"_id": "cl-5", "mapping": {"timeZone": secret}, "updatedAt": 1_765_171_778_298},
            {"_id": "cl-6", "campaignInUse": [{"_id": "cd-1"}, {"name": "no id"}, None, "cd-2"]},
            {"_id": "cl-6", "name": "twice", "campaignInUse": {"id": "cd-3", "name": "alone"}},
        ]
    )

    report = project.run()

    assert (report.exit_code, report.list_notes) == (0, [])
    found = project.sql(
        "select contact_list_id, contact_list_name, record_count, status, list_timezone,"
        " updated_at from kore.contact_lists order by all"
    )
    assert found[0] == ("3", "7", None, None, None, None)
    assert found[1] == ("cl-1", "by the other name of its id", 12, None, None, None)
    assert found[2] == ("cl-2", None, None, None, None, None)
    assert found[3][1].startswith("a NUL ")
    assert found[3][2] is None
    assert found[4][:5] == ("cl-5", None, None, None, None)
    assert found[4][5].timestamp() == 1_765_171_778.298
    assert found[5] == ("cl-6", "twice", None, None, None, None)
    assert project.sql(
        "select contact_list_id, campaign_id, campaign_name, is_held"
        " from kore.contact_list_campaigns order by all"
    ) == [("cl-6", "cd-1", None, False), ("cl-6", "cd-3", "alone", False)]
    before = rows(project)
    project.run()
    assert rows(project) == before


def test_lists_without_an_id_are_counted_and_named(kore: Emulator, project: Project) -> None:
    use(project, kore)
    kore.serve_contact_lists([{"name": "Lost"}, {"_id": {}}, "text", {"_id": "cl-1", "name": "A"}])

    report = project.run()

    assert names(project) == {"A"}
    (note,) = report.list_notes
    assert note.startswith("3 contact lists came without an id")
    assert "`Lost`, `(no name)`, `(no name)`" in note
    assert report.exit_code == 0


def test_the_note_is_an_event_for_programs_and_no_mail_of_a_campaign(
    kore: Emulator, project: Project
) -> None:
    use(project, kore)
    kore.fault(Fault.SCOPE, endpoint="contact_lists")

    ended = project.cli("run", "--quiet", "--log-format", "json")

    assert ended.code == 0
    assert '"event": "contact_lists_unread"' in ended.err.replace('":"', '": "')
    assert project.sql("select count(*) from kore_raw.extraction_errors") == [(0,)]


def test_the_plan_counts_the_call_and_sends_none(kore: Emulator, project: Project) -> None:
    use(project, kore)

    as_json = project.cli("plan", "--json").json
    out = project.cli("plan").out

    assert (as_json["calls"], as_json["contact_list_calls"]) == (13, 1)
    assert (
        "calls      13: 0 for the listing, 12 for campaigns, 1 for the contact lists; about" in out
    )
    assert asked(kore) == 0
    report: RunReport = project.run()
    assert report.requests == 13
