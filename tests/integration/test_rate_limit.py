"""At most as many calls as the limit allows in any window, whatever the latency and the callers."""

from __future__ import annotations

import math
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import traceback
from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import chain, count
from pathlib import Path
from typing import Any, Self

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kore_campaigns.api.rate_limit import (
    CLOCK_DRIFT,
    LONGEST_PAUSE_SECONDS,
    Limit,
    PostgresRateLimiter,
    RateLimiter,
    budget_path,
)
from kore_campaigns.errors import (
    BudgetUnavailable,
    BudgetUnusable,
    DestinationUnavailable,
    Interrupted,
    RateLimited,
    SettingInvalid,
)
from kore_emulator import Emulator, sample_campaigns
from support import budget_process as caller
from support.budgets import (
    LEASE,
    ONE_A_MINUTE,
    THREE_A_MINUTE,
    WINDOW,
    InFile,
    InPostgres,
    Place,
    budget,
    call,
    closed_later,
    in_memory,
    paused_for,
)
from support.clock import START, FakeClock
from support.postgres import Postgres, running_postgres

_ONE_PLACE = HealthCheck.function_scoped_fixture
_EXAMPLES = count(1)
PASSWORD = "not-to-be-shown"

MAKES_FORTY_FILES = """
import sys, time
from pathlib import Path
from kore_campaigns.api.rate_limit import SQLiteRateLimiter

folder, begin = Path(sys.argv[1]), float(sys.argv[2])
for number in range(40):
    time.sleep(max(0, begin + number * 0.02 - time.time()))
    limiter = SQLiteRateLimiter(path=folder / f"{number}.sqlite", limits=(), lease_seconds=1)
    limiter.pause(0)
    limiter.close()
"""


@pytest.fixture
def clock(place: Place | None) -> FakeClock:
    return place.clock if place else FakeClock()


class TestLimit:
    def test_a_window_is_longer_by_what_a_corrected_clock_may_run_fast(self) -> None:
        assert Limit(60, 60).window_seconds == 60 * (1 + CLOCK_DRIFT)

    @pytest.mark.parametrize(
        ("calls", "seconds"), [(0, 60), (-1, 60), (1, 0), (1, -1), (1, math.inf)]
    )
    def test_a_limit_that_lets_nothing_through_is_refused(self, calls: int, seconds: float) -> None:
        with pytest.raises(SettingInvalid, match="at least one call"):
            Limit(calls, seconds)


class TestWindow:
    def test_calls_within_the_limit_leave_at_once(self, place: Place, clock: FakeClock) -> None:
        limiter = budget(place)
        for _ in range(3):
            call(limiter, clock)
        assert clock.sleeps == []

    def test_the_next_waits_exactly_until_the_first_slot_is_free(
        self, place: Place, clock: FakeClock
    ) -> None:
        limiter = budget(place)
        call(limiter, clock)
        clock.time += 10
        for _ in range(2):
            call(limiter, clock)
        assert call(limiter, clock) == pytest.approx(WINDOW - 10)
        assert len(clock.sleeps) == 1

    def test_a_slot_is_kept_until_a_window_after_the_answer(
        self, place: Place, clock: FakeClock
    ) -> None:
        limiter = budget(place)
        for latency in (5.0, 0.0, 0.0):
            call(limiter, clock, lasting=latency)
        assert call(limiter, clock) == pytest.approx(WINDOW)

    def test_a_call_in_flight_is_waited_for_no_longer_than_its_answer_takes(
        self, place: Place
    ) -> None:
        with OverlappingCalls(place, ONE_A_MINUTE) as overlapping:
            overlapping.begin(5.0)
            overlapping.begin(0.0)
        first, second = overlapping.arrivals
        assert second - first == pytest.approx(5 + WINDOW)

    def test_minute_and_hour_hold_at_once(self, place: Place, clock: FakeClock) -> None:
        limiter = budget(place, Limit(2, 60), Limit(5, 3600))
        start = clock()
        left = []
        for _ in range(7):
            call(limiter, clock)
            left.append(round(clock() - start))
        assert left == [0, 0, 60, 60, 120, 3602, 3602]

    def test_no_limits_at_all_keep_pauses_only(self, place: Place, clock: FakeClock) -> None:
        limiter = place.limiter()
        limiter.pause(7)
        for _ in range(100):
            call(limiter, clock)
        assert clock.sleeps == [pytest.approx(7)]

    # each example begins with calls of nobody: it has an account of its own
    @settings(max_examples=60, deadline=None, suppress_health_check=[_ONE_PLACE])
    @given(
        calls=st.integers(1, 4),
        latencies=st.lists(st.floats(0, 30), min_size=1, max_size=25),
        on_the_way=st.floats(0, 1),
    )
    def test_no_window_of_arrivals_exceeds_the_limit_for_any_latencies(
        self,
        place: Place,
        calls: int,
        latencies: list[float],
        on_the_way: float,
    ) -> None:
        """Calls overlap; each arrives a share of its latency after it left."""
        limit, account = Limit(calls, 10), f"account-{next(_EXAMPLES)}"
        with OverlappingCalls(place, limit, account=account) as overlapping:
            for latency in latencies:
                overlapping.begin(latency, arriving_after=latency * on_the_way)
        arrivals = sorted(overlapping.arrivals)
        # what leaves a rounding error early is not early
        most = max(i - bisect_left(arrivals, at - 10 + 1e-6) + 1 for i, at in enumerate(arrivals))
        assert most <= calls


