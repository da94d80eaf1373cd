"""Campaigns gone at Kore: believed only when confirmed and plausible, and never removed."""

from __future__ import annotations

import pytest

from conftest import BOTH, Emulate
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.saved_history import saved_history
from support.stored_tables import GAPS, campaign_rows, failures, kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

HISTORY = """
select version, valid_from, valid_to, is_current, is_deleted, name
from kore.campaign_history where campaign_id = ? order by version
"""
UNKNOWN = "cd-0000000-0000-4000-8000-000000000001"


def loaded(emulate: Emulate, project: Project, count: int) -> Emulator:
    kore = emulate(sample_campaigns(count))
    project.use(kore)
    with saved_history(f"sample-{count}", kore, project) as run:
        run()
    return kore


def test_a_campaign_gone_for_two_asks_is_marked_and_its_history_kept(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project, 6)
    gone = kore.campaign_ids()[2]
    kore.delete(gone)

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["vanished"], ended.json["unchanged"]) == (0, 1, 5)
    assert ended.json["is_complete"] is True
    assert kore.counters.by_campaign == {**dict.fromkeys(kore.campaign_ids(), 1), gone: 2}
    assert live_campaigns(project) == kores_campaigns(kore)
    (first, last), name = project.sql(HISTORY, gone), kore.campaign(gone)["name"]
    assert first == (1, first[1], last[1], False, False, name)
    assert last == (2, last[1], None, True, True, name)
    assert project.sql(
        "select version, path, old_value, new_value"
        " from kore.campaign_changes where campaign_id = ?",
        gone,
    ) == [(2, "is_deleted", "false", "true")]


def test_the_lists_of_a_deleted_campaign_are_gone_from_the_views_and_kept_below(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project, 6)
    gone = kore.campaign_ids()[2]
    before = campaign_rows(project)
    kore.delete(gone)

    project.run()

    for view in ("campaign_calling_hours", "campaign_dnc_lists", "campaign_contact_lists"):
        assert project.sql(f"select * from kore.{view} where campaign_id = ?", gone) == []
    now = campaign_rows(project)
    assert all(row in now[table] for table in before for row in before[table])


def test_one_404_among_answers_deletes_nothing(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project, 6)
    before = campaign_rows(project)
    kore.fault(Fault.NOT_FOUND, kore.campaign_ids()[2], times=1)

    report = project.run()

    assert (report.vanished, report.unchanged, report.exit_code) == (0, 6, 0)
    assert kore.counters.by_campaign[kore.campaign_ids()[2]] == 2
    assert campaign_rows(project) == before


def test_a_campaign_that_fails_when_asked_again_is_not_deleted(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project, 6)
    shaky = kore.campaign_ids()[2]
    kore.fault(Fault.NOT_FOUND, shaky, times=1)
    kore.fault(Fault.HTML, shaky)

    report = project.run()

    assert (report.vanished, report.failed, report.unchanged, report.exit_code) == (0, 1, 5, 4)
    assert [error.code for error in report.failures] == ["answer_breaks_contract"]
    assert shaky in live_campaigns(project)


def test_a_deleted_campaign_that_stays_gone_gets_no_further_version(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project, 6)
    gone = kore.campaign_ids()[2]
    kore.delete(gone)
    project.run()
    rows = campaign_rows(project)
    kore.reset_counters()

    report = project.run()

    assert (report.vanished, report.unchanged, report.failed, report.exit_code) == (0, 6, 0, 0)
    assert kore.counters.by_campaign[gone] == 1
    assert campaign_rows(project) == rows


def test_a_campaign_that_came_back_is_live_as_its_next_version(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project, 6)
    gone = kore.campaign_ids()[2]
    kore.delete(gone)
    project.run()
    kore.restore(gone)

    report = project.run()

    assert (report.new_versions, report.unchanged, report.exit_code) == (1, 5, 0)
    assert [(row[0], *row[3:5]) for row in project.sql(HISTORY, gone)] == [
        (1, False, False),
        (2, False, True),
        (3, True, False),
    ]
    assert live_campaigns(project) == kores_campaigns(kore)
    assert project.sql(GAPS) == []


