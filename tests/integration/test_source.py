"""The plain dlt source, in somebody's own pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.pipeline.exceptions import PipelineStepFailed

from conftest import Emulate
from kore_campaigns import kore_campaigns, run_pipeline
from kore_campaigns.errors import AccessRefused, SettingInvalid
from kore_campaigns.schema import TABLES
from kore_emulator import Fault, sample_campaigns
from support.project import Project

RAW_TABLES = [
    name
    for table in TABLES
    for name in (table.name, *(f"{table.name}__{child.name}" for child in table.children))
]
# what says how things are now, and no sweep of campaigns brings
OF_RUNS_ALONE = {
    *("policies", "policy_history", "time_zones", "zone_offsets"),
    *("contact_lists", "contact_list_campaigns", "requested_campaigns", "dnc_list_states"),
    *("apps", "notifications", "notified_campaigns", "notified_findings"),
}
# differ between two runs by their nature
OWN = (
    *("run_id", "started_at", "finished_at", "full_sweep_started_at", "sweep_reason"),
    *("occurred_at", "observed_at", "configured_at", "first_seen_at", "seen_at"),
)


class Own:
    """Somebody's own pipeline: their file, their dataset, their working directory."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "theirs.duckdb"
        self.pipeline = dlt.pipeline(
            "their_pipeline",
            destination=dlt.destinations.duckdb(str(self.database)),
            dataset_name="their_dataset",
            pipelines_dir=str(folder / "dlt"),
        )

    def run(self, source: Any = None, **options: Any) -> None:
        self.pipeline.run(source or kore_campaigns(), **options)

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        return rows_of(self.database, "their_dataset", table)


def rows_of(database: Path, schema: str, table: str) -> list[tuple[Any, ...]]:
    """Every row in the columns that two loads have alike."""
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute(
            "select column_name from information_schema.columns"
            " where table_schema = ? and table_name = ?",
            [schema, table],
        ).fetchall()
        columns = sorted(n for (n,) in names if not n.startswith("_dlt") and n not in OWN)
        return connection.execute(
            f"select {', '.join(columns)} from {schema}.{table} order by all"
        ).fetchall()


@pytest.fixture(autouse=True)
def nobody_loads() -> Iterator[None]:
    """No pipeline of another test is active, as dlt calls the one that was made last."""
    context = Container()[PipelineContext]
    context.deactivate()
    yield
    context.deactivate()


@pytest.fixture
def own(tmp_path: Path) -> Own:
    return Own(tmp_path / "own")


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"loader_file_format": "parquet"}])
def test_raw_tables_are_those_of_the_command(
    emulate: Emulate, project: Project, own: Own, options: dict[str, str]
) -> None:
    kore = emulate(sample_campaigns(25))
    bad = kore.campaign_ids()[3]
    kore.fault(Fault.HTML, bad)
    project.use(kore)

    own.run(**options)
    run_pipeline()

    for table in (name for name in RAW_TABLES if name not in OF_RUNS_ALONE):
        assert own.rows(table) == rows_of(project.database, "kore_raw", table), table
    assert len(own.rows("campaign_versions")) == 24
    assert len(own.rows("extraction_errors")) == 1


def test_a_second_run_writes_new_versions_only(
    emulate: Emulate, project: Project, own: Own
) -> None:
    kore = emulate(sample_campaigns(5))
    project.use(kore)
    own.run()
    before = {table: own.rows(table) for table in RAW_TABLES if table.startswith("campaign")}

    own.run()
    again = {table: own.rows(table) for table in before}
    kore.edit(kore.campaign_ids()[0], {"status": "Paused by hand"})
    own.run()

    assert again == before
    assert len(own.rows("campaign_versions")) == 6
    assert "Paused by hand" in str(own.rows("campaign_versions__changes"))
    assert len(own.rows("extraction_runs")) == 3


def test_all_tables_are_there_after_a_run_that_loaded_nothing(
    emulate: Emulate, project: Project, own: Own
) -> None:
    project.use(emulate([]), ids=["cd-unknown"])

    own.run()

    assert {table: len(own.rows(table)) for table in RAW_TABLES} == {
        **dict.fromkeys(RAW_TABLES, 0),
        "extraction_runs": 1,
        "extraction_errors": 1,
        "configured_campaigns": 1,
    }


def test_settings_may_be_arguments(emulate: Emulate, project: Project, own: Own) -> None:
    kore = emulate(sample_campaigns(3))
    ids = project.folder / "theirs.csv"
    ids.write_text(f"campaign_id\n{kore.campaign_ids()[0]}\n", encoding="utf-8")
    project.set("stream_id", "st-of-another-app")

    own.run(
        kore_campaigns(
            host=kore.url,
            stream_id=kore.stream_id,
            account_id=kore.account_id,
            credentials={"client_id": kore.client_id, "client_secret": kore.client_secret},  # type: ignore[arg-type]  # dlt takes a mapping for credentials
            campaign_ids=str(ids),
            requests_per_minute=0,
        )
    )

    assert len(own.rows("campaign_versions")) == 1


@pytest.mark.empty_database
def test_building_the_source_reads_and_asks_nothing(project: Project) -> None:
    project.set("host", "http://127.0.0.1:9")
    for name in ("stream_id", "account_id", "credentials__client_id", "credentials__client_secret"):
        project.set(name, "x")

    source = kore_campaigns()

    assert set(source.selected_resources) == {table.name for table in TABLES} - OF_RUNS_ALONE
    assert list(project.folder.iterdir()) == []


def test_without_a_pipeline_a_resource_is_a_list_of_rows(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)

    rows = list(kore_campaigns().resources["campaign_versions"])

    assert sorted(row["campaign_id"] for row in rows) == sorted(kore.campaign_ids())
    assert {row["version"] for row in rows} == {1}


def test_refused_credentials_end_the_run(emulate: Emulate, project: Project, own: Own) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore, credentials__client_secret="somebody else's, of thirty-two signs at least")

    with pytest.raises(PipelineStepFailed) as raised:
        own.run()

    assert isinstance(_root(raised.value), AccessRefused)
    assert own.rows("campaign_versions") == []


def test_a_destination_that_cannot_be_asked_what_it_holds_is_refused(
    emulate: Emulate, project: Project, tmp_path: Path
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    pipeline = dlt.pipeline(
        "files",
        destination=dlt.destinations.filesystem(str(tmp_path / "files")),
        pipelines_dir=str(tmp_path / "dlt"),
    )

    with pytest.raises(PipelineStepFailed) as raised:
        pipeline.run(kore_campaigns())

    root = _root(raised.value)
    assert isinstance(root, SettingInvalid)
    assert (root.key, root.value) == ("destination", "filesystem")
    assert kore.counters.requests == 0


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