class OverlappingCalls:
    """Begins calls as soon as the budget grants them; others end while it waits, the last with the
    `with` block.
    """

    def __init__(self, place: Place, limit: Limit, *, account: str = "account") -> None:
        self.clock = place.clock
        self.arrivals: list[float] = []
        self._ends: list[tuple[float, ExitStack]] = []
        self._limiter = budget(place, limit, sleep=self._sleep, account=account)

    def begin(self, latency: float, *, arriving_after: float = 0.0) -> None:
        held = ExitStack()
        held.enter_context(self._limiter.slot())
        self.arrivals.append(self.clock() + arriving_after)
        self._ends.append((self.clock() + latency, held))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failed: object) -> None:
        for _, held in self._ends:
            held.close()
        self._limiter.close()

    def _sleep(self, seconds: float) -> None:
        until = self.clock() + seconds
        self._ends.sort(key=lambda end: end[0])
        while self._ends and self._ends[0][0] <= until:
            self.clock.time, held = self._ends.pop(0)
            held.close()
        self.clock.time = until


@pytest.mark.parametrize("place", ["file", "postgres", "nowhere"], indirect=True)
class TestPause:
    @pytest.fixture
    def limiter(self, place: Place | None, clock: FakeClock) -> RateLimiter:
        return budget(place) if place else in_memory(clock)

    def test_nobody_calls_before_it_ends(self, limiter: RateLimiter, clock: FakeClock) -> None:
        limiter.pause(45)
        assert paused_for(limiter) == pytest.approx(45)
        assert call(limiter, clock) == pytest.approx(45)
        assert paused_for(limiter) == 0

    def test_a_shorter_one_does_not_shorten_it(
        self, limiter: RateLimiter, clock: FakeClock
    ) -> None:
        limiter.pause(45)
        limiter.pause(5)
        assert paused_for(limiter) == pytest.approx(45)

    def test_an_absurd_one_is_cut(self, limiter: RateLimiter, clock: FakeClock) -> None:
        limiter.pause(1e9)
        assert paused_for(limiter) == pytest.approx(LONGEST_PAUSE_SECONDS)

    def test_beyond_the_callers_patience_it_is_an_error_at_once(
        self, limiter: RateLimiter, clock: FakeClock
    ) -> None:
        limiter.pause(600)
        with pytest.raises(RateLimited) as raised, limiter.slot(patience_seconds=300):
            pass
        assert raised.value.wait_seconds == pytest.approx(600)
        assert "nothing was sent" in str(raised.value)
        assert clock.sleeps == []

    def test_it_counts_in_the_estimate(self, limiter: RateLimiter, clock: FakeClock) -> None:
        limiter.pause(20)
        assert limiter.eta_seconds(1) == pytest.approx(20)
        assert limiter.eta_seconds(0) == 0
        limiter.close()


