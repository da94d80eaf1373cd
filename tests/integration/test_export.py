"""`export`: every view as Parquet, typed and described, all of one moment."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import BOTH, Emulate
from kore_campaigns.reports.export import PARQUET_TYPES
from kore_campaigns.views.apply import VIEWS, view_description
from kore_campaigns.views.apply import columns_of as declared_columns
from kore_emulator import Emulator, demo_campaigns, sample_campaigns
from support.project import Project
from support.saved_history import saved_history
from support.stored_tables import columns_of

DESTINATIONS = BOTH


def with_history(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(demo_campaigns())
    project.use(kore, contact_lists="true")
    with saved_history("export", kore, project) as run:
        run()
        kore.edit(kore.campaign_ids()[0], {"priority": 2**53 + 1, "name": "Añejo ☎"})
        run()
    return kore


def rows_of_file(file: Path) -> list[tuple[Any, ...]]:
    table = pq.read_table(file)
    return [tuple(row.values()) for row in table.to_pylist()]


def test_every_view_is_a_file_with_its_rows_types_and_descriptions(
    emulate: Emulate, project: Project
) -> None:
    with_history(emulate, project)

    ended = project.cli("export", "--parquet", "out", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert [each["view"] for each in ended.json["files"]] == [*VIEWS]
    for each in ended.json["files"]:
        view, file = each["view"], project.folder / "out" / each["file"]
        shown = [
            tuple(str(cell) if isinstance(cell, time) else cell for cell in row)
            for row in project.sql(f"select {columns_of(project, f'kore.{view}')} from kore.{view}")
        ]
        assert sorted(rows_of_file(file), key=repr) == sorted(shown, key=repr), view
        assert (each["rows"], each["bytes_written"]) == (len(shown), file.stat().st_size)
        schema = pq.read_schema(file)
        declared = declared_columns(view)
        assert schema.metadata[b"description"].decode() == view_description(view)
        assert schema.metadata[b"exported_at"].decode() in ended.json["exported_at"].replace(
            " ", "T"
        )
        for column in schema:
            assert column.type == PARQUET_TYPES[declared[column.name].data_type]
            assert not pa.types.is_time(column.type)  # Spark 3.5: "Illegal Parquet type"
            said = column.metadata[b"description"].decode()
            assert said == declared[column.name].description


def test_chosen_views_take_the_place_of_earlier_files_and_others_stay(
    emulate: Emulate, project: Project
) -> None:
    kore = with_history(emulate, project)
    out = project.folder / "out"
    views = ("--view", "campaigns", "--view", "runs", "--view", "campaigns")
    assert project.cli("export", "--parquet", "out", *views, "--quiet").out == ""
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    kore.edit(kore.campaign_ids()[1], {"status": "Paused"})
    project.run()

    ended = project.cli("export", "--parquet", "out", "--view", "campaigns")

    assert (
        {*before} == {path.name for path in out.iterdir()} == {"campaigns.parquet", "runs.parquet"}
    )
    assert (out / "runs.parquet").read_bytes() == before["runs.parquet"]
    assert (out / "campaigns.parquet").read_bytes() != before["campaigns.parquet"]
    lines = ended.out.splitlines()
    assert lines[0].split() == ["file", "rows", "size"]
    assert lines[2].split()[:2] == ["campaigns.parquet", str(len(kore.campaign_ids()))]
    assert lines[3].startswith(f"1 file in {out}, of ")


def test_a_view_without_rows_is_a_file_all_the_same(emulate: Emulate, project: Project) -> None:
    project.use(emulate([]), ids=["cd-unknown"])
    project.run()

    assert project.cli("export", "--parquet", "out", "--view", "campaigns").code == 0

    table = pq.read_table(project.folder / "out" / "campaigns.parquet")
    assert table.num_rows == 0
    assert table.schema.field("valid_from").type == pa.timestamp("us", "UTC")


@pytest.mark.slow
def test_rows_that_come_in_several_batches_are_all_there(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(1_100)))
    project.run()

    ended = project.cli("export", "--parquet", "out", "--json", "--view", "campaign_calling_hours")

    ((count,),) = project.sql("select count(*) from kore.campaign_calling_hours")
    assert count > 5_000
    assert ended.json["files"][0]["rows"] == count
    assert len(rows_of_file(project.folder / "out" / "campaign_calling_hours.parquet")) == count


@pytest.mark.empty_database
def test_what_cannot_be_done_is_said_and_leaves_what_was_there(
    emulate: Emulate, project: Project
) -> None:
    nothing = project.cli("export", "--parquet", "out")
    with_history(emulate, project)
    (project.folder / "file").write_text("in the way", encoding="utf-8")

    unknown = project.cli("export", "--parquet", "out", "--view", "campaign")
    in_the_way = project.cli("export", "--parquet", "file")

    assert (nothing.code, unknown.code, in_the_way.code) == (6, 2, 2)
    assert "kore-campaigns run" in nothing.err
    assert "`campaign`" in unknown.err
    assert "campaign_calling_hours" in unknown.err
    assert "a folder that can be written; File exists" in in_the_way.err
    assert (project.folder / "file").read_text(encoding="utf-8") == "in the way"
    assert not any(project.folder.rglob("*.parquet*"))


def test_one_that_fails_on_its_way_leaves_all_files_as_they_were(
    emulate: Emulate, project: Project
) -> None:
    kore = with_history(emulate, project)
    out = project.folder / "out"
    assert project.cli("export", "--parquet", "out").code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    kore.edit(kore.campaign_ids()[1], {"status": "Paused"})
    project.run()
    project.alter("drop view kore.findings")

    ended = project.cli("export", "--parquet", "out")

    assert (ended.code, ended.out) == (6, "")
    assert "it has no view `findings`; `kore-campaigns run` of this version makes it" in ended.err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_json_columns_are_text_as_received(emulate: Emulate, project: Project) -> None:
    kore = with_history(emulate, project)
    before = datetime.now(UTC)

    ended = project.cli("export", "--parquet", "out", "--view", "campaigns", "--json")

    rows = pq.read_table(project.folder / "out" / "campaigns.parquet").to_pylist()
    found = {row["campaign_id"]: json.loads(row["raw"]) for row in rows}
    assert found == {key: kore.campaign(key) for key in kore.campaign_ids()}
    assert datetime.fromisoformat(ended.json["exported_at"]) >= before


def test_a_view_may_have_a_folder_of_its_own(emulate: Emulate, project: Project) -> None:
    with_history(emulate, project)
    views = ("campaigns", "campaign_calling_hours")

    ended = project.cli(
        *("export", "--parquet", "out", "--folders", "--json"),
        *(flag for view in views for flag in ("--view", view)),
    )

    names = [f"{view}/{view}.parquet" for view in views]
    assert [each["file"] for each in ended.json["files"]] == names
    out = project.folder / "out"
    assert {str(each.relative_to(out)) for each in out.rglob("*.*")} == {*names}
    folder = pq.read_table(out / views[1])
    assert folder.schema.field("start_time").type == pa.string()
    assert "09:00:00" in folder["start_time"].to_pylist()
