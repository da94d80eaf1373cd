"""The plain source as a dlt user uses it: what dlt offers works, or is refused in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pandas as pd
import pytest
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.extract.source import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from conftest import Emulate
from kore_campaigns import kore_campaigns
from kore_campaigns.errors import SettingInvalid
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project

pytestmark = pytest.mark.slow
CAMPAIGNS = 6
Rows = list[tuple[Any, ...]]


class Own:
    """Somebody's own pipeline, into a database of any kind."""

    def __init__(self, destination: Any, folder: Path) -> None:
        self.destination, self.folder = destination, folder

    def pipeline(self, **options: Any) -> dlt.Pipeline:
        made: dlt.Pipeline = dlt.pipeline(
            "their_pipeline",
            destination=self.destination,
            dataset_name="theirs",
            pipelines_dir=str(self.folder / "dlt"),
            **options,
        )
        return made

    def run(self, source: DltSource | None = None, **options: Any) -> None:
        self.pipeline().run(source or kore_campaigns(), **options)

    def sql(self, query: str) -> Rows:
        with self.pipeline().sql_client() as client:
            return [tuple(row) for row in client.execute_sql(query) or ()]

    def count(self, table: str) -> int:
        return int(self.sql(f"select count(*) from {table}")[0][0])

    def runs(self) -> Rows:
        """Of each run: requests, new versions, unchanged and failed campaigns, exit code."""
        return self.sql(
            "select requests, new_versions, unchanged, failed, exit_code"
            " from extraction_runs order by started_at"
        )

    def versions(self) -> list[int]:
        return [
            version for (version,) in self.sql("select version from campaign_versions order by 1")
        ]


@pytest.fixture
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Own]:
    """On DuckDB, Postgres and SQLite; no pipeline of another test is active."""
    context = Container()[PipelineContext]
    context.deactivate()
    kind = getattr(request, "param", "duckdb")
    if kind == "duckdb":
        destination: Any = dlt.destinations.duckdb(str(tmp_path / "file.duckdb"))
    elif kind == "sqlite":
        destination = dlt.destinations.sqlalchemy(credentials=f"sqlite:///{tmp_path}/file.db")
    else:
        server = request.getfixturevalue("postgres")
        destination = dlt.destinations.postgres(server.new_database())
    yield Own(destination, tmp_path)
    context.deactivate()


everywhere = pytest.mark.parametrize(
    "own",
    ["duckdb", "sqlite", pytest.param("postgres", marks=[pytest.mark.slow, pytest.mark.postgres])],
    indirect=True,
)
quiet_sqlite = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    found = emulate(sample_campaigns(CAMPAIGNS))
    project.use(found)
    return found


def edited(kore: Emulator) -> str:
    first: str = kore.campaign_ids()[0]
    kore.edit(first, {"status": "Paused by hand"})
    return first


def refused(run: Callable[[], object]) -> SettingInvalid:
    with pytest.raises(PipelineStepFailed) as raised:
        run()
    error: BaseException = raised.value
    while error.__cause__ is not None:
        error = error.__cause__
    assert isinstance(error, SettingInvalid), error
    return error


@quiet_sqlite
@everywhere
@pytest.mark.parametrize("refresh", ["drop_sources", "drop_resources", "drop_data"])
def test_what_a_refresh_drops_is_loaded_again(own: Own, kore: Emulator, refresh: Any) -> None:
    own.run()
    edited(kore)

    own.run(refresh=refresh)

    assert own.versions() == CAMPAIGNS * [1]
    assert own.runs() == [(CAMPAIGNS, CAMPAIGNS, 0, 0, 0)]
    assert own.count("campaign_versions__calling_hours") > CAMPAIGNS


@quiet_sqlite
@everywhere
@pytest.mark.parametrize(
    ("disposition", "versions"),
    [
        ("merge", [*CAMPAIGNS * [1], 2]),
        ("append", [*CAMPAIGNS * [1], 2]),
        ("replace", CAMPAIGNS * [1]),
        ({"disposition": "append"}, [*CAMPAIGNS * [1], 2]),
        ({"disposition": "replace"}, CAMPAIGNS * [1]),
    ],
    ids=str,
)
def test_every_write_disposition(
    own: Own, kore: Emulator, disposition: Any, versions: list[int]
) -> None:
    own.run(write_disposition=disposition)
    edited(kore)

    own.run(write_disposition=disposition)

    assert own.versions() == versions


