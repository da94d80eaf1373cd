"""Each request of a small run goes wrong in every way, once or as often as it is tried: the run
stores what is right or says what is wrong, never stores what is not, and the next makes it whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from conftest import Emulate
from kore_emulator import FAULTS, Emulator, Fault, sample_campaigns
from support.forked_command import Ended
from support.one_failure import OneFailure
from support.project import Project
from support.proof_share import FULL, numbers, parts

PARTS = 2
# `every`: the file of campaign ids says `*`
SCENARIOS = [
    *(("first", "full"), ("changed", "full"), ("changed", "listing"), ("restored", "auto")),
    *(("first", "every"), ("changed", "every")),
]
SHARE = 5
ATTEMPTS = 2
ALWAYS = 1000
STORM_SECONDS = 0.2
Way = tuple[Fault, int, Mapping[str, Any]]
# how often, and the options; a request that is tried again meets those of two a second time
WAYS: list[Way] = [
    (Fault.RATE_LIMIT, 1, {}),
    (Fault.RATE_LIMIT_RETRY_AFTER, 1, {"retry_after": 0}),
    (Fault.RATE_LIMIT_RETRY_AFTER, ATTEMPTS, {"retry_after": 0}),
    (Fault.RATE_LIMIT_TEXT, 1, {}),
    (Fault.SERVER_ERROR, 1, {}),
    (Fault.SERVER_ERROR, ATTEMPTS, {"status": 503, "retry_after": 0}),
    (Fault.SLOW, 1, {"seconds": 2.5}),
    (Fault.SLOW, ATTEMPTS, {"seconds": 2.5}),
    (Fault.SLOW_BODY, 1, {"seconds": 5.0}),
    (Fault.RESET, 1, {}),
    (Fault.RESET, ATTEMPTS, {}),
    (Fault.TRUNCATED_JSON, 1, {}),
    (Fault.CUT_BODY, 1, {}),
    (Fault.CUT_BODY, ATTEMPTS, {}),
    (Fault.HTML, 1, {}),
    (Fault.STATUS_FAILURE, 1, {}),
    (Fault.WRONG_ID, 1, {}),
    (Fault.NO_DATA, 1, {"data": "null"}),
    (Fault.NO_DATA, 1, {"data": "list"}),
    (Fault.NO_DATA, 1, {"data": "missing"}),
    (Fault.NOT_JSON_OBJECT, 1, {}),
    # never twice: a campaign that Kore denies two times is gone
    (Fault.NOT_FOUND, 1, {}),
    (Fault.REDIRECT, 1, {}),
    (Fault.UNAUTHORIZED, 1, {}),
    (Fault.UNAUTHORIZED, ATTEMPTS, {}),
    (Fault.FORBIDDEN, 1, {}),
    (Fault.SCOPE, ATTEMPTS, {}),
    (Fault.PARTIAL_LISTING, 1, {}),
    (Fault.LYING_LISTING, 1, {"duplicate": True}),
    (Fault.LYING_LISTING, 1, {"total_results": 1}),
    (Fault.LYING_LISTING, ALWAYS, {"total_results": 99}),
    (Fault.PARTIAL_LISTING, ALWAYS, {"drop": 3}),
    (Fault.LISTING_IGNORES, ALWAYS, {"ignores": ["skip", "page", "sortBy"]}),
    (Fault.LISTING_ORDER, ALWAYS, {}),
    (Fault.LISTING_LIMIT, ALWAYS, {"most": 2}),
    (Fault.LISTING_LIMIT, ALWAYS, {"most": 20, "status": 500}),
    (Fault.LISTING_TOTALS, ALWAYS, {"totals": "missing"}),
    (Fault.LISTING_TOTALS, ALWAYS, {"totals": "text"}),
    (Fault.NULL_LISTING, 1, {}),
    # storms, shorter than the time between two signs of a deletion
    (Fault.NOT_FOUND, ALWAYS, {"for_seconds": STORM_SECONDS}),
    (Fault.UNAUTHORIZED, ALWAYS, {"for_seconds": STORM_SECONDS}),
    (Fault.SERVER_ERROR, ALWAYS, {"for_seconds": STORM_SECONDS, "status": 503}),
]
# some change what a campaign says, which is no failure
NO_FAILURE = {Fault.UNKNOWN_FIELD, Fault.SILENT_CHANGE, Fault.SHIFTING_LISTING}
# what the caller is told: nothing, access, a part, the contract throughout, later
CODES = {0: "", 3: "refused", 4: "Next: ", 5: "Next: ", 75: "Next: "}


def test_every_fault_of_the_emulator_is_among_them() -> None:
    assert {way[0] for way in WAYS} | NO_FAILURE == FAULTS.keys()


@pytest.mark.exhaustive
@pytest.mark.timeout(3 * 3600 if FULL else 300)
@pytest.mark.parametrize("part", parts(PARTS))
@pytest.mark.parametrize(("scenario", "sweep"), SCENARIOS)
def test_whatever_a_request_meets_nothing_wrong_is_stored_and_the_next_run_makes_it_whole(
    emulate: Emulate, project: Project, record_property: Any, scenario: str, sweep: str, part: int
) -> None:
    record_property("proof", f"a request of a run goes wrong, each in turn, in {len(WAYS)} ways")
    kore = emulate(sample_campaigns(6), listing_cap=3)
    # a wait that is longer than a campaign's time is not waited for
    project.use(kore, workers=1, chunk_size=2, max_vanished=1, max_attempts=ATTEMPTS)
    project.set("sweep", "auto" if sweep == "every" else sweep)
    project.set("vanish_confirm_seconds", 2 * STORM_SECONDS)
    if sweep == "every":
        (project.folder / "every.csv").write_text("campaign_id\n*\n", encoding="utf-8")
        project.set("campaign_ids", "every.csv")
    project.set("read_timeout_seconds", 2)
    project.set("campaign_timeout_seconds", 4)
    if scenario != "first":
        project.run(sweep="full")
    case = OneFailure(kore, project, scenario)
    requests = requests_of(case)
    rounds = list(product(WAYS, range(1, requests + 1)))

    for number in numbers(part, parts=PARTS, last=len(rounds), share=SHARE):
        if number > len(rounds):
            break
        way, at = rounds[number - 1]
        case.make_ready()
        go_wrong(kore, way, at)
        ended = project.cli("run", "--quiet")
        kore.clear_faults()
        what = f"{scenario}, {sweep}: request {at}: {way[0]} {way[1:]}"
        told = Ended(ended.code, ended.out, ended.err)
        case.look(what, told, codes=CODES, denies=way[0] is Fault.NOT_FOUND)
        case.make_whole(what)

    record_property("tried", sum(case.outcomes.values()))
    record_property("bad", len(case.complaints))
    assert not case.complaints, "\n".join(case.complaints)
    assert kore.writes == []


def requests_of(case: OneFailure) -> int:
    """How many a run takes in which nothing goes wrong."""
    case.make_ready()
    case.kore.reset_counters()
    case.make_whole("counting")
    return case.kore.counters.requests


def go_wrong(kore: Emulator, way: Way, at: int) -> None:
    """The `at`-th request from now on meets the fault."""
    fault, times, options = way
    if at > 1:
        # one fault is played per request, the oldest first: this one does no harm
        kore.fault(Fault.SLOW, times=at - 1, seconds=0.0)
    kore.fault(fault, times=times, **options)
