"""One run of an account at a time on Postgres, whatever happens to its session."""

from __future__ import annotations

import signal
import time
from contextlib import closing

import psutil
import psycopg2
import pytest

from conftest import Emulate
from kore_campaigns.load.postgres import PostgresReader, lock_all_accounts
from kore_emulator import Emulator, sample_campaigns
from support.pgbouncer import pooled
from support.postgres import POSTGRES_ADDRESS
from support.running import Running
from support.warehouse import Warehouse

pytestmark = pytest.mark.slow

HOLDERS = """
select pid from pg_locks where locktype = 'advisory' and granted and objid <> 0 and database =
    (select oid from pg_database where datname = current_database())
"""
WAITING = """
select pid from pg_locks
where relation = 'kore_raw.campaign_versions'::regclass and not granted
"""
NAMES = "select version, name from kore_raw.campaign_versions where campaign_id = %s order by 1"
RUN = ("run", "--destination", "postgres", "--sweep", "full")


def ended(process: Running) -> tuple[int | None, str]:
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def begun(warehouse: Warehouse, kore: Emulator) -> None:
    """Wait until a run has read a campaign, then end the session that holds its lock."""
    before = kore.counters.requests
    while kore.counters.requests < before + 3:
        time.sleep(0.05)
    for (pid,) in set(warehouse.sql(HOLDERS)):
        warehouse.sql("select pg_terminate_backend(%s)", pid)


