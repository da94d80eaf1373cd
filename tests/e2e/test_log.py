"""`--log-format json`: one object a line on stderr, and nothing else there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from conftest import Emulate
from kore_campaigns.cli.console import JsonLog, tell_progress
from kore_campaigns.errors import CampaignNotFound
from kore_campaigns.extract import report as events
from kore_campaigns.extract.report import Event, Problem, RunReport
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Ended, Project

STARTED = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(5))
    project.use(kore)
    return kore


def lines(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.err.splitlines()]


def report() -> RunReport:
    return RunReport(run_id="r1", started_at=STARTED, sweep="full", database="/d/k.duckdb")


def logged(*told: Event, is_quiet: bool = False) -> list[dict[str, object]]:
    lines: list[str] = []
    log = JsonLog(lines.append, is_quiet=is_quiet, now=lambda: STARTED)
    for event in told:
        log(event)
    assert all("\n" not in line for line in lines)
    return [json.loads(line) for line in lines]


def test_a_line_has_time_level_event_run_and_fields() -> None:
    (line,) = logged(events.run_started(report(), stream_id="st-1", tool_version="1.2"))

    assert list(line.items()) == [
        ("ts", "2026-03-04T02:00:00.000000Z"),
        ("level", "info"),
        ("event", "run_started"),
        ("run_id", "r1"),
        ("stream_id", "st-1"),
        ("database", "/d/k.duckdb"),
        ("tool_version", "1.2"),
    ]


def test_every_line_names_the_run_once_it_has_begun_and_says_the_sentence_of_the_error() -> None:
    not_found = CampaignNotFound("cd-1")

    before, _, after = logged(
        events.ping_failed("the ping failed"),
        events.run_started(report(), stream_id="st-1", tool_version="1.2"),
        events.campaign_failed(not_found),
    )

    assert (before["run_id"], before["message"]) == (None, "the ping failed")
    assert (after["run_id"], after["message"]) == ("r1", not_found.message)
    assert (after["campaign_id"], after["code"], after["http_status"]) == ("cd-1", "not_found", 404)


def test_quiet_leaves_warnings_and_errors_and_a_run_that_did_not_end_well() -> None:
    bad = report()
    bad.interrupted = True
    told = (
        events.run_started(report(), stream_id="st-1", tool_version="1.2"),
        events.problem_told(Problem("run_interrupted", "interrupted")),
        events.run_finished(report()),
        events.run_finished(bad),
    )

    lines = logged(*told, is_quiet=True)

    assert [(line["event"], line["level"], line["run_id"]) for line in lines] == [
        ("run_interrupted", "warning", "r1"),
        ("run_finished", "error", "r1"),
    ]
    assert lines[1]["exit_code"] == 75


def test_a_signal_in_the_middle_of_a_line_does_not_mix_the_two() -> None:
    written: list[str] = []

    def write(line: str) -> None:
        if not written:
            written.append("begun")
            log(events.stop_requested("stopping"))
            assert len(written) == 1
        written.append(json.loads(line)["event"])

    log = JsonLog(write)
    log(events.rate_limited(count=1))
    log(events.rate_limited(count=2))

    assert written == ["begun", "rate_limited", "stop_requested", "rate_limited"]


def test_the_log_is_json_and_nothing_else(kore: Emulator, project: Project) -> None:
    kore.edit(kore.campaign_ids()[1], {"pacingRatio": 2})
    kore.fault(Fault.HTML, kore.campaign_ids()[0])

    ended = project.command("run", "--log-format", "json", "--metrics-file", "no/kore.prom")

    told = lines(ended)
    assert [line["event"] for line in told] == [
        *("run_started", "sweep_planned", "campaign_failed", "chunk_loaded", "drift_found"),
        *("run_finished", "metrics_failed"),
    ]
    assert {line["run_id"] for line in told} == {told[0]["run_id"]}
    assert told[-2]["exit_code"] == ended.code == 4
    assert ended.out.startswith(f"run {told[0]['run_id']}: NOT complete")


def test_an_error_that_ends_the_run_is_an_event_with_the_same_sentence(
    kore: Emulator, project: Project
) -> None:
    said = project.cli("run", "--campaign-ids", "no.csv").err
    project_dir = project.cli("run", "--log-format", "json", "--project-dir", "/no/such")
    logged = project.cli("run", "--log-format", "json", "--campaign-ids", "no.csv")

    (line,) = lines(logged)
    assert (line["event"], line["level"], line["run_id"]) == ("run_failed", "error", None)
    assert (line["code"], line["exit_code"], logged.code) == ("campaign_ids_invalid", 2, 2)
    assert said == f"kore-campaigns: {line['message']}\n"
    assert lines(project_dir)[0]["code"] == "setting_invalid"


def test_something_nobody_thought_of_is_an_event_too(kore: Emulator, project: Project) -> None:
    project.run()
    with duckdb.connect(str(project.database)) as connection:
        connection.execute("update kore_raw.campaign_versions set observed_at = null")

    ended = project.command("run", "--log-format", "json")

    *_, line = lines(ended)
    assert (line["event"], line["code"]) == ("run_failed", "unexpected_error")
    assert line["exit_code"] == ended.code == 1
    assert line["run_id"] is not None


def test_quiet_the_log_of_a_good_run_is_empty(kore: Emulator, project: Project) -> None:
    kore.edit(kore.campaign_ids()[1], {"pacingRatio": 2})
    flags = ("run", "--quiet", "--log-format", "json")

    good = project.command(*flags)
    kore.fault(Fault.HTML, kore.campaign_ids()[0])
    bad = project.command(*flags)

    assert (good.code, good.out, good.err) == (0, "", "")
    assert [line["event"] for line in lines(bad)] == ["campaign_failed", "run_finished"]


def test_a_run_asked_to_stop_logs_it(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(60), latency=0.1), workers=1)
    process = project.spawn("run", "--log-format", "json")
    assert process.stderr is not None
    first = process.stderr.readline()
    process.stderr.readline()  # the sweep is planned
    process.terminate()
    _, rest = process.communicate(timeout=60)

    told = [json.loads(line) for line in [first, *rest.splitlines()]]
    assert process.returncode == 75
    assert [line["event"] for line in told] == [
        *("run_started", "stop_requested", "chunk_loaded", "campaigns_not_reached"),
        *("run_interrupted", "run_finished"),
    ]


def test_progress_is_an_event_now_and_then() -> None:
    time, told = 0.0, list[Event]()
    done = report()
    done.planned, done.unchanged = 100, 40

    with tell_progress(told.append, now=lambda: time) as progress:
        for second in range(70):
            time = float(second)
            progress(done, lambda calls: calls / 7)

    fields = {"done": 40, "planned": 100, "failed": 0, "eta_seconds": 8.6}
    assert [(event.name, event.fields) for event in told] == [("progress", fields)] * 2
