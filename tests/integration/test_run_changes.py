"""What `run` says in the end about the campaigns that it found changed."""

from __future__ import annotations

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.cli.demo import FESTIVAL, UK, WEST
from kore_emulator import demo_campaigns, sample_campaigns
from support.project import Project

DESTINATIONS = BOTH


def changed(project: Project, *arguments: str) -> list[str]:
    """The lines from the label on."""
    lines = project.cli("run", *arguments).out.splitlines()
    starts = [place for place, line in enumerate(lines) if line.startswith("  changed")]
    return [line[13:] for line in lines[starts[0] :]] if starts else []


def test_changes_in_words_the_riskier_first_and_only_those_of_this_run(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(demo_campaigns())
    ids = kore.campaign_ids()
    project.use(kore, ids=ids[:-2], vanish_confirm_seconds=0)
    assert changed(project) == ["10 campaigns stored for the first time"]
    assert changed(project) == []
    kore.edit(WEST, {"status": "Paused"})
    kore.edit(FESTIVAL, {"dncLists": {}})
    kore.delete(UK)
    project.configure(ids[:-1])

    assert changed(project) == [
        "Festival Offers India: DNC list `India DND` removed (riskier)",
        "Card Collections West: status Active -> Paused",
        "Eye Test Reminder UK: deleted in Kore",
        "1 campaign stored for the first time",
    ]

    assert changed(project) == []
    kore.edit(WEST, {"status": "Active"})
    assert changed(project, "--quiet") == []


@pytest.mark.duckdb_only
def test_ten_are_shown_and_the_others_counted(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(13))
    project.use(kore)
    project.run()
    for campaign_id in kore.campaign_ids():
        kore.edit(campaign_id, {"priority": "2"})

    lines = changed(project)

    assert len(lines) == 11
    assert lines[-1] == "and 3 more: kore.campaign_changes"


def test_status_counts_findings_by_severity(emulate: Emulate, project: Project) -> None:
    project.use(emulate(demo_campaigns()))
    project.run()
    expected = dict(project.sql("select severity, count(*) from kore.findings group by 1"))

    found = project.cli("status", "--json").json["findings"]
    text = project.cli("status").out

    assert found == expected
    assert [*found] == [each for each in ("high", "medium", "low", "info") if each in expected]
    counts = ", ".join(f"{count} {severity}" for severity, count in found.items())
    assert f"\nfindings   {counts}: kore.findings\n" in text
