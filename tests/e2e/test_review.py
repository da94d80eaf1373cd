"""`changes` and `findings`: what changed since a moment, and what needs attention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.cli.demo import POLICIES, edit
from kore_emulator import Emulator, Fault, demo_campaigns
from support.project import Project

DESTINATIONS = BOTH


@pytest.fixture
def lived(emulate: Emulate, project: Project) -> datetime:
    """A project as after the demo; the moment between its two runs."""
    kore: Emulator = emulate(demo_campaigns())
    (project.folder / "policies.csv").write_text(POLICIES, encoding="utf-8")
    project.use(kore)
    project.run()
    between = datetime.now(UTC)
    edit(kore)
    project.run()
    return between


def test_changes_are_shown_since_a_moment_the_newest_first(
    project: Project, lived: datetime
) -> None:
    ended = project.cli("changes", "--since", lived.isoformat())

    assert (ended.code, ended.err) == (0, "")
    lines = [line[18:] for line in ended.out.splitlines()]
    assert sorted(lines[:-1]) == [
        "Card Collections West: attempts 4 -> 5; status Active -> Paused (riskier)",
        "Eye Test Reminder UK: deleted in Kore",
        "Festival Offers India: DNC list `India DND` removed (riskier)",
        "Product Feedback India: Fri 09:00-18:00 -> 09:00-20:00 (riskier)",
    ]
    assert ended.out.splitlines()[-1] == f"4 changes since {lived:%Y-%m-%d %H:%M} UTC"
    assert len(project.cli("changes", "--json").json["changes"]) == 16
    assert project.cli("changes", "--since", "2999-01-01").out.startswith("0 changes since 2999")
    since_version = project.cli("changes", "--since", "1")
    assert since_version.out.splitlines() == [
        *ended.out.splitlines()[:-1],
        "4 changes since version 1",
    ]
    assert project.cli("changes", "--since", "2").out == "0 changes since version 2\n"
    assert project.cli("changes", "--since", "1", "--json").json["since"] == 1
    elsewhere = lived.astimezone(timezone(timedelta(hours=2))).isoformat()
    assert project.cli("changes", "--since", elsewhere).out == ended.out


def test_changes_are_filtered_by_risk_and_campaign(project: Project, lived: datetime) -> None:
    def names(*arguments: str) -> list[str]:
        found = project.cli("changes", "--json", "--since", lived.isoformat(), *arguments).json
        return sorted(each["campaign_name"] for each in found["changes"])

    assert names("--risky") == [
        *("Card Collections West", "Festival Offers India", "Product Feedback India")
    ]
    assert names("--risky", "--campaign", "*INDIA") == [
        *("Festival Offers India", "Product Feedback India")
    ]
    assert names("--campaign", "cd-16b9f7d-*") == ["Eye Test Reminder UK"]
    assert names("--campaign", "nothing*") == []


def test_new_findings_are_those_that_the_run_before_did_not_have(
    emulate: Emulate, project: Project
) -> None:
    def keys() -> set[str]:
        return {key for (key,) in project.sql("select finding_key from kore.findings")}

    def new() -> set[str]:
        found = project.cli("findings", "--new", "--json").json["findings"]
        assert len(found) == len({row["finding_key"] for row in found})
        return {row["finding_key"] for row in found}

    kore: Emulator = emulate(demo_campaigns())
    project.use(kore)
    project.run()
    assert new() == keys()  # all of a first run
    for change in (
        lambda: None,
        lambda: edit(kore),  # valid before the run that sees it
        lambda: (project.folder / "policies.csv").write_text(POLICIES, encoding="utf-8"),
        lambda: kore.fault(Fault.STATUS_FAILURE, kore.campaign_ids()[1]),
        lambda: None,  # it fails again
        lambda: (project.folder / "policies.csv").unlink(),
        kore.clear_faults,
    ):
        before = keys()
        change()
        project.run(error_budget=1)

        assert new() == keys() - before
    kore.edit(kore.campaign_ids()[1], {"dncLists": []})
    before = keys()
    project.run(only=[kore.campaign_ids()[1]])
    assert new() == keys() - before
    assert new() != set()
    assert project.cli("findings", "--new", "--exit-code").code == 1
    project.run()
    assert project.cli("findings", "--new", "--exit-code").code == 0
    assert project.cli("findings", "--new").out == "0 findings\n"


def test_new_findings_need_the_views_of_this_version(project: Project, lived: datetime) -> None:
    assert lived
    project.alter("drop view kore.findings cascade")
    project.alter("create view kore.findings as select 'x' as campaign_name, 'low' as severity")

    ended = project.cli("findings", "--new")

    assert ended.code == 6
    assert "`kore-campaigns run" in ended.err


def test_findings_are_shown_by_severity(project: Project, lived: datetime) -> None:
    ended = project.cli("findings")
    ((high, medium, all_),) = project.sql(
        "select sum(case severity when 'high' then 1 else 0 end),"
        " sum(case severity when 'medium' then 1 else 0 end), count(*) from kore.findings"
    )

    assert (ended.code, ended.err) == (0, "")
    *lines, counts = ended.out.splitlines()
    assert lines[0].startswith("high    Card Collections West may dial on Monday 08:00-21:30, ")
    assert counts.startswith(f"{all_} findings: {high} high, {medium} medium, ")
    order = [line.split()[0] for line in lines]
    assert order == sorted(order, key=("high", "medium", "low", "info").index)
    some = project.cli("findings", "--severity", "high", "--campaign", "*West", "--json").json
    assert {each["severity"] for each in some["findings"]} == {"high"}
    assert {each["campaign_name"] for each in some["findings"]} == {"Card Collections West"}


def test_a_name_makes_no_line_of_its_own(emulate: Emulate, project: Project) -> None:
    kore = emulate(demo_campaigns())
    for campaign_id in kore.campaign_ids():
        kore.edit(campaign_id, {"name": "Offer\r\nhigh    all is lost\x1b[2J"})
    project.use(kore)
    first = project.cli("run")
    kore.edit(kore.campaign_ids()[0], {"description": "edited"})

    for ended in (first, project.cli("run"), project.cli("findings"), project.cli("changes")):
        assert ended.code == 0
        assert not any(line.startswith("high    all") for line in ended.out.splitlines())
        assert "\x1b" not in ended.out
    assert "Offer high    all is lost\\x1b[2J" in project.cli("changes").out


def test_a_script_asks_by_exit_code(project: Project, lived: datetime) -> None:
    risky = ("changes", "--risky", "--exit-code", "--quiet", "--since")

    assert project.cli(*risky, lived.isoformat()).code == 1
    assert project.cli(*risky, "2999-01-01").code == 0
    assert project.cli("findings", "--exit-code", "--severity", "high").code == 1
    assert project.cli("findings", "--exit-code", "--campaign", "none").code == 0


@pytest.mark.duckdb_only
def test_a_wrong_moment_and_a_missing_database_are_told(project: Project) -> None:
    wrong = project.cli("changes", "--since", "yesterday")

    assert wrong.code == 2
    assert "invalid moment 'yesterday'; use for example 1d, 12h, 2026-11-28" in wrong.err
    assert "the number of a version" in wrong.err
    for command in ("changes", "findings"):
        missing = project.cli(command)
        assert missing.code == 6
        assert "`kore-campaigns run` makes it" in missing.err
