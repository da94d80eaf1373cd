"""The same runs into a real Postgres: the same rows, one run per account, nobody's rows lost."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from conftest import Emulate
from kore_campaigns import read_view
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.views.apply import VIEWS
from kore_emulator import Emulator, Fault, demo_campaigns, sample_campaigns
from support.postgres import POSTGRES_ADDRESS as ADDRESS
from support.postgres import Postgres, rows_of
from support.project import Project
from support.warehouse import Warehouse

# what they say depends on when and how long a run was
OF_THE_RUN = ("runs", "campaign_freshness", "contact_lists")


def change(kore: Emulator) -> None:
    ids = kore.campaign_ids()
    kore.edit(ids[0], {"dialingStrategy.callingHours.days": []})
    kore.edit(ids[1], {"contactLists": ["one", "two"], "dncLists": None})
    kore.delete(ids[2])


@pytest.mark.slow
def test_runs_leave_the_rows_that_they_leave_in_duckdb(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    project = warehouse.project
    kore = emulate(demo_campaigns())
    project.use(kore, contact_lists="true", sweep="auto")
    for _ in range(2):
        warehouse.run()
        project.run()
        change(kore)
    warehouse.run()
    project.run()

    with (
        closing(psycopg2.connect(warehouse.url)) as postgres,
        duckdb.connect(str(project.database), read_only=True) as file,
    ):
        for view in VIEWS:
            if view not in OF_THE_RUN:
                here, there = (_without_time(rows_of(each, view)) for each in (postgres, file))
                assert here == there, view
        for table in ("campaign_versions", "campaign_versions__changes", "campaign_listings"):
            count = f"select count(*) from kore_raw.{table}"
            cursor = postgres.cursor()
            cursor.execute(count)
            assert cursor.fetchall() == file.execute(count).fetchall(), table


def _without_time(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Two runs after each other see the same campaigns at different seconds."""
    return sorted(
        (tuple(cell for cell in row if not isinstance(cell, float)) for row in rows), key=repr
    )


