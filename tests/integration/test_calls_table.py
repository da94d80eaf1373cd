"""The tables in which machines count calls: one clock, no lock while waiting, no call uncounted."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from kore_campaigns.api.rate_limit import Budget, Calls, Limit
from kore_campaigns.api.rate_limit_stores import CallsTable
from kore_campaigns.errors import BudgetUnavailable, DestinationUnavailable, Interrupted
from kore_emulator import Emulator, sample_campaigns
from support import budget_process as caller
from support.budgets import LEASE, ONE_A_MINUTE, InPostgres, budget, call, closed_later
from support.postgres import Postgres, running_postgres

PASSWORD = "not-to-be-shown"


@pytest.fixture
def place(postgres: Postgres) -> Iterator[InPostgres]:
    kept = InPostgres(postgres.new_database())
    yield kept
    kept.clock.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Postgres]:
    """One that a test may stop."""
    with running_postgres(tmp_path / "server") as server:
        yield server


def table(url: str, **options: Any) -> CallsTable:
    return closed_later(CallsTable(url, **{"account": "calls", "sleep": time.sleep, **options}))


def sql(url: str, text: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(text)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found


def wait_for(url: str, row: str) -> None:
    for _ in range(400):
        if sql(url, row):
            return
        time.sleep(0.01)
    pytest.fail(f"it never came to that: {row}")


def with_password(url: str) -> str:
    return url.replace(":none@", f":{PASSWORD}@")


def shown_by(error: BaseException | None) -> str:
    """Tracebacks with all variables, also of errors that it hides, as a debugger finds them."""
    shown = ""
    while error is not None:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        shown += "".join(told.format(chain=False))
        error = error.__cause__ or error.__context__
    return shown


def take(calls: Calls) -> int:
    return calls.take(lease_ends=calls.now + LEASE, forget=0)


def test_who_waits_holds_no_lock_and_no_transaction(place: InPostgres) -> None:
    seen = []

    def sleep(seconds: float) -> None:
        locks = sql(place.url, "select 1 from pg_locks where locktype = 'advisory'")
        idle = "select 1 from pg_stat_activity where state like 'idle in transaction%'"
        seen.append((locks, sql(place.url, f"{idle} and datname = current_database()")))
        place.clock.sleep(seconds)

    pacer = budget(place, ONE_A_MINUTE, sleep=sleep)
    for _ in range(2):
        call(pacer, place.clock)

    assert seen == [([], [])]


def test_who_waited_for_the_lock_sees_what_was_written_meanwhile(postgres: Postgres) -> None:
    url = postgres.new_database()
    first, second = table(url), table(url)
    second.open()

    begun = threading.Event()

    def pause_once_the_other_waits(calls: Calls) -> float:
        begun.set()
        wait_for(url, "select 1 from pg_locks where locktype = 'advisory' and not granted")
        calls.pause(calls.now + 600)
        return calls.paused_until

    with ThreadPoolExecutor(1) as threads:
        pausing = threads.submit(first.transact, pause_once_the_other_waits)
        begun.wait()
        seen = second.transact(lambda calls: calls.paused_until)

    assert seen == pausing.result()


def test_who_is_stopped_in_the_middle_is_not_waited_for(postgres: Postgres) -> None:
    """The server throws it out; what it then does again is counted once."""
    url = postgres.new_database()
    resumed, stopped = threading.Event(), threading.Event()

    def stop(calls: Calls) -> int:
        if not stopped.is_set():
            stopped.set()
            resumed.wait()
        return take(calls)

    hanging = table(url)
    thread = threading.Thread(target=hanging.transact, args=(stop,))
    thread.start()
    stopped.wait()
    try:
        table(url).transact(take)
    finally:
        resumed.set()
        thread.join()

    assert sql(url, "select count(*) from kore_calls.calls") == [(2,)]


def test_a_transaction_that_is_cut_off_is_done_again_and_counted_once(postgres: Postgres) -> None:
    url = postgres.new_database()
    others = "pid <> pg_backend_pid() and datname = current_database()"
    cuts = chain([True], [False] * 9)

    def cut_off(calls: Calls) -> int:
        taken = take(calls)
        if next(cuts):
            sql(url, f"select pg_terminate_backend(pid) from pg_stat_activity where {others}")
        return taken

    table(url).transact(cut_off)

    assert sql(url, "select count(*) from kore_calls.calls") == [(1,)]


def test_what_was_counted_outlives_the_server(own_server: Postgres) -> None:
    url = own_server.new_database()
    pacer = closed_later(Budget(table(url), limits=(Limit(1, 3600),), lease_seconds=LEASE))
    with pacer.slot():
        own_server.stop()
        own_server.start()
    assert pacer.eta_seconds(1) > 0


def test_a_server_that_stays_away_is_an_error_and_no_call_leaves(own_server: Postgres) -> None:
    waits: list[float] = []
    counted = table(with_password(own_server.new_database()), sleep=waits.append)
    pacer = closed_later(Budget(counted, limits=(ONE_A_MINUTE,), lease_seconds=LEASE))
    pacer.paused_for()
    own_server.stop()

    with pytest.raises(DestinationUnavailable) as raised, pacer.slot():
        pytest.fail("a call left without being counted")

    assert (raised.value.exit_code, raised.value.code) == (6, "budget_unavailable")
    assert 30 <= sum(waits) <= 60
    assert PASSWORD not in shown_by(raised.value)


def test_a_wait_for_the_server_ends_when_asked_to_stop() -> None:
    def stopped(_: float) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        table("postgresql://kore:x@127.0.0.1:1/kore", sleep=stopped).transact(take)


def test_opening_does_not_wait_for_a_server_that_is_not_there() -> None:
    nowhere = table(with_password("postgresql://kore:none@127.0.0.1:1/kore"), sleep=pytest.fail)
    with pytest.raises(BudgetUnavailable, match="Connection refused") as raised:
        nowhere.open()
    assert PASSWORD not in shown_by(raised.value)


def test_many_machines_may_make_the_tables_at_once(postgres: Postgres) -> None:
    for _ in range(5):
        url, together = postgres.new_database(), threading.Barrier(8)
        tables = [table(url) for _ in range(8)]

        def make(made: CallsTable, together: threading.Barrier = together) -> None:
            together.wait()
            made.open()

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(make, tables))
        for made in tables:
            made.close()


def test_a_role_that_may_not_make_them_is_told_so(postgres: Postgres) -> None:
    url = postgres.new_database()
    sql(url, "create role reader_of_budgets login password 'none'")
    with pytest.raises(BudgetUnavailable, match="permission denied for database") as raised:
        table(url.replace("postgres:none", "reader_of_budgets:none")).open()
    assert len(str(raised.value).splitlines()) == 1


def test_calls_are_forgotten_after_an_hour(place: InPostgres) -> None:
    pacer = budget(place, ONE_A_MINUTE)
    for _ in range(80):
        call(pacer, place.clock)
    ((rows,),) = sql(place.url, "select count(*) from kore_calls.calls")
    assert rows <= 61


def test_clocks_of_machines_do_not_count(postgres: Postgres) -> None:
    """One is ten seconds behind, one ten seconds ahead; a window is two."""
    unlimited = Emulator(campaigns=sample_campaigns(20), requests_per_minute=None)
    with unlimited as kore:
        orders = caller.orders(kore, postgres.new_database(), limits=[(20, 2.0)], calls=50)
        both = [caller.start(orders, clock_ahead=seconds) for seconds in (-10, 10)]
        assert [caller.finish(each) for each in both] == [50, 50]
        assert kore.worst_window(2.0) == 20


def test_every_table_and_the_schema_say_what_they_are_for(postgres: Postgres) -> None:
    url = postgres.new_database()
    table(url).open()
    said = sql(
        url,
        "select obj_description('kore_calls'::regnamespace, 'pg_namespace'),"
        " obj_description('kore_calls.calls'::regclass),"
        " obj_description('kore_calls.pauses'::regclass)",
    )
    assert all(said[0])
