"""`make test-dbt`: the dbt package on DuckDB and on Postgres, as docs/how-to/dbt.md says, in an
environment of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest
from psycopg2.extensions import parse_dsn

from kore_campaigns.load.postgres import PostgresReader
from kore_campaigns.views.apply import VIEWS, columns_of, view_description
from kore_emulator import Emulator, Fault, demo_campaigns
from support.odd_campaigns import odd_campaigns
from support.postgres import Postgres, copy_to_postgres, running_postgres
from support.project import Project

pytestmark = pytest.mark.empty_database
DBT = Path(os.environ["DBT_ENVIRONMENT"]) / "bin" / "dbt"
POLICIES = "name,country,weekday,earliest,latest\nUS,US,,8:00 AM,11:00 AM\nSundays,US,SU,closed,\n"


@dataclass
class Built:
    """A project of dbt in a folder of a project, with what it reads."""

    folder: Path
    target: str
    environment: dict[str, str]
    address: str = ""

    def dbt(self, *arguments: str, code: int = 0) -> str:
        """The output of a command."""
        ended = subprocess.run(
            [DBT, "--no-use-colors", *arguments, "--profiles-dir", ".", "--target", self.target],
            cwd=self.folder,
            env=os.environ | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "0"} | self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert ended.returncode == code, ended.stdout[-4000:] + ended.stderr[-1000:]
        return ended.stdout

    def artifact(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "target" / f"{name}.json").read_text())
        return found

    def models(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of what dbt has written."""
        if not self.address:
            return _rows_of_file(self.folder / "kore_models.duckdb", sql.format(models="main"))
        return self._rows_of_server(sql.format(models="models"))

    def views(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of what dbt has read."""
        if not self.address:
            return _rows_of_file(self.folder.parent / "kore_campaigns.duckdb", sql)
        return self._rows_of_server(sql)

    def _rows_of_server(self, sql: str) -> list[tuple[Any, ...]]:
        server = psycopg2.connect(self.address)
        try:
            return PostgresReader(server).rows(sql)
        finally:
            server.close()


def _rows_of_file(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after two runs: odd campaigns, edits, a deletion, a failure, policies, lists."""
    folder = tmp_path_factory.mktemp("project")
    campaigns = [*demo_campaigns(), *odd_campaigns()]
    with pytest.MonkeyPatch.context() as patch, Emulator(campaigns=campaigns) as kore:
        patch.chdir(folder)
        patch.setenv("DLT_PROJECT_DIR", str(folder))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("SOURCES__KORE_CAMPAIGNS__VANISH_CONFIRM_SECONDS", "0")
        (folder / "policies.csv").write_text(POLICIES)
        kore.requests_per_minute = None
        project = Project(folder, patch)
        project.use(kore, contact_lists=True, dnc_lists_every_hours=24, max_attempts=1)
        project.run()
        ids = kore.campaign_ids()
        kore.edit(ids[0], {"priority": "9", "dncLists": {}})
        kore.delete(ids[3])
        kore.fault(Fault.SERVER_ERROR, ids[4])
        project.run()
    return folder


@pytest.fixture(scope="module", params=["dev", "warehouse"])
def built(
    request: pytest.FixtureRequest, lived: Path, tmp_path_factory: pytest.TempPathFactory
) -> Built:
    """The project that `init --dbt` writes, built."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "kore_campaigns.duckdb").write_bytes((lived / "kore_campaigns.duckdb").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DLT_PROJECT_DIR", str(folder))
        assert Project(folder, patch).cli("init", "--dbt").code == 0
    found = Built(folder / "dbt", request.param, {})
    if request.param == "warehouse":
        found.address = request.getfixturevalue("postgres").new_database()
        copy_to_postgres(folder / "kore_campaigns.duckdb", found.address)
        server = parse_dsn(found.address)
        found.environment = {
            "DBT_HOST": server["host"],
            "DBT_USER": server["user"],
            "DBT_PASSWORD": server.get("password", "x"),
            "DBT_DATABASE": server["dbname"],
        }
    out = found.dbt("build")
    assert "ERROR=0" in out
    assert "WARN=0" in out
    return found


def test_the_marts_are_what_the_views_say(built: Built) -> None:
    per_week = "select sum(changes), sum(risky_changes) from {models}.changes_per_week"
    changes = "select count(*), count(case when is_risky then 1 end) from kore.campaign_changes"
    assert built.models(per_week) == built.views(changes)
    first_days = (
        "select distinct extract(isodow from week_starts_on) from {models}.changes_per_week"
    )
    assert [int(day) for (day,) in built.models(first_days)] == [1]

    outside = "select count(*), sum(hours_a_week) from {models}.hours_outside_limits"
    ((campaigns, hours),) = built.models(outside)
    findings = (
        "select count(distinct campaign_key || policy_name), sum(minutes) from kore.findings "
        "where finding = 'outside_permitted_hours'"
    )
    ((expected, minutes),) = built.views(findings)
    assert campaigns == expected > 1
    assert float(hours) * 60 == pytest.approx(float(minutes))

    of_live = "select count(*), sum(findings) from {models}.campaign_findings"
    live = "select (select count(*) from kore.campaigns), count(*) from kore.findings"
    live += " where campaign_key in (select campaign_key from kore.campaigns)"
    assert built.models(of_live) == built.views(live)


def test_a_staging_model_has_the_rows_of_its_view(built: Built) -> None:
    for name in ("campaigns", "campaign_history", "findings", "dnc_lists", "runs"):
        rows = built.models(f"select count(*) from {{models}}.stg_kore__{name}")
        assert rows == built.views(f"select count(*) from kore.{name}")
        assert rows > [(1,)]


def test_the_docs_describe_every_view_and_column(built: Built) -> None:
    built.dbt("docs", "generate")

    nodes = built.artifact("manifest")
    catalog = built.artifact("catalog")
    assert catalog["errors"] is None
    for view in VIEWS:
        name = f"source.kore_models.kore.{view}"
        described, stored = nodes["sources"][name], catalog["sources"][name]
        assert described["description"] == view_description(view)
        texts = {column: each["description"] for column, each in described["columns"].items()}
        assert [*texts] == [*stored["columns"]], view
        known = columns_of(view)
        assert texts == {column: known[column].description for column in texts}
    for name, stored in catalog["nodes"].items():
        described = nodes["nodes"][name]
        assert described["description"], name
        texts = {column: each["description"] for column, each in described["columns"].items()}
        assert [*texts] == [*stored["columns"]], name
        assert all(texts.values()), name
    exposed = {name.rpartition(".")[2]: each for name, each in nodes["exposures"].items()}
    assert exposed.keys() == {"kore_campaigns_dashboard", "kore_campaigns_report"}
    for each in exposed.values():
        assert "source.kore_models.kore.findings" in each["depends_on"]["nodes"]


def test_the_sources_are_as_fresh_as_the_newest_run(built: Built) -> None:
    built.dbt("source", "freshness")

    found = built.artifact("sources")["results"]
    ((finished_at,),) = built.views("select max(finished_at) from kore.runs")
    assert {each["status"] for each in found} == {"pass"}
    assert {datetime.fromisoformat(each["max_loaded_at"]) for each in found} == {finished_at}
    names = {each["unique_id"].rpartition(".")[2] for each in found}
    assert {"campaigns", "campaign_history", "findings", "runs"} < names
    assert names.isdisjoint({"policies", "time_zones", "weekdays"})


def test_it_is_a_package_for_a_project_of_ones_own(built: Built, tmp_path: Path) -> None:
    own = Built(tmp_path / "own", built.target, built.environment, built.address)
    (own.folder / "models").mkdir(parents=True)
    files = {
        "dbt_project.yml": "name: own\nprofile: kore_models\nmodels:\n  kore_models:\n"
        "    marts:\n      +enabled: false\n",
        "packages.yml": f"packages:\n  - local: {built.folder}\n",
        "profiles.yml": (built.folder / "profiles.yml").read_text(),
        "models/by_status.sql": "select status, count(*) as campaigns\n"
        "from {{ ref('kore_models', 'stg_kore__campaigns') }}\ngroup by 1\n",
        "models/open_findings.sql": "select severity, count(*) as findings\n"
        "from {{ source('kore', 'findings') }}\ngroup by 1\n",
    }
    for name, text in files.items():
        (own.folder / name).write_text(text)
    file = str(built.folder.parent / "kore_campaigns.duckdb")
    own.environment = {**built.environment, "KORE_CAMPAIGNS_DATABASE": file}

    own.dbt("deps")
    out = own.dbt("build")

    assert "ERROR=0" in out
    assert "campaign_findings" not in out
    by_status = own.models("select sum(campaigns) from {models}.by_status")
    assert by_status == built.views("select count(*) from kore.campaigns")


@pytest.mark.parametrize("built", ["dev"], indirect=True)
def test_a_run_publishes_while_the_models_are_open_and_old_runs_are_stale(built: Built) -> None:
    with duckdb.connect(str(built.folder / "kore_models.duckdb"), read_only=True) as models:
        file = built.folder.parent / "kore_campaigns.duckdb"
        with duckdb.connect(str(file)) as connection:  # nothing holds it
            earlier = "finished_at = finished_at - interval '60 hours'"
            connection.execute(f"update kore_raw.extraction_runs set {earlier}")
        assert models.execute("select count(*) from main.campaign_findings").fetchone()

    out = built.dbt("source", "freshness", "--select", "source:kore.campaigns", code=1)

    assert "ERROR STALE freshness of kore.campaigns" in out