def test_an_id_never_known_that_answers_404_is_a_failure_with_a_reason(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(5))
    project.use(kore, ids=[*kore.campaign_ids(), UNKNOWN])

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["new_versions"], ended.json["failed"]) == (4, 5, 1)
    code, status, message = failures(project, ended.json["run_id"])[UNKNOWN]
    assert (code, status) == ("not_found", 404)
    assert message.startswith(
        "HTTP 404: no campaign with this id in this app. Likely a typing error"
    )
    assert f"campaign `{UNKNOWN}`: HTTP 404" in ended.err
    assert live_campaigns(project) == kores_campaigns(kore)


def test_so_many_gone_at_once_are_not_believed(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project, 10)
    gone = kore.campaign_ids()[3:8]
    before = campaign_rows(project)
    for campaign_id in gone:
        kore.delete(campaign_id)

    ended = project.cli("run", "--json")

    failed = failures(project, ended.json["run_id"])
    assert (ended.code, ended.json["vanished"], ended.json["unchanged"]) == (4, 0, 5)
    assert set(failed) == set(gone)
    assert {(code, status) for code, status, _ in failed.values()} == {("vanish_not_believed", 404)}
    for _, _, message in failed.values():
        assert "5 of 10 known campaigns; at most 2 are believed in one run" in message
        assert "(setting `max_vanished`)" in message
        assert "run again with `--accept-vanished`" in message
    assert campaign_rows(project) == before
    assert kore.counters.by_campaign[gone[0]] == 1


def test_no_deletion_is_believed_while_no_campaign_answers(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project, 1)
    before = campaign_rows(project)
    (gone,) = kore.campaign_ids()
    kore.delete(gone)

    report = project.run()

    assert (report.vanished, report.failed, report.exit_code) == (0, 1, 4)
    assert [error.code for error in report.failures] == ["vanish_not_believed"]
    assert campaign_rows(project) == before


def test_accept_vanished_believes_them_all(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project, 10)
    for campaign_id in kore.campaign_ids():
        kore.delete(campaign_id)
    project.run()

    ended = project.cli("run", "--json", "--accept-vanished")

    assert (ended.code, ended.json["vanished"], ended.json["failed"]) == (0, 10, 0)
    assert live_campaigns(project) == {}
    assert project.sql("select count(*) from kore.campaign_history") == [(20,)]


def test_a_share_set_higher_is_believed(emulate: Emulate, project: Project) -> None:
    kore = loaded(emulate, project, 10)
    for campaign_id in kore.campaign_ids()[3:8]:
        kore.delete(campaign_id)
    project.set("max_vanished", 0.5)

    report = project.run()

    assert (report.vanished, report.unchanged, report.exit_code) == (5, 5, 0)


def test_a_storm_of_404_near_the_end_of_a_sweep_deletes_nothing(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project, 40)
    before = campaign_rows(project)
    project.set("vanish_confirm_seconds", 1)
    kore.fault(Fault.NOT_FOUND, after=34, for_seconds=0.6)

    report = project.run()

    assert kore.counters.by_status[404] >= 6
    assert (report.vanished, report.unchanged, report.exit_code) == (0, 40, 0)
    assert campaign_rows(project) == before