class TestEstimate:
    def test_is_what_the_calls_then_take(self, place: Place, clock: FakeClock) -> None:
        limiter = budget(place, Limit(3, 60), Limit(5, 3600))
        call(limiter, clock)
        clock.time += 20
        for calls in (1, 2, 3, 4, 5, 9):
            before, start = limiter.eta_seconds(calls), clock()
            for _ in range(calls):
                call(limiter, clock)
            # both limits at once may cost a window more than either alone
            assert clock() - start == pytest.approx(before, abs=61)

    def test_is_exact_for_one_limit(self, place: Place, clock: FakeClock) -> None:
        limiter = budget(place)
        call(limiter, clock)
        clock.time += 20
        estimates = [round(limiter.eta_seconds(calls)) for calls in range(10)]
        assert estimates == [0, 0, 0, 40, 60, 60, 100, 120, 120, 160]

    def test_a_pause_moves_all_calls_that_wait_for_its_end(
        self, place: Place, clock: FakeClock
    ) -> None:
        limiter = budget(place)
        call(limiter, clock)
        limiter.pause(50)
        estimates = [round(limiter.eta_seconds(calls)) for calls in range(8)]
        assert estimates == [0, 50, 50, 60, 110, 110, 120, 170]

    def test_is_right_within_a_tenth_during_a_run_of_150_campaigns(
        self, place: Place, clock: FakeClock
    ) -> None:
        limiter = budget(place, Limit(60, 60))
        estimates = []
        for answered in range(1, 150):
            call(limiter, clock)
            if answered == 70:
                limiter.pause(45)  # a response said that others have used the limit
            estimates.append((answered, clock(), limiter.eta_seconds(150 - answered)))
        call(limiter, clock)
        for answered, moment, estimate in estimates:
            if answered >= 70:
                assert estimate == pytest.approx(clock() - moment, rel=0.1, abs=1)

    def test_takes_a_call_in_flight_to_end_now(self, place: Place, clock: FakeClock) -> None:
        limiter = budget(place, ONE_A_MINUTE)
        with limiter.slot():
            assert limiter.eta_seconds(1) == pytest.approx(WINDOW)


class TestInterruption:
    def test_what_sleep_raises_passes_and_takes_no_slot(
        self, place: Place, clock: FakeClock
    ) -> None:
        def stopped(_: float) -> None:
            raise Interrupted

        first = budget(place)
        for _ in range(3):
            call(first, clock)
        limiter = budget(place, sleep=stopped)
        for _ in range(2):  # twice: the first left no lock behind
            with pytest.raises(Interrupted), limiter.slot():
                pass
        clock.time += WINDOW
        for _ in range(3):
            call(limiter, clock)

    def test_a_call_that_failed_gives_its_slot_back_like_any_other(
        self, place: Place, clock: FakeClock
    ) -> None:
        limiter = budget(place, ONE_A_MINUTE)
        with pytest.raises(ConnectionError), limiter.slot():
            raise ConnectionError
        assert call(limiter, clock) == pytest.approx(WINDOW)


