"""A run that an unexpected error ends is recorded as failed, and leaves the history as it is."""

from __future__ import annotations

from conftest import BOTH, Emulate
from kore_emulator import sample_campaigns
from support.project import Project

DESTINATIONS = BOTH
UNREADABLE = "update extraction_runs set confirmed_through = 'x', unsettled = '7'"
READABLE = "update extraction_runs set confirmed_through = null, unsettled = null"


def test_it_is_failed_at_once_and_the_next_run_does_all_of_its_work(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    project.run()
    project.alter(UNREADABLE)
    kore.edit(kore.campaign_ids()[0], {"status": "Paused"})

    ended = project.cli("run")

    assert ended.code == 1
    assert "unexpected: " in ended.err
    runs = "select state, exit_code, finished_at from kore.runs order by run_number"
    assert project.sql(runs)[1] == ("failed", 1, None)
    lines = project.cli("status").out.splitlines()
    assert lines[0] == "state      FAILED: an unexpected error ended the last run, exit code 1"
    assert project.sql("select max(version) from kore.campaign_history") == [(1,)]
    project.alter(READABLE)

    again = project.run()

    assert (again.exit_code, again.new_versions) == (0, 1)
    assert [state for state, *_ in project.sql(runs)] == ["complete", "failed", "complete"]
