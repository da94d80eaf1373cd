"""The simulation: its arithmetic by hand, and a small case over a real socket beside it."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

import simulate_scale
from conftest import Emulate
from kore_campaigns.api.auth import TokenAuth
from kore_campaigns.api.client import KoreClient
from kore_campaigns.api.rate_limit import Limit, SQLiteRateLimiter
from kore_campaigns.api.transport import RetryPolicy, Transport
from kore_campaigns.extract.fetch import fetch_campaigns
from kore_emulator import Fault, sample_campaigns
from scale_table import OwnCosts, scaled
from simulated_run import Kore, Outcome, SimulatedRun, Work, asking_seconds, draw_setbacks
from simulated_schedule import HOUR, RunTimes, Schedule, simulate_day
from small_case import Compared, listing_pages
from support.budgets import closed_later
from support.warehouse import Warehouse

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "scale.md"
SECOND = Kore(latency=(1.0, 1.0))
# a window is a little longer than it is called: clocks run fast
WINDOW = Limit(2, 10).window_seconds


def run(work: Work, *limits: Limit, workers: int = 1, kore: Kore = SECOND) -> Outcome:
    return SimulatedRun(work, kore=kore, limits=limits, workers=workers).go()


def test_without_a_limit_each_worker_asks_for_one_after_the_other() -> None:
    found = run(Work(setbacks=[0] * 5), workers=2)

    # 0-1 two, 1-2 two, 2-3 one; a call arrives half a round trip after it left
    assert found.arrivals == [0.5, 0.5, 1.5, 1.5, 2.5]
    assert (found.seconds, found.calls, found.retries, found.failed) == (3.0, 5, 0, 0)


def test_a_slot_is_free_a_window_after_the_answer() -> None:
    found = run(Work(setbacks=[0] * 5), Limit(2, 10), workers=2)

    first = [0.5, 0.5]
    second = [1 + WINDOW + 0.5] * 2
    third = [2 * (1 + WINDOW) + 0.5]
    assert found.arrivals == pytest.approx([*first, *second, *third])
    assert found.asking_seconds == pytest.approx(2 * (1 + WINDOW))


def test_the_listing_comes_before_the_campaigns_and_the_lists_after_them() -> None:
    found = run(Work(pages=2, setbacks=[0, 0], last_calls=1), workers=2)

    assert found.arrivals == [0.5, 1.5, 2.5, 2.5, 3.5]
    assert run(Work(pages=1, last_calls=1)).arrivals == [0.5, 1.5]


def test_a_campaign_that_fails_is_asked_again_and_given_up_after_all_attempts() -> None:
    found = run(Work(setbacks=[2, 5]))

    assert (found.calls, found.retries, found.failed) == (3 + 5, 2 + 4, 1)
    # at most 1 and 2 seconds of backoff for the first, 1, 2, 4 and 8 for the second
    assert 8.0 < found.seconds <= 8 + 3 + 15


def test_repeats_take_calls_of_the_budget_too() -> None:
    found = run(Work(setbacks=[1, 1, 1]), Limit(3, 10), workers=3)

    assert found.calls == 6
    assert found.asking_seconds >= Limit(3, 10).window_seconds


def test_setbacks_are_drawn_again_alike_and_are_as_many_as_the_share_says() -> None:
    kore = Kore(failing=0.25)
    drawn = draw_setbacks(4_000, kore, attempts=5, seed=1)

    assert drawn == draw_setbacks(4_000, kore, attempts=5, seed=1)
    # 1/4 + 1/16 + ... of each campaign
    assert sum(drawn) / 4_000 == pytest.approx(1 / 3, rel=0.1)
    assert draw_setbacks(3, Kore(), attempts=5, seed=1) == [0, 0, 0]


def test_a_day_of_three_accounts_and_one_worker() -> None:
    times = RunTimes(by_listing=[10.0], full=[100.0])

    day = simulate_day(Schedule(3, is_spread=False), times, workers=1)

    # the full sweeps of the first hour end at 100, 200 and 300; later hours wait for 20 s at most
    assert (day.runs, day.skipped, day.most_at_once) == (72, 0, 1)
    assert day.busy_seconds == 3 * 100 + 69 * 10
    assert day.latest_start_seconds == 200


def test_runs_that_are_due_while_a_full_sweep_goes_on_are_skipped() -> None:
    day = simulate_day(Schedule(1), RunTimes(by_listing=[10.0], full=[2.5 * HOUR]))

    assert (day.runs, day.skipped) == (22, 2)


def test_spread_over_hour_and_day_few_run_at_once() -> None:
    times = RunTimes(by_listing=[60.0], full=[HOUR / 2])

    spread = simulate_day(Schedule(48), times)
    at_once = simulate_day(Schedule(48, is_spread=False), times)

    assert spread.busy_seconds == at_once.busy_seconds
    assert at_once.most_at_once == 48
    # 2 of 48 are due for a full sweep in an hour, for half of it; 46 others for a minute each
    assert spread.most_at_once <= 4


def test_pages_of_the_listing_are_counted_for_each_type() -> None:
    assert [listing_pages(campaigns) for campaigns in (10, 100, 1_000)] == [2, 3, 21]


def test_what_is_off_by_more_than_15_percent_is_not_believed() -> None:
    assert Compared("calls", 100, 115).is_close
    assert not Compared("calls", 100, 116).is_close
    assert not Compared("calls", 0, 1).is_close
    assert Compared("repeats", 0, 0).is_close


def test_the_page_has_what_the_simulation_says(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- scale: begin --><!-- scale: end -->\n", encoding="utf-8")

    assert simulate_scale.main(["--only", "scale", "--markdown", str(page)]) == 0

    assert page.read_text(encoding="utf-8").strip() in PAGE.read_text(encoding="utf-8")


def test_a_day_of_an_account_adds_up() -> None:
    own = OwnCosts(unchanged=1.0, full_each=0.5, peak_mb=200, version_bytes=4_000)

    found = scaled(2, 10, own)

    # a full sweep is 10 calls and one for the contact lists; 23 times 2 pages and one for those,
    # but for repeats and for what changes: a hundredth of ten campaigns, hardly ever
    assert found.calls_a_day == pytest.approx(11 + 23 * 3, rel=0.02)
    assert found.cores == 2 * (23 * 1.0 + 1.0 + 10 * 0.5) / 86_400
    assert found.versions == pytest.approx(20 * (1 + 3.65))
    assert found.machines_row()[:3] == ["2 x 10", "48", "1"]


def test_a_small_case_over_a_real_socket_takes_what_the_simulation_says(
    emulate: Emulate, tmp_path: Path
) -> None:
    # three rounds of the budget: what is compared is waiting, whatever the machine's speed
    limit, campaigns, kept = Limit(8, 10.0), 18, Kore(latency=(0.05, 0.05), failing=0.15)
    setbacks = draw_setbacks(campaigns, kept, attempts=3, seed=3)
    kore = emulate(
        sample_campaigns(campaigns),
        requests_per_minute=limit.calls,
        window_seconds=limit.seconds,
        latency=kept.latency[0],
    )
    for campaign_id, times in zip(kore.campaign_ids(), setbacks, strict=True):
        if times:
            kore.fault(Fault.SERVER_ERROR, campaign_id, times=times)
    limiter = closed_later(
        SQLiteRateLimiter(path=tmp_path / "calls.sqlite", limits=[limit], lease_seconds=60)
    )
    transport = Transport(
        host=kore.url,
        stream_id=kore.stream_id,
        account_id=kore.account_id,
        auth=TokenAuth(client_id=kore.client_id, key=kore.client_secret),
        rate_limiter=limiter,
    )
    client = KoreClient(transport)
    fetched = fetch_campaigns(
        kore.campaign_ids(),
        client=client,
        workers=8,
        stop=threading.Event(),
        now=lambda: datetime.now(UTC),
    )
    answers = list(fetched)
    transport.close()

    simulated = SimulatedRun(Work(setbacks=setbacks), kore=kept, limits=[limit]).go()

    assert sum(setbacks) > 0
    assert all(answer.data for answer in answers)
    assert (transport.counters.requests, transport.counters.retries) == (
        simulated.calls,
        simulated.retries,
    )
    assert kore.counters.rate_limited == 0
    measured = asking_seconds([request.at for request in kore.requests])
    assert Compared("seconds of waiting", measured, simulated.asking_seconds).is_close
    assert simulated.asking_seconds > 2 * limit.seconds
    assert RetryPolicy().attempts > max(setbacks)


def test_the_indexes_of_the_page_can_be_made_and_runs_go_on(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    kore = emulate(sample_campaigns(3))
    warehouse.project.use(kore)
    warehouse.run()
    found = re.search(r"```sql[^\n]*\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert found

    warehouse.sql(found[1])
    kore.edit(kore.campaign_ids()[0], {"status": "Paused"})

    assert warehouse.run()["new_versions"] == 1
    made = "select count(*) from pg_indexes where schemaname = 'kore_raw' and indexdef like %s"
    assert warehouse.sql(made, "%(stream_id)") == [(len(found[1].splitlines()),)]
