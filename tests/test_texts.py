"""The lines that the commands print."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kore_campaigns.check import Leg
from kore_campaigns.errors import AccessRefused, AnswerBreaksContract, Interrupted, NotAsked
from kore_campaigns.report import RunReport
from kore_campaigns.status import Failure, LastRun, Status
from kore_campaigns.texts import (
    check_line,
    duration,
    run_problems,
    run_summary,
    status_summary,
    table,
)

STARTED = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)


def report(**facts: Any) -> RunReport:
    values: dict[str, Any] = {
        "run_id": "r1",
        "started_at": datetime(2026, 3, 4, 2, 0, tzinfo=UTC),
        "sweep": "full",
        "database": "/d/k.duckdb",
    }
    return RunReport(**values | facts)


def last_run(**facts: Any) -> LastRun:
    values: dict[str, Any] = {
        "run_id": "r1", "started_at": STARTED, "finished_at": STARTED, "sweep": "full",
        "planned": 9, "fetched": 8, "new_versions": 1, "unchanged": 6, "vanished": 1, "failed": 1,
        "is_complete": False, "exit_code": 4,
    }  # fmt: skip
    return LastRun(**values | facts)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (45, "45 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (16 * 60 + 20, "16 min"),
        (59.7 * 60, "1 h"),
        (3600, "1 h"),
        (3 * 3600 + 20 * 60, "3 h 20 min"),
        (47 * 3600 + 59 * 60, "47 h 59 min"),
        (48 * 3600, "2 days"),
        (10 * 86400, "10 days"),
    ],
)
def test_a_duration_is_said_as_a_person_would(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_run_is_summed_up_with_the_outcome_first() -> None:
    done = report(planned=3, new_versions=1, unchanged=2, requests=4, retries=1, rate_limited=1)
    done.sweep_reason = "as asked for"

    assert run_summary(done) == [
        "run r1: complete, in 0 s",
        "  sweep      full: as asked for",
        "  campaigns  3 planned: 1 new versions, 2 unchanged, 0 vanished, 0 failed",
        "  requests   4 sent, 1 of them retries, 1 answered `call limit reached`",
        "  database   /d/k.duckdb",
    ]
    assert run_summary(report(planned=1))[0] == "run r1: NOT complete, in 0 s"


def test_a_run_without_problems_names_none() -> None:
    assert run_problems(report(planned=1, unchanged=1)) == []


def test_problems_are_named_worst_first_and_campaigns_that_were_not_reached_are_not_listed() -> (
    None
):
    refused = AccessRefused(http_status=401, reply="no", client_id="cs-1", stream_id="st-1")
    troubled = report(
        planned=4,
        access_refused=refused,
        stopped="too many",
        interrupted=True,
        failures=[
            NotAsked("cd-2", reason="too many"),
            AnswerBreaksContract("cd-1", found="it is HTML"),
            Interrupted("cd-3"),
        ],
    )
    troubled.add_drift([("futureField", "text")])

    lines = run_problems(troubled)

    starts = ["Kore.ai refused", "stopped asking: too many.", "interrupted;", "campaign `cd-1`: "]
    assert len(lines) == 5
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=False))
    assert lines[4] == (
        "drift: field `futureField` (text) of 1 campaign(s) is unknown to this version; "
        "it is kept in `raw`"
    )


def test_ten_failures_are_listed_and_the_table_with_the_others_is_named() -> None:
    failures = [AnswerBreaksContract(f"cd-{n}", found="it is HTML") for n in range(12)]

    lines = run_problems(report(planned=12, failures=failures))

    assert len(lines) == 11
    assert lines[-1] == "and 2 more failed campaigns: table kore_raw.extraction_errors"


def test_a_leg_is_one_line_in_columns() -> None:
    assert check_line(Leg("dns", "ok", "found")) == "ok      dns          found"
    assert check_line(Leg("destination", "failed", "x")) == "failed  destination  x"


def test_the_status_before_the_first_run_names_the_next_command() -> None:
    assert status_summary(Status("/d/k.duckdb")) == [
        "database   /d/k.duckdb",
        "last run   none yet. Next: kore-campaigns run",
    ]


def test_the_status_tells_when_it_worked_what_failed_and_what_to_do() -> None:
    status = Status(
        "/d/k.duckdb",
        last_run(),
        STARTED - timedelta(days=3),
        live=7,
        deleted=1,
        versions=12,
        failures=[Failure("cd-1", "not_found", "HTTP 404", None)],
    )

    assert status_summary(status, now=STARTED + timedelta(hours=2)) == [
        "database   /d/k.duckdb",
        "last run   2026-03-04 02:00 UTC (2 h ago), NOT complete, exit code 4",
        "           9 planned: 1 new versions, 6 unchanged, 1 vanished, 1 failed",
        "complete   2026-03-01 02:00 UTC (3 days ago)",
        "campaigns  7 live, 1 deleted, 12 versions",
        "failed     cd-1: HTTP 404",
        "next       mend what the failures name, then kore-campaigns run",
    ]


def test_a_run_that_goes_on_and_a_database_that_was_never_complete_are_said() -> None:
    failures = [Failure(f"cd-{n:02}", "not_found", "HTTP 404", None) for n in range(13)]
    status = Status(
        "/d/k.duckdb", last_run(), failures=failures, running_pid=7, running_since="02:00"
    )

    lines = status_summary(status)

    assert lines[1] == "running    process 7, since 02:00"
    assert "complete   never yet" in lines
    assert sum(line.startswith("failed ") for line in lines) == 10
    assert lines[-2:] == ["           and 3 more", "next       wait for the run that goes on"]


def test_campaigns_that_were_not_reached_are_counted_by_reason_after_those_that_failed() -> None:
    failed = [AnswerBreaksContract(f"cd-{n:02}", found="it is HTML") for n in range(12)]
    stopped = [Interrupted(f"cd-s{n}") for n in range(1234)]
    refused = [NotAsked("cd-r", reason="the credentials were refused")]
    failures = [
        Failure(each.campaign_id, each.code, each.message, None)
        for each in (*failed, *stopped, *refused)
    ]

    lines = status_summary(Status("/d/k.duckdb", last_run(exit_code=75), failures=failures))

    assert sum(line.startswith("failed     cd-") for line in lines) == 10
    assert lines[-4:] == [
        "           and 2 more",
        "failed     1,234 campaigns were not reached: the run was asked to stop. Next: run again.",
        "failed     1 campaign was not asked: the credentials were refused",
        "next       kore-campaigns run",
    ]


def test_a_table_is_aligned_and_leaves_nothing_where_there_is_no_value() -> None:
    assert table(["name", "n"], [["Diwali", 1], ["ü", None], [None, 100]]) == [
        "name    n",
        "------  ---",
        "Diwali  1",
        "ü",
        "        100",
    ]
    assert table(["name", "n"], []) == ["name  n", "----  -"]