class TestSharing:
    def test_two_budgets_in_one_place_share_it(self, place: Place, clock: FakeClock) -> None:
        one, other = budget(place), budget(place)
        for limiter in (one, other, one):
            call(limiter, clock)
        assert call(other, clock) == pytest.approx(WINDOW)

    def test_a_pause_holds_all_who_share_it(self, place: Place, clock: FakeClock) -> None:
        budget(place).pause(45)
        assert call(budget(place), clock) == pytest.approx(45)

    def test_what_was_used_outlives_the_run(self, place: Place, clock: FakeClock) -> None:
        first = budget(place)
        for _ in range(3):
            call(first, clock)
        first.close()
        assert call(budget(place), clock) == pytest.approx(WINDOW)

    def test_one_with_a_shorter_memory_leaves_the_calls_that_another_must_count(
        self, place: Place, clock: FakeClock
    ) -> None:
        by_hour = budget(place, Limit(2, 3600))
        for _ in range(2):
            call(by_hour, clock)
        clock.time += 600
        call(budget(place, ONE_A_MINUTE), clock)
        assert call(by_hour, clock) == pytest.approx(Limit(2, 3600).window_seconds - 600)

    def test_a_closed_budget_opens_again_when_it_is_used(
        self, place: Place, clock: FakeClock
    ) -> None:
        limiter = budget(place)
        limiter.close()
        limiter.close()
        call(limiter, clock)

    def test_a_call_that_was_never_answered_frees_its_slot_by_its_lease(
        self, place: Place, clock: FakeClock
    ) -> None:
        dying = budget(place, ONE_A_MINUTE).slot()
        dying.__enter__()
        assert call(budget(place, ONE_A_MINUTE), clock) == pytest.approx(LEASE + WINDOW)
        dying.__exit__(None, None, None)

    def test_a_call_that_outlives_its_lease_still_counts_from_its_answer(
        self, place: Place, clock: FakeClock
    ) -> None:
        limiter = budget(place, ONE_A_MINUTE)
        with limiter.slot():
            clock.time += LEASE + 3700
            call(budget(place, ONE_A_MINUTE), clock)  # its row was removed for this one
            clock.time += 10
        assert call(limiter, clock) == pytest.approx(WINDOW)

    def test_its_answer_does_not_end_the_call_that_took_its_place(
        self, place: Place, clock: FakeClock
    ) -> None:
        late, other = (budget(place, ONE_A_MINUTE).slot() for _ in range(2))
        late.__enter__()
        clock.time += LEASE + 3700
        other.__enter__()
        late.__exit__(None, None, None)
        assert call(budget(place, ONE_A_MINUTE), clock) == pytest.approx(LEASE + WINDOW)
        other.__exit__(None, None, None)

    def test_accounts_do_not_wait_for_each_other(self, place: Place, clock: FakeClock) -> None:
        one, other = (budget(place, ONE_A_MINUTE, account=name) for name in ("one", "other"))
        call(one, clock)
        one.pause(600)
        assert call(other, clock) == 0

    def test_each_account_and_host_has_its_own_file_with_a_silent_name(
        self, tmp_path: Path
    ) -> None:
        paths = {
            budget_path(tmp_path, host=host, account_id=account)
            for host in ("https://platform.kore.ai", "https://eu-platform.kore.ai")
            for account in ("67777ce93e25326494e00000", "67777ce93e25326494e00001")
        }
        assert len(paths) == 4
        assert not any("kore.ai" in path.name or "67777" in path.name for path in paths)

    @pytest.mark.parametrize(
        "host", ["platform.kore.ai", " https://PLATFORM.kore.ai/ ", "https://platform.kore.ai:443"]
    )
    def test_one_host_written_differently_is_one_budget(self, tmp_path: Path, host: str) -> None:
        assert budget_path(tmp_path, host=host, account_id="a") == budget_path(
            tmp_path, host="https://platform.kore.ai", account_id="a"
        )

    def test_a_host_that_cannot_be_used_has_no_budget(self, tmp_path: Path) -> None:
        with pytest.raises(SettingInvalid):
            budget_path(tmp_path, host="ftp://platform.kore.ai", account_id="a")


class TestEarlierProgram:
    """What an earlier program counted is kept: its tables are written here as it made them."""

    CALLS = ((1, START - 20, False), (2, START - 10, False), (3, START + LEASE, True))

    def test_its_file_is_honoured(self, tmp_path: Path) -> None:
        clock = FakeClock()
        place = InFile(tmp_path / "calls.sqlite", clock)
        with closing(sqlite3.connect(place.path)) as db, db:
            db.executescript(
                """
                pragma journal_mode = wal;
                create table calls (
                    call_id integer primary key autoincrement,
                    ends real not null,
                    in_flight integer not null
                );
                create index calls_by_end on calls (ends);
                create table pause (
                    only_row integer primary key check (only_row = 1), until real not null
                );
                """
            )
            db.executemany("insert into calls values (?, ?, ?)", self.CALLS)
            db.execute("insert into pause values (1, ?)", (START + 5,))
        limiter = budget(place)
        assert paused_for(limiter) == 5
        assert call(limiter, clock) == pytest.approx(WINDOW - 20)

    def test_its_tables_are_honoured(self, in_postgres: InPostgres) -> None:
        clock = in_postgres.clock
        with closing(psycopg2.connect(in_postgres.url)) as db, db, db.cursor() as cursor:
            cursor.execute(
                """
                create schema kore_calls;
                create table kore_calls.calls (
                    call_id bigint generated by default as identity primary key,
                    account text not null,
                    ends float8 not null,
                    in_flight boolean not null
                );
                create index calls_by_end on kore_calls.calls (account, ends);
                create table kore_calls.pauses (account text primary key, until float8 not null);
                alter table kore_calls.calls alter column call_id restart with 4;
                """
            )
            for row in self.CALLS:
                cursor.execute("insert into kore_calls.calls values (%s, 'calls', %s, %s)", row)
            cursor.execute("insert into kore_calls.pauses values ('calls', %s)", (START + 5,))
        limiter = budget(in_postgres)
        assert paused_for(limiter) == 5
        assert call(limiter, clock) == pytest.approx(WINDOW - 20)

    def test_the_names_of_file_and_account_stay(self, tmp_path: Path) -> None:
        path = budget_path(tmp_path, host="https://platform.kore.ai", account_id="acc-1")
        assert path.name == "calls-v1-6a20a2fa33f9d945f1282a71.sqlite"


