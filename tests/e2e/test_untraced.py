"""A process that runs us often stays as large as it is, and remembers no secret."""

from __future__ import annotations

import gc
from collections import Counter

import pytest
from dlt.common.configuration.utils import get_resolved_traces

from conftest import Emulate
from kore_campaigns.config.dlt_settings import untraced
from kore_emulator import sample_campaigns
from support.project import Project

GROWS_WITH_DLT = {"ResolvedValueTrace", "LookupTrace", "DuckDbCredentials", "DuckDbConnectionPool"}


def kinds() -> Counter[str]:
    gc.collect()
    found = Counter(type(each).__name__ for each in gc.get_objects())
    return Counter({name: found[name] for name in GROWS_WITH_DLT})


@pytest.mark.slow
def test_nothing_that_a_run_looks_up_is_remembered(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    project.run()
    traces = get_resolved_traces()
    before, remembered = kinds(), len(traces.all_traces)

    for _ in range(3):
        kore.edit(kore.campaign_ids()[0], {"status": "Rerun"})
        project.run()

    assert len(traces.all_traces) == remembered
    # one of the last run may still wait for its turn to be freed; three runs bring dozens
    assert all(count <= before[kind] + 2 for kind, count in kinds().items())


def test_what_others_look_up_is_remembered_as_before() -> None:
    traces = get_resolved_traces()
    for was in (True, False):
        traces.logging_enabled = was
        with untraced():
            assert not traces.logging_enabled
        assert traces.logging_enabled is was
    traces.logging_enabled = True
