"""`make test-celery`: eight connections of six accounts on two Celery workers, one of them killed.

Not among the tests of `make test`: it takes an environment of 800 MB, Redis and several minutes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from e2e.test_stop import wait_until_asked
from exhaustive.test_warehouse_writers import ORPHANS
from kore_emulator import Emulator, sample_campaigns
from kore_emulator.limits import busiest_window
from support.account_host import AccountHost
from support.airflow_server import SCHEDULE, Airflow, blocks, entry_of, warehouse_entry
from support.celery_cluster import Cluster
from support.postgres import Postgres
from support.secret_search import traces_in_files
from support.warehouse import Warehouse

WORKERS = ("worker-1", "worker-2")
# calls a minute, and how many campaigns each connection has
ACCOUNTS: dict[str, tuple[int, dict[str, int]]] = {
    "acme": (30, {"emea": 20, "apac": 20}),
    "globex": (60, {"us": 35, "latam": 45}),
    "initech": (30, {"initech": 45}),
    "umbrella": (60, {"umbrella": 80}),
    "hooli": (30, {"hooli": 40}),
    "stark": (60, {"stark": 70}),
}
CONNECTIONS = {name: account for account, (_, apps) in ACCOUNTS.items() for name in apps}
OVERLAPS = """
select one.rendered_map_index, other.rendered_map_index from task_instance as one
join task_instance as other on one.task_id = other.task_id and one.map_index < other.map_index
where one.map_index >= 0 and one.start_date < other.end_date and other.start_date < one.end_date
"""
TWICE = """
select stream_id, campaign_id, count(*) from kore_raw.campaign_versions group by 1, 2
having count(*) > 1
"""


@pytest.fixture
def apps() -> Iterator[dict[str, Emulator]]:
    """An emulator for each connection, which refuses what is more than its account's budget."""
    with ExitStack() as running:
        yield {
            name: running.enter_context(
                Emulator(
                    campaigns=sample_campaigns(campaigns),
                    stream_id=f"st-{name}",
                    account_id=f"acc-{account}",
                    client_secret=f"the secret of {name}, and of nobody else at all",
                    requests_per_minute=limit,
                    latency=(0.05, 0.3),
                )
            )
            for account, (limit, of_account) in ACCOUNTS.items()
            for name, campaigns in of_account.items()
        }


@pytest.fixture
def hosts(apps: dict[str, Emulator]) -> Iterator[dict[str, str]]:
    """One address per account."""
    with ExitStack() as running:
        yield {
            account: running.enter_context(AccountHost(apps[name] for name in of_account)).url
            for account, (_, of_account) in ACCOUNTS.items()
        }


@pytest.fixture
def cluster(tmp_path: Path, postgres: Postgres) -> Iterator[Cluster]:
    folder = tmp_path / "airflow"
    folder.mkdir()
    airflow = Airflow(folder, Path(os.environ["AIRFLOW_ENVIRONMENT"]))
    with Cluster(airflow, postgres.new_database()) as found:
        yield found


@pytest.mark.timeout(1500)
def test_all_is_loaded_once_and_no_budget_exceeded_though_a_worker_is_killed(
    cluster: Cluster,
    apps: dict[str, Emulator],
    hosts: dict[str, str],
    warehouse: Warehouse,
) -> None:
    began = time.monotonic()
    airflow = cluster.airflow
    connections = {"kore_warehouse": warehouse_entry(warehouse.url)}
    for name, account in CONNECTIONS.items():
        limit = ACCOUNTS[account][0]
        entry = entry_of(apps[name], requests_per_minute=limit)
        connections[f"kore_{name}"] = entry | {"host": hosts[account]}
    airflow.set_up(connections, {name: [*of] for name, (_, of) in ACCOUNTS.items()})
    airflow.set(schedule="@once", retry_delay_seconds=5)
    (airflow.dag_file.parent / "downstream.py").write_text(blocks("python")[0], encoding="utf-8")
    cluster.start(WORKERS)
    healthy = time.monotonic()

    airflow.shell(f"{SCHEDULE.replace('kore_campaigns', 'campaign_report')}\n{SCHEDULE}")
    cluster.wait_for_tasks_of_both(WORKERS)
    killed = cluster.at_work(WORKERS[0])
    for name in killed:
        wait_until_asked(apps[name], 10)
    cluster.kill(WORKERS[0])
    ended = cluster.wait_for_run("kore_campaigns", 900)

    assert ended == "success", cluster.tails()
    assert cluster.wait_for_run("campaign_report", 120) == "success", cluster.tails()
    for name, kore in apps.items():
        campaigns = ACCOUNTS[CONNECTIONS[name]][1][name]
        stored = warehouse.sql(
            "select count(*) from kore.campaigns where stream_id = %s", f"st-{name}"
        )
        assert stored == [(campaigns,)], name
        assert kore.counters.rate_limited == 0, name
    assert warehouse.sql(TWICE) == []
    assert warehouse.sql(ORPHANS) == [(0,)]
    for account, (limit, of_account) in ACCOUNTS.items():
        arrivals = sorted(each.at for name in of_account for each in apps[name].requests)
        assert len(arrivals) > limit, account  # else its budget would not have been felt
        assert busiest_window(arrivals, 60.0) <= limit, account
    tries = dict(cluster.sql("select rendered_map_index, try_number from task_instance"))
    assert killed
    assert all(tries[name] > 1 for name in killed), tries
    assert cluster.sql(OVERLAPS) == []
    for kore in apps.values():
        assert traces_in_files(kore.client_secret, airflow.home / "logs") == []
        assert kore.client_secret not in str(cluster.sql("select value from xcom"))
    told = {
        "minutes": round((time.monotonic() - began) / 60, 1),
        "seconds until healthy": round(healthy - began),
        "killed": killed,
        "memory, MB": {name: size // 10**6 for name, size in cluster.most_memory.items()},
    }
    print(f"\n{told}")  # noqa: T201  # for the page
