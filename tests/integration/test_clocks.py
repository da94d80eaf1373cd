"""Clocks that are wrong, Kore's or this machine's, take no campaign out of its history."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest

from conftest import BOTH, Emulate
from kore_emulator import sample_campaigns
from support.project import Project
from support.recorder import Ended

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

FAKETIME = shutil.which("faketime")
IN_FORCE = """
select campaign_id, max(name), count(*) from kore.campaign_history
where valid_from <= observed_at
    and (valid_to is null or valid_from < valid_to) and (valid_to is null) = is_current
group by campaign_id order by campaign_id
"""
LATE = "select count(*) from kore_raw.campaign_versions where valid_from > observed_at"
TOLD = "select path, example_type, campaign_count from kore_raw.extraction_drift"


def test_a_time_in_the_future_counts_from_when_it_was_seen(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(2))
    one, _ = kore.campaign_ids()
    project.use(kore, max_vanished=1)
    kore.edit(one, {"updatedAt": "2099-01-01T00:00:00.000Z"})

    first = project.run()
    kore.edit(one, {"name": "mended", "updatedAt": "2026-02-03T04:05:06.789Z"})
    project.run()
    kore.delete(one)
    last = project.run()

    assert [each["example_type"] for each in first.drift] == ["in the future"]
    assert (last.vanished, last.drift) == (1, [])
    assert project.sql(TOLD) == [("updatedAt", "in the future", 1)]
    assert project.sql(LATE) == [(0,)]
    assert (one, "mended", 3) in project.sql(IN_FORCE)


def test_what_an_older_program_stored_is_in_force_at_once_and_mended_by_a_rebuild(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(1))
    (one,) = kore.campaign_ids()
    project.use(kore)
    project.run()
    kore.edit(one, {"name": "second"})
    project.run()
    project.alter("update campaign_versions set valid_from = timestamptz '2099-01-01 00:00:00+00'")
    kore.edit(one, {"name": "third"})

    project.run()

    assert project.sql(LATE) == [(2,)]
    assert project.sql(IN_FORCE) == [(one, "third", 3)]
    assert project.cli("rebuild").code == 0
    assert project.sql(LATE) == [(0,)]
    assert project.sql(IN_FORCE) == [(one, "third", 3)]


def at(offset: str, project: Project, *arguments: str) -> Ended:
    """A command on a machine whose clock is off; its process alone sees that clock."""
    assert FAKETIME, "no faketime on this machine. Next: make faketime"
    done = subprocess.run(
        [FAKETIME, "-f", offset, sys.executable, "-m", "kore_campaigns", *arguments],
        cwd=project.folder,
        env=os.environ | {"FAKETIME_DONT_FAKE_MONOTONIC": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def shift(project: Project, hours: int) -> None:
    """All that was recorded becomes as if the clock had been ahead by so many hours."""
    for table, columns in {
        "extraction_runs": ("started_at", "finished_at", "full_sweep_started_at"),
        "campaign_versions": ("observed_at", "valid_from"),
        "configured_campaigns": ("configured_at",),
    }.items():
        moved = ", ".join(f"{name} = {name} + interval '{hours} hours'" for name in columns)
        project.alter(f"update {table} set {moved}")


def test_after_a_clock_that_was_ahead_runs_are_in_the_order_of_writing(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    one = kore.campaign_ids()[0]
    project.use(kore, sweep="auto")
    project.run()
    shift(project, 26)
    stale = project.cli("status", "--json").json
    said = project.cli("status").out
    kore.edit(one, {"name": "edited silently"}, silent=True)

    back = project.cli("run")
    new = project.cli("findings", "--new", "--json").json["findings"]
    well = project.cli("status", "--json").json
    project.set("credentials__client_secret", "wrong")
    refused = project.cli("run", "--json")
    failed = project.cli("status", "--json").json

    assert (stale["state"], stale["stale"]) == ("stale", 3)
    assert "in the future: the clock was ahead then" in said
    assert back.code == 0
    assert "went back: an earlier run recorded a moment 26 h" in back.err
    # what was seen in the future is no change of this run
    assert "edited silently" in back.out
    assert "for the first time" not in back.out
    are_some = "select count(*) > 0 from kore.findings"
    assert project.sql(are_some) == [(True,)]
    assert new == []
    names = [name for (name,) in project.sql("select name from kore.campaigns")]
    assert "edited silently" in names
    assert (well["state"], well["stale"], well["configured"]) == ("ok", 0, 3)
    assert refused.code == 3
    assert (failed["state"], failed["last_run"]["exit_code"]) == ("failed", 3)
    numbers = "select run_number, exit_code from kore.runs order by run_number"
    assert project.sql(numbers) == [(1, 0), (2, 0), (3, 3)]


def test_a_full_sweep_that_was_stopped_in_the_future_is_not_continued(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(4))
    project.use(kore, sweep="auto")
    project.run()
    not_ended = "finished_at = null, is_complete = false, confirmed_through = 'd'"
    project.alter(f"update extraction_runs set {not_ended}")
    shift(project, 30)

    found = project.run()

    assert (found.sweep, found.fetched) == ("full", 4)


@pytest.mark.duckdb_only
@pytest.mark.parametrize(
    ("offset", "words", "code"),
    [("-10m", "10 min behind", 3), ("+3m", "3 min ahead of", 3), ("-2m", "2 min behind", 0)],
)
def test_a_clock_that_differs_from_kores_is_told_and_kept(
    emulate: Emulate, project: Project, offset: str, words: str, code: int
) -> None:
    project.use(emulate(sample_campaigns(1)))

    ended = at(offset, project, "run")
    check = at(offset, project, "check")

    assert (ended.code, check.code) == (code, code)
    for said in (ended.err, check.out + check.err):
        assert f"the clock of this machine is {words}" in said
    newest = "select clock_difference_seconds from kore.runs order by run_number desc limit 1"
    assert 60 < abs(project.sql(newest)[0][0]) < 660
    project.run()
    assert abs(project.sql(newest)[0][0]) < 5


def test_the_start_of_a_run_is_recorded_before_its_first_request(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(2), latency=30.0)
    project.use(kore)
    for _ in range(2):
        before = kore.counters.requests
        process = project.start("run")
        while kore.counters.requests == before:
            time.sleep(0.05)
        process.kill()
        process.communicate()

    runs = project.sql("select state, sweep, requests from kore.runs order by run_number")
    assert runs == [("killed", None, 0), ("running", None, 0)]
    found = project.cli("status", "--json").json
    assert (found["state"], found["last_run"]["sweep"]) == ("killed", None)
    assert "KILLED" in project.cli("status").out