@pytest.mark.parametrize("ids", [None, ["*"]], ids=["named", "every"])
def test_a_whole_listing_and_one_404_need_no_wait(
    emulate: Emulate, project: Project, ids: list[str] | None
) -> None:
    kore = loaded(emulate, project, 20)
    project.use(kore, ids=ids, sweep="auto" if ids is None else "full")
    project.set("vanish_confirm_seconds", 3600)
    gone = kore.campaign_ids()[2]
    kore.delete(gone)

    report = project.run(deadline_seconds=60)

    assert (report.vanished, report.unchanged, report.exit_code) == (1, 19, 0)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_without_a_listing_a_deletion_waits_for_its_second_sign_and_a_stop_ends_that(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project, 6)
    before = campaign_rows(project)
    project.set("vanish_confirm_seconds", 3600)
    gone = kore.campaign_ids()[2]
    kore.delete(gone)

    report = project.run(deadline_seconds=1)

    assert (report.vanished, report.unchanged, report.exit_code) == (0, 5, 75)
    assert set(failures(project, report.run_id)) == {gone}
    assert (campaign_rows(project), kore.counters.by_campaign[gone]) == (before, 2 - 1)
    project.set("vanish_confirm_seconds", 0.3)
    report = project.run()
    assert (report.vanished, report.unchanged, report.exit_code) == (1, 5, 0)


UNWELL: list[tuple[Fault, dict[str, object]]] = [
    (Fault.SERVER_ERROR, {"status": 503}),
    (Fault.UNAUTHORIZED, {}),
    (Fault.RATE_LIMIT_RETRY_AFTER, {"retry_after": 0}),
    (Fault.RESET, {}),
]


@pytest.mark.duckdb_only
@pytest.mark.parametrize(("fault", "options"), UNWELL, ids=str)
def test_a_404_of_a_service_that_is_unwell_is_no_evidence(
    emulate: Emulate, project: Project, fault: Fault, options: dict[str, object]
) -> None:
    kore = loaded(emulate, project, 6)
    before = campaign_rows(project)
    project.set("vanish_confirm_seconds", 1.5)  # a backoff takes up to one
    shaky, unknown = kore.campaign_ids()[2], UNKNOWN
    project.configure([*kore.campaign_ids(), unknown])
    for campaign_id in (shaky, unknown):
        for _ in range(3):
            kore.fault(fault, campaign_id, times=1, **options)
            kore.fault(Fault.NOT_FOUND, campaign_id, times=1)

    ended = project.cli("run", "--json")

    assert (ended.json["vanished"], ended.json["unchanged"]) == (0, 5)
    failed = failures(project, ended.json["run_id"])
    assert {key: row[:2] for key, row in failed.items()} == dict.fromkeys(
        (shaky, unknown), ("not_found_in_doubt", 404)
    )
    assert "typing error" not in ended.err
    assert "remove" not in ended.err
    assert campaign_rows(project) == before


def test_a_deletion_near_a_failure_is_believed_once_the_service_is_well_again(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project, 6)
    project.set("vanish_confirm_seconds", 0.2)
    gone, other = kore.campaign_ids()[2], kore.campaign_ids()[4]
    kore.delete(gone)
    kore.fault(Fault.SERVER_ERROR, other, times=2)

    report = project.run()

    assert (report.vanished, report.unchanged, report.exit_code) == (1, 5, 0)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_deletion_that_never_was_is_marked_in_the_history_also_by_a_rebuild(
    emulate: Emulate, project: Project
) -> None:
    """An older program took two 404 within a second for a deletion."""
    kore = loaded(emulate, project, 4)
    project.set("vanish_confirm_seconds", 0)
    campaign_id = kore.campaign_ids()[1]
    kore.fault(Fault.NOT_FOUND, campaign_id, times=2)
    project.run()
    project.run()
    summaries = f"""
    select version, change_summary from kore_raw.campaign_versions
    where campaign_id = '{campaign_id}' order by version
    """
    marked = [
        (1, "first seen"),
        (2, "deleted in Kore"),
        (3, "live again, nothing else changed: it was probably not deleted"),
    ]
    assert project.sql(summaries) == marked
    project.alter("update campaign_versions set change_summary = 'live again' where version = 3")

    assert project.cli("rebuild").code == 0

    assert project.sql(summaries) == marked