def test_an_upsert_where_the_database_has_it(own: Own, kore: Emulator) -> None:
    upsert: Any = {"disposition": "merge", "strategy": "upsert"}
    own.run(write_disposition=upsert)
    edited(kore)

    own.run(write_disposition=upsert)

    assert own.versions() == [*CAMPAIGNS * [1], 2]


@quiet_sqlite
@everywhere
def test_a_limit_requests_what_it_stores_and_the_next_run_goes_on(own: Own, kore: Emulator) -> None:
    for stored in (2, 4, CAMPAIGNS):
        own.run(kore_campaigns().add_limit(2))
        assert (own.count("campaign_versions"), kore.counters.requests) == (stored, stored)

    assert own.runs() == [(2, 2, 0, 4, 75), (2, 2, 2, 2, 75), (2, 2, 4, 0, 0)]


def test_a_limit_keeps_the_unknown_fields_in_the_record(own: Own, kore: Emulator) -> None:
    kore.fault(Fault.UNKNOWN_FIELD)

    own.run(kore_campaigns().add_limit(2))

    found = own.sql("select path, campaign_count from extraction_drift order by path")
    assert ("futureField", 2) in found


@quiet_sqlite
@everywhere
def test_rows_pass_maps_and_filters(own: Own, kore: Emulator) -> None:
    left_out = kore.campaign_ids()[0]
    source = kore_campaigns()
    source.resources["campaign_versions"].add_map(lambda row: row | {"name": "hidden"}).add_filter(
        lambda row: row["campaign_id"] != left_out
    )

    own.run(source)

    assert own.sql("select distinct name from campaign_versions") == [("hidden",)]
    assert own.count("campaign_versions") == CAMPAIGNS - 1


@quiet_sqlite
@everywhere
def test_resources_side_by_side_are_one_sweep(own: Own, kore: Emulator) -> None:
    own.run(kore_campaigns().parallelize())

    assert own.runs() == [(CAMPAIGNS, CAMPAIGNS, 0, 0, 0)]
    assert kore.counters.requests == CAMPAIGNS


@quiet_sqlite
@everywhere
def test_one_source_runs_twice(own: Own, kore: Emulator) -> None:
    source = kore_campaigns()
    own.run(source)
    edited(kore)

    own.run(source)

    assert own.runs() == [(CAMPAIGNS, CAMPAIGNS, 0, 0, 0), (CAMPAIGNS, 1, CAMPAIGNS - 1, 0, 0)]


@quiet_sqlite
@everywhere
def test_what_is_in_force_now_is_selected(own: Own, kore: Emulator, project: Project) -> None:
    lines = "name,earliest,latest\nday,08:00,20:00\n"
    (project.folder / "policies.csv").write_text(lines, encoding="utf-8")
    names = ("calling_hours", "dnc_lists", "contact_lists", "contact_list_campaigns", "policies")
    first = kore.campaign_ids()[0]
    kore.edit(first, {"dialingStrategy": {"callingHours": {"days": []}}})

    own.run(kore_campaigns().with_resources("campaign_versions", *names))
    counts = {name: own.count(name) for name in names}

    assert kore.counters.requests == CAMPAIGNS + 1  # one call for both tables of contact lists
    assert counts["calling_hours"] == own.count("campaign_versions__calling_hours")
    assert counts["dnc_lists"] == own.count("campaign_versions__dnc_lists")
    assert min(counts["contact_lists"], counts["contact_list_campaigns"], counts["policies"]) > 0
    assert own.sql(f"select * from calling_hours where campaign_id = '{first}'") == []


