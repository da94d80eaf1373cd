"""Console: the JSON log and the progress of a run."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from kore_campaigns.api.auth import TokenAuth
from kore_campaigns.api.client import KoreClient
from kore_campaigns.api.rate_limit import Limit, SQLiteRateLimiter
from kore_campaigns.api.transport import Transport
from kore_campaigns.cli.console import (
    SECONDS_BETWEEN_LINES,
    JsonLines,
    coloured,
    every,
    fitted,
    log_progress,
    log_to_stderr,
    on_clock,
    say_progress,
    show_progress,
    what_is_left,
    write,
)
from kore_campaigns.errors import CampaignNotFound, NotAsked
from kore_campaigns.events import for_connection, log_event
from kore_campaigns.extract.report import Progress, RunReport
from support.events import PACKAGE, logged_events

STARTED = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
LOGGER = logging.getLogger("kore_campaigns.test")


def report(done: int, *, planned: int = 100) -> RunReport:
    found = RunReport(database="x.duckdb")
    found.planned, found.unchanged = planned, done
    return found


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


def test_with_verbose_they_see_the_events_of_a_run_with_their_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with log_to_stderr(as_json=False, is_quiet=False, is_verbose=True):
        log_event(LOGGER, "rate_limited", count=2)
        log_event(LOGGER, "ping_failed", "the ping failed")

    assert capsys.readouterr().err == (
        "kore-campaigns: rate_limited: count=2\nkore-campaigns: ping_failed: the ping failed\n"
    )


@pytest.fixture
def client() -> Iterator[KoreClient]:
    """Of an account that allows 60 calls a minute; it sends none in these tests."""
    limiter = SQLiteRateLimiter(path=None, limits=[Limit(60, 60)], lease_seconds=40)
    yield KoreClient(
        Transport(
            host="https://kore.example",
            stream_id="st-1",
            account_id="acc-1",
            auth=TokenAuth(client_id="cs-1", key="x" * 32),
            rate_limiter=limiter,
        )
    )
    limiter.close()


def test_progress_is_an_event_of_the_connection(client: KoreClient) -> None:
    progress = Progress()
    with (
        logged_events() as events,
        for_connection("uk"),
        progress.following(report(40), client),
        every(0.01, log_progress, progress),
    ):
        progress.plan(60)
        gives_up = time.monotonic() + 20
        while not events and time.monotonic() < gives_up:
            time.sleep(0.01)

    event = events[0]
    assert event.name == "progress"
    assert event.fields["connection"] == "uk"
    assert (event.fields["done"], event.fields["planned"], event.fields["failed"]) == (40, 100, 0)
    assert event.fields["eta_seconds"] == 0


def test_a_long_run_in_cron_writes_a_line_now_and_then(
    client: KoreClient, capsys: pytest.CaptureFixture[str]
) -> None:
    found, progress = report(3), Progress()
    found.fail(NotAsked("cd-1", reason="x"))

    with progress.following(found, client):
        progress.plan(121)
        say_progress(found, progress)
    say_progress(found, progress)

    assert capsys.readouterr().err.splitlines() == [
        "kore-campaigns: 4 of 100 campaigns, 1 failed, about 2 min left",
        "kore-campaigns: 4 of 100 campaigns, 1 failed",
    ]
    assert SECONDS_BETWEEN_LINES == 30


def test_nothing_is_said_before_the_run_is_planned(capsys: pytest.CaptureFixture[str]) -> None:
    looks: list[RunReport] = []
    progress = Progress(report=RunReport(database="x.duckdb"))
    with every(0.001, lambda report, _: looks.append(report), progress):
        time.sleep(0.05)
    assert looks == []


def test_quiet_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress(quiet=True) as progress:
        progress.report = report(1)

    assert capsys.readouterr() == ("", "")


def test_what_is_left_counts_calls_and_the_wait_for_the_budget(client: KoreClient) -> None:
    progress, counters = Progress(), client.counters
    counters.ended = 2  # of the listing
    with progress.following(report(0), client):
        progress.plan(61)
        assert what_is_left(progress) == "61 calls left, about 1:00"
        counters.ended = 62
        assert what_is_left(progress) == "1 call left, about 0:00"
        counters.ended = 63
        assert what_is_left(progress) == "storing the last answers"


def test_answers_that_take_longer_than_the_budget_decide_how_long_it_takes(
    client: KoreClient,
) -> None:
    progress, counters = Progress(), client.counters
    with progress.following(report(0), client):
        progress.plan(48)
        counters.requests = counters.answers = 8
        counters.answer_seconds = 80.0
        assert progress.seconds_left() == 60  # 48 calls of 10 s, by 8 workers
        counters.retries = 4  # every second call was one
        assert progress.seconds_left() == 120


def test_a_call_in_flight_has_its_place_in_the_budget_already(client: KoreClient) -> None:
    progress, counters = Progress(), client.counters
    with progress.following(report(0), client):
        progress.plan(61)
        assert progress.seconds_left() == pytest.approx(60, abs=1)
        counters.requests = 1
        assert progress.seconds_left() == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0:00"), (43, "0:43"), (59.6, "1:00"), (980, "16:20"), (3900, "1:05:00")],
)
def test_time_is_shown_as_on_a_clock(seconds: float, text: str) -> None:
    assert on_clock(seconds) == text


def test_what_a_name_would_do_to_a_terminal_is_spelled_out() -> None:
    stream = io.StringIO()

    write("Offer\x1b[2J\r\u202e\t\x85, \u0915\u094d\u200d\u0937\u00a0\U0001f600\nnext line", stream)

    shown = "Offer\\x1b[2J\\r\\u202e\\t\\x85, \u0915\u094d\u200d\u0937\u00a0\U0001f600\nnext line\n"
    assert stream.getvalue() == shown


def test_a_state_that_is_wrapped_has_one_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"COLUMNS": "12", "FORCE_COLOR": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)

    shown = coloured("in 1 s, NOT complete", io.StringIO(), "")

    assert shown == "in 1 s, \x1b[31mNOT\x1b[0m\n\x1b[31mcomplete\x1b[0m"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "    kore-campaigns report --html page.html",
            "    kore-campaigns \\\n        report --html \\\n        page.html",
        ),
        ("    kore-campaigns init     # makes a project", "    kore-campaigns init"),
        ("    a sentence that is as long as that", "    a sentence that is\n    as long as that"),
    ],
)
def test_a_command_is_continued_so_that_it_can_be_copied(line: str, shown: str) -> None:
    assert fitted(line, 24) == shown
