"""Runs end to end: emulator, socket, DuckDB file; each promise with two runs or more."""

from __future__ import annotations

import pytest

from conftest import BOTH, Emulate
from kore_emulator import REMOVED, Fault, sample_campaigns
from support.project import Project
from support.stored_tables import campaign_rows, failures, kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

OLD = "2019-03-04T05:06:07.008Z"


def test_nothing_changed_writes_no_campaign_row(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(25))
    project.use(kore)
    first = project.run()
    rows = campaign_rows(project)

    second = project.run()

    assert (first.new_versions, first.exit_code) == (25, 0)
    assert (second.new_versions, second.unchanged, second.exit_code) == (0, 25, 0)
    assert all(len(rows[name]) > 0 for name in rows if not name.endswith("__changes"))
    assert campaign_rows(project) == rows
    assert kore.writes == []


def test_raw_is_what_was_received(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(25))
    project.use(kore)

    project.run()

    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_null_that_was_sent_stays_one_and_a_field_that_was_not_stays_away(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(2))
    sent, left_out = kore.campaign_ids()
    for path in ("dncLists", "maxSkips", "dialingStrategy.callerId", "schedule"):
        kore.edit(sent, {path: None})
        kore.edit(left_out, {path: REMOVED})
    project.use(kore)

    project.run()

    assert live_campaigns(project) == kores_campaigns(kore)


def test_one_request_per_campaign_is_all_it_takes(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(25))
    project.use(kore)

    report = project.run()

    assert kore.counters.by_campaign == dict.fromkeys(kore.campaign_ids(), 1)
    assert (kore.counters.requests, report.requests, report.retries) == (25, 25, 0)


def test_an_id_added_later_is_loaded_though_it_is_older_than_all(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(5))
    *known, late = kore.campaign_ids()
    kore.edit(late, {"updatedAt": OLD, "createdAt": OLD})
    project.use(kore, ids=known)
    project.run()

    project.configure([*known, late])
    report = project.run()

    assert (report.new_versions, report.unchanged) == (1, 4)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_campaign_that_failed_while_newer_ones_loaded_is_loaded_by_the_next_run(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(5))
    bad = kore.campaign_ids()[2]
    kore.edit(bad, {"updatedAt": OLD})
    kore.fault(Fault.HTML, bad)
    project.use(kore)
    first = project.cli("run", "--json")
    kore.clear_faults()

    second = project.cli("run", "--json")

    assert (first.code, first.json["new_versions"], first.json["failed"]) == (4, 4, 1)
    assert first.json["is_complete"] is False
    assert (second.code, second.json["new_versions"], second.json["unchanged"]) == (0, 1, 4)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_campaign_that_fails_keeps_what_was_known_of_it(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(5))
    project.use(kore)
    project.run()
    rows = campaign_rows(project)
    kore.fault(Fault.STATUS_FAILURE, kore.campaign_ids()[2])

    report = project.run()

    assert (report.exit_code, report.failed, report.unchanged) == (4, 1, 4)
    assert campaign_rows(project) == rows


def test_a_line_taken_from_the_file_of_ids_leaves_its_campaign_as_it_was(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(5))
    project.use(kore)
    project.run()
    rows = campaign_rows(project)

    project.configure(kore.campaign_ids()[1:])
    report = project.run()

    assert (report.planned, report.unchanged, report.vanished) == (4, 4, 0)
    assert campaign_rows(project) == rows


def test_more_failures_than_the_error_budget_end_the_asking(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(60), latency=0.02)
    kore.fault(Fault.HTML)
    project.use(kore, workers=2)

    ended = project.cli("run", "--json")

    failed = failures(project, ended.json["run_id"])
    not_asked = {key: failed[key] for key in failed if failed[key][0] == "not_asked"}
    assert ended.json["planned"] == ended.json["failed"] == len(failed) == 60
    assert 12 < kore.counters.requests < 30
    assert not set(not_asked) & set(kore.counters.by_campaign)
    assert {code for code, *_ in failed.values()} == {"answer_breaks_contract", "not_asked"}
    assert all(
        "of 60 planned campaigns failed, more than the 12 that the setting `error_budget` = 0.2"
        in message
        for _, _, message in not_asked.values()
    )
    assert "stopped fetching: " in ended.err
    assert "raise `error_budget`, then run again" in ended.err


def test_campaigns_that_always_fail_do_not_use_up_the_error_budget_first(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(12), latency=0.05)
    bad, good = kore.campaign_ids()[:4], kore.campaign_ids()[4:]
    for campaign_id in bad:
        kore.fault(Fault.HTML, campaign_id)
    project.use(kore, workers=1)
    project.run()

    project.run()

    assert set(live_campaigns(project)) == set(good)


def test_chunks_are_loads_of_their_own_and_the_run_is_one_row(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(25))
    project.use(kore, chunk_size=7)

    report = project.run()

    sizes = project.sql(
        "select count(*) from kore_raw.campaign_versions group by _dlt_load_id order by all"
    )
    assert sizes == [(4,), (7,), (7,), (7,)]
    assert live_campaigns(project) == kores_campaigns(kore)
    assert run_rows(project) == [(report.run_id, True, True, 25, 25, 25, 0, 0, 0, 25, True, 0)]


def test_a_chunk_ends_with_time_too(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(4), latency=0.2)
    project.use(kore, workers=1, chunk_seconds=0.001)

    project.run()

    ((loads,),) = project.sql("select count(distinct _dlt_load_id) from kore_raw.campaign_versions")
    assert loads > 1  # not always 4: an answer that came in while a chunk was written waits
    assert live_campaigns(project) == kores_campaigns(kore)


def run_rows(project: Project) -> list[tuple[object, ...]]:
    return project.sql(
        "select run_id, started_at < finished_at, sweep = 'full', planned, fetched, new_versions,"
        " unchanged, vanished, failed, requests, is_complete, exit_code"
        " from kore_raw.extraction_runs order by started_at"
    )
