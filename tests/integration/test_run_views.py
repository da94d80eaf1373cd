"""`kore.runs` and `kore.campaign_freshness`: how runs ended, and what they confirmed."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from support.run_records import DAY, HOUR, START, STREAM, Record

pytestmark = pytest.mark.slow

RUNS = """
select run_id, state, duration_seconds, is_full_sweep_finished from kore.runs order by started_at
"""
FRESHNESS = """
select campaign_id, last_confirmed_at, is_stale from kore.campaign_freshness order by campaign_id
"""


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "record.duckdb")


def freshness(record: Record) -> dict[str, tuple[datetime | None, bool]]:
    return {campaign_id: (at, is_stale) for campaign_id, at, is_stale in record.sql(FRESHNESS)}


def test_each_run_says_how_it_ended(record: Record) -> None:
    not_ended: dict[str, Any] = {"finished_at": None, "is_complete": False, "exit_code": None}
    record.run("complete", START)
    record.run("killed", START + DAY, **not_ended)
    record.run("partial", START + 2 * DAY, planned=9, failed=8, is_complete=False, exit_code=4)
    record.run("failed", START + 3 * DAY, planned=9, failed=9, is_complete=False, exit_code=3)
    record.run("stopped", START + 4 * DAY, planned=9, failed=9, is_complete=False, exit_code=75)
    record.error("stopped", "cd-1", START + 4 * DAY, error_code="interrupted")
    record.run("listing", START + 5 * DAY, sweep="listing")
    half = {"confirmed_through": "cd-4", "is_complete": False, "planned": 9, "failed": 1}
    record.run("half", START + 6 * DAY, **half)
    record.run("now", START + 7 * DAY, **not_ended)

    assert record.sql(RUNS) == [
        ("complete", "complete", 3600, True),
        ("killed", "killed", None, False),
        ("partial", "partial", 3600, True),
        ("failed", "failed", 3600, True),
        ("stopped", "interrupted", 3600, True),
        ("listing", "complete", 3600, False),
        ("half", "partial", 3600, False),
        ("now", "running", None, False),
    ]


def test_only_a_run_of_the_same_account_shows_that_one_was_killed(record: Record) -> None:
    not_ended: dict[str, Any] = {"finished_at": None, "is_complete": False, "exit_code": None}
    record.run("slow", START, **not_ended)
    record.run("other", START + HOUR, stream_id="st-2", account_id="a-2")

    assert record.sql(RUNS)[0][:2] == ("slow", "running")
    record.run("next", START + DAY, stream_id="st-3")
    assert record.sql(RUNS)[0][:2] == ("slow", "killed")


def test_a_campaign_is_confirmed_by_the_newest_run_in_which_it_did_not_fail(record: Record) -> None:
    for number in range(4):
        record.run(f"r{number}", START + number * DAY)
    for campaign_id in ("cd-good", "cd-failed-before", "cd-fails", "cd-never"):
        record.configured(campaign_id, START)
    record.version("cd-good", START)
    record.error("r2", "cd-failed-before", START + 2 * DAY)
    for number in (2, 3):
        record.error(f"r{number}", "cd-fails", START + number * DAY)
    for number in range(4):
        record.error(f"r{number}", "cd-never", START + number * DAY)

    assert freshness(record) == {
        "cd-good": (START + 3 * DAY, False),
        "cd-failed-before": (START + 3 * DAY, False),
        "cd-fails": (START + DAY, True),
        "cd-never": (None, True),
    }


@pytest.mark.parametrize("code", ["interrupted", "not_asked"])
def test_a_run_that_did_not_get_to_a_campaign_neither_confirms_it_nor_makes_it_stale(
    record: Record, code: str
) -> None:
    for number in range(4):
        record.run(f"r{number}", START + number * DAY)
    record.configured("cd-1", START)
    record.configured("cd-failed-before", START)
    for number in (2, 3):
        record.error(f"r{number}", "cd-1", START + number * DAY, error_code=code)
        record.error(f"r{number}", "cd-failed-before", START + number * DAY, error_code=code)
    record.error("r1", "cd-failed-before", START + DAY)

    assert freshness(record) == {
        "cd-1": (START + DAY, False),
        "cd-failed-before": (START, True),
    }


def test_however_long_a_campaign_fails_the_run_before_is_found(record: Record) -> None:
    failed_in = {"cd-49": 49, "cd-50": 50, "cd-51": 51, "cd-107": 107, "cd-always": 110}
    with record.at_once():
        for number in range(110):
            record.run(f"r{number}", START + number * DAY)
        for campaign_id, failures in failed_in.items():
            record.configured(campaign_id, START)
            for number in range(110 - failures, 110):
                record.error(f"r{number}", campaign_id, START + number * DAY)

    assert freshness(record) == {
        campaign_id: (START + (109 - failures) * DAY if failures < 110 else None, True)
        for campaign_id, failures in failed_in.items()
    }


def test_all_that_is_said_of_a_campaign(record: Record) -> None:
    record.run("r1", START)
    record.run("r2", START + DAY)
    record.configured("cd-1", START)
    record.version("cd-1", START + HOUR)
    record.version("cd-1", START + DAY, version=2, valid_from=START + 2 * HOUR, name="new name")
    record.error("r1", "cd-1", START, error_code="rate_limited")
    record.error("r2", "cd-1", START + DAY + HOUR)

    assert record.sql("select * from kore.campaign_freshness") == [
        (
            *("a-1", STREAM, "cd-1", "new name", True),
            *(START + DAY, START + 2 * HOUR),
            *(START + DAY + HOUR, "not_found", "HTTP 404 in r2", False),
            *(STREAM, f"{STREAM}/cd-1", None),
        )
    ]


def test_a_run_that_was_killed_confirms_only_what_it_stored(record: Record) -> None:
    record.run("r1", START)
    record.run("r2", START + DAY, finished_at=None, is_complete=False)
    record.run("r3", START + 2 * DAY, finished_at=None, is_complete=False)
    record.configured("cd-1", START)
    record.configured("cd-2", START)
    record.version("cd-2", START + DAY + HOUR)

    assert freshness(record) == {
        "cd-1": (START, False),
        "cd-2": (START + DAY + HOUR, False),
    }


def test_a_full_sweep_that_goes_on_confirms_from_when_it_began(record: Record) -> None:
    record.run("r1", START)
    record.run("r2", START + DAY, full_sweep_started_at=START + HOUR)
    record.configured("cd-1", START)

    assert freshness(record) == {"cd-1": (START + HOUR, False)}


def test_what_was_not_configured_yet_or_no_more_was_not_confirmed(record: Record) -> None:
    for number in range(5):
        record.run(f"r{number}", START + number * DAY)
    record.configured("cd-new", START + 4 * DAY)
    record.error("r4", "cd-new", START + 4 * DAY)
    for campaign_id in ("cd-removed", "cd-removed-and-failed", "cd-gone"):
        record.configured(campaign_id, START, removed_at=START + 3 * DAY)
    record.version("cd-removed", START)
    record.version("cd-removed-and-failed", START)
    record.error("r2", "cd-removed-and-failed", START + 2 * DAY)
    record.version("cd-gone", START, is_deleted=True)
    record.version("cd-unknown-to-the-file", START)

    assert freshness(record) == {
        "cd-new": (None, True),
        "cd-removed": (START + 2 * DAY, True),
        "cd-removed-and-failed": (START + DAY, True),
        "cd-unknown-to-the-file": (START, True),
    }
    assert record.sql("select campaign_id from kore.campaign_freshness where is_configured") == [
        ("cd-new",)
    ]


def test_a_deleted_campaign_counts_while_it_is_configured(record: Record) -> None:
    record.run("r1", START)
    record.configured("cd-1", START)
    record.version("cd-1", START, is_deleted=True)

    assert freshness(record) == {"cd-1": (START, False)}


def test_how_old_is_stale_is_what_the_newest_run_says(record: Record) -> None:
    record.run("r1", START, stale_after_seconds=1)
    record.configured("cd-1", START)
    assert freshness(record) == {"cd-1": (START, True)}

    record.run("r2", START + DAY, finished_at=None)
    assert freshness(record) == {"cd-1": (START, False)}


def test_an_age_of_more_seconds_than_32_bits_hold_is_never_stale(record: Record) -> None:
    record.run("r1", START, stale_after_seconds=2 * 3600 * 300_000_000)
    record.configured("cd-1", START)

    assert freshness(record) == {"cd-1": (START, False)}


def test_apps_in_one_database_do_not_confirm_each_other(record: Record) -> None:
    record.run("r1", START)
    record.run("r2", START + DAY, stream_id="st-2")
    for stream_id in (STREAM, "st-2"):
        record.configured("cd-1", START, stream_id=stream_id)
    record.error("r2", "cd-1", START + DAY, stream_id="st-2")

    found = record.sql(
        "select stream_id, last_confirmed_at, is_stale, last_error_code"
        " from kore.campaign_freshness order by 1"
    )
    assert found == [(STREAM, START, False, None), ("st-2", None, True, "not_found")]


def invented(record: Record, stream_id: str, rng: random.Random) -> dict[str, datetime]:
    """An app with some runs, campaigns and failures; when each campaign was last confirmed."""
    at = [START + number * DAY for number in range(rng.randint(1, 7))]
    is_finished = [rng.random() < 0.8 for _ in at]
    for number, started_at in enumerate(at):
        finished_at = started_at + HOUR if is_finished[number] else None
        run_id = f"{stream_id}-r{number}"
        record.run(run_id, started_at, stream_id=stream_id, finished_at=finished_at)
    expected = {}
    for campaign_id in ("cd-1", "cd-2", "cd-3"):
        since, until = sorted(rng.sample(range(len(at) + 1), 2))
        removed_at = at[until] if until < len(at) else None
        record.configured(campaign_id, at[since], stream_id=stream_id, removed_at=removed_at)
        record.version(campaign_id, START - DAY, stream_id=stream_id)
        failed = {number for number in range(len(at)) if rng.random() < 0.5}
        for number in failed:
            record.error(f"{stream_id}-r{number}", campaign_id, at[number], stream_id=stream_id)
        confirming = [at[n] for n in range(since, until) if is_finished[n] and n not in failed]
        expected[f"{stream_id} {campaign_id}"] = max(confirming, default=START - DAY)
    return expected


def test_the_view_agrees_with_a_search_run_by_run(record: Record) -> None:
    rng = random.Random(7)
    expected: dict[str, datetime] = {}
    with record.at_once():
        for number in range(60):
            expected |= invented(record, f"st-{number}", rng)

    found = record.sql(
        "select stream_id || ' ' || campaign_id, last_confirmed_at from kore.campaign_freshness"
    )
    assert dict(found) == expected
    assert len(set(expected.values())) > 5
