"""The state of do-not-call lists: one call for each list that is due, its history, and findings."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.config.csv_files import POLICIES_HEADER
from kore_emulator import REMOVED, Emulator, Fault, demo_campaigns
from support.project import Project

DESTINATIONS = BOTH

NATIONAL = "cl-68b802a-2b99-4245-8eea-6d322a8c0d11"
INDIA = "cl-71c40fe-9d13-4b7e-a5c2-0e8f6b2a9c34"
EUROPE = "cl-0d5e9b2-64af-4f18-8c3b-7a1d9e5f2b06"
STATES = """
select dnc_list_id, state_number, record_count, status, error_code
from kore_raw.dnc_list_states order by dnc_list_id, state_number
"""
FINDINGS = """
select distinct finding, severity, policy_name, value, limit_value, sentence
from kore.findings where finding like 'dnc_list%' order by all
"""


@pytest.fixture
def kore(emulate: Emulate) -> Emulator:
    return emulate(demo_campaigns())


def use(project: Project, kore: Emulator, **settings: Any) -> None:
    project.use(kore, **{"dnc_lists_every_hours": 24, "max_attempts": 1, **settings})


def asked(kore: Emulator) -> list[str]:
    """The lists that were requested since the last reset, in their order."""
    found = [each.path.rpartition("/")[2] for each in kore.requests]
    kore.reset_counters()
    return [each for each in found if each.startswith("cl-")]


def users_of(kore: Emulator, list_id: str) -> list[str]:
    """Campaigns that name the list."""
    named = {each: kore.campaign(each).get("dncLists") or {} for each in kore.campaign_ids()}
    return [campaign_id for campaign_id, one in named.items() if one.get("id") == list_id]


def a_day_passes(project: Project) -> None:
    project.alter("update dnc_list_states set checked_at = checked_at - interval '24 hours'")


def test_each_list_is_requested_once_and_again_after_a_day(
    kore: Emulator, project: Project
) -> None:
    use(project, kore)

    report = project.run()

    assert (report.exit_code, report.dnc_list_notes) == (0, [])
    assert asked(kore) == sorted([NATIONAL, INDIA, EUROPE])
    assert report.requests == 12 + 3
    one = kore.dnc_list(NATIONAL)
    shown = project.sql("select * from kore.dnc_lists where dnc_list_id = ?", NATIONAL)
    (columns,) = [
        project.sql(
            "select dnc_list_id, dnc_list_name, record_count, status, is_global,"
            " live_campaigns, updated_at, updated_by, error_code, seen_at, checked_at"
            " from kore.dnc_lists where dnc_list_id = ?",
            NATIONAL,
        )
    ]
    assert len(shown) == 1
    assert columns == [
        (
            *(NATIONAL, "US National DNC", one["totalRecordCount"], "Validated", False),
            len(users_of(kore, NATIONAL)),
            datetime.fromisoformat(one["updatedAt"]),
            *(one["updatedBy"], None, report.started_at, report.started_at),
        )
    ]

    assert project.run().requests == 12
    assert asked(kore) == []

    a_day_passes(project)
    later = project.run()
    assert asked(kore) == sorted([NATIONAL, INDIA, EUROPE])
    assert project.sql(
        "select distinct state_number, seen_at, checked_at from kore_raw.dnc_list_states"
    ) == [(1, report.started_at, later.started_at)]


def test_a_new_state_is_a_new_row_and_the_one_before_stays(
    kore: Emulator, project: Project
) -> None:
    use(project, kore)
    first = project.run()
    count = kore.dnc_list(INDIA)["totalRecordCount"]
    kore.edit_dnc_list(INDIA, {"totalRecordCount": 0})
    a_day_passes(project)

    second = project.run()

    assert [row for row in project.sql(STATES) if row[0] == INDIA] == [
        (INDIA, 1, count, "Validated", None),
        (INDIA, 2, 0, "Validated", None),
    ]
    assert project.sql(
        "select state_number, seen_at, valid_to, is_current from kore.dnc_list_states"
        " where dnc_list_id = ? order by state_number",
        INDIA,
    ) == [
        (1, first.started_at, second.started_at, False),
        (2, second.started_at, None, True),
    ]
    assert project.sql("select record_count from kore.dnc_lists where dnc_list_id = ?", INDIA) == [
        (0,)
    ]


def test_a_finding_is_as_old_as_what_it_says_of_the_list(kore: Emulator, project: Project) -> None:
    use(project, kore)
    project.run()
    runs = []
    for changes in (
        {"totalRecordCount": 0},
        {"name": "Renamed"},
        {"status": "Invalid"},
        {"updatedBy": "u-another"},
    ):
        kore.edit_dnc_list(INDIA, changes)
        a_day_passes(project)
        runs.append(project.run().started_at)

    assert project.sql(
        "select distinct finding, open_since from kore.findings where finding like 'dnc_list%'"
        " order by finding"
    ) == [("dnc_list_empty", runs[0]), ("dnc_list_invalid", runs[2])]
    assert project.sql(
        "select record_count_since, status_since, seen_at from kore.dnc_lists"
        " where dnc_list_id = ?",
        INDIA,
    ) == [(runs[0], runs[2], runs[3])]


def test_only_lists_that_live_campaigns_name_are_requested(
    kore: Emulator, project: Project
) -> None:
    use(project, kore)
    project.run()
    asked(kore)
    changed, *others = users_of(kore, EUROPE)
    kore.edit(changed, {"dncLists": {"id": "cl-new", "name": "New"}})
    project.run()
    assert asked(kore) == ["cl-new"]

    for campaign_id in others:
        kore.edit(campaign_id, {"dncLists": REMOVED})
    kore.delete(changed)
    a_day_passes(project)
    project.run(accept_vanished=True)
    assert asked(kore) == sorted([NATIONAL, INDIA])
    a_day_passes(project)
    project.run()
    assert asked(kore) == sorted([NATIONAL, INDIA])
    assert project.sql(
        "select dnc_list_id, live_campaigns from kore.dnc_lists where live_campaigns = 0"
        " order by dnc_list_id"
    ) == [(EUROPE, 0), ("cl-new", 0)]


@pytest.mark.parametrize(
    ("fault", "options", "code", "calls", "reason"),
    [
        (Fault.FORBIDDEN, {}, "access_refused", 3, "HTTP 403, `Forbidden`"),
        (Fault.SCOPE, {}, "access_refused", 6, "HTTP 401, `Permission denied"),
        (Fault.SERVER_ERROR, {"status": 404}, "not_found", 3, "HTTP 404"),
        (Fault.STATUS_FAILURE, {}, "answer_breaks_contract", 3, "HTTP 200, but status is"),
        (Fault.HTML, {}, "answer_breaks_contract", 3, "HTTP 200, but the body is not JSON"),
    ],
)
def test_a_refusal_is_a_note_and_remembered(
    kore: Emulator,
    project: Project,
    fault: Fault,
    options: dict[str, Any],
    code: str,
    calls: int,
    reason: str,
) -> None:
    use(project, kore, max_attempts=3)  # a refusal is not tried again
    kore.fault(fault, endpoint="contact_list", **options)

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["is_complete"], ended.json["requests"]) == (0, True, 12 + calls)
    (line,) = ended.err.splitlines()[-1:]
    assert line.startswith(
        "kore-campaigns: the state of 3 DNC lists could not be read: `cl-0d5e9b2"
    )
    assert reason in line
    assert {row[1:] for row in project.sql(STATES)} == {(1, None, None, code)}
    names = project.sql("select dnc_list_name from kore.dnc_lists where dnc_list_id = ?", INDIA)
    assert names == [("India DND",)]

    again = project.run()  # neither requested nor told again
    assert (again.requests, again.dnc_list_notes) == (12, [])
    a_day_passes(project)
    after_a_day = project.run()
    assert (after_a_day.requests, after_a_day.dnc_list_notes) == (12 + calls, [])
    assert project.sql(FINDINGS) == []

    kore.clear_faults()
    a_day_passes(project)
    project.run()
    assert {(row[1], row[4]) for row in project.sql(STATES)} == {(1, code), (2, None)}


def test_a_refusal_later_keeps_what_was_known(kore: Emulator, project: Project) -> None:
    use(project, kore)
    kore.edit_dnc_list(INDIA, {"totalRecordCount": 0})
    project.run()
    kore.fault(Fault.SERVER_ERROR, INDIA, status=404, endpoint="contact_list")
    a_day_passes(project)

    report = project.run()

    assert "1 DNC list could not be read" in report.dnc_list_notes[0]
    assert [row for row in project.sql(STATES) if row[0] == INDIA] == [
        (INDIA, 1, 0, "Validated", None),
        (INDIA, 2, 0, "Validated", "not_found"),
    ]
    assert [row[0] for row in project.sql(FINDINGS)] == ["dnc_list_empty"]


def test_an_unwell_service_costs_one_list_and_no_more(kore: Emulator, project: Project) -> None:
    use(project, kore)
    kore.fault(Fault.SERVER_ERROR, status=500, endpoint="contact_list")

    first, second = project.run(), project.run()

    assert (first.exit_code, first.requests, second.requests) == (0, 13, 13)
    assert [(row[0], row[4]) for row in project.sql(STATES)] == [
        (list_id, "server_unavailable") for list_id in sorted([NATIONAL, INDIA, EUROPE])[:2]
    ]
    kore.clear_faults()
    project.run()
    assert {row[4] for row in project.sql(STATES)} == {"server_unavailable", None}
    project.alter("update dnc_list_states set checked_at = checked_at - interval '1 hour'")
    assert project.run().requests == 14  # those two, and not the one that was read
    assert {row[1:5:3] for row in project.sql(STATES)} == {
        (1, "server_unavailable"),
        (2, None),
        (1, None),
    }


def test_what_a_run_does_not_reach_is_requested_by_the_next(
    kore: Emulator, project: Project
) -> None:
    use(project, kore)
    stop = threading.Event()
    stop.set()
    project.run(stop=stop)
    assert asked(kore) == []

    project.run()
    assert len(asked(kore)) == 3


def test_no_list_is_requested_where_the_setting_says_so(kore: Emulator, project: Project) -> None:
    use(project, kore, dnc_lists_every_hours=0)

    assert project.run().requests == 12
    assert (asked(kore), project.sql(STATES)) == ([], [])


def test_they_are_requested_unless_a_setting_says_otherwise(
    kore: Emulator, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(project, kore)
    monkeypatch.delenv("SOURCES__KORE_CAMPAIGNS__DNC_LISTS_EVERY_HOURS")

    assert project.run().requests == 15


def test_a_check_in_the_future_counts_for_nothing(kore: Emulator, project: Project) -> None:
    use(project, kore)
    project.run()
    asked(kore)
    project.alter("update dnc_list_states set checked_at = checked_at + interval '3 hours'")

    project.run()

    assert len(asked(kore)) == 3


def test_a_peek_requests_what_is_due(kore: Emulator, project: Project) -> None:
    use(project, kore, sweep="auto", ids=["*"])
    project.run()
    project.run()
    a_day_passes(project)
    asked(kore)

    report = project.run()

    assert report.sweep == "peek"
    assert len(asked(kore)) == 3


def test_the_plan_counts_the_calls_and_sends_none(kore: Emulator, project: Project) -> None:
    use(project, kore)
    assert project.cli("plan", "--json").json["dnc_list_calls"] == 0  # no campaign is known yet
    project.run()
    a_day_passes(project)
    asked(kore)

    as_json = project.cli("plan", "--json").json
    out = project.cli("plan").out

    assert (as_json["calls"], as_json["dnc_list_calls"]) == (15, 3)
    assert "calls      15: 0 for the listing, 12 for campaigns, 3 for DNC lists; about" in out
    assert asked(kore) == []
    assert project.run().requests == 15


def test_findings_name_the_campaign_the_list_and_the_limit(
    kore: Emulator, project: Project
) -> None:
    header = ",".join(POLICIES_HEADER)
    lines = [header, "Fresh lists,,,,,,,,,30", "Older,,,,SU,,,,,400", "Nobody's,,BR,,,,,,,1"]
    (project.folder / "policies.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    use(project, kore)
    now = datetime.now(UTC)
    kore.edit_dnc_list(NATIONAL, {"totalRecordCount": 0})
    kore.edit_dnc_list(INDIA, {"status": "INVALID"})
    kore.edit_dnc_list(EUROPE, {"updatedAt": (now - timedelta(days=31.5)).isoformat()})
    project.run()

    assert project.sql(FINDINGS) == [
        (
            *("dnc_list_empty", "high", None, "0", None),
            "names the do-not-call list `US National DNC`, which is empty: it leaves no contact "
            "out",
        ),
        (
            *("dnc_list_invalid", "high", None, "INVALID", None),
            "names the do-not-call list `India DND`, whose status is `INVALID`",
        ),
        (
            *("dnc_list_not_updated", "medium", "Fresh lists", "31", "30"),
            "names the do-not-call list `EU opt-outs`, last updated 31 days ago, more than the 30 "
            "of `Fresh lists`",
        ),
    ]
    keys = "select campaign_id, finding_key from kore.findings where finding = ? order by all"
    for finding, list_id, policy in (
        ("dnc_list_empty", NATIONAL, ""),
        ("dnc_list_not_updated", EUROPE, "/Fresh lists"),
    ):
        assert project.sql(keys, finding) == [
            (each, f"{kore.stream_id}/{each}/{finding}{policy}/{list_id}")
            for each in sorted(users_of(kore, list_id))
        ]


@pytest.mark.parametrize("status", ["Ready", "Validated", "Something new", None])
def test_other_statuses_are_no_finding(
    kore: Emulator, project: Project, status: str | None
) -> None:
    use(project, kore)
    for list_id in (NATIONAL, INDIA, EUROPE):
        kore.edit_dnc_list(list_id, {"status": status})
    project.run()

    assert project.sql(FINDINGS) == []


def test_odd_fields_are_empty_or_typed(kore: Emulator, project: Project) -> None:
    use(project, kore)
    kore.edit_dnc_list(
        INDIA,
        {"totalRecordCount": "12", "status": {"a": 1}, "updatedBy": ["x"], "updatedAt": "soon"},
    )
    kore.edit_dnc_list(EUROPE, {"_id": "cl-another"})

    report = project.run()

    assert report.exit_code == 0
    assert [row[1:] for row in project.sql(STATES) if row[0] == INDIA] == [(1, 12, None, None)]
    assert "it holds list `cl-another`" in report.dnc_list_notes[0]


def test_a_long_time_of_calls_is_durable_as_it_goes(kore: Emulator, project: Project) -> None:
    use(project, kore, chunk_seconds=0.0001)

    assert project.run().exit_code == 0

    assert len(project.sql(STATES)) == 3


def test_a_run_for_single_campaigns_requests_none(kore: Emulator, project: Project) -> None:
    use(project, kore)
    project.run()
    changed = users_of(kore, EUROPE)[0]
    kore.edit(changed, {"dncLists": {"id": "cl-new", "name": "New"}})
    asked(kore)

    assert project.run(only=[changed]).new_versions == 1
    assert asked(kore) == []
    project.run()
    assert asked(kore) == ["cl-new"]
