"""The lines that the commands print."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kore_campaigns.cli.output import check_line, run_drift, run_problems, run_summary, table
from kore_campaigns.errors import AccessRefused, AnswerBreaksContract, Interrupted, NotAsked
from kore_campaigns.extract.report import RunReport, duration
from kore_campaigns.maintenance.check import Leg


def report(**facts: Any) -> RunReport:
    values: dict[str, Any] = {
        "run_id": "r1",
        "started_at": datetime(2026, 3, 4, 2, 0, tzinfo=UTC),
        "sweep": "full",
        "database": "/d/k.duckdb",
    }
    return RunReport(**values | facts)


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

    lines = run_problems(troubled)

    starts = ["Kore.ai refused", "stopped asking: too many.", "interrupted;", "campaign `cd-1`: "]
    assert len(lines) == 4
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))


def test_ten_failures_are_listed_and_the_table_with_the_others_is_named() -> None:
    failures = [AnswerBreaksContract(f"cd-{n}", found="it is HTML") for n in range(12)]

    lines = run_problems(report(planned=12, failures=failures))

    assert len(lines) == 11
    assert lines[-1] == "and 2 more failed campaigns: table kore_raw.extraction_errors"


def test_ten_kinds_of_drift_are_listed_and_the_table_with_the_others_is_named() -> None:
    drifted = report(planned=1, unchanged=1)
    drifted.add_drift([(f"field{n:02}", "number") for n in range(12)])

    lines = run_drift(drifted)

    assert run_problems(drifted) == []
    assert lines[0] == (
        "drift: `field00` (number) of 1 campaign(s) is unknown to this version; it is kept in `raw`"
    )
    assert lines[10:] == ["and 2 more kinds of drift: table kore_raw.extraction_drift"]


def test_a_leg_is_one_line_in_columns() -> None:
    assert check_line(Leg("dns", "ok", "found")) == "ok      dns          found"
    assert check_line(Leg("destination", "failed", "x")) == "failed  destination  x"


def test_a_table_is_aligned_and_leaves_nothing_where_there_is_no_value() -> None:
    assert table(["name", "n"], [["Diwali", 1], ["ü", None], [None, 100]]) == [
        "name    n",
        "------  ---",
        "Diwali  1",
        "ü",
        "        100",
    ]
    assert table(["name", "n"], []) == ["name  n", "----  -"]
