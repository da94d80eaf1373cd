"""Everything that Kore may answer instead of a campaign: an error with a reason, never data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_emulator import FAULTS, Fault, sample_campaigns
from kore_emulator.request import Endpoint
from support.project import Project
from support.stored_tables import failures, kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

IMPATIENT: dict[str, Any] = {"campaign_timeout_seconds": 5}
QUICK: dict[str, Any] = {"read_timeout_seconds": 0.2, "max_attempts": 2}


@dataclass(frozen=True)
class Outcome:
    """What the table of failed campaigns says of one that the fault played on."""

    code: str
    status: int | None
    says: str
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=lambda: {"max_attempts": 1})
    name: str = ""


BREAKS = "answer_breaks_contract"
REFUSED = "though other campaigns were answered in this run"
FAILS: dict[Fault, list[Outcome]] = {
    Fault.RATE_LIMIT: [
        Outcome("rate_limited", 429, "the service requests a wait of 60 s", settings=IMPATIENT)
    ],
    Fault.RATE_LIMIT_RETRY_AFTER: [
        Outcome("rate_limited", 429, "requests a wait of 99 s", {"retry_after": 99}, IMPATIENT)
    ],
    Fault.RATE_LIMIT_TEXT: [
        Outcome("rate_limited", 200, "the account's call limit was reached", settings=IMPATIENT)
    ],
    Fault.SERVER_ERROR: [
        Outcome("server_unavailable", 500, "HTTP 500 (no message; "),
        Outcome("server_unavailable", 503, "HTTP 503 ", {"status": 503}, name="503"),
    ],
    Fault.SLOW: [
        Outcome("server_unavailable", None, "no answer in time after 2 attempts", {}, QUICK)
    ],
    Fault.SLOW_BODY: [
        Outcome(
            "server_unavailable",
            200,
            "still coming in when the time for one campaign was up",
            settings={"campaign_timeout_seconds": 0.5},
        )
    ],
    Fault.RESET: [Outcome("server_unavailable", None, "the connection broke")],
    Fault.TRUNCATED_JSON: [Outcome(BREAKS, 200, "the body is not JSON (starts with `{")],
    Fault.CUT_BODY: [Outcome("server_unavailable", 200, "the answer was cut off")],
    Fault.HTML: [Outcome(BREAKS, 200, "the body is not JSON (starts with `<!doctype html>")],
    Fault.STATUS_FAILURE: [
        Outcome(BREAKS, 200, "status is `failure`: `Unable to retrieve the campaign`")
    ],
    Fault.WRONG_ID: [Outcome(BREAKS, 200, "it holds campaign `cd-")],
    Fault.NO_DATA: [
        Outcome(BREAKS, 200, "and `data` is null, not an object"),
        Outcome(BREAKS, 200, "and `data` is a list", {"data": "list"}, name="list"),
        Outcome(BREAKS, 200, "and `data` is missing", {"data": "missing"}, name="missing"),
    ],
    Fault.NOT_JSON_OBJECT: [Outcome(BREAKS, 200, "the body is not a JSON object (starts with `[{")],
    Fault.NOT_FOUND: [Outcome("not_found", 404, "no campaign with this id in this app")],
    Fault.REDIRECT: [
        Outcome("redirect_refused", 302, "redirects to `https://login.example.com/`; not followed"),
        Outcome("redirect_refused", 307, "HTTP 307 redirects", {"status": 307}, name="307"),
    ],
    Fault.UNAUTHORIZED: [Outcome("access_refused", 401, f"`Invalid SDK credentials`, {REFUSED}")],
    Fault.FORBIDDEN: [Outcome("access_refused", 403, f"`Forbidden`, {REFUSED}")],
    Fault.SCOPE: [Outcome("access_refused", 401, f"Scope is incorrect!`, {REFUSED}")],
}
LISTING_FAULTS = [each for each, kind in FAULTS.items() if kind.endpoints == {Endpoint.LISTING}]
# a second try, or none at all, gets the campaign
LOADS: dict[Fault, dict[str, Any]] = {
    Fault.RATE_LIMIT_RETRY_AFTER: {"times": 1, "retry_after": 0},
    Fault.SERVER_ERROR: {"times": 1},
    Fault.SLOW: {"times": 1, "seconds": 2.0},
    Fault.RESET: {"times": 1},
    Fault.CUT_BODY: {"times": 1},
    Fault.UNAUTHORIZED: {"times": 1},
    Fault.UNKNOWN_FIELD: {},
    Fault.SILENT_CHANGE: {},
    # these play on the account's listing, which a full sweep of named ids does not read
    **{each: {} for each in LISTING_FAULTS},
}


def test_every_fault_of_the_emulator_is_expected_here() -> None:
    assert FAILS.keys() | LOADS.keys() == FAULTS.keys()


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        pytest.param(fault, outcome, id=f"{fault}-{outcome.name}".rstrip("-"))
        for fault, outcomes in FAILS.items()
        for outcome in outcomes
    ],
)
def test_a_campaign_that_cannot_be_read_fails_alone_and_says_why(
    emulate: Emulate, project: Project, fault: Fault, outcome: Outcome
) -> None:
    kore = emulate(sample_campaigns(4))
    *good, bad = kore.campaign_ids()
    kore.fault(fault, bad, **outcome.options)
    # one after the other: a reached call limit holds up whatever comes after it
    project.use(kore, workers=1, **outcome.settings)

    ended = project.cli("run", "--json")

    failed = failures(project, ended.json["run_id"])
    assert (ended.code, set(failed)) == (4, {bad})
    assert failed[bad][:2] == (outcome.code, outcome.status)
    assert outcome.says in failed[bad][2]
    assert f"campaign `{bad}`: {failed[bad][2]}" in ended.err
    assert " Next: " in failed[bad][2]
    assert (ended.json["new_versions"], ended.json["is_complete"]) == (3, False)
    expected = kores_campaigns(kore)
    assert live_campaigns(project) == {campaign_id: expected[campaign_id] for campaign_id in good}


@pytest.mark.parametrize("fault", LOADS)
def test_a_campaign_that_can_be_read_after_all_is_loaded(
    emulate: Emulate, project: Project, fault: Fault
) -> None:
    kore = emulate(sample_campaigns(4))
    bad = None if fault in LISTING_FAULTS else kore.campaign_ids()[3]
    kore.fault(fault, bad, **LOADS[fault])
    project.use(kore, workers=1, **QUICK)

    ended = project.cli("run", "--json")

    repeated = "times" in LOADS[fault]
    assert (ended.code, ended.json["new_versions"], ended.json["failed"]) == (0, 4, 0)
    assert (ended.json["requests"], ended.json["retries"]) == ((5, 1) if repeated else (4, 0))
    found = live_campaigns(project)
    if fault is Fault.UNKNOWN_FIELD:
        assert bad is not None
        assert found[bad].pop("futureField") == "added by Kore"
        found[bad]["dialingStrategy"].pop("futureField")
    assert found == kores_campaigns(kore)
    assert kore.counters.listing_requests == 0


def test_a_first_answer_like_that_leaves_the_version_before_in_place(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(6))
    project.use(kore, max_attempts=1, error_budget=1)
    project.run()
    held = live_campaigns(project)
    faults = (Fault.HTML, Fault.STATUS_FAILURE, Fault.WRONG_ID, Fault.NO_DATA, Fault.CUT_BODY)
    for campaign_id, fault in zip(kore.campaign_ids(), faults, strict=False):
        kore.fault(fault, campaign_id)
        kore.edit(campaign_id, {"status": "Rerun"})

    report = project.run()

    assert (report.exit_code, report.failed, report.unchanged) == (4, 5, 1)
    assert live_campaigns(project) == held
