"""`make test-airflow`: the DAG in a real Airflow, in an environment of its own, against emulators
and a real Postgres.

Not among the tests of `make test`: the environment takes 700 MB.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import psutil
import psycopg2.extensions
import pytest

from conftest import Emulate
from e2e.test_stop import wait_until_asked
from kore_campaigns.config.settings import KoreCredentials, KoreSettings
from kore_emulator import Emulator, Fault, sample_campaigns
from support.airflow_server import (
    CONNECTIONS,
    WAREHOUSE_PASSWORD,
    Airflow,
    Entry,
    entry_of,
    finished,
    warehouse_entry,
)
from support.postgres import POSTGRES_ADDRESS as ADDRESS
from support.secret_search import traces_in_files, traces_of
from support.warehouse import Warehouse

INSIDE, OUTSIDE = "in Airflow's environment", "in an environment of its own"
BOTH_WAYS = pytest.mark.parametrize("way", [INSIDE, OUTSIDE])
READER = str(Path(__file__).parents[1] / "support" / "airflow_dag_process.py")
HELD = "select count(*) from pg_locks where locktype = 'advisory'"
STORED = "select stream_id, count(*) from kore.campaigns group by 1 order by 1"


@pytest.fixture(scope="session")
def environment() -> Path:
    """The environment that `make test-airflow` made as the page says."""
    return Path(os.environ["AIRFLOW_ENVIRONMENT"]).absolute()


@pytest.fixture(scope="session")
def prepared(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Set up with the commands of the page, and its connections as they stand there."""
    found = Airflow(tmp_path_factory.mktemp("prepared"), environment)
    found.set_up(CONNECTIONS)
    return found


@pytest.fixture
def airflow(tmp_path: Path, environment: Path, prepared: Airflow) -> Iterator[Airflow]:
    folder = tmp_path / "airflow"
    folder.mkdir()
    with Airflow(folder, environment) as found:
        found.like(prepared)
        yield found


def app(emulate: Emulate, name: str, account: str, campaigns: int, **options: float) -> Emulator:
    secret = f"the secret of {name}, and of nobody else at all"
    return emulate(
        sample_campaigns(campaigns),
        stream_id=f"st-{name}",
        account_id=f"acc-{account}",
        client_secret=secret,
        **options,
    )


def way_of(way: str, folder: Path) -> dict[str, str]:
    """The DAG's setting for another Python; what is started leaves a mark beside itself."""
    if way == INSIDE:
        return {}
    other = folder / "other-python"
    other.write_text(f'#!/bin/sh\ntouch "$0.used"\nexec {sys.executable} "$@"\n', encoding="utf-8")
    other.chmod(0o755)
    return {"python": str(other)}


def test_reading_the_dag_imports_nothing_of_ours_and_touches_nothing(airflow: Airflow) -> None:
    ended = finished(airflow.spawn("python", READER, str(airflow.dag_file)))

    found = json.loads(ended.out.splitlines()[-1])
    assert found["touched"] == []
    assert {"dlt", "kore_campaigns", "duckdb", "pandas", "requests"} & {*found["imported"]} == set()
    assert found["pools"] == {"acme": "kore_acme", "globex": "kore_globex"}


def test_without_accounts_the_file_says_what_to_set(airflow: Airflow) -> None:
    airflow.set(accounts="{}")

    ended = finished(airflow.spawn("python", READER, str(airflow.dag_file)))

    assert ended.code == 1
    assert "ValueError: AIRFLOW__KORE_CAMPAIGNS__ACCOUNTS must name each account" in ended.out


def test_the_extra_takes_every_setting_that_a_run_has(airflow: Airflow) -> None:
    script = (
        "import sys; sys.path.append('dags'); import kore_campaigns_environment as its; "
        "print(sorted(its.SETTINGS), sorted(its.CREDENTIALS))"
    )

    ended = finished(airflow.spawn("python", "-c", script))

    # from the Connection itself; about DuckDB files alone
    settings = {field.name for field in fields(KoreSettings)} - {
        *("host", "campaign_ids", "credentials"),
        *("keep_generations", "protect_foreign_tables"),
    }
    credentials = {field.name for field in fields(KoreCredentials)} - {"client_id", "client_secret"}
    assert ended.out.splitlines()[-1] == f"{sorted(settings)} {sorted(credentials)}"


