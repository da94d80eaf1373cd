"""A run that was cut short, by a deadline or killed, goes on where it was."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from conftest import BOTH, Emulate
from integration.test_listing import swept, voice_campaigns
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.stored_tables import campaign_rows, kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH


def wait_for(condition: object, *, seconds: float = 60.0) -> None:
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def stored_when_killed(kore: Emulator, project: Project, done: int) -> list[int]:
    """How many campaigns were done at each chunk of a run that is killed when `done` are; Kore is
    slow meanwhile, and counts anew from then on.
    """
    kore.latency = 0.02
    process = project.start("run", "--log-format", "json")
    stored = [0]
    assert process.stderr is not None
    while stored[-1] < done:
        event = json.loads(process.stderr.readline())
        if event["event"] == "chunk_loaded":
            stored.append(event["done"])
    process.kill()
    process.communicate()
    kore.latency = 0
    kore.reset_counters()
    return stored[1:]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_full_sweep_killed_on_its_way_asks_again_for_one_chunk_at_most(
    emulate: Emulate, project: Project, *, is_first: bool
) -> None:
    kore = emulate(voice_campaigns(160))
    project.use(kore, sweep="full", chunk_size=40, workers=2)
    if not is_first:
        project.run()
    stored = stored_when_killed(kore, project, 80)

    report = project.run()

    # a chunk is published before the next is begun, so no more than the one in hand is lost
    assert stored == [40, 80]
    # by campaign: a call of the killed process may arrive after the counters were set back
    assert len(kore.counters.by_campaign) <= 160 - 80
    assert "continues the sweep that began" in report.sweep_reason
    assert (report.planned, report.failed) == (160, 0)
    assert live_campaigns(project) == kores_campaigns(kore)
    # and that was all of it: the next one starts anew
    kore.reset_counters()
    assert project.run().unchanged == 160
    assert kore.counters.detail_requests == 160


def test_one_that_is_tried_again_does_not_hold_back_those_after_it(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(120))
    project.use(kore, sweep="full", chunk_size=40, workers=2)
    project.run()
    overtaken = sorted(kore.campaign_ids())[5]
    kore.fault(Fault.SERVER_ERROR, overtaken, status=503, retry_after=20)
    assert stored_when_killed(kore, project, 80) == [40, 80]
    kore.clear_faults()

    report = project.run()

    # all were unchanged and left no row: the mark alone tells which had answered
    assert overtaken in kore.counters.by_campaign
    assert len(kore.counters.by_campaign) <= 120 - 80
    assert (report.unchanged, report.exit_code) == (120, 0)


def test_what_answered_404_before_the_kill_is_asked_for_again(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(120))
    project.use(kore, sweep="full", chunk_seconds=0.3, workers=2)
    project.run()
    gone = min(kore.campaign_ids())
    kore.delete(gone)
    kore.latency = 0.02
    kore.reset_counters()
    process = project.start("run", "--quiet")
    wait_for(lambda: kore.counters.detail_requests >= 100)
    process.kill()
    process.communicate()
    kore.latency = 0

    report = project.run()

    assert (report.vanished, report.exit_code) == (1, 0)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_at_the_deadline_what_was_fetched_is_stored_and_the_next_run_goes_on(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(200))
    project.use(kore, sweep="auto", workers=2)
    kore.latency = 0.05

    ended = project.cli("run", "--deadline", "2s", "--json")

    done = ended.json["new_versions"]
    assert (ended.code, 0 < done < 200) == (75, True)
    assert "the deadline of 2 s was reached" in ended.err
    assert len(live_campaigns(project)) == done
    kore.latency = 0
    kore.reset_counters()
    report = project.run()
    assert (report.new_versions, report.unchanged, report.exit_code) == (200 - done, done, 0)
    assert kore.counters.detail_requests == 200 - done
    assert live_campaigns(project) == kores_campaigns(kore)


@pytest.mark.duckdb_only
@pytest.mark.parametrize(
    ("fault", "options", "settings", "what"),
    [
        (None, {}, {"requests_per_minute": 2}, r"the call budget: [56]\d s"),
        (
            Fault.RATE_LIMIT_RETRY_AFTER,
            {"retry_after": 40},
            {"workers": 3},
            r"the end of the call limit, as Kore.ai requested: [34]\d s",
        ),
        (
            Fault.SERVER_ERROR,
            {"status": 503, "retry_after": 40},
            {},
            r"the next attempt, after HTTP 503 \(.*\): [34]\d s",
        ),
        (Fault.SLOW, {"seconds": 30.0}, {"workers": 3}, r"\d answers? of Kore\.ai"),
    ],
)
def test_at_the_deadline_it_is_said_what_the_run_waited_for(
    emulate: Emulate,
    project: Project,
    fault: Fault | None,
    options: dict[str, Any],
    settings: dict[str, Any],
    what: str,
) -> None:
    kore = emulate(sample_campaigns(4))
    project.use(kore, **settings)
    if fault is not None:
        kore.fault(fault, **options)

    ended = project.cli("run", "--deadline", "1s")

    assert ended.code == 75
    assert re.search(
        rf"deadline of 1 s was reached while the run waited for {what}; .*"
        r"Next: `kore-campaigns run` continues from here\.",
        ended.err,
    ), ended.err


def test_a_full_sweep_overtaken_by_a_whole_listing_is_not_continued(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(40))
    settings: dict[str, Any] = {"workers": 1, "max_attempts": 1, "full_listing_every_minutes": 0}
    project.use(kore, sweep="auto", **settings)
    project.run(sweep="full")
    kore.fault(Fault.STATUS_FAILURE, times=4)  # the listing, with pages of four sizes
    kore.latency = 0.1
    assert project.cli("run", "--deadline", "2s", "--quiet").code == 75
    kore.latency = 0
    assert project.run().sweep == "listing"
    for campaign_id in kore.campaign_ids():
        kore.edit(campaign_id, {"description": "changed since"})
    kore.fault(Fault.STATUS_FAILURE, times=4)

    report = project.run()

    # to continue would skip the campaigns that the stopped sweep has fetched
    assert report.sweep_reason.startswith("the listing is refused")
    assert (report.sweep, report.new_versions, report.exit_code) == ("full", 40, 0)
    assert live_campaigns(project) == kores_campaigns(kore)


def test_a_deadline_that_is_not_reached_changes_nothing(emulate: Emulate, project: Project) -> None:
    swept(emulate, project, 5)
    before = campaign_rows(project)

    assert project.cli("run", "--deadline", "1h").code == 0
    assert campaign_rows(project) == before


@pytest.mark.parametrize("wrong", ["0", "-1m", "soon", "m", "inf", "nan"])
def test_a_deadline_that_is_no_time_is_refused(project: Project, wrong: str) -> None:
    ended = project.cli("run", f"--deadline={wrong}")

    assert ended.code == 2
    assert f"invalid duration '{wrong}'" in ended.err


def test_a_sweep_stopped_by_the_error_budget_goes_on_with_those_it_did_not_reach(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(60))
    project.use(kore, sweep="full", error_budget=0.05, workers=1)
    project.run()
    failing = sorted(kore.campaign_ids())[20:30]
    for campaign_id in failing:
        kore.fault(Fault.STATUS_FAILURE, campaign_id)
    assert project.run().stopped is not None
    kore.clear_faults()
    kore.reset_counters()

    report = project.run()

    assert (report.unchanged, report.exit_code) == (60, 0)
    assert kore.counters.detail_requests <= 41


def test_a_failure_outlasts_a_run_that_was_killed_before_it_asked_again(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(voice_campaigns(60))
    project.use(kore, sweep="auto", chunk_size=10, workers=1)
    project.run()
    failed = min(kore.campaign_ids())
    kore.edit(failed, {"dialingStrategy.maxRingTime": 7}, silent=True)  # no listing shows it
    kore.fault(Fault.STATUS_FAILURE, failed)
    assert project.run(sweep="full").failed == 1
    kore.clear_faults()
    kore.latency = 0.1
    kore.reset_counters()
    process = project.start("run", "--sweep", "full", "--quiet")
    unfinished = "select count(*) from kore_raw.extraction_runs where finished_at is null"
    wait_for(lambda: project.sql(unfinished) == [(1,)])
    process.kill()
    process.communicate()
    assert failed not in kore.counters.by_campaign
    kore.latency = 0

    report = project.run()

    assert (report.sweep, report.new_versions) == ("peek", 1)
    assert live_campaigns(project) == kores_campaigns(kore)
