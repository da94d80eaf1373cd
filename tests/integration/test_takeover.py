"""What the program at ff45047 left is continued: its database, its folder, its budget of calls.

Nothing of the history differs afterwards, and no campaign is requested again for it.
"""

from __future__ import annotations

import io
import json
import lzma
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg2
import pytest

from kore_emulator import demo_campaigns
from support.recorder import Commands, Recorder
from support.takeover import (
    POSTGRES_ADDRESS,
    STEPS,
    Apps,
    account_name,
    all_rows,
    change,
    cursor_of,
    prepare,
    started_apps,
)

pytestmark = pytest.mark.slow

WRITTEN: Final = Path(__file__).parents[1] / "data" / "written_by_ff45047"
KEPT: Final = Path(".kore_campaigns") / "kore_campaigns"
# these say how things are today, or when a campaign was last confirmed
_OF_TODAY: Final = {
    *("kore.calendar", "kore.calling_windows_utc", "kore.campaign_overlaps"),
    *("kore.time_zones", "kore.zone_offsets", "kore_raw.time_zones", "kore_raw.zone_offsets"),
}
# a run may add to these
_GROWING: Final = {
    *("kore.runs", "kore_raw.extraction_runs", "kore_raw._dlt_loads", "kore_raw._dlt_version")
}
# a row of the listing is hashed with how an SMS campaign was run, too
_MOVING: Final = {"last_confirmed_at", "seen_at", "row_hash"}


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """What the earlier program knew at the end, by destination."""
    found: dict[str, Any] = json.loads(_unpacked(".json.xz"))
    return found


@pytest.fixture
def apps() -> Iterator[Apps]:
    """Kore.ai in the state in which the earlier program last saw it."""
    with started_apps() as apps:
        for step in STEPS:
            change(apps, step)
        yield apps


class Taken:
    """A project of the earlier program, in the hands of this one."""

    def __init__(self, recorder: Recorder, place: Path | str, apps: Apps) -> None:
        self.recorder = recorder
        self.place = place
        self.apps = apps
        self._flags = [] if isinstance(place, Path) else ["--destination", "postgres"]
        prepare(recorder, apps)

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        command, *rest = arguments
        ended = self.recorder.run(command, *self._flags, *rest, "--json")
        assert ended.code == code, ended
        return ended.json

    def requests(self) -> dict[str, dict[str, int]]:
        """How often each app was called, by endpoint, since the last time."""
        counted = {name: dict(app.counters.by_endpoint) for name, app in self.apps.items()}
        for app in self.apps.values():
            app.reset_counters()
        return counted

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        return all_rows(self.place)


@pytest.fixture
def in_file(tmp_path: Path, commands: Commands, apps: Apps) -> Taken:
    """The project folder, copied to another place, as from a backup."""
    recorder = Recorder(tmp_path / "taken", commands, lambda: "")
    with tarfile.open(fileobj=io.BytesIO(_unpacked(".project.tar.xz"))) as tar:
        tar.extractall(recorder.folder, filter="data")
    return Taken(recorder, recorder.database, apps)


@pytest.fixture
def in_postgres(tmp_path: Path, commands: Commands, apps: Apps, postgres: Any) -> Taken:
    address = postgres.new_database()
    recorder = Recorder(tmp_path / "taken", commands, lambda: "")
    recorder.environment[POSTGRES_ADDRESS] = address
    lines = _unpacked(".postgres.sql.xz").decode().splitlines()
    # settings and commands of a dump differ between versions of Postgres; its statements do not
    dump = [line for line in lines if not line.startswith(("SET ", "\\"))]
    with closing(psycopg2.connect(address)) as server, server, server.cursor() as cursor:
        cursor.execute("\n".join(dump))
    return Taken(recorder, address, apps)


@pytest.fixture(params=["in_file", "in_postgres"])
def taken(request: pytest.FixtureRequest) -> Taken:
    found: Taken = request.getfixturevalue(request.param)
    return found


def _unpacked(ending: str) -> bytes:
    return lzma.decompress(WRITTEN.with_name(WRITTEN.name + ending).read_bytes())


