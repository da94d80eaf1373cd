"""Listings that lie in any way, under `*` and under named ids: none is taken for whole that is
not, nothing that Kore has is marked deleted, and a clean run ends equal to Kore.

A peek may believe such a listing until the next whole one, and claims no more than that.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from conftest import Emulate
from kore_campaigns.extract.report import RunReport
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.proof_share import FULL, SEED, parts
from support.stored_tables import kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow

PARTS = 6
COURSES = 60 if FULL else 8
COUNTS = (1, 12, 49, 50, 51, 99, 100, 101, 130)
LIES: tuple[tuple[Fault, dict[str, tuple[Any, ...]]], ...] = (
    (Fault.LISTING_IGNORES, {"ignores": ("skip", "page", "limit", "sortBy", ["skip", "page"])}),
    (Fault.LISTING_IGNORES, {"ignores": (["skip", "limit"], ["skip", "page", "sortBy"])}),
    (Fault.LISTING_ORDER, {"sort_by": ({"createdAt": "desc"}, {"updatedAt": "asc"})}),
    (Fault.LISTING_LIMIT, {"most": (10, 50, 0), "status": (400, 412, 500)}),
    (Fault.LISTING_TOTALS, {"totals": ("missing", "text")}),
    (Fault.SHIFTING_LISTING, {}),
    (Fault.PARTIAL_LISTING, {"drop": (1, 3, 50)}),
    (Fault.LYING_LISTING, {"total_results": (0, 1, 3, 99_999)}),
    (Fault.LYING_LISTING, {"duplicate": (True,)}),
    (Fault.LYING_LISTING, {"hide": ("any",)}),
    (Fault.NULL_LISTING, {"where": ("results", "data"), "type": (None, "voice", "sms")}),
    (Fault.SERVER_ERROR, {"endpoint": ("listing",)}),
    (Fault.HTML, {"endpoint": ("listing",)}),
    (Fault.UNAUTHORIZED, {"endpoint": ("listing",)}),
)


@pytest.mark.exhaustive
@pytest.mark.timeout(2 * 3600 if FULL else 300)
@pytest.mark.parametrize("part", parts(PARTS))
def test_no_listing_that_lies_is_believed(
    emulate: Emulate, project: Project, record_property: Any, part: int
) -> None:
    draw = random.Random(f"{SEED} {part}")
    tried, whole, peeks = 0, 0, 0
    for _ in range(COURSES):
        kore = emulate(sample_campaigns(draw.choice(COUNTS)))
        kore.listing_cap = draw.choice((50, 50, 1_000))
        database = project.folder / f"{tried}.duckdb"
        ids = ["*"] if draw.random() < 0.7 else kore.campaign_ids()
        project.use(
            kore,
            ids=ids,
            max_attempts=1,
            vanish_confirm_seconds=0.01,
            max_vanished=1,
        )
        has_run = draw.random() < 0.6
        if has_run:
            project.run(database=database)
        for _ in range(draw.choice((1, 2, 3))):
            if has_run:
                changed(kore, draw, ids)
            lies = [told(kore, draw) for _ in range(draw.choice((1, 1, 2)))]
            sweep = draw.choice(("full", "auto", "auto", "listing"))
            report = project.run(database=database, sweep=sweep)
            tried += 1
            whole += report.is_complete
            peeks += report.sweep == "peek"
            project.database = database
            judge(project, kore, report, ids=ids, lies=lies)
            kore.clear_faults()
        # all that changed is in the listing, so that the next whole one ends what a peek missed
        settings: dict[str, Any] = draw.choice(
            ({"sweep": "full"}, {"sweep": "auto", "full_listing_every_minutes": 0})
        )
        project.run(database=database, **settings)
        assert live_campaigns(project) == configured(kore, ids), (lies, settings)
        database.unlink()

    record_property("proof", "runs under listings that lie, with `*` and with named ids")
    record_property("tried", tried)
    record_property("whole", whole)
    record_property("peeks", peeks)
    assert 0 < whole < tried
    assert peeks > 0


def changed(kore: Emulator, draw: random.Random, configured_ids: list[str]) -> None:
    """Some campaigns change in Kore, one is deleted, one is new; all that a listing can show.

    One that is configured stays: no deletion is believed while no campaign answers.
    """
    ids = kore.campaign_ids()
    for campaign_id in draw.sample(ids, draw.randint(0, min(3, len(ids)))):
        kore.edit(campaign_id, {"status": f"changed {draw.random()}"})
    if len(ids) > 1 and draw.random() < 0.4:
        gone = draw.choice(ids)
        if configured(kore, configured_ids).keys() - {gone}:
            kore.delete(gone)
    if draw.random() < 0.4:
        now = datetime.now(UTC).isoformat()
        one = sample_campaigns(1)[0] | {"createdAt": now, "updatedAt": now}
        kore.add(one | {"_id": f"cd-new-{draw.randrange(10**6)}"})


def told(kore: Emulator, draw: random.Random) -> str:
    """Switch one lie on; what it is."""
    fault, choices = draw.choice(LIES)
    options = {name: draw.choice(values) for name, values in choices.items()}
    if options.get("hide") is not None:
        options["hide"] = draw.choice(kore.campaign_ids())
    times = draw.choice((None, None, 1, 2, 3))
    after = draw.choice((0, 0, 0, 1, 2))
    kore.fault(fault, times=times, after=after, **options)
    return f"{fault} {options} times={times} after={after}"


def configured(kore: Emulator, ids: list[str]) -> dict[str, Any]:
    """What Kore has of the configured campaigns."""
    found = kores_campaigns(kore)
    return found if ids == ["*"] else {each: found[each] for each in ids if each in found}


def judge(
    project: Project, kore: Emulator, report: RunReport, *, ids: list[str], lies: list[str]
) -> None:
    """Nothing wrong is stored, and the report claims no more than it has."""
    in_kore = kores_campaigns(kore)
    if not project.database.exists():
        assert report.exit_code != 0
        return
    query = "select campaign_id, is_deleted from kore.campaign_history where is_current"
    newest = dict(project.sql(query))
    said = (lies, report.exit_code, report.is_complete, report.listing_state, report.sweep)
    falsely_deleted = [each for each in in_kore if newest.get(each)]
    assert falsely_deleted == [], said
    if any(Fault.NULL_LISTING in lie for lie in lies):
        return  # where nothing of a type is known, this is what an app without campaigns says
    if report.is_complete and (report.sweep, report.listing_state) != ("peek", None):
        assert report.exit_code == 0, said
        expected = configured(kore, ids)
        found = live_campaigns(project)
        # pages that shift change campaigns that the run may have read already
        is_changing = any(Fault.SHIFTING_LISTING in lie for lie in lies)
        assert found.keys() == expected.keys(), said
        assert is_changing or found == expected, said
    if ids == ["*"] and not newest.keys() >= in_kore.keys():
        assert (report.exit_code != 0, report.listing_state != "whole") == (True, True), said
