"""A history of two apps, so that it can be recorded by one program and continued by another.

`tests/data/make_takeover.py` records it, `tests/integration/test_takeover.py` continues it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import psycopg2

from kore_emulator import REMOVED, Emulator, demo_campaigns, sample_campaigns
from support.recorder import Recorder

Apps = Mapping[str, Emulator]

POSTGRES_ADDRESS: Final = "DESTINATION__POSTGRES__CREDENTIALS"
POLICIES: Final = (
    "name,country,earliest,latest,min_ring_seconds",
    "US federal,US,8:00 AM,9:00 PM,15",
    "India,IN,10:00 AM,9:00 PM,",
)
# every edit of a campaign moves `updatedAt` to a fixed time, so that answers are the same again
_FIRST: Final = {"updatedAt": "2026-01-07T08:09:10.111Z"}
_SECOND: Final = {"updatedAt": "2026-02-03T04:05:06.789Z"}
_HOURS: Final = "dialingStrategy.callingHours"
STEPS: Final = range(4)


@contextmanager
def started_apps() -> Iterator[Apps]:
    """Both apps as they were before the first run."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                Emulator(
                    campaigns=campaigns,
                    stream_id=f"st-{name}",
                    account_id=f"account-{name}",
                    requests_per_minute=None,
                )
            )
            for name, campaigns in {
                "emea": [*demo_campaigns(), *sample_campaigns(6)],
                "apac": sample_campaigns(4, seed=7),
            }.items()
        }


def change(apps: Apps, step: int) -> None:
    """What happens in Kore.ai before the run of this step; nothing before the first and last."""
    emea, apac = ([each["_id"] for each in campaigns] for campaigns in _campaigns())
    if step == 1:
        weekdays = [{"day": day, "start": "9:00 AM", "end": "11:30 PM"} for day in ("MO", "TU")]
        apps["emea"].edit(emea[0], {f"{_HOURS}.days": weekdays, **_FIRST})
        apps["emea"].edit(emea[1], {"dncLists": {}, "status": "Paused"}, silent=True)
        apps["emea"].edit(emea[2], {"contactLists": ["A new list"], "pacingRatio": 1.5, **_FIRST})
        apps["emea"].edit(emea[14], {"name": REMOVED, _HOURS: None, **_FIRST})
        apps["emea"].delete(emea[3])
        apps["emea"].delete(emea[8])
        apps["emea"].fault("html", emea[5])
        apps["apac"].edit(apac[1], {"priority": "9", **_FIRST})
    if step == 2:
        apps["emea"].clear_faults()
        night = [{"day": "SU", "start": "10:00 PM", "end": "2:00 AM"}]
        apps["emea"].edit(emea[0], {f"{_HOURS}.days": night, **_SECOND})
        apps["emea"].edit(emea[1], {"dncLists": [{"id": "cl-1", "name": "One"}]}, silent=True)
        apps["emea"].edit(emea[8], {"status": "Ready", **_SECOND})
        apps["emea"].restore(emea[8])


def configured(step: int) -> list[str]:
    """The lines of the csv at this step: one id is wrong for a while, one is removed."""
    emea, apac = ([each["_id"] for each in campaigns] for campaigns in _campaigns())
    if step == 1:
        emea.append("cd-typo")
    if step > 1:
        emea.remove(demo_campaigns()[10]["_id"])
    lines = [f"{each},emea" for each in emea] + [f"{each},apac" for each in apac]
    return ["campaign_id,connection", *lines]


def _campaigns() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return [*demo_campaigns(), *sample_campaigns(6)], sample_campaigns(4, seed=7)


def prepare(recorder: Recorder, apps: Apps) -> None:
    """The settings and files of the project, as at the last step."""
    for name, app in apps.items():
        recorder.use(app, connection=name)
    recorder.set(requests_per_minute=6000, workers=2, error_budget=1, max_attempts=2)
    # a full sweep is due only by the clock, and the recorded history gets older every day
    recorder.set(full_sweep_every_hours=200_000)
    recorder.write("campaign_ids.csv", *configured(STEPS[-1]))
    recorder.write("policies.csv", *POLICIES)


def account_name(host: str, account_id: str) -> str:
    """How the calls of an account are named, in `calls-v1-<name>.sqlite` and in Postgres."""
    return hashlib.sha256(f"{host}\n{account_id}".encode()).hexdigest()[:24]


@contextmanager
def cursor_of(place: Path | str) -> Iterator[Any]:
    """SQL on a DuckDB file, or on the Postgres with this address; all times in UTC."""
    if isinstance(place, Path):
        with duckdb.connect(str(place), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            yield connection.cursor()
        return
    with closing(psycopg2.connect(place)) as server, server.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'")
        yield cursor


def all_rows(place: Path | str) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table and view, by name, in an order that depends on the rows alone."""
    found = {}
    with cursor_of(place) as cursor:
        cursor.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_schema in ('kore', 'kore_raw') order by 1"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"select * from {name}")
            columns = [column[0] for column in cursor.description]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            plain = json.loads(json.dumps(rows, default=str))
            found[name] = sorted(plain, key=lambda row: json.dumps(row, sort_keys=True))
    return found
