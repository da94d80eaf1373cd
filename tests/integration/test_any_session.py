"""Views have the same rows whatever the session of a reader is set to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg2
import pytest

from kore_campaigns.views.apply import VIEWS
from support.postgres import Postgres, copy_to_postgres
from support.view_rows import OF_NOW, rows, rows_in_file

pytestmark = pytest.mark.slow
IN_FILE = (
    "set timezone = 'America/New_York'",
    "set timezone = 'Pacific/Kiritimati'",
    "set calendar = 'buddhist'",
    "set calendar = 'islamic'",
    "set default_order = 'desc'",
    "set default_null_order = 'nulls_first'",
    "set integer_division = true",
    "set preserve_insertion_order = false",
)
ON_SERVER = (
    "set timezone to 'America/New_York'",
    "set timezone to 'Pacific/Kiritimati'",
    "set datestyle to 'German'",
    "set datestyle to 'SQL, DMY'",
    "set intervalstyle to 'iso_8601'",
    "set extra_float_digits to -15",
    "set search_path to pg_temp",
    "set transform_null_equals to on",
    "set client_encoding to 'LATIN1'",
    "set enable_sort to off",
    "set role reader",
)


@pytest.fixture(scope="module")
def stale(played: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, with a campaign that is no longer configured: its finding names a date."""
    copied = tmp_path_factory.mktemp("stale") / "kore_campaigns.duckdb"
    copied.write_bytes((played / copied.name).read_bytes())
    with duckdb.connect(str(copied)) as connection:
        live = "select min(campaign_id) from kore.campaigns"
        table = "kore_raw.configured_campaigns"
        connection.execute(
            f"update {table} set removed_at = configured_at where campaign_id = ({live})"
        )
    return copied


@pytest.fixture(scope="module")
def expected(stale: Path) -> dict[str, list[str]]:
    return rows_in_file(stale)


@pytest.mark.parametrize("setting", IN_FILE)
def test_rows_of_a_file_do_not_depend_on_a_setting(
    stale: Path, expected: dict[str, list[str]], setting: str
) -> None:
    assert len(expected["calling_windows_utc"]) > 300
    assert len(expected["freshness_findings"]) == 1
    assert rows_in_file(stale, setting) == expected


@pytest.mark.parametrize("language", ["th_TH.UTF-8", "ja_JP@calendar=japanese", "ar_SA", "C"])
def test_nor_on_the_language_of_the_machine(
    stale: Path, expected: dict[str, list[str]], language: str
) -> None:
    script = "import sys, json; from support.view_rows import *; " + (
        "print(json.dumps(rows_in_file(Path(sys.argv[1]))))"
    )
    assert json.loads(output([sys.executable, "-c", script, str(stale)], language)) == expected


def output(command: Sequence[str], language: str) -> str:
    tests = str(Path(__file__).parents[1])
    environment = {**os.environ, "LANG": language, "LC_ALL": language, "PYTHONPATH": tests}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_nor_do_the_commands(stale: Path, tmp_path: Path) -> None:
    for language in ("C", "th_TH.UTF-8"):
        command = [sys.executable, "-m", "kore_campaigns", "export", "--database", str(stale)]
        output([*command, "--parquet", str(tmp_path / language)], language)
        command[3:4] = ["report"]
        output([*command, "--html", str(tmp_path / f"{language}.html")], language)
    for view in VIEWS:
        query = f"select * from '{tmp_path}/{{}}/{view}.parquet' order by all"
        here, there = (duckdb.sql(query.format(each)).fetchall() for each in ("C", "th_TH.UTF-8"))
        if view not in OF_NOW:
            assert here == there, view
    pages = [(tmp_path / f"{each}.html").read_text() for each in ("C", "th_TH.UTF-8")]
    assert pages[0].count("<td") == pages[1].count("<td")


def test_rows_of_a_server_do_not_depend_on_a_setting(stale: Path, postgres: Postgres) -> None:
    url = postgres.new_database()
    copy_to_postgres(stale, url)
    with closing(psycopg2.connect(url)) as connection:
        cursor = connection.cursor()
        cursor.execute("create role reader; grant usage on schema kore to reader")
        cursor.execute("grant select on all tables in schema kore to reader")
        moment = "extract(epoch from {})::numeric"
        expected = rows(cursor, moment)
        assert len(expected["freshness_findings"]) == 1
        for setting in ON_SERVER:
            cursor.execute("savepoint before")
            cursor.execute(setting)
            assert rows(cursor, moment) == expected, setting
            cursor.execute("rollback to before")