def _known(taken: Taken, facts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = facts["duckdb" if isinstance(taken.place, Path) else "postgres"]
    return found


def _differing(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Tables and views that do not show what they showed; a new column is no difference."""
    return [
        name
        for name, rows in before.items()
        if name not in _OF_TODAY and not _is_kept(name, rows, now.get(name, []))
    ]


def _is_kept(name: str, before: list[dict[str, Any]], now: list[dict[str, Any]]) -> bool:
    columns = {column for row in before for column in row} - _MOVING
    if name not in _GROWING and not name.startswith("kore_raw.campaign_versions"):
        columns = {column for column in columns if not column.startswith("_dlt_")}

    def comparable(rows: list[dict[str, Any]]) -> list[str]:
        # the wording of a sentence may change; that there is one may not
        plain = [{**row, "sentence": bool(row.get("sentence"))} for row in rows]
        return sorted(
            json.dumps({column: row.get(column, "(missing)") for column in sorted(columns)})
            for row in plain
        )

    earlier, later = comparable(before), comparable(now)
    return {*earlier} <= {*later} if name in _GROWING else earlier == later


def _without_dnc_lists(requests: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """The requests but those for the DNC lists, which the earlier program did not send: each that
    campaigns name, once.
    """
    assert {name: of_app.pop("contact_list") for name, of_app in requests.items()} == {
        "emea": 4,
        "apac": 2,
    }
    return requests


def test_as_it_is_it_is_read(taken: Taken, facts: dict[str, Any]) -> None:
    known = _known(taken, facts)
    last = known["last_run"]

    status = taken.json("status")

    assert status["last_run"]["run_id"] == last["connections"][-1]["run_id"]
    assert (status["configured"], status["live"], status["deleted"]) == (21, 21, 1)
    assert status["versions"] == len(known["rows"]["kore_raw.campaign_versions"])
    assert taken.rows().keys() == known["rows"].keys()


def test_its_views_are_replaced_below_the_views_that_read_them(in_postgres: Taken) -> None:
    # each has all columns that it had, in their order; what is new comes after them
    of_views = "select table_name from information_schema.views where table_schema = 'kore'"
    new_columns = (
        "select count(*) from information_schema.columns "
        "where table_schema = 'kore' and column_name in ('app_name', 'campaign_key', 'day_name')"
    )
    with cursor_of(str(in_postgres.place)) as cursor:
        cursor.execute(of_views)
        names = [name for (name,) in cursor.fetchall()]
        cursor.execute("create schema bi")
        for name in names:
            cursor.execute(f"create view bi.{name} as select * from kore.{name}")
        cursor.connection.commit()

    ended = in_postgres.recorder.run("run", "--destination", "postgres")

    assert (ended.code, ended.err) == (0, "")
    with cursor_of(str(in_postgres.place)) as cursor:
        cursor.execute(new_columns)
        assert cursor.fetchall() > [(40,)]


def test_the_next_run_requests_no_campaign_and_the_history_is_row_by_row_as_it_was(
    taken: Taken, facts: dict[str, Any]
) -> None:
    known = _known(taken, facts)

    report = taken.json("run")

    assert _without_dnc_lists(taken.requests()) == known["requests"]
    assert (report["sweep"], report["fetched"], report["new_versions"]) == ("listing", 0, 0)
    assert (report["unchanged"], report["failed"], report["is_complete"]) == (21, 0, True)
    now = taken.rows()
    assert _differing(known["rows"], now) == []
    assert len(now["kore.runs"]) == len(known["rows"]["kore.runs"]) + 2


def test_a_folder_that_was_not_moved_keeps_its_working_copy(
    in_file: Taken, facts: dict[str, Any]
) -> None:
    database, kept = in_file.recorder.database, in_file.recorder.project / KEPT
    inode, size, modified = (kept / "origin.json").read_text(encoding="utf-8").split("-")
    now = database.stat()
    assert int(size) == now.st_size
    assert inode.isdecimal()
    assert modified.isdecimal()
    (kept / "origin.json").write_text(
        f"{now.st_ino}-{now.st_size}-{now.st_mtime_ns}", encoding="utf-8"
    )
    marker = kept / "dlt" / "marker"
    marker.touch()

    in_file.json("run")

    assert marker.exists()  # dlt's folder would have been made again with the working copy
    assert _without_dnc_lists(in_file.requests()) == facts["duckdb"]["requests"]
    assert _differing(facts["duckdb"]["rows"], in_file.rows()) == []
    assert len(in_file.json("restore")["generations"]) == 3


def test_an_edit_is_the_next_version(taken: Taken, facts: dict[str, Any]) -> None:
    known = _known(taken, facts)
    edited = demo_campaigns()[0]["_id"]
    taken.apps["emea"].edit(edited, {"status": "Stopped"})

    report = taken.json("run")

    assert (report["fetched"], report["new_versions"]) == (1, 1)
    assert taken.requests()["emea"]["detail"] == 1
    versions = "kore_raw.campaign_versions"
    added = [row for row in taken.rows()[versions] if row not in known["rows"][versions]]
    assert [(row["campaign_id"], row["version"]) for row in added] == [(edited, 4)]


def test_rebuild_derives_the_same_and_verify_finds_no_difference(
    taken: Taken, facts: dict[str, Any]
) -> None:
    known = _known(taken, facts)["rows"]

    rebuilt = taken.json("rebuild")
    verified = taken.json("verify")

    assert rebuilt["versions"] == len(known["kore_raw.campaign_versions"])
    assert (rebuilt["different"], rebuilt["columns"]) == (0, {})
    assert sum(part["alike"] for part in verified["connections"]) == 21
    assert all(not part["different"] and not part["failed"] for part in verified["connections"])
    now = taken.rows()
    assert [
        name
        for name in known
        if name.startswith("kore_raw.campaign_versions")
        and not _is_kept(name, known[name], now[name])
    ] == []


def test_its_generations_are_listed_and_can_be_restored(
    in_file: Taken, facts: dict[str, Any]
) -> None:
    known = facts["duckdb"]["restore"]
    first, *_, last = known["generations"]

    listed = in_file.json("restore")

    unmoved = ("name", "number", "run_id", "exit_code", "campaigns", "versions", "size_bytes")
    for one, other in zip(listed["generations"], known["generations"], strict=True):
        assert {key: one[key] for key in unmoved} == {key: other[key] for key in unmoved}
    assert listed["published"]["run_id"] == known["published"]["run_id"]

    in_file.json("restore", "--generation", str(last["number"]))

    assert len(in_file.rows()["kore_raw.campaign_versions"]) == last["versions"]
    in_file.json("run")
    assert len(in_file.rows()["kore.campaigns"]) == first["campaigns"]


@pytest.mark.parametrize("kind", ["calls", "pause"])
def test_calls_that_it_counted_in_its_file_are_counted(
    in_file: Taken, facts: dict[str, Any], kind: str
) -> None:
    folder = in_file.recorder.folder / "state" / "kore-campaigns"
    counted = {}
    for name, app in in_file.apps.items():
        host = facts["duckdb"]["hosts"][name]
        file = folder / f"calls-v1-{account_name(host, app.account_id)}.sqlite"
        here = folder / f"calls-v1-{account_name(app.url, app.account_id)}.sqlite"
        file.rename(here)  # the emulator has another port today, and with it another name
        counted[name] = _counted_just_now(here, facts["duckdb"]["ended_at"], kind)
    in_file.recorder.set(requests_per_minute=min(counted.values()) if kind == "calls" else 1000)

    report = in_file.json("run", "--deadline", "1s", code=75)

    assert report["requests"] == 0
    assert in_file.requests() == {"emea": {}, "apac": {}}


def _counted_just_now(file: Path, ended_at: float, kind: str) -> int:
    """Move the file's calls to now, or replace them by a pause; returns how many there are."""
    with closing(sqlite3.connect(file)) as calls, calls:
        count, last = calls.execute("select count(*), max(ends) from calls").fetchone()
        assert ended_at - 3600 < last <= ended_at
        if kind == "calls":
            calls.execute("update calls set ends = ?, in_flight = 0", (time.time(),))
        else:
            calls.execute("delete from calls")
            calls.execute("update pause set until = ?", (time.time() + 60,))
    return int(count)


def test_calls_that_it_counted_in_postgres_are_counted(
    in_postgres: Taken, facts: dict[str, Any]
) -> None:
    assert isinstance(in_postgres.place, str)
    in_postgres.recorder.set(call_budget="postgres")
    counts = []
    with closing(psycopg2.connect(in_postgres.place)) as server, server, server.cursor() as cursor:
        for name, app in in_postgres.apps.items():
            then = account_name(facts["postgres"]["hosts"][name], app.account_id)
            now = account_name(app.url, app.account_id)
            cursor.execute(
                "update kore_calls.calls set account = %s,"
                " ends = extract(epoch from clock_timestamp()) where account = %s",
                (now, then),
            )
            counts.append(cursor.rowcount)
    in_postgres.recorder.set(requests_per_minute=min(counts))

    report = in_postgres.json("run", "--deadline", "1s", code=75)

    assert min(counts) > 5
    assert report["requests"] == 0
    assert in_postgres.requests() == {"emea": {}, "apac": {}}
