"""Events that a run logs, and their order."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from conftest import Emulate
from kore_campaigns.errors import DestinationUnavailable
from kore_emulator import Emulator, Fault, sample_campaigns
from support.events import Event, logged_events
from support.project import Project


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(6))
    project.use(kore, workers=1)
    return kore


def events_of_run(project: Project, **options: Any) -> list[Event]:
    with logged_events() as found:
        project.run(**options)
    return found


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


def only(events: list[Event], name: str) -> Event:
    (found,) = [event for event in events if event.name == name]
    return found


def test_a_good_run_logs_its_plan_its_chunks_and_its_end(kore: Emulator, project: Project) -> None:
    events = events_of_run(project, chunk_size=4)

    assert names(events) == [
        *("run_started", "sweep_planned", "chunk_loaded", "chunk_loaded", "run_finished")
    ]
    start, plan, first, last, end = (event.fields for event in events)
    assert (start["stream_id"], plan["planned"], plan["to_ask"]) == (kore.stream_id, 6, 6)
    assert (first["versions"], first["done"], last["versions"], last["done"]) == (4, 4, 2, 6)
    assert (end["exit_code"], end["new_versions"], end["run_id"]) == (0, 6, start["run_id"])
    assert "drift" not in end
    assert events[-1].message.endswith("6 new versions, 0 unchanged, 0 vanished, 0 failed")


def test_a_failure_is_logged_before_the_chunk_that_contains_it(
    kore: Emulator, project: Project
) -> None:
    bad = kore.campaign_ids()[2]
    kore.fault(Fault.HTML, bad)

    events = events_of_run(project)

    assert names(events).index("campaign_failed") < names(events).index("chunk_loaded")
    failed = only(events, "campaign_failed")
    assert (failed.fields["campaign_id"], failed.level) == (bad, "warning")
    assert failed.fields["code"] == "answer_breaks_contract"
    assert events[-1].level == "error"


def test_answers_that_the_limit_is_reached_are_counted(kore: Emulator, project: Project) -> None:
    kore.fault(Fault.RATE_LIMIT_RETRY_AFTER, kore.campaign_ids()[1], times=1, retry_after=1)

    limited = only(events_of_run(project), "rate_limited")

    assert (limited.fields, limited.level) == ({"count": 1}, "warning")


def test_campaigns_that_were_not_reached_are_one_event(kore: Emulator, project: Project) -> None:
    stop = threading.Event()
    stop.set()

    events = events_of_run(project, stop=stop)

    missed = only(events, "campaigns_not_reached")
    assert (missed.fields, missed.level) == ({"code": "interrupted", "count": 6}, "warning")
    assert names(events)[-2:] == ["run_interrupted", "run_finished"]
    assert "campaign_failed" not in names(events)


def test_deletions_that_are_not_believed_are_one_more_event(
    kore: Emulator, project: Project
) -> None:
    project.run()
    for campaign_id in kore.campaign_ids()[:4]:
        kore.delete(campaign_id)

    events = events_of_run(project, sweep="full")

    assert only(events, "vanish_not_believed").fields == {"count": 4}
    assert names(events).count("campaign_failed") == 4


def test_refused_credentials_and_an_exceeded_error_budget_have_events_of_their_own(
    kore: Emulator, project: Project
) -> None:
    kore.fault(Fault.HTML)
    stopped = events_of_run(project)
    kore.clear_faults()
    kore.scope_granted = False
    refused = events_of_run(project)

    assert only(stopped, "run_stopped").message.startswith("stopped fetching: ")
    assert only(refused, "access_refused").message.startswith("Kore.ai refused the credentials")


def test_drift_is_logged_once_a_kind(kore: Emulator, project: Project) -> None:
    for campaign_id in kore.campaign_ids()[:2]:
        kore.edit(campaign_id, {"pacingRatio": 2})

    found = only(events_of_run(project), "drift_found")

    assert found.fields == {"path": "pacingRatio", "example_type": "number", "count": 2}


def test_a_deadline_is_logged(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(40), latency=0.05), workers=1)

    events = events_of_run(project, deadline_seconds=0.3)

    assert names(events)[-2:] == ["deadline_reached", "run_finished"]


@pytest.mark.empty_database
def test_a_run_that_cannot_write_logs_no_end(kore: Emulator, project: Project) -> None:
    project.database.mkdir()

    with logged_events() as found, pytest.raises(DestinationUnavailable):
        project.run()

    assert "run_finished" not in names(found)