def test_the_address_of_the_warehouse_is_that_of_its_airflow_connection(airflow: Airflow) -> None:
    entry = warehouse_entry("postgresql://kore_writer@warehouse.example.com:5433/kore")
    airflow.connect({"kore_warehouse": entry | {"extra": {"sslmode": "verify-full"}}})
    script = (
        "import sys; sys.path.append('dags'); import kore_campaigns_environment as its; "
        "print(*its.warehouse_environment('kore_warehouse').items())"
    )

    ended = finished(airflow.spawn("python", "-c", script))

    name, address = ast.literal_eval(ended.out.splitlines()[-1])
    assert name == ADDRESS
    assert psycopg2.extensions.parse_dsn(address) == {
        "user": "kore_writer",
        "password": WAREHOUSE_PASSWORD,
        "host": "warehouse.example.com",
        "port": "5433",
        "dbname": "kore",
        "sslmode": "verify-full",
    }


def test_an_airflow_connection_that_is_wrong_or_missing_is_told_and_not_tried_again(
    airflow: Airflow, emulate: Emulate, warehouse: Warehouse
) -> None:
    emea, us = app(emulate, "emea", "acme", 3), app(emulate, "us", "globex", 3)
    airflow.connect(
        {
            "kore_emea": entry_of(emea, request_per_minute=10),
            "kore_us": entry_of(us, campaign_ids=us.campaign_ids()[:2]),
            "kore_warehouse": warehouse_entry(warehouse.url),
        }
    )
    accounts = '{"acme": ["emea", "nowhere"], "globex": ["us"]}'
    airflow.set(accounts=accounts, retry_delay_seconds=1)

    ended = airflow.run_dag()

    states = airflow.states()
    assert (states["emea"], states["nowhere"]) == (("failed", 1), ("failed", 1)), ended.out
    assert (
        "connection `kore_emea`: unknown key in the extra: request_per_minute; expected"
        in ended.out
    )
    assert "connection `kore_nowhere` does not exist. Next: add it" in ended.out
    assert emea.counters.requests == 0
    assert (states["us"], warehouse.sql(STORED)) == (("success", 1), [("st-us", 2)])


@BOTH_WAYS
def test_a_setting_that_the_program_refuses_is_told_and_not_tried_again(
    airflow: Airflow, emulate: Emulate, warehouse: Warehouse, way: str, tmp_path: Path
) -> None:
    kore = app(emulate, "emea", "acme", 3)
    entry = entry_of(kore, workers=0)
    airflow.connect({"kore_emea": entry, "kore_warehouse": warehouse_entry(warehouse.url)})
    airflow.set(accounts='{"acme": ["emea"]}', retry_delay_seconds=1, **way_of(way, tmp_path))

    ended = airflow.run_dag()

    assert airflow.states()["emea"] == ("failed", 1), ended.out
    assert "setting `workers` is `0`; expected" in ended.out
    assert kore.counters.requests == 0


@BOTH_WAYS
def test_a_connection_that_fails_stops_no_other_and_downstream_is_told(
    airflow: Airflow, emulate: Emulate, warehouse: Warehouse, way: str, tmp_path: Path
) -> None:
    emea, apac = app(emulate, "emea", "acme", 6), app(emulate, "apac", "acme", 5)
    us = app(emulate, "us", "globex", 4)
    connections: dict[str, Entry] = {
        "kore_emea": entry_of(emea),
        "kore_apac": entry_of(apac, campaign_ids=[*apac.campaign_ids(), "cd-typo"]),
        "kore_us": entry_of(us) | {"password": "a secret that the account does not know"},
        "kore_warehouse": warehouse_entry(warehouse.url),
    }
    airflow.connect(connections)
    airflow.set(retry_delay_seconds=1, **way_of(way, tmp_path))

    ended = airflow.run_dag()

    assert airflow.states() == {
        "emea": ("success", 1),
        "apac": ("failed", 1),  # partial: what could be read is loaded
        "us": ("failed", 1),
        "loaded": ("success", 1),
        "none_failed": ("upstream_failed", 0),
    }, ended.out
    assert ended.code == 1
    assert warehouse.sql(STORED) == [("st-apac", 5), ("st-emea", 6)]
    reports = airflow.reports()
    codes = {name: report["exit_code"] for name, report in reports.items()}
    assert codes == {"emea": 0, "apac": 4, "us": 3}
    assert (reports["emea"]["new_versions"], reports["apac"]["failed"]) == (6, 1)
    updates = airflow.sql(
        "select asset.name, asset_event.extra from asset_event join asset on asset.id = asset_id"
    )
    assert [(name, json.loads(extra)) for name, extra in updates] == [
        ("kore.campaigns", {"new_versions": 11, "exit_codes": {"emea": 0, "apac": 4}})
    ]
    assert "exit code 4: run " in ended.out
    assert "cd-typo: HTTP 404" in ended.out
    assert "exit code 3: run " in ended.out
    assert (tmp_path / "other-python.used").exists() == (way == OUTSIDE)
    xcoms = str(airflow.sql("select * from xcom"))
    for entry in connections.values():
        assert traces_of(entry["password"], ended.out + xcoms) == []
        assert traces_in_files(entry["password"], airflow.home / "logs") == []


