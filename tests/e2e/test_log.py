"""`--log-format json`: one object a line on stderr, and nothing else there."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from conftest import Emulate
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.recorder import Ended


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(5))
    project.use(kore)
    return kore


def lines(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.err.splitlines()]


def test_the_log_is_json_and_nothing_else(kore: Emulator, project: Project) -> None:
    kore.edit(kore.campaign_ids()[1], {"pacingRatio": 2})
    kore.fault(Fault.HTML, kore.campaign_ids()[0])

    ended = project.command("run", "--log-format", "json", "--metrics-file", "no/kore.prom")

    events = lines(ended)
    assert [line["event"] for line in events] == [
        *("run_started", "sweep_planned", "campaign_failed", "chunk_loaded", "drift_found"),
        *("run_finished", "metrics_failed"),
    ]
    assert {line["run_id"] for line in events} == {events[0]["run_id"]}
    assert events[-2]["exit_code"] == ended.code == 4
    assert ended.out.startswith(f"run {events[0]['run_id']}: NOT complete")


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
        connection.execute(
            "update kore_raw.extraction_runs set confirmed_through = 'x', unsettled = '7'"
        )

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

    events = [json.loads(line) for line in [first, *rest.splitlines()]]
    assert process.returncode == 75
    assert [line["event"] for line in events] == [
        *("run_started", "stop_requested", "chunk_loaded", "campaigns_not_reached"),
        *("run_interrupted", "run_finished"),
    ]
