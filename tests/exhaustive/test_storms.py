"""A service that is unwell for a while: no campaign that exists is marked deleted, no message
sends the operator after ids or credentials, and a clean run ends equal to Kore.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from conftest import Emulate
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.proof_share import FULL, SEED, parts
from support.stored_tables import kores_campaigns, live_campaigns

pytestmark = pytest.mark.slow

PARTS = 4
COURSES = 60 if FULL else 10
CAMPAIGNS = 24
# seconds between two signs of a deletion; a storm is shorter
APART = 1.0
LONGEST = 0.7
STORMS: tuple[tuple[Fault, dict[str, Any]], ...] = (
    (Fault.NOT_FOUND, {}),
    (Fault.NOT_FOUND, {}),
    (Fault.UNAUTHORIZED, {}),
    (Fault.UNAUTHORIZED, {}),
    (Fault.FORBIDDEN, {}),
    (Fault.SERVER_ERROR, {"status": 503}),
    (Fault.RESET, {}),
    (Fault.RATE_LIMIT_RETRY_AFTER, {"retry_after": 0}),
    (Fault.HTML, {}),
)
# what an operator must not be sent after while the service is at fault
MISLEADING = ("remove the line", "typing error", "delete the line")
CREDENTIALS = "refused the credentials"


@pytest.mark.exhaustive
@pytest.mark.timeout(2 * 3600 if FULL else 300)
@pytest.mark.parametrize("part", parts(PARTS))
def test_no_storm_deletes_a_campaign_or_misleads_the_operator(
    emulate: Emulate, project: Project, record_property: Any, part: int
) -> None:
    draw = random.Random(f"{SEED} {part}")
    storms = 0
    kore = emulate(sample_campaigns(CAMPAIGNS))
    for _ in range(COURSES):
        project.use(
            kore,
            ids=["*"] if draw.random() < 0.4 else None,
            max_attempts=draw.choice((1, 2, 5)),
            workers=draw.choice((1, 4, 8)),
            error_budget=1,
            max_vanished=draw.choice((0.2, 1)),
            vanish_confirm_seconds=APART,
        )
        project.run(sweep="full")
        gone = set(draw.sample(kore.campaign_ids(), draw.choice((0, 0, 1, 2))))
        for campaign_id in gone:
            kore.delete(campaign_id)
        said = [storm(kore, draw, STORMS)]
        if draw.random() < 0.3:
            # of 404 only one: two of them, some time apart, are what a deletion looks like
            others = [each for each in STORMS if each[0] is not Fault.NOT_FOUND]
            said.append(storm(kore, draw, others))

        ended = project.cli("run", "--json", "--sweep", draw.choice(("full", "full", "listing")))

        storms += len(said)
        judge(project, kore, ended.err, said)
        kore.clear_faults()
        for campaign_id in gone:
            kore.restore(campaign_id)
        project.set("vanish_confirm_seconds", 0)
        project.run(sweep="full")
        project.run(sweep="full")
        assert live_campaigns(project) == kores_campaigns(kore), said

    record_property("proof", "storms of 404, 401, 403, 5xx and resets in the middle of runs")
    record_property("tried", storms)


def storm(
    kore: Emulator, draw: random.Random, storms: Sequence[tuple[Fault, dict[str, Any]]]
) -> str:
    """A fault that begins after some requests and ends by itself; what it is."""
    fault, options = draw.choice(storms)
    after, seconds = draw.randint(1, CAMPAIGNS + 4), draw.uniform(0.05, LONGEST)
    kore.fault(fault, after=after, for_seconds=seconds, **options)
    return f"{fault} after={after} for_seconds={seconds:.2f}"


def judge(project: Project, kore: Emulator, told: str, said: list[str]) -> None:
    query = "select campaign_id from kore.campaign_history where is_current and is_deleted"
    deleted = {campaign_id for (campaign_id,) in project.sql(query)}
    assert deleted & kores_campaigns(kore).keys() == set(), said
    assert [words for words in MISLEADING if words in told] == [], (said, told)
    assert CREDENTIALS not in told, (said, told)
