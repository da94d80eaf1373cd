"""The file for Prometheus, read with Prometheus' own parser."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kore_campaigns.config.paths import replace_text
from kore_campaigns.reports.monitoring import METRICS, PREFIX, metrics_text
from support.metrics_file import of, parsed
from support.status_facts import COMPLETE, STARTED, app, last_run


def test_every_fact_is_a_gauge_with_the_app_as_label() -> None:
    one = app(
        last_run(),
        last_complete_at=STARTED,
        last_full_sweep_at=STARTED,
        **{"configured": 9, "live": 7, "deleted": 1, "stale": 2, "drift": 3},
    )

    series = parsed(metrics_text([one], database_bytes=4096))

    at = STARTED.timestamp()
    assert of(series) == {
        **{"last_run_timestamp_seconds": at, "last_run_success": 0, "last_run_exit_code": 4},
        **{"last_run_planned": 9, "last_run_fetched": 8, "last_run_new_versions": 1},
        **{"last_run_unchanged": 6, "last_run_vanished": 1, "last_run_failed": 1},
        **{"last_run_requests": 12, "last_run_retries": 2, "last_run_rate_limited": 1},
        **{"last_run_seconds": 1020, "configured": 9, "live": 7, "deleted": 1, "stale": 2},
        **{"drift": 3, "database_bytes": 4096},
        "last_complete_run_timestamp_seconds": at,
        "last_full_sweep_timestamp_seconds": at,
    }
    assert set(series) == {PREFIX + name for name in METRICS}


def test_a_complete_run_is_a_success_and_a_killed_one_is_none() -> None:
    good, killed = (
        app(last_run(**COMPLETE)),
        app(
            last_run(state="killed", exit_code=None, finished_at=None, duration_seconds=None),
            stream_id="st-2",
        ),
    )

    series = parsed(metrics_text([good, killed], database_bytes=1))

    assert (of(series)["last_run_success"], of(series)["last_run_exit_code"]) == (1, 0)
    found = of(series, "st-2")
    assert (found["last_run_success"], found["last_run_planned"]) == (0, 9)
    assert found["last_run_timestamp_seconds"] == STARTED.timestamp()
    assert not {"last_run_exit_code", "last_run_seconds"} & found.keys()


def test_an_ending_takes_the_place_of_the_last_run_and_of_nothing_else() -> None:
    now = datetime(2026, 3, 5, tzinfo=UTC)
    apps = [app(last_run(**COMPLETE), stale=2), app(last_run(**COMPLETE), stream_id="st-2")]

    series = parsed(metrics_text(apps, database_bytes=1, ended={"st-1": 6}, now=now))

    assert of(series) == {
        **{"last_run_timestamp_seconds": now.timestamp(), "last_run_success": 0},
        **{"last_run_exit_code": 6, "configured": 0, "live": 0, "deleted": 0, "stale": 2},
        **{"drift": 0, "database_bytes": 1},
    }
    assert of(series, "st-2")["last_run_success"] == 1


def test_before_the_first_run_an_ending_is_all_there_is() -> None:
    series = parsed(metrics_text([], database_bytes=0, ended={"": 2}))

    assert set(of(series, "")) == {
        *("last_run_timestamp_seconds", "last_run_success", "last_run_exit_code")
    }
    assert metrics_text([], database_bytes=0) == ""


def test_an_odd_name_of_an_app_stays_one_label() -> None:
    odd = 'a "b"\\\n}'

    series = parsed(metrics_text([app(last_run(), stream_id=odd)], database_bytes=1))

    assert of(series, odd)["last_run_failed"] == 1


def test_the_file_is_replaced_at_once_and_can_be_read_by_others(tmp_path: Path) -> None:
    file = tmp_path / "collected" / "kore.prom"
    file.parent.mkdir()
    file.write_text("old")
    with file.open(encoding="utf-8") as reader:
        replace_text(file, "new\n")
        assert reader.read() == "old"

    assert file.read_text() == "new\n"
    assert stat.S_IMODE(file.stat().st_mode) & 0o044
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("place", ["missing/kore.prom", "file/kore.prom", "folder"])
def test_a_file_that_cannot_be_written_is_an_oserror_and_leaves_nothing(
    tmp_path: Path, place: str
) -> None:
    before = tmp_path / "collected"
    (before / "folder").mkdir(parents=True)
    (before / "file").touch()

    with pytest.raises(OSError, match=r".+"):
        replace_text(before / place, "x")

    assert {path.name for path in before.iterdir()} == {"file", "folder"}
