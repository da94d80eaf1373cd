"""Any course of edits, deletions, ids, faults, kills and sweeps: a clean full run ends equal to
Kore, and history holds every state that a run could see.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from support.proof_share import FULL, SEED, parts
from support.random_history import STEPS, AnyCourse

PARTS = 9  # some courses end before their last step: so there are 10,000 steps for certain
EXAMPLES, LENGTH = (26, 50) if FULL else (3, 50)


@pytest.mark.exhaustive
@pytest.mark.timeout(6 * 3600 if FULL else 300)
@pytest.mark.parametrize("part", parts(PARTS))
def test_after_any_course_the_views_are_kores_and_history_holds_all_that_was_seen(
    record_property: Any, part: int
) -> None:
    STEPS.clear()
    record_property("proof", "steps of courses drawn at random")
    machine = seed(SEED + part)(type("AnyCourse", (AnyCourse,), {}))

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=LENGTH,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )

    record_property("tried", STEPS.total())
    record_property("steps", str(dict(STEPS)))
