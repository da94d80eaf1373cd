"""A run in numbers: complete or not, the exit code, the object that `--json` prints."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from kore_campaigns.errors import (
    AccessRefused,
    AnswerBreaksContract,
    CampaignFailed,
    CampaignNotFound,
    CampaignRefused,
    Interrupted,
    NotAsked,
    RateLimited,
    RedirectRefused,
    RequestRefused,
    ServerUnavailable,
    VanishNotBelieved,
)
from kore_campaigns.extract.report import MOST_DRIFTS, RunReport

# the keys that other people's scripts read, in their order
KEYS = [
    *("run_id", "sweep", "sweep_reason", "listed"),
    *("planned", "fetched", "new_versions", "unchanged", "vanished", "failed"),
    *("requests", "retries", "rate_limited", "drift", "seconds", "database", "is_complete"),
]

CONTRACT = AnswerBreaksContract("cd-1", found="the body is not JSON")
REDIRECT = RedirectRefused("cd-1", http_status=302, location="https://login.example.com/")
UNAVAILABLE = ServerUnavailable("cd-1", http_status=503, reason="HTTP 503", attempts=5)
LIMITED = RateLimited("cd-1", http_status=429, attempts=5, wait_seconds=60)
NOT_FOUND = CampaignNotFound("cd-1")
REFUSED = RequestRefused("cd-1", http_status=400, reply="Invalid arguments")
OTHERS_APP = CampaignRefused("cd-1", http_status=401, reply="Invalid SDK credentials")
NOT_BELIEVED = VanishNotBelieved("cd-1", missing=3, known=3, allowed=1)
NOT_ASKED = NotAsked("cd-2", reason="the error budget was used up")
ACCESS = AccessRefused(http_status=401, reply="no", client_id="cs-1", stream_id="st-1")


def report(**facts: Any) -> RunReport:
    values: dict[str, Any] = {
        "run_id": "r1",
        "started_at": datetime(2026, 3, 4, 2, 0, tzinfo=UTC),
        "sweep": "full",
        "database": "/d/k.duckdb",
    }
    return RunReport(**values | facts)


@pytest.mark.parametrize(
    ("failures", "exit_code"),
    [
        ([CONTRACT], 5),
        ([CONTRACT, REDIRECT], 5),
        ([UNAVAILABLE, LIMITED], 75),
        ([NOT_FOUND], 4),
        ([REFUSED, NOT_FOUND], 4),
        ([OTHERS_APP], 4),
        ([NOT_BELIEVED], 4),
        ([CONTRACT, UNAVAILABLE], 4),
        ([CONTRACT, NOT_ASKED], 5),
        ([UNAVAILABLE, NOT_ASKED, NOT_ASKED], 75),
        ([NOT_ASKED], 4),
    ],
)
def test_when_every_campaign_failed_alike_the_exit_code_says_how(
    failures: list[CampaignFailed], exit_code: int
) -> None:
    assert report(planned=len(failures), failures=failures).exit_code == exit_code


@pytest.mark.parametrize(
    "failure", [CONTRACT, REDIRECT, UNAVAILABLE, LIMITED, NOT_FOUND, REFUSED, OTHERS_APP, NOT_ASKED]
)
def test_one_failure_among_answers_is_a_partial_run_whatever_it_was(
    failure: CampaignFailed,
) -> None:
    assert report(planned=2, unchanged=1, failures=[failure]).exit_code == 4


def test_refused_access_and_an_interruption_outweigh_single_failures() -> None:
    failed = {"planned": 2, "failures": [CONTRACT, NOT_ASKED]}

    assert report(**failed, access_refused=ACCESS, interrupted=True).exit_code == 3
    assert report(**failed, interrupted=True).exit_code == 75
    assert report(planned=1, failures=[Interrupted("cd-1")], interrupted=True).exit_code == 75


def test_a_run_without_failures_is_complete_and_ends_with_0() -> None:
    for facts in ({}, {"planned": 6, "new_versions": 1, "unchanged": 2, "vanished": 3}):
        found = report(**facts)
        assert (found.exit_code, found.is_complete, found.done) == (0, True, found.planned)


def test_a_run_is_not_complete_while_a_campaign_failed_or_has_not_come_to_its_end() -> None:
    failed = report(planned=3, new_versions=1, unchanged=1, failures=[CONTRACT])
    under_way = report(planned=3, new_versions=1, unchanged=1)

    assert (failed.done, failed.failed, failed.is_complete) == (3, 1, False)
    assert (under_way.done, under_way.failed, under_way.is_complete) == (2, 0, False)


def test_the_json_object_has_exactly_the_promised_keys_and_can_be_written() -> None:
    found = report(planned=2, unchanged=1, failures=[CONTRACT], seconds=1.5)
    found.add_drift([("futureField", "text")])

    written = json.loads(json.dumps(found.as_json()))

    assert list(written) == KEYS
    assert (written["failed"], written["seconds"], written["is_complete"]) == (1, 1.5, False)
    assert written["drift"] == [{"path": "futureField", "example_type": "text", "count": 1}]


def test_drift_is_counted_per_campaign_and_sorted_by_path() -> None:
    found = report()
    found.add_drift([("z", "text"), ("a.b", "number")])
    found.add_drift([("z", "list")])
    found.add_drift([("z", "text")])
    found.add_drift([])

    assert found.drift == [
        {"path": "a.b", "example_type": "number", "count": 1},
        {"path": "z", "example_type": "list", "count": 1},
        {"path": "z", "example_type": "text", "count": 2},
    ]


def test_an_object_with_any_number_of_names_does_not_fill_the_report() -> None:
    found = report()
    kinds = [(f"{n:04}", "number") for n in range(1000)]

    found.add_drift(kinds)
    found.add_drift(kinds[:1])
    found.add_drift(kinds[-2:])

    assert len(found.drift) == MOST_DRIFTS + 1
    counts = {drift["path"]: drift["count"] for drift in found.drift}
    assert counts.pop("(more)") == 2
    assert counts == {"0000": 2, **{path: 1 for path, _ in kinds[1:MOST_DRIFTS]}}


def test_a_new_report_has_an_id_of_its_own_that_sorts_by_time() -> None:
    first, second = RunReport(database="x.duckdb"), RunReport(database="x.duckdb")

    assert first.run_id != second.run_id
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", first.run_id)
    assert first.run_id.startswith(f"{first.started_at:%Y%m%dT%H%M%SZ}")
    assert (first.sweep, first.database, first.planned) == ("full", "x.duckdb", 0)