def test_only_what_may_work_later_is_tried_again_and_a_deadline_is_left_to_the_next_run(
    airflow: Airflow, emulate: Emulate, warehouse: Warehouse
) -> None:
    emea, apac = app(emulate, "emea", "acme", 6), app(emulate, "apac", "acme", 60, latency=1.0)
    us = app(emulate, "us", "globex", 4, latency=1.0)
    connections = {
        "kore_emea": entry_of(emea, max_attempts=1),
        "kore_apac": entry_of(apac, workers=1),
        "kore_us": entry_of(us),
        "kore_warehouse": warehouse_entry(warehouse.url),
    }
    airflow.connect(connections)
    airflow.set(deadline_minutes=0.5, retry_delay_seconds=5)
    emea.fault(Fault.SERVER_ERROR)
    # another run holds the account, as one does that was killed with its machine
    us.latency = 60.0
    warehouse.project.use(us)
    holder = warehouse.project.spawn("run", "--destination", "postgres", "--quiet")
    while warehouse.sql(HELD) == [(0,)]:
        assert holder.poll() is None
        time.sleep(0.1)

    running = airflow.start_dag()
    airflow.wait_for("acme[0]", "up_for_retry")
    emea.clear_faults()
    airflow.wait_for("globex[0]", "up_for_retry")
    holder.kill()
    holder.communicate()
    us.latency = 0.0
    ended = finished(running)

    states = airflow.states()
    assert (states["emea"], states["us"][0]) == (("success", 2), "success"), ended.out
    assert states["us"][1] > 1
    assert states["apac"] == ("skipped", 1)
    assert states["loaded"][0] == states["none_failed"][0] == "success"
    assert ended.code == 0
    stored = dict(warehouse.sql(STORED))
    assert (stored["st-emea"], stored["st-us"]) == (6, 4)
    assert 0 < stored["st-apac"] == airflow.reports()["apac"]["new_versions"] < 60


@BOTH_WAYS
def test_a_task_that_is_asked_to_end_stores_what_it_has_and_the_next_goes_on(
    airflow: Airflow, emulate: Emulate, warehouse: Warehouse, way: str, tmp_path: Path
) -> None:
    kore = app(emulate, "us", "globex", 100, latency=0.3)
    connections = {
        "kore_us": entry_of(kore, workers=1, requests_per_minute=0),
        "kore_warehouse": warehouse_entry(warehouse.url),
    }
    airflow.connect(connections)
    airflow.set(accounts='{"globex": ["us"]}', retries=0, **way_of(way, tmp_path))
    running = airflow.start_dag()
    wait_until_asked(kore, 12)

    running.send_signal(signal.SIGTERM)
    ended = finished(running)

    assert airflow.states()["us"] == ("failed", 1), ended.out
    stored = dict(warehouse.sql(STORED))["st-us"]
    report = airflow.reports()["us"]
    assert (report["exit_code"], report["is_complete"]) == (75, False)
    assert 8 <= stored == report["new_versions"] < 100
    kore.latency = 0.0
    assert airflow.run_dag().code == 0
    assert airflow.reports()["us"]["new_versions"] == 100 - stored
    assert warehouse.sql(STORED) == [("st-us", 100)]


def test_a_task_that_is_killed_leaves_no_run_behind_in_the_other_environment(
    airflow: Airflow, emulate: Emulate, warehouse: Warehouse, tmp_path: Path
) -> None:
    kore = app(emulate, "us", "globex", 100, latency=0.3)
    connections = {
        "kore_us": entry_of(kore, workers=1, requests_per_minute=0),
        "kore_warehouse": warehouse_entry(warehouse.url),
    }
    airflow.connect(connections)
    airflow.set(accounts='{"globex": ["us"]}', **way_of(OUTSIDE, tmp_path))
    running = airflow.start_dag()
    wait_until_asked(kore, 12)
    left = psutil.Process(running.pid).children(recursive=True)
    assert left

    running.kill()
    running.communicate()

    gone, alive = psutil.wait_procs(left, timeout=60)
    assert (len(gone), alive) == (len(left), [])
    assert warehouse.sql(HELD) == [(0,)]
    assert kore.counters.requests < 100
