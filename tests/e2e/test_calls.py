"""What runs cost of the account's budget, counted by the server. A change of these numbers is one
that users notice: docs/explanation/benchmarks.md has them too.
"""

from __future__ import annotations

import pytest

from conftest import Emulate
from kore_emulator import sample_campaigns
from support.project import Project

# calls of the first run, of the second, of one without changes, and with 1 % changed
CALLS = {
    12: (14, 2, 2, 3),
    100: (103, 2, 2, 4),
    1_000: (1_021, 2, 2, 14),
}


@pytest.mark.parametrize("campaigns", CALLS)
def test_calls_of_each_run(emulate: Emulate, project: Project, campaigns: int) -> None:
    kore = emulate(sample_campaigns(campaigns))
    project.use(kore, sweep="auto")
    found = []
    for changed in (0, 0, 0, -(-campaigns // 100)):
        for campaign_id in kore.campaign_ids()[:changed]:
            kore.edit(campaign_id, {"status": "Paused for the test"})
        before = kore.counters.requests
        assert project.run().exit_code == 0
        found.append(kore.counters.requests - before)

    assert tuple(found) == CALLS[campaigns]


def test_dnc_lists_take_one_call_each_and_then_none_for_a_day(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(100))
    project.use(kore, sweep="auto", dnc_lists_every_hours=24)
    named = [kore.campaign(each).get("dncLists") or {} for each in kore.campaign_ids()]
    lists = {one["id"] for one in named if "id" in one}

    found = []
    for new_list in (False, False, True, False):
        if new_list:
            kore.edit(kore.campaign_ids()[0], {"dncLists": {"id": "cl-new", "name": "New"}})
        before = kore.counters.requests
        assert project.run().exit_code == 0
        found.append(kore.counters.requests - before)

    assert kore.counters.by_endpoint["contact_list"] == len(lists) + 1
    first, _, unchanged, with_a_change = CALLS[100]
    assert found == [first + len(lists), unchanged, with_a_change + 1, unchanged]
