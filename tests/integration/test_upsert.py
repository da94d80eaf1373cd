"""Tables of the current state have the rows that were found last; only differences are written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from conftest import Emulate
from kore_campaigns import schema
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_campaigns.load.upsert import CurrentRows, Upsert, stored_rows, write_upserts
from kore_emulator import demo_campaigns
from support.project import Project

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
APP, OTHER_APP = "st-here", "st-elsewhere"
TABLE = schema.CONFIGURED_CAMPAIGNS


def configured(campaign_id: str, *, stream_id: str = APP, account_id: str = "a") -> dict[str, Any]:
    return {
        "account_id": account_id,
        "stream_id": stream_id,
        "campaign_id": campaign_id,
        "configured_at": NOON,
        "removed_at": None,
    }


def test_differences_are_written_missing_rows_deleted_and_other_apps_left_alone(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(demo_campaigns()))
    project.run()
    file = DuckDBFile.in_folder(project.folder)
    with file.open():

        def write(upsert: Upsert) -> None:
            with file.loaded() as reader:
                write_upserts(reader, [upsert], run_id="r")

        def bring(*rows: dict[str, Any]) -> Upsert:
            current = CurrentRows(TABLE, rows, {"stream_id": APP}, ignored=("configured_at",))
            with file.loaded() as reader:
                upsert = current.upsert(reader)
            write(upsert)
            return upsert

        def stored(stream_id: str) -> list[tuple[str, str]]:
            with file.loaded() as reader:
                rows = stored_rows(reader, TABLE, {"stream_id": stream_id})
            return sorted((row["campaign_id"], row["account_id"]) for row in rows)

        write(Upsert(TABLE, [configured("x", stream_id=OTHER_APP)]))
        bring(configured("one"), configured("two"), configured("three"))
        later = [{**configured("one"), "configured_at": datetime.now(UTC)}, configured("two")]
        second = bring(*later, configured("three", account_id="b"), configured("four"))
        third = bring(configured("three", account_id="b"))

        assert [row["campaign_id"] for row in second.rows] == ["three", "four"]
        assert second.deleted == []
        assert third.rows == []
        assert {row["campaign_id"] for row in third.deleted} == {"one", "two", "four"}
        assert stored(APP) == [("three", "b")]
        assert stored(OTHER_APP) == [("x", "a")]
        assert bring(configured("three", account_id="b")) == Upsert(TABLE, [], [])
