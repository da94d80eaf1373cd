"""An upgrade of tables and views on Postgres takes nothing away and holds nobody up."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg2
import pytest

from conftest import Emulate
from kore_emulator import Emulator, sample_campaigns
from support.warehouse import Warehouse

pytestmark = pytest.mark.slow

OLDER = "comment on table kore_raw._dlt_version is 'made by another version'"
# one column is missing, one has another type, and they are in another order
OLD_RUNS = """
drop view kore.campaign_freshness cascade;
drop view kore.runs;
create view kore.runs as
    select started_at, run_id, state, stream_id, 1 as exit_code
    from (select *, 'complete' as state from kore_raw.extraction_runs) as runs
"""


@pytest.fixture
def loaded(emulate: Emulate, warehouse: Warehouse) -> Emulator:
    kore = emulate(sample_campaigns(2))
    warehouse.project.use(kore)
    warehouse.run()
    kore.edit(kore.campaign_ids()[0], {"name": "edited"})
    return kore


def run(warehouse: Warehouse) -> tuple[int, str]:
    ended = warehouse.project.cli("run", "--destination", "postgres", "--quiet")
    return ended.code, ended.err


def check(warehouse: Warehouse) -> tuple[int, str]:
    ended = warehouse.project.cli("check", "--destination", "postgres")
    return ended.code, ended.out


def has_column(warehouse: Warehouse, view: str, column: str) -> bool:
    sql = (
        "select count(*) from information_schema.columns "
        "where table_schema = 'kore' and table_name = %s and column_name = %s"
    )
    return warehouse.sql(sql, view, column) == [(1,)]


def edited(warehouse: Warehouse) -> Any:
    return warehouse.sql("select count(*) from kore.campaigns where name = 'edited'")[0][0]


def test_views_of_others_and_rights_outlast_an_upgrade(
    warehouse: Warehouse, loaded: Emulator
) -> None:
    warehouse.sql("create role metabase; create role auditor")
    warehouse.sql("create schema bi; create view bi.mine as select * from kore.campaigns")
    warehouse.sql("create materialized view bi.counts as select count(*) from kore.findings")
    warehouse.sql("grant select on kore.campaigns to metabase with grant option")
    warehouse.sql("grant select (state) on kore.runs to auditor")
    warehouse.sql("grant select on kore.runs to public")
    rights = "select relname, relacl::text from pg_class where relacl is not null and relkind = 'v'"
    before = warehouse.sql(f"{rights} and relnamespace = 'kore'::regnamespace order by 1")
    warehouse.sql(OLDER)
    assert check(warehouse) == (0, check(warehouse)[1])
    assert "stays" not in check(warehouse)[1]

    assert run(warehouse) == (0, "")

    assert warehouse.sql("select count(*) from bi.mine where name = 'edited'") == [(1,)]
    after = warehouse.sql(f"{rights} and relnamespace = 'kore'::regnamespace order by 1")
    assert after == before


def test_a_view_with_other_columns_is_made_anew_with_its_rights(
    warehouse: Warehouse, loaded: Emulator
) -> None:
    warehouse.sql("create role bi_tool; create role second_tool")
    warehouse.sql(OLD_RUNS)
    warehouse.sql(
        "grant select on kore.runs to bi_tool; grant select (run_id) on kore.runs to public"
    )
    warehouse.sql("grant select on kore.runs to second_tool with grant option")
    warehouse.sql(OLDER)

    assert run(warehouse) == (0, "")

    assert has_column(warehouse, "runs", "run_number")
    assert has_column(warehouse, "findings", "sentence")
    for role, right in (("bi_tool", "select"), ("second_tool", "select with grant option")):
        sql = "select has_table_privilege(%s, 'kore.runs', %s)"
        assert warehouse.sql(sql, role, right) == [(True,)]
    of_column = "select has_column_privilege('public', 'kore.runs', 'run_id', 'select')"
    assert warehouse.sql(of_column) == [(True,)]
    assert edited(warehouse) == 1
    assert run(warehouse) == (0, "")


def test_collecting_does_not_stop_for_a_view_that_others_read(
    warehouse: Warehouse, loaded: Emulator
) -> None:
    warehouse.sql(OLD_RUNS)
    warehouse.sql("create schema bi; create view bi.runs as select * from kore.runs")
    warehouse.sql("create view bi.of_runs as select * from bi.runs")
    warehouse.sql(OLDER)
    told = "`kore.runs` stays as an earlier version made it, because bi.of_runs, bi.runs read it"

    code, said = check(warehouse)
    assert (code, told in said) == (0, True)
    code, said = run(warehouse)
    assert (code, told in said) == (0, True)

    assert edited(warehouse) == 1
    assert warehouse.sql("select count(*) from bi.of_runs") == [(2,)]
    warehouse.sql("drop view bi.of_runs, bi.runs")
    assert run(warehouse) == (0, "")
    assert has_column(warehouse, "runs", "run_number")
    assert check(warehouse)[1].count("stays") == 0


def test_what_belongs_to_another_role_is_named_by_check_and_stops_no_run(
    warehouse: Warehouse, loaded: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = warehouse.url.partition("?")[0].rpartition("/")[2]
    warehouse.sql("create role a_writer login; create role an_owner")
    warehouse.sql(f"grant all on database {name} to a_writer")
    for schema in ("kore", "kore_raw"):
        warehouse.sql(f"alter schema {schema} owner to a_writer")
    warehouse.sql(
        """do $$ declare each record; begin
        for each in select nspname, relname from pg_class
            join pg_namespace on relnamespace = pg_namespace.oid
            where nspname like 'kore%' and relkind in ('r', 'v')
        loop execute format('alter table %I.%I owner to a_writer', each.nspname, each.relname);
        end loop; end $$"""
    )
    for (schema,) in warehouse.sql("select nspname from pg_namespace where nspname like 'kore%'"):
        warehouse.sql(f"alter schema {schema} owner to a_writer")
    warehouse.sql("alter table kore.campaigns owner to an_owner")
    warehouse.sql("grant all on kore.campaigns to a_writer; grant usage on schema kore to an_owner")
    warehouse.sql("grant usage on schema kore_raw to an_owner")
    warehouse.sql("grant select on all tables in schema kore, kore_raw to an_owner")
    warehouse.sql("grant all on schema public to a_writer")
    monkeypatch.setenv(
        "DESTINATION__POSTGRES__CREDENTIALS", warehouse.url.replace("postgres:none", "a_writer:x")
    )
    warehouse.sql("create table kore.notes (); create view kore_raw.campaigns as select 1 as one")
    warehouse.sql("alter table kore.notes owner to an_owner")
    warehouse.sql("alter view kore_raw.campaigns owner to an_owner")
    said = check(warehouse)[1]
    assert "`kore.campaigns` belongs to the role `an_owner`" in said
    assert said.count("belongs to the role") == 1
    warehouse.sql(OLDER)

    code, said = run(warehouse)

    assert code == 0
    assert "the view `kore.campaigns` stays as it is: must be owner of view campaigns" in said
    assert edited(warehouse) == 1


def test_a_long_transaction_of_a_reader_holds_neither_the_run_nor_other_readers_up(
    warehouse: Warehouse, loaded: Emulator
) -> None:
    warehouse.sql(OLDER)
    with closing(psycopg2.connect(warehouse.url)) as reader:
        reader.cursor().execute("select count(*) from kore.campaigns")
        # a process of its own: if it waits for the reader, it can be ended
        ended = warehouse.project.new_process("run", "--destination", "postgres", "--quiet")
        assert "stays as it is: canceling statement due to lock timeout" in ended.err
    assert ended.code == 0
    assert edited(warehouse) == 1
    assert run(warehouse) == (0, "")


def test_an_upgrade_that_alters_a_table_waits_in_short_turns_and_gives_up(
    warehouse: Warehouse, loaded: Emulator
) -> None:
    warehouse.sql(
        "alter table kore_raw.extraction_runs drop column clock_difference_seconds cascade"
    )
    with closing(psycopg2.connect(warehouse.url)) as reader:
        reader.cursor().execute("select count(*) from kore_raw.extraction_runs")
        process = warehouse.project.start("run", "--destination", "postgres", "--quiet")
        waits = "select count(*) from pg_locks where not granted"
        while not warehouse.sql(waits)[0][0]:
            pass
        # others are held up for the length of a turn
        count = "set statement_timeout = '60s'; select count(*) from kore_raw.extraction_runs"
        assert warehouse.sql(count) == [(1,)]
        _, said = process.communicate(timeout=120)
    assert process.returncode == 6
    assert "a transaction of another session uses a table to be altered" in said
    assert run(warehouse) == (0, "")
    assert has_column(warehouse, "runs", "clock_difference_seconds")


def test_a_run_that_waits_to_alter_a_table_stops_when_it_is_asked_to(
    warehouse: Warehouse, loaded: Emulator
) -> None:
    warehouse.sql("alter table kore_raw.extraction_runs drop column exit_code cascade")
    with closing(psycopg2.connect(warehouse.url)) as reader:
        reader.cursor().execute("select count(*) from kore_raw.extraction_runs")
        first = warehouse.project.start("run", "--destination", "postgres", "--quiet")
        while not warehouse.sql("select count(*) from pg_locks where not granted")[0][0]:
            pass
        # the second run, of another account, waits for the first one
        warehouse.project.set("account_id", "another")
        second = warehouse.project.start("run", "--destination", "postgres", "--quiet")
        lockers = "select count(distinct pid) from pg_locks where locktype = 'advisory' and granted"
        while warehouse.sql(lockers) != [(2,)]:
            pass
        ended = []
        for process in (second, first):
            process.terminate()
            _, said = process.communicate(timeout=120)
            ended.append((process.returncode, said.count("the run was stopped")))
    assert ended == [(75, 1), (75, 1)]
    warehouse.project.set("account_id", loaded.account_id)
    assert run(warehouse) == (0, "")
