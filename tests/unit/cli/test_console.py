"""Console: the JSON log and the progress of a run."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from kore_campaigns.cli.console import (
    SECONDS_BETWEEN_LINES,
    JsonLines,
    every,
    log_progress,
    log_to_stderr,
    say_progress,
    show_progress,
)
from kore_campaigns.errors import CampaignNotFound, NotAsked
from kore_campaigns.events import log_event
from kore_campaigns.extract.report import RunReport
from support.events import PACKAGE, logged_events

STARTED = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
LOGGER = logging.getLogger("kore_campaigns.test")


def report(done: int, *, planned: int = 100) -> RunReport:
    found = RunReport(database="x.duckdb")
    found.planned, found.unchanged = planned, done
    return found


def a_second_each(calls: int) -> float:
    return float(calls)


class Log:
    """What a handler has written."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        self.written: list[str] = []
        self.handler = JsonLines(self.written.append, is_quiet=is_quiet)

    def add(self, event: str, sentence: str = "", **fields: Any) -> None:
        record = logging.makeLogRecord({"event": event, "sentence": sentence, **fields})
        record.created, record.levelno = STARTED.timestamp(), logging.INFO
        record.levelname = "INFO"
        self.handler.handle(record)

    @property
    def lines(self) -> list[dict[str, Any]]:
        assert all("\n" not in line for line in self.written)
        return [json.loads(line) for line in self.written]


RUN_STARTED: dict[str, Any] = {
    "run_id": "r1",
    "stream_id": "st-1",
    "database": "/d/k.duckdb",
    "tool_version": "1.2",
}


def test_a_line_has_time_level_event_run_and_fields() -> None:
    log = Log()
    log.add("run_started", **RUN_STARTED)

    (line,) = log.lines
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
    fields = {"campaign_id": "cd-1", "code": not_found.code, "http_status": 404}
    log = Log()

    log.add("ping_failed", "the ping failed")
    log.add("run_started", **RUN_STARTED)
    log.add("campaign_failed", not_found.message, **fields)

    before, _, after = log.lines
    assert (before["run_id"], before["message"]) == (None, "the ping failed")
    assert (after["run_id"], after["message"]) == ("r1", not_found.message)
    assert (after["campaign_id"], after["code"], after["http_status"]) == ("cd-1", "not_found", 404)
    assert list(after)[4:] == ["message", "campaign_id", "code", "http_status"]


def test_quiet_leaves_warnings_and_errors_and_a_run_that_did_not_end_well() -> None:
    log = Log(is_quiet=True)
    PACKAGE.addHandler(log.handler)
    PACKAGE.setLevel(logging.INFO)
    try:
        log_event(LOGGER, "run_started", **RUN_STARTED)
        log_event(LOGGER, "run_interrupted", "interrupted")
        log_event(LOGGER, "run_finished", "complete", exit_code=0)
        log_event(LOGGER, "run_finished", "NOT complete", level=logging.ERROR, exit_code=75)
    finally:
        PACKAGE.removeHandler(log.handler)
        PACKAGE.setLevel(logging.NOTSET)

    assert [(line["event"], line["level"], line["run_id"]) for line in log.lines] == [
        ("run_interrupted", "warning", "r1"),
        ("run_finished", "error", "r1"),
    ]
    assert log.lines[1]["exit_code"] == 75


def test_a_signal_in_the_middle_of_a_line_does_not_mix_the_two() -> None:
    written: list[str] = []

    def write(line: str) -> None:
        if not written:
            written.append("begun")
            log_event(LOGGER, "stop_requested", "stopping")
            assert len(written) == 1
        written.append(json.loads(line)["event"])

    handler = JsonLines(write)
    PACKAGE.addHandler(handler)
    try:
        log_event(LOGGER, "rate_limited", count=1)
        log_event(LOGGER, "rate_limited", count=2)
    finally:
        PACKAGE.removeHandler(handler)

    assert written == ["begun", "rate_limited", "stop_requested", "rate_limited"]


def test_records_of_libraries_and_of_the_package_that_are_no_events_are_not_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with log_to_stderr(as_json=True, is_quiet=False):
        logging.getLogger("urllib3").error("a library")
        LOGGER.error("no event")
        log_event(LOGGER, "rate_limited", count=1)

    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "rate_limited"


def test_people_see_events_of_commands_and_monitors_and_nothing_of_a_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with log_to_stderr(as_json=False, is_quiet=False):
        for name in ("cli.main", "reports.monitoring", "pipeline", "extract.sweep"):
            log_event(logging.getLogger(f"kore_campaigns.{name}"), "ping_failed", f"from {name}")
    log_event(logging.getLogger("kore_campaigns.cli.main"), "ping_failed", "afterwards")

    assert capsys.readouterr().err == (
        "kore-campaigns: from cli.main\nkore-campaigns: from reports.monitoring\n"
    )


def test_progress_is_an_event_now_and_then() -> None:
    time = 0.0
    with logged_events() as events:
        progress = every(SECONDS_BETWEEN_LINES, log_progress, now=lambda: time)
        for second in range(70):
            time = float(second)
            progress(report(40), lambda calls: calls / 7)

    fields = {"done": 40, "planned": 100, "failed": 0, "eta_seconds": 8.6}
    assert [(event.name, event.fields) for event in events] == [("progress", fields)] * 2


def test_a_long_run_in_cron_writes_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    time = 0.0
    progress = every(SECONDS_BETWEEN_LINES, say_progress, now=lambda: time)

    for done in range(100):
        time = done * 1.0
        progress(report(done), a_second_each)

    assert capsys.readouterr().err.splitlines() == [
        f"kore-campaigns: {done} of 100 campaigns, about {left} left"
        for done, left in ((30, "1 min"), (60, "40 s"), (90, "10 s"))
    ]
    assert SECONDS_BETWEEN_LINES == 30


def test_failures_are_shown_during_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 60.0, 60.0])
    progress = every(SECONDS_BETWEEN_LINES, say_progress, now=lambda: next(times))
    found = report(3)
    found.fail(NotAsked("cd-1", reason="x"))

    progress(found, a_second_each)

    shown = capsys.readouterr().err
    assert shown == "kore-campaigns: 4 of 100 campaigns, 1 failed, about 2 min left\n"


def test_quiet_progress_may_be_called_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress(quiet=True) as progress:
        progress(report(1), a_second_each)

    assert capsys.readouterr() == ("", "")


def test_nothing_is_said_before_the_run_is_planned(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, SECONDS_BETWEEN_LINES + 1, SECONDS_BETWEEN_LINES + 2])
    progress = every(SECONDS_BETWEEN_LINES, say_progress, now=lambda: next(times))

    progress(RunReport(database="x.duckdb"), float)

    assert capsys.readouterr().err == ""
