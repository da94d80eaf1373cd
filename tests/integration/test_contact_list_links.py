"""Campaigns name their contact lists: an id is found where the name means one, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_emulator import Emulator, demo_campaigns, sample_campaigns
from kore_emulator.contact_lists import MADE_UP_TOKEN
from support.project import Project
from support.secret_search import texts_of, traces_in_files, traces_of

DESTINATIONS = BOTH

LINKS = """
select contact_list_name, contact_list_id, link from kore.campaign_contact_lists
where campaign_id = ? order by position
"""


def linked(
    kore: Emulator, project: Project, campaign: list[Any], lists: list[dict[str, Any]]
) -> list[tuple[Any, ...]]:
    """The lists of the first campaign, where it has these and Kore shows those."""
    asked = kore.campaign_ids()[0]
    kore.edit(asked, {"contactLists": campaign})
    kore.serve_contact_lists(lists)
    project.use(kore, contact_lists="true")
    assert project.run().exit_code == 0
    return project.sql(LINKS, asked)


@pytest.fixture
def kore(emulate: Emulate) -> Emulator:
    return emulate(demo_campaigns())


def named(list_id: str, name: str | None, *used_by: str) -> dict[str, Any]:
    in_use = [{"id": campaign_id, "name": "an old name"} for campaign_id in used_by]
    return {"_id": list_id, "name": name, "campaignInUse": in_use}


def test_the_id_is_the_one_that_kore_sent_or_that_the_name_alone_can_mean(
    kore: Emulator, project: Project
) -> None:
    mine, other = kore.campaign_ids()[:2]

    found = linked(
        kore,
        project,
        [{"id": "cl-sent", "name": "Twins"}, "Used", "One", "Twins", "Both", "None", "Elsewhere"],
        [
            named("cl-used", "Used", mine),
            named("cl-used-by-another", "Used", other),
            named("cl-one", "One"),
            named("cl-twin-1", "Twins"),
            named("cl-twin-2", "Twins", other),
            named("cl-both-1", "Both", mine),
            named("cl-both-2", "Both", mine),
            named("cl-renamed", "None of these", mine),
            named("cl-elsewhere", "Elsewhere", other),
            named("cl-nameless", None, mine),
        ],
    )

    assert found == [
        ("Twins", "cl-sent", "sent"),
        ("Used", "cl-used", "in_use"),
        ("One", "cl-one", "name"),
        ("Twins", None, "ambiguous"),
        ("Both", None, "ambiguous"),
        ("None", None, "unknown"),
        ("Elsewhere", "cl-elsewhere", "name"),
    ]


def test_where_the_lists_are_not_read_all_that_was_not_sent_is_unknown(
    kore: Emulator, project: Project
) -> None:
    project.use(kore)
    project.run()

    links = project.sql("select distinct contact_list_id, link from kore.campaign_contact_lists")

    assert links == [(None, "unknown")]


def test_lists_of_another_app_in_the_same_database_are_none_of_its_own(
    emulate: Emulate, kore: Emulator, project: Project
) -> None:
    other = emulate(sample_campaigns(2), stream_id="st-other")
    first = linked(kore, project, ["Shared"], [named("cl-here", "Shared")])
    second = linked(other, project, ["Shared"], [named("cl-there", "Shared")])

    assert first == [("Shared", "cl-here", "name")]
    assert second == [("Shared", "cl-there", "name")]
    mine = project.sql(LINKS, kore.campaign_ids()[0])
    assert mine == first, "the lists of the first app were removed by a run for the second"


def test_a_campaign_is_shown_by_the_name_it_has_and_by_kores_copy_where_it_is_not_held(
    kore: Emulator, project: Project
) -> None:
    mine = kore.campaign_ids()[0]
    linked(kore, project, ["A"], [named("cl-1", "A", mine, "cd-elsewhere")])

    shown = project.sql(
        "select campaign_id, campaign_name, is_held from kore.contact_list_campaigns order by all"
    )

    assert shown == sorted(
        [(mine, kore.campaign(mine)["name"], True), ("cd-elsewhere", "an old name", False)]
    )


def test_verify_compares_what_kore_sent_and_not_the_ids_that_were_found(
    kore: Emulator, project: Project
) -> None:
    linked(kore, project, ["One", "Other"], [named("cl-1", "One")])

    verified = project.cli("verify", "--json")

    assert verified.code == 0, verified.err
    assert project.cli("rebuild").code == 0
    assert project.cli("verify").code == 0


def test_no_setting_of_a_lists_source_is_stored_or_told(
    kore: Emulator, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.use(kore, contact_lists="true")
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
    lists = kore.contact_lists()
    assert any(one.get("apiConfigurations", {}).get("auth") == MADE_UP_TOKEN for one in lists)

    ended = project.command("run", "--json", "--debug")

    assert ended.code == 0, ended.err
    assert project.sql("select count(*) from kore.contact_lists") == [(len(lists),)]
    assert traces_of(MADE_UP_TOKEN, ended.out + ended.err) == []
    assert traces_in_files(MADE_UP_TOKEN, project.folder, tmp_path / "state") == []
    left = [ended.out, ended.err]
    left += [text for path in project.folder.rglob("*.duckdb") for text in texts_of(path)]
    for kept_out in ("crm.example.com", "apiConfigurations", "syncInterval", "fileName"):
        assert not any(kept_out in text for text in left), kept_out
