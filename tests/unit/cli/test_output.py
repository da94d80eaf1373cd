"""The lines that the commands print."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kore_campaigns.cli.output import (
    changes_lines,
    check_line,
    run_drift,
    run_problems,
    run_summary,
    status_summary,
    table,
)
from kore_campaigns.errors import AccessRefused, AnswerBreaksContract, Interrupted, NotAsked
from kore_campaigns.extract.report import RunReport, duration
from kore_campaigns.maintenance.check import Leg
from kore_campaigns.reports.status import Row
from support.status_facts import COMPLETE, STARTED, app, drift, failure, last_run, stale, status

NOW = STARTED + timedelta(hours=2)


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
    done.sweep_reason = "as configured"

    assert run_summary(done) == [
        "run r1: complete, in 0 s",
        "  sweep      full: as configured",
        "  campaigns  3 planned: 1 new version, 2 unchanged, 0 vanished, 0 failed",
        "  requests   4 sent, 1 retry, 1 response `call limit reached`",
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

    starts = ["Kore.ai refused", "stopped fetching: too many.", "interrupted;", "campaign `cd-1`: "]
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
        "drift: `field00` (number) of 1 campaign is unknown to this version; it is stored in `raw`"
    )
    assert lines[10:] == ["and 2 more kinds of drift: table kore_raw.extraction_drift"]


def test_the_widest_column_of_a_table_is_wrapped_if_a_row_is_too_long() -> None:
    rows: list[list[object]] = [["Diwali", "one two three four", 1], ["Holi", "four", None]]

    assert table(["name", "words", "n"], rows, width=24) == [
        "name    words          n",
        "------  -------------  -",
        "Diwali  one two three  1",
        "        four",
        "Holi    four",
    ]
    assert table(["name", "words", "n"], rows, width=18) == [
        "Diwali",
        "  words  one two three four",
        "  n      1",
        "Holi",
        "  words  four",
    ]


def test_what_changed_is_shown_in_words_and_new_campaigns_are_counted() -> None:
    changed: list[Row] = [
        {
            "version": 2,
            "campaign_name": "Diwali",
            "campaign_id": "cd-1",
            "change_summary": "zone UTC",
            "is_risky": True,
        },
        {
            "version": 2,
            "campaign_name": None,
            "campaign_id": "cd-2",
            "change_summary": "deleted",
            "is_risky": False,
        },
    ]

    new = {"campaign_name": "New", "version": 1, "change_summary": "first seen"}
    first_seen: list[Row] = [{**new, "campaign_id": "cd-3", "is_risky": False}] * 1200

    assert changes_lines([*first_seen, *changed]) == [
        "  changed    Diwali: zone UTC (riskier)",
        "             cd-2: deleted",
        "             1,200 campaigns stored for the first time",
    ]
    assert changes_lines([]) == []


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


def test_before_the_first_run_the_next_command_is_named() -> None:
    assert status_summary(status()) == [
        "state      no run yet",
        "database   /d/k.duckdb",
        "next       kore-campaigns run",
    ]


def test_all_is_well_in_seven_lines() -> None:
    good = app(
        last_run(**COMPLETE, sweep="listing", unchanged=8, failed=0),
        last_complete_at=STARTED,
        last_full_sweep_at=STARTED - timedelta(hours=22),
        configured=9,
        live=8,
        deleted=1,
    )

    assert status_summary(status(good, database_bytes=6_400_000), now=NOW) == [
        "state      ok: the last run accounts for every configured campaign",
        "database   /d/k.duckdb, 6.4 MB",
        "last run   2026-03-04 02:00 UTC (2 h ago), listing sweep, in 17 min, complete",
        "           9 planned: 1 new version, 8 unchanged, 1 vanished, 0 failed",
        "complete   2026-03-04 02:00 UTC (2 h ago)",
        "full sweep 2026-03-03 04:00 UTC (24 h ago)",
        "campaigns  9 configured, 8 live, 1 deleted",
        "next       nothing to do",
    ]


def test_what_is_stale_what_failed_and_what_nobody_knows() -> None:
    bad = app(last_run(), configured=9, live=7, not_configured=3, stale=2)
    found = status(
        bad,
        stale_campaigns=[
            stale("cd-1", None, None, "not_found"),
            stale("cd-2", "Festival", STARTED - timedelta(days=3), None),
        ],
        failures=[failure("cd-1", "not_found", "HTTP 404")],
        drift=[drift("pacingRatio", 1234)],
    )

    assert status_summary(found, now=NOW) == [
        "state      NOT complete: 1 of 9 campaigns failed",
        "database   /d/k.duckdb",
        "last run   2026-03-04 02:00 UTC (2 h ago), full sweep, in 17 min, NOT complete, "
        "exit code 4",
        "           9 planned: 1 new version, 6 unchanged, 1 vanished, 1 failed",
        "complete   never yet",
        "full sweep never yet",
        "campaigns  9 configured, 7 live, 0 deleted",
        "           live but not configured: 3; no run fetches them any more",
        "stale      2 configured campaigns, the longest first:",
        "           cd-1: never confirmed, last error not_found",
        "           cd-2 (Festival): confirmed 3 days ago",
        "failed     cd-1: HTTP 404",
        "drift      pacingRatio (number): 1,234 campaigns, since 2026-03-04",
        "           nothing broke: column `raw` has it. Next: once a later version knows it, "
        "kore-campaigns rebuild",
        "next       fix the failures, then kore-campaigns run",
    ]


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"state": "failed", "exit_code": 3}, "FAILED: no campaign could be fetched, exit code 3"),
        ({"state": "interrupted"}, "INTERRUPTED: the last run was stopped before its end"),
        (
            {"state": "killed", "exit_code": None},
            "KILLED: the last run stopped without recording an end (kill",
        ),
    ],
)
def test_the_first_line_says_how_it_ended(facts: dict[str, Any], line: str) -> None:
    assert status_summary(status(app(last_run(**facts))))[0].startswith(f"state      {line}")


def test_old_news_are_said_to_be_old() -> None:
    found = status(app(last_run(**COMPLETE), configured=12_000, stale=11_000))

    lines = status_summary(found, now=NOW)

    assert lines[0] == (
        "state      STALE: 11,000 of 12,000 configured campaigns were last confirmed too long ago"
    )
    assert lines[-1] == "next       kore-campaigns run; and see why it is no longer scheduled"


def test_an_active_run_is_shown_first() -> None:
    lines = status_summary(status(app(), running_pid=7, running_since="02:00"))

    assert lines[0] == "state      running: process 7, since 02:00"
    assert lines[2:] == [
        "last run   none has ended yet",
        "next       wait for the active run",
    ]


def test_each_app_of_a_database_is_shown() -> None:
    lines = status_summary(status(app(last_run(**COMPLETE)), app(None, stream_id="st-2")))

    assert [line for line in lines if line.startswith(("app", "last run"))] == [
        "app        st-1",
        lines[3],
        "app        st-2",
        "last run   none has ended yet",
    ]


def test_an_older_database_is_said_to_be_one() -> None:
    lines = status_summary(status(app(last_run()), is_older=True), now=NOW)

    assert lines[0].startswith("state      unknown: the last run was of an older version")
    assert len(lines) == 5
    assert lines[-1] == "next       kore-campaigns run"


def test_ten_thousand_failures_fit_on_a_screen() -> None:
    failed = [failure(f"cd-{n:05}", "not_found", "HTTP 404") for n in range(10_000)]
    failed += [failure("cd-x", "rate_limited", "the limit")]
    found = status(
        app(last_run(), stale=10_000, not_configured=1),
        stale_campaigns=[stale(f"cd-{n:05}", "name", None, "not_found") for n in range(10)],
        failures=failed,
        drift=[drift(f"field{n}", 1) for n in range(200)],
    )

    lines = status_summary(found, now=NOW)

    assert len(lines) <= 24
    first = lines.index("failed     10,000 not_found: cd-00000, cd-00001, cd-00002 and 9,997 more")
    assert lines[first - 1] == "           and 9,995 more: kore.campaign_freshness, is_stale"
    assert lines[first + 1 : first + 3] == ["           HTTP 404", "failed     cd-x: the limit"]
    assert "           and 197 more: kore_raw.extraction_drift" in lines


def test_campaigns_that_were_not_reached_are_counted_by_reason_after_those_that_failed() -> None:
    failed = [AnswerBreaksContract(f"cd-{n:02}", found="it is HTML") for n in range(2)]
    stopped = [Interrupted(f"cd-s{n}") for n in range(1234)]
    refused = [NotAsked("cd-r", reason="the credentials were refused")]
    failures = [
        failure(each.campaign_id, each.code, each.message) for each in (*failed, *stopped, *refused)
    ]
    run = last_run(exit_code=75, state="interrupted")

    lines = status_summary(status(app(run), failures=failures))

    assert lines[-5] == "failed     2 answer_breaks_contract: cd-00, cd-01"
    assert lines[-3:] == [
        "failed     1,234 campaigns were not reached: the run was stopped. Next: run again.",
        "failed     1 campaign was not requested: the credentials were refused",
        "next       kore-campaigns run",
    ]