class TestClockSetBack:
    def test_by_hours_costs_one_window(self, place: Place, clock: FakeClock) -> None:
        limiter = budget(place)
        for _ in range(3):
            call(limiter, clock)
        clock.time -= 5 * 3600
        assert call(limiter, clock) == pytest.approx(WINDOW)

    def test_with_a_call_in_flight_costs_its_lease_too(
        self, place: Place, clock: FakeClock
    ) -> None:
        dying = budget(place, ONE_A_MINUTE).slot()
        dying.__enter__()
        clock.time -= 5 * 3600
        assert call(budget(place, ONE_A_MINUTE), clock) == pytest.approx(LEASE + WINDOW)
        dying.__exit__(None, None, None)

    def test_during_a_pause_costs_the_longest_pause(self, place: Place, clock: FakeClock) -> None:
        limiter = budget(place)
        limiter.pause(60)
        clock.time -= 5 * 3600
        assert call(limiter, clock) == pytest.approx(LONGEST_PAUSE_SECONDS)


class TestFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "state" / "calls.sqlite"

    @pytest.fixture
    def place(self, path: Path) -> InFile:
        return InFile(path)

    def test_only_its_owner_can_read_it(self, path: Path, place: InFile) -> None:
        with budget(place).slot():
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
        assert modes == dict.fromkeys(
            ("calls.sqlite", "calls.sqlite-shm", "calls.sqlite-wal"), 0o600
        )
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_a_damaged_one_is_named_with_what_to_do(self, path: Path, place: InFile) -> None:
        path.parent.mkdir()
        path.write_bytes(b"this is no database, however long one looks at it" * 100)
        with pytest.raises(BudgetUnusable) as raised, budget(place).slot():
            pass
        told = str(raised.value)
        assert str(path) in told
        assert "file is not a database" in told
        assert "delete it" in told

    def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(
        self, path: Path, place: InFile
    ) -> None:
        path.parent.write_text("a file where the folder should be")
        with pytest.raises(BudgetUnusable, match="XDG_STATE_HOME") as raised:
            budget(place).pause(0)
        assert str(path) in str(raised.value)

    def test_a_new_one_that_another_process_is_just_making_is_waited_for(
        self, path: Path, place: InFile
    ) -> None:
        path.parent.mkdir()
        with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
            other.execute("begin exclusive")
            threading.Timer(0.1, other.execute, ("rollback",)).start()
            assert call(budget(place), place.clock) == 0

    def test_many_processes_may_make_a_new_one_at_once(self, tmp_path: Path) -> None:
        """SQLite answers "database is locked" to some of them, without waiting."""
        begin = str(time.time() + 1)
        command = [sys.executable, "-c", MAKES_FORTY_FILES, str(tmp_path), begin]
        makers = [subprocess.Popen(command) for _ in range(4)]
        assert [maker.wait() for maker in makers] == [0] * 4

    def test_calls_are_forgotten_after_an_hour(self, path: Path, place: InFile) -> None:
        limiter = budget(place)
        for _ in range(500):
            call(limiter, place.clock)
        with closing(sqlite3.connect(path)) as db:
            (rows,) = db.execute("select count(*) from calls").fetchone()
        assert rows <= THREE_A_MINUTE.calls * 61  # an hour of them


def table(url: str, *limits: Limit, sleep: Any = time.sleep) -> PostgresRateLimiter:
    limiter = PostgresRateLimiter(
        address=url, limits=limits, account="calls", lease_seconds=LEASE, sleep=sleep
    )
    return closed_later(limiter)


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


def take(limiter: RateLimiter) -> int:
    """Inside a transaction."""
    return limiter.add(lease_ends=limiter.now + LEASE, forget=0)


@pytest.fixture
def in_postgres(postgres: Postgres) -> Iterator[InPostgres]:
    kept = InPostgres(postgres.new_database())
    yield kept
    kept.clock.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Postgres]:
    """One that a test may stop."""
    with running_postgres(tmp_path / "server") as server:
        yield server


def test_who_waits_holds_no_lock_and_no_transaction(in_postgres: InPostgres) -> None:
    seen = []

    def sleep(seconds: float) -> None:
        locks = sql(in_postgres.url, "select 1 from pg_locks where locktype = 'advisory'")
        idle = "select 1 from pg_stat_activity where state like 'idle in transaction%'"
        seen.append((locks, sql(in_postgres.url, f"{idle} and datname = current_database()")))
        in_postgres.clock.sleep(seconds)

    limiter = budget(in_postgres, ONE_A_MINUTE, sleep=sleep)
    for _ in range(2):
        call(limiter, in_postgres.clock)

    assert seen == [([], [])]


