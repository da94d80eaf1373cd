"""A project folder, and which of its ids a connection is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from kore_campaigns.config.project import configured_ids, project_folder
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import SettingInvalid
from support.project import Project

IDS = "campaign_id,connection\ncd-1,uk\ncd-2,india\ncd-3,\n"


def ids(project: Project, content: str, connection: str | None = None) -> list[str]:
    (project.folder / "campaign_ids.csv").write_text(content, encoding="utf-8")
    return configured_ids(KoreSettings(), project.folder, connection=connection)


def test_a_connection_is_asked_for_its_own_ids_and_those_of_none(project: Project) -> None:
    assert ids(project, IDS, "uk") == ["cd-1", "cd-3"]
    assert ids(project, IDS, "india") == ["cd-2", "cd-3"]
    assert ids(project, IDS, "other") == ["cd-3"]


def test_without_connections_in_the_file_every_id_is_asked_for(project: Project) -> None:
    assert ids(project, "campaign_id\ncd-1\ncd-2\n") == ["cd-1", "cd-2"]
    assert ids(project, "campaign_id\ncd-1\ncd-2\n", "uk") == ["cd-1", "cd-2"]


def test_a_file_of_several_connections_needs_one_to_be_chosen(project: Project) -> None:
    with pytest.raises(SettingInvalid) as raised:
        ids(project, IDS)

    assert (raised.value.key, raised.value.value) == ("connection", "india, uk")


def test_a_connection_without_any_id_is_no_run_with_nothing_to_do(project: Project) -> None:
    with pytest.raises(SettingInvalid) as raised:
        ids(project, "campaign_id,connection\ncd-1,uk\ncd-2,india\n", "UK")

    assert (raised.value.key, raised.value.value) == ("connection", "UK")
    assert raised.value.expected == "one that campaign_ids.csv has ids of: india, uk"


def test_the_folder_is_the_one_given_else_dlts(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert project_folder() == project.folder
    assert project_folder(tmp_path) == tmp_path
    monkeypatch.chdir(tmp_path)
    assert project_folder("project") == project.folder