def test_a_run_that_finds_nothing_new_writes_no_campaign_row(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    kore = emulate(sample_campaigns(60))
    warehouse.project.use(kore, sweep="auto")
    assert warehouse.run()["new_versions"] == 60
    warehouse.run()
    kore.reset_counters()

    found = warehouse.run()

    assert (found["unchanged"], found["new_versions"], found["requests"]) == (60, 0, 2)
    assert warehouse.sql("select count(*) from kore_raw.campaign_versions") == [(60,)]
    assert found["database"] == "postgres, schema kore_raw"


@pytest.mark.slow
def test_what_was_received_is_kept_letter_by_letter(emulate: Emulate, warehouse: Warehouse) -> None:
    (one,) = sample_campaigns(1)
    one["description"] = "a\x00b"
    one["name"], one["lname"] = "", " , \"'\\N\r\n"
    one["odd"] = {"z": 1.50, "a": 1e2, "empty": "", "nothing": None}
    warehouse.project.use(emulate([one]))

    warehouse.run()
    warehouse.project.run()

    ((raw,),) = warehouse.sql("select raw::text from kore_raw.campaign_versions")
    assert raw == warehouse.project.sql("select raw from kore_raw.campaign_versions")[0][0]
    assert json.loads(raw)["odd"] == one["odd"]
    texts = "select name, description, timezone from kore.campaigns"
    assert warehouse.sql(texts) == warehouse.project.sql(texts)
    assert warehouse.sql(texts)[0][0] == ""
    assert warehouse.project.cli("verify", "--destination", "postgres").code == 0


def test_a_second_run_for_the_account_is_turned_away_and_other_accounts_are_not(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    project = warehouse.project
    project.use(emulate(sample_campaigns(2)))
    slow = emulate(sample_campaigns(6), latency=1.0)
    project.use(slow, workers=1)
    process = project.start("run", "--destination", "postgres", "--quiet")
    wait_for_holder(warehouse)

    turned_away = project.cli("run", "--destination", "postgres")
    other = emulate(sample_campaigns(3), account_id="another", stream_id="st-other")
    project.use(other)
    warehouse.run()

    assert turned_away.code == 6
    assert "another run writes for this account: from the server itself, since " in turned_away.err
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert warehouse.sql("select count(*) from kore.campaigns") == [(9,)]


def wait_for_holder(warehouse: Warehouse) -> None:
    held = "select count(*) from pg_locks where locktype = 'advisory' and granted"
    for _ in range(400):
        if warehouse.sql(held)[0][0] and warehouse.sql(f"{held} and objid <> 0")[0][0]:
            views = warehouse.sql("select count(*) from pg_views where schemaname = 'kore'")
            if views[0][0] == len(VIEWS):
                return
        warehouse.sql("select pg_sleep(0.05)")
    pytest.fail("the run never began")


def test_views_are_made_once_per_version_of_the_program(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    warehouse.project.use(emulate(sample_campaigns(1)))
    warehouse.run()
    oid = "select 'kore.campaigns'::regclass::oid"
    written = "select xmin::text from pg_rewrite where ev_class = 'kore.campaigns'::regclass"
    before, first = warehouse.sql(oid), warehouse.sql(written)
    warehouse.run()
    assert warehouse.sql(written) == first

    warehouse.sql("comment on table kore_raw._dlt_version is 'made by another one'")
    warehouse.run()

    assert warehouse.sql(written) != first
    assert warehouse.sql(oid) == before  # in place: whoever uses it is not disturbed


def test_a_reader_in_the_middle_of_a_transaction_does_not_hold_a_run_up(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    kore = emulate(sample_campaigns(3))
    warehouse.project.use(kore)
    warehouse.run()
    with closing(psycopg2.connect(warehouse.url)) as reader:
        reader.cursor().execute("select * from kore.findings")
        kore.edit(kore.campaign_ids()[0], {"status": "Rerun"})

        assert warehouse.run()["new_versions"] == 1


@pytest.mark.parametrize("command", ["run", "plan", "status", "verify"])
def test_a_server_that_cannot_be_used_is_told_in_one_line(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    kore = emulate(sample_campaigns(1))
    project.use(kore)

    without = project.cli(command, "--destination", "postgres")
    monkeypatch.setenv(ADDRESS, "postgresql://kore:not-to-be-shown@127.0.0.1:1/kore")
    closed = project.cli(command, "--destination", "postgres")
    monkeypatch.setenv(ADDRESS, "kore:not-to-be-shown@warehouse")
    unreadable = project.cli(command, "--destination", "postgres")
    monkeypatch.setenv(ADDRESS, "postgresql://kore:an@not-to-be-shown@127.0.0.1:1/kore")
    mistyped = project.cli(command, "--destination", "postgres")

    assert (without.code, unreadable.code, closed.code, mistyped.code) == (2, 2, 6, 6)
    assert "`DESTINATION__POSTGRES__CREDENTIALS`" in without.err
    assert "such as `postgresql://" in unreadable.err
    assert "Connection refused" in closed.err
    for ended in (without, unreadable, closed, mistyped):
        assert len(ended.err.splitlines()) == 1
        assert "Next: " in ended.err
        assert "not-to-be-shown" not in ended.err
    assert kore.counters.requests == 0


@pytest.mark.parametrize("kind", ["filesystem", "nothing_known", "sqlalchemy"])
def test_what_cannot_keep_the_promises_is_refused_with_the_reason(
    emulate: Emulate, project: Project, kind: str
) -> None:
    kore = emulate(sample_campaigns(1))
    project.use(kore)

    with pytest.raises(SettingInvalid, match=kind):
        project.run(destination=kind)

    assert kore.counters.requests == 0


ROLES = re.findall(
    r"```sql[^\n]*\n(create role.*?)```",
    (Path(__file__).parents[2] / "docs" / "how-to" / "postgres.md").read_text(encoding="utf-8"),
    flags=re.DOTALL,
)[0]


def test_an_analyst_uses_every_command_that_reads(
    emulate: Emulate, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = warehouse.project
    kore = emulate(sample_campaigns(3))
    name = warehouse.url.partition("?")[0].rpartition("/")[2]
    # roles belong to the server, not to a database
    roles = ROLES.replace("database kore ", f"database {name} ")
    warehouse.sql(roles.replace("kore_writer", "second").replace("kore_analyst", "analysts"))
    warehouse.sql("create role bob login password 'b' in role analysts")
    warehouse.sql("create role nobody login password 'n'")
    project.use(kore)
    monkeypatch.setenv(ADDRESS, warehouse.url.replace("postgres:none", "second:change me"))
    failing = kore.campaign_ids()[0]
    warehouse.run()
    kore.fault(Fault.HTML, failing, times=2)
    assert project.cli("run", "--destination", "postgres").code == 4
    of_writer = project.cli("status", "--destination", "postgres", "--json").json

    monkeypatch.setenv(ADDRESS, warehouse.url.replace("postgres:none", "bob:b"))
    of_analyst = project.cli("status", "--destination", "postgres", "--json").json
    said = project.cli("status", "--destination", "postgres").out
    export = project.cli("export", "--destination", "postgres", "--parquet", str(tmp_path / "out"))
    page = project.cli("report", "--destination", "postgres", "--html", str(tmp_path / "page.html"))
    rows = read_view("campaigns", destination="postgres")

    assert of_analyst == of_writer
    assert [each["campaign_id"] for each in of_analyst["failures"]] == [failing]
    assert "drift and listing: this role may read schema kore alone" in said
    assert (export.code, page.code, len(rows)) == (0, 0, 3)

    monkeypatch.setenv(ADDRESS, warehouse.url.replace("postgres:none", "nobody:n"))
    for arguments in (["status"], ["export", "--parquet", "x"], ["report", "--html", "y"]):
        ended = project.cli(arguments[0], "--destination", "postgres", *arguments[1:])
        assert ended.code == 6
        assert "permission denied for schema kore" in ended.err
        assert "docs/how-to/postgres.md" in ended.err
    warehouse.sql("grant usage on schema kore to nobody")
    assert (
        "permission denied for view campaigns"
        in project.cli("status", "--destination", "postgres").err
    )


def test_the_roles_of_the_page_are_enough_for_writer_and_analyst(
    emulate: Emulate, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = warehouse.url.partition("?")[0].rpartition("/")[2]
    warehouse.sql(ROLES.replace("database kore ", f"database {name} "))
    warehouse.sql("create role ann login password 'a' in role kore_analyst")
    monkeypatch.setenv(ADDRESS, warehouse.url.replace("postgres:none", "kore_writer:change me"))
    app = emulate(sample_campaigns(2))
    warehouse.project.use(app, call_budget="postgres", requests_per_minute=60)

    warehouse.run()
    warehouse.sql("comment on schema kore is 'made by an earlier version'")
    warehouse.run()

    as_ann = warehouse.url.replace("postgres:none", "ann:a")
    with closing(psycopg2.connect(as_ann)) as analyst:
        analyst.autocommit = True
        cursor = analyst.cursor()
        for view in VIEWS:
            cursor.execute(f"select * from kore.{view}")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("select * from kore_raw.campaign_versions")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("select * from kore_calls.calls")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("create table kore.mine (a int)")


def test_status_says_of_a_server_what_it_says_of_a_file(
    emulate: Emulate, warehouse: Warehouse
) -> None:
    project = warehouse.project
    kore = emulate(demo_campaigns())
    project.use(kore, sweep="auto")
    assert project.cli("status", "--destination", "postgres", "--json").json["state"] == "none"
    kore.fault(Fault.HTML, kore.campaign_ids()[0], times=2)
    for arguments in (["--destination", "postgres"], []):
        assert project.cli("run", *arguments).code == 4

    there = project.cli("status", "--destination", "postgres", "--json").json
    here = project.cli("status", "--json").json

    assert there["state"] == here["state"] == "partial"
    assert there["advice"].endswith("kore-campaigns run --destination postgres")
    same = ("configured", "live", "deleted", "versions", "stale", "drift", "not_listed")
    assert {name: there[name] for name in same} == {name: here[name] for name in same}
    assert len(there["failures"]) == len(there["stale_campaigns"]) == 1
    assert there["last_run"]["failed"] == here["last_run"]["failed"] == 1


def test_plan_compares_with_what_the_server_holds(emulate: Emulate, warehouse: Warehouse) -> None:
    project = warehouse.project
    kore = emulate(sample_campaigns(4))
    project.use(kore, sweep="auto")
    plan = ("plan", "--destination", "postgres", "--json")
    assert len(project.cli(*plan).json["campaigns"]) == 4
    warehouse.run()
    changed = kore.campaign_ids()[1]
    kore.edit(changed, {"status": "Rerun"})

    found = project.cli(*plan).json

    assert [each["campaign_id"] for each in found["campaigns"]] == [changed]
    assert found["database"] == "postgres, schema kore_raw"
    assert warehouse.sql("select count(*) from kore_raw.campaign_versions") == [(4,)]


def test_verify_compares_kore_with_the_server(emulate: Emulate, warehouse: Warehouse) -> None:
    project = warehouse.project
    kore = emulate(demo_campaigns())
    project.use(kore)
    warehouse.run()
    verify = ("verify", "--destination", "postgres")
    alike = project.cli(*verify, "--json")
    assert (alike.code, alike.json["differences"]) == (0, [])
    assert alike.json["alike"] == len(kore.campaign_ids())

    changed = kore.campaign_ids()[0]
    warehouse.sql(
        "update kore_raw.campaign_versions set priority = 99 where campaign_id = %s", changed
    )

    ended = project.cli(*verify)
    assert ended.code == 4
    assert changed in ended.out
    assert "priority" in ended.out


def test_an_address_without_a_password_or_a_host_is_used(
    emulate: Emulate, project: Project, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.use(emulate(sample_campaigns(2)))
    parts = parse_dsn(warehouse.url)
    monkeypatch.setenv("PGPASSWORD", "of-libpq")
    monkeypatch.setenv(
        ADDRESS,
        f"postgresql://{parts['user']}@/{parts['dbname']}?host={quote(parts['host'], safe='')}",
    )

    assert warehouse.run()["new_versions"] == 2

    assert project.cli("status", "--destination", "postgres").code == 0
    assert project.cli("rebuild", "--destination", "postgres").code == 0


def test_a_database_that_checks_no_text_stores_every_name(
    emulate: Emulate, project: Project, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = encoded(postgres, "SQL_ASCII")
    monkeypatch.setenv(ADDRESS, address)
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    campaigns = sample_campaigns(2)
    campaigns[0]["name"] = "नमस्ते"
    project.use(emulate(campaigns))

    assert project.cli("check", "--destination", "postgres").code == 0
    assert project.cli("run", "--destination", "postgres").code == 0
    names = set(read_view("campaigns", destination="postgres")["name"])
    assert "नमस्ते" in names


def test_a_database_that_cannot_hold_every_name_is_refused_before_the_first_call(
    emulate: Emulate, project: Project, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = emulate(sample_campaigns(2))
    project.use(kore)
    monkeypatch.setenv(ADDRESS, encoded(postgres, "LATIN1"))

    ended = project.cli("run", "--destination", "postgres")
    checked = project.cli("check", "--destination", "postgres", "--json")

    assert (ended.code, "its encoding LATIN1 cannot hold the names" in ended.err) == (6, True)
    assert "LATIN1" in checked.json["legs"][-1]["message"]
    assert kore.counters.requests <= 3  # those of `check`


def encoded(server: Postgres, encoding: str) -> str:
    """The address of an empty database with this encoding."""
    name = f"in_{encoding.lower()}"
    address = server.new_database()
    with closing(psycopg2.connect(address)) as connection:
        connection.autocommit = True
        connection.cursor().execute(
            f"create database {name} encoding '{encoding}' locale 'C' template template0"
        )
    return str(make_dsn(address, dbname=name))


@pytest.mark.parametrize("password", ["geh@eim", "geh/eim", "geh%eim", "geh@ei/m", "ge:h@eim"])
def test_a_password_that_is_not_encoded_is_not_repeated(
    project: Project, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    address = f"postgresql://kore:{password}@127.0.0.1:9/warehouse"
    monkeypatch.setenv(ADDRESS, address)

    for command in ("status", "findings", "dashboard"):
        ended = project.cli(command, "--destination", "postgres")

        assert ended.code in (2, 6)
        assert not re.search("geh|eim|ei/m", ended.out + ended.err)