@quiet_sqlite
@everywhere
def test_rows_in_force_follow_the_campaign(own: Own, kore: Emulator) -> None:
    changed = next(
        each
        for each in kore.campaign_ids()
        if kore.campaign(each).get("dialingStrategy", {}).get("callingHours", {}).get("days")
    )
    of_it = f"select * from calling_hours where campaign_id = '{changed}'"
    source = kore_campaigns().with_resources("campaign_versions", "calling_hours")
    own.run(source)
    before = own.sql(of_it)
    others = own.count("calling_hours") - len(before)
    kore.edit(changed, {"dialingStrategy": {"callingHours": {"days": []}}})

    own.run(source)

    assert before
    assert own.sql(of_it) == []
    assert own.count("calling_hours") == others


def test_without_the_versions_the_rows_in_force_are_those_of_every_campaign(
    own: Own, kore: Emulator
) -> None:
    own.run()

    own.run(kore_campaigns().with_resources("calling_hours"))

    assert own.count("calling_hours") == own.count("campaign_versions__calling_hours")


def test_a_record_without_its_sweep_is_refused(own: Own, kore: Emulator) -> None:
    error = refused(lambda: own.run(kore_campaigns().with_resources("extraction_runs")))

    assert (error.key, error.value) == ("with_resources", "extraction_runs")
    assert kore.counters.requests == 0


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("write_disposition", "skip", {"write_disposition": "skip"}),
        ("write_disposition", "skip", {"write_disposition": {"disposition": "skip"}}),
        ("table_name", "mine", {"table_name": "mine"}),
    ],
)
def test_a_hint_that_would_compare_nothing_is_refused_before_the_first_request(
    own: Own, kore: Emulator, key: str, value: str, hint: dict[str, Any]
) -> None:
    source = kore_campaigns()
    source.resources["campaign_versions"].apply_hints(**hint)

    error = refused(lambda: own.run(source))

    assert (error.key, error.value) == (key, value)
    assert kore.counters.requests == 0


def test_other_hints_apply(own: Own, kore: Emulator) -> None:
    source = kore_campaigns()
    source.resources["campaign_versions"].apply_hints(columns={"name": {"description": "theirs"}})

    own.run(source)

    columns = own.pipeline().default_schema.get_table("campaign_versions")["columns"]
    assert columns["name"]["description"] == "theirs"
    assert own.count("campaign_versions") == CAMPAIGNS


def test_a_frozen_schema_takes_the_next_versions(own: Own, kore: Emulator) -> None:
    own.run()
    edited(kore)

    own.run(schema_contract="freeze")

    assert own.versions() == [*CAMPAIGNS * [1], 2]


def test_dev_mode_begins_a_dataset_of_its_own(own: Own, kore: Emulator) -> None:
    own.run()
    pipeline = own.pipeline(dev_mode=True)

    pipeline.run(kore_campaigns())

    with pipeline.sql_client() as client:
        assert client.execute_sql("select count(*) from campaign_versions") == [(CAMPAIGNS,)]
    assert pipeline.dataset_name != "theirs"


def test_in_a_notebook_without_a_pipeline(own: Own, kore: Emulator) -> None:
    own.pipeline()  # one that is there is not written to
    versions = kore_campaigns().resources["campaign_versions"]

    frames = [pd.DataFrame(list(versions)) for _ in range(2)]

    assert [len(frame) for frame in frames] == [CAMPAIGNS, CAMPAIGNS]
    assert not (own.folder / "file.duckdb").exists()
    limited = kore_campaigns().resources["campaign_versions"].add_limit(1)
    assert len(list(limited)) == 1
    assert kore.counters.requests == 2 * CAMPAIGNS + 1


def test_a_row_comes_as_soon_as_its_campaign_has_answered(own: Own, kore: Emulator) -> None:
    rows = iter(kore_campaigns().resources["campaign_versions"])

    next(rows)

    assert kore.counters.requests == 1


def test_the_command_line_of_dlt_finds_the_pipeline_of_the_command(
    project: Project, kore: Emulator
) -> None:
    project.run()
    folder = Path(".kore_campaigns", "kore_campaigns", "dlt")

    ended = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dlt")), "pipeline"),
            *("--pipelines-dir", str(folder), "kore_campaigns", "info"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "dataset_name: kore_raw" in ended.stdout