def test_a_run_whose_session_is_ended_writes_nothing_more(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    kore = emulate(sample_campaigns(8), latency=0.5)
    warehouse.project.use(kore, workers=1)
    warehouse.run()
    first = sorted(kore.campaign_ids())[0]
    kore.edit(first, {"name": "as A read it"})

    a = warehouse.project.start(*RUN, "--quiet")
    begun(warehouse, kore)
    kore.edit(first, {"name": "as B read it"})
    b = warehouse.project.start(*RUN, "--quiet")
    (code_a, said), (code_b, _) = ended(a), ended(b)

    assert (code_a, code_b) == (6, 0)
    assert "the lock of this run was lost with its connection" in said
    assert said.count("\n") == 1
    assert [name for _, name in warehouse.sql(NAMES, first)][1:] == ["as B read it"]
    assert warehouse.sql(HOLDERS) == []


def test_a_server_that_ends_idle_sessions_does_not_end_that_of_a_run(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    kore = emulate(sample_campaigns(8), latency=0.5)
    warehouse.project.use(kore, workers=1)
    name = warehouse.url.partition("?")[0].rpartition("/")[2]
    warehouse.sql(f"alter database {name} set idle_session_timeout = '1s'")
    assert warehouse.run()["new_versions"] == 8


def test_a_rebuild_whose_session_is_ended_exchanges_nothing(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    project = warehouse.project
    project.use(emulate(sample_campaigns(2)))
    warehouse.run()
    warehouse.sql("update kore_raw.campaign_versions set priority = 77")
    with closing(psycopg2.connect(warehouse.url)) as other:
        other.cursor().execute("lock kore_raw.campaign_versions in exclusive mode")
        process = project.start("rebuild", "--destination", "postgres")
        while not (waiting := warehouse.sql(WAITING)):
            time.sleep(0.05)
        warehouse.sql("select pg_terminate_backend(%s)", *waiting[0])
        code, said = ended(process)

    assert (code, "lock of this run was lost" in said) == (6, True)
    assert warehouse.sql("select distinct priority from kore_raw.campaign_versions") == [(77,)]
    assert project.cli("rebuild", "--destination", "postgres").code == 0
    assert warehouse.sql("select distinct priority from kore_raw.campaign_versions") != [(77,)]


def test_a_version_that_another_load_has_stored_is_not_replaced(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    """Somebody who takes no lock, such as a pipeline of one's own, stores what this run is about
    to store.
    """
    kore = emulate(sample_campaigns(8), latency=0.5)
    warehouse.project.use(kore, workers=1)
    warehouse.run()
    first = sorted(kore.campaign_ids())[0]
    kore.edit(first, {"name": "as A read it"})
    columns = "account_id, stream_id, campaign_id, content_hash, observed_at, valid_from, raw"

    a = warehouse.project.start(*RUN, "--quiet")
    before = kore.counters.requests
    while kore.counters.requests < before + 3:
        time.sleep(0.05)
    warehouse.sql(
        "insert into kore_raw._dlt_loads (load_id, status, inserted_at) values ('x', 0, now())"
    )
    warehouse.sql(
        f"insert into kore_raw.campaign_versions ({columns}, version, name, _dlt_load_id, _dlt_id) "
        f"select {columns}, 2, 'as another one read it', 'x', 'y' "
        "from kore_raw.campaign_versions where campaign_id = %s",
        first,
    )
    code, said = ended(a)

    assert code == 6
    assert f"another run has stored version 2 of {first}" in said
    assert warehouse.sql(NAMES, first)[1:] == [(2, "as another one read it")]
    assert warehouse.run()["new_versions"] == 1
    assert [name for _, name in warehouse.sql(NAMES, first)][2:] == ["as A read it"]


def test_a_transaction_pooler_is_found_out(
    emulate: Emulate, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = emulate(sample_campaigns(2))
    project = warehouse.project
    project.use(kore)
    with pooled(warehouse.url, mode="transaction") as address:
        monkeypatch.setenv(POSTGRES_ADDRESS, address)
        run = project.cli("run", "--destination", "postgres")
        check = project.cli("check", "--destination", "postgres")
    assert (run.code, check.code) == (6, 6)
    for said in (run.err, check.out + check.err):
        assert "`pool_mode = transaction`" in said
        assert "`pool_mode = session`" in said
    assert kore.counters.detail_requests == 0


def test_behind_a_session_pooler_all_is_as_without(
    emulate: Emulate, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = emulate(sample_campaigns(3), latency=0.5)
    project = warehouse.project
    project.use(kore, workers=1)
    with pooled(warehouse.url, mode="session") as address:
        monkeypatch.setenv(POSTGRES_ADDRESS, address)
        a = project.start(*RUN, "--quiet")
        while not warehouse.sql(HOLDERS):
            time.sleep(0.05)
        turned_away = project.cli(*RUN)
        assert ended(a)[0] == 0
        assert warehouse.sql(HOLDERS) == []
        again = project.cli(*RUN)
        check = project.cli("check", "--destination", "postgres")
    assert (turned_away.code, again.code, check.code) == (6, 0, 0)
    assert "another run writes for this account" in turned_away.err


def test_no_command_needs_a_second_session_of_a_pool(
    emulate: Emulate, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = warehouse.project
    project.use(emulate(sample_campaigns(3)))
    with pooled(warehouse.url, mode="session", pool_size=1) as address:
        monkeypatch.setenv(POSTGRES_ADDRESS, address)
        ends = [project.cli(*RUN)]
        warehouse.sql("update kore_raw.campaign_versions set priority = 77")
        others = (RUN, ("check", *RUN[1:3]), ("rebuild", *RUN[1:3]))
        ends += [project.cli(*command) for command in others]
    assert [(end.code, end.err) for end in ends] == 4 * [(0, "")]
    assert warehouse.sql("select distinct priority from kore_raw.campaign_versions") != [(77,)]
    assert warehouse.sql("select count(*) from kore.campaigns") == [(3,)]


@pytest.mark.parametrize("command", ["run", "plan", "verify"])
def test_a_wait_for_a_session_of_a_pool_ends_when_the_command_is_asked_to_stop(
    emulate: Emulate, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    project = warehouse.project
    project.use(emulate(sample_campaigns(1)))
    with (
        pooled(warehouse.url, mode="session", pool_size=1) as address,
        closing(psycopg2.connect(address)) as only_session,
    ):
        only_session.cursor().execute("select 1")
        monkeypatch.setenv(POSTGRES_ADDRESS, address)
        process = project.start(command, "--destination", "postgres")
        port = int(address.rpartition(":")[2].partition("/")[0])
        while not any(
            each.raddr and each.raddr.port == port
            for each in psutil.Process(process.pid).net_connections()
        ):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        code, said = ended(process)

    assert code == 75, said
    assert "the run was stopped" in said


def test_a_run_in_another_database_of_the_server_is_none_in_this_one(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    project = warehouse.project
    project.use(emulate(sample_campaigns(1)))
    assert project.cli(*RUN).code == 0
    this = warehouse.url.partition("?")[0].rpartition("/")[2]
    with closing(psycopg2.connect(warehouse.url.replace(f"/{this}?", "/postgres?"))) as other:
        lock_all_accounts(PostgresReader(other), database="another")

        status = project.cli("status", "--destination", "postgres", "--json").json

        assert (status["state"], status["running_pid"]) == ("ok", None)
        assert project.cli(*RUN).code == 0