def test_who_waited_for_the_lock_sees_what_was_written_meanwhile(postgres: Postgres) -> None:
    url = postgres.new_database()
    first, second = table(url), table(url)
    second.open()

    begun = threading.Event()

    def pause_once_the_other_waits() -> float:
        begun.set()
        wait_for(url, "select 1 from pg_locks where locktype = 'advisory' and not granted")
        first.pause_until(first.now + 600)
        return first.paused_until

    with ThreadPoolExecutor(1) as threads:
        pausing = threads.submit(first.transact, pause_once_the_other_waits)
        begun.wait()
        seen = second.transact(lambda: second.paused_until)

    assert seen == pausing.result()


def test_who_is_stopped_in_the_middle_is_not_waited_for(postgres: Postgres) -> None:
    """The server throws it out; what it then does again is counted once."""
    url = postgres.new_database()
    resumed, stopped = threading.Event(), threading.Event()
    hanging, other = table(url), table(url)

    def stop() -> int:
        if not stopped.is_set():
            stopped.set()
            resumed.wait()
        return take(hanging)

    thread = threading.Thread(target=hanging.transact, args=(stop,))
    thread.start()
    stopped.wait()
    try:
        other.transact(lambda: take(other))
    finally:
        resumed.set()
        thread.join()

    assert sql(url, "select count(*) from kore_calls.calls") == [(2,)]


def test_a_transaction_that_is_cut_off_is_done_again_and_counted_once(postgres: Postgres) -> None:
    url = postgres.new_database()
    others = "pid <> pg_backend_pid() and datname = current_database()"
    cuts = chain([True], [False] * 9)

    limiter = table(url)

    def cut_off() -> int:
        taken = take(limiter)
        if next(cuts):
            sql(url, f"select pg_terminate_backend(pid) from pg_stat_activity where {others}")
        return taken

    limiter.transact(cut_off)

    assert sql(url, "select count(*) from kore_calls.calls") == [(1,)]


def test_what_was_counted_outlives_the_server(own_server: Postgres) -> None:
    url = own_server.new_database()
    limiter = table(url, Limit(1, 3600))
    with limiter.slot():
        own_server.stop()
        own_server.start()
    assert limiter.eta_seconds(1) > 0


def test_a_server_that_stays_away_is_an_error_and_no_call_leaves(own_server: Postgres) -> None:
    waits: list[float] = []
    limiter = table(with_password(own_server.new_database()), ONE_A_MINUTE, sleep=waits.append)
    limiter.pause(0)
    own_server.stop()

    with pytest.raises(DestinationUnavailable) as raised, limiter.slot():
        pytest.fail("a call left without being counted")

    assert (raised.value.exit_code, raised.value.code) == (6, "budget_unavailable")
    assert 30 <= sum(waits) <= 60
    assert PASSWORD not in shown_by(raised.value)


def test_a_wait_for_the_server_ends_when_asked_to_stop() -> None:
    def stopped(_: float) -> None:
        raise Interrupted

    limiter = table("postgresql://kore:x@127.0.0.1:1/kore", sleep=stopped)
    with pytest.raises(Interrupted):
        limiter.transact(lambda: take(limiter))


def test_opening_does_not_wait_for_a_server_that_is_not_there() -> None:
    nowhere = table(with_password("postgresql://kore:none@127.0.0.1:1/kore"), sleep=pytest.fail)
    with pytest.raises(BudgetUnavailable, match="Connection refused") as raised:
        nowhere.open()
    assert PASSWORD not in shown_by(raised.value)


def test_many_machines_may_make_the_tables_at_once(postgres: Postgres) -> None:
    for _ in range(5):
        url, together = postgres.new_database(), threading.Barrier(8)
        tables = [table(url) for _ in range(8)]

        def make(made: PostgresRateLimiter, together: threading.Barrier = together) -> None:
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


def test_calls_are_forgotten_after_an_hour(in_postgres: InPostgres) -> None:
    limiter = budget(in_postgres, ONE_A_MINUTE)
    for _ in range(80):
        call(limiter, in_postgres.clock)
    ((rows,),) = sql(in_postgres.url, "select count(*) from kore_calls.calls")
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
