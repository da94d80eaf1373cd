"""Another program that writes into the published file is named: a run replaces what it writes."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pytest

from conftest import Emulate
from kore_emulator import Fault, sample_campaigns
from support.project import Project
from support.reader_process import reader

WRITER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("create table mine (a int)")
print("open", flush=True)
sys.stdin.read()
"""


def test_a_program_that_writes_there_is_named_once(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore, chunk_size=1)
    project.run()
    kore.edit(kore.campaign_ids()[0], {"name": "edited"})
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(project.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    try:
        ended = project.cli("run", "--quiet")
    finally:
        writer.communicate("")

    assert ended.code == 0
    assert ended.err.count("open for writing, and what it writes there is lost") == 1
    assert ended.err.count("\n") == 1
    assert "(read_only)`" in ended.err
    assert project.cli("run", "--quiet").err == ""


def test_a_reader_is_not_named(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(1)))
    project.run()

    with reader(project.database, "hold"):
        ended = project.cli("run", "--quiet")

    assert (ended.code, ended.err) == (0, "")


MART = "create schema if not exists marts; create or replace table marts.mine as select 42 as a"


def write_mart(project: Project) -> None:
    """As a dbt project does that has the published file as its target."""
    with duckdb.connect(str(project.database)) as connection:
        connection.execute(MART)


def test_tables_of_another_program_are_named_once_and_stay(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore)
    project.run()
    write_mart(project)
    kore.edit(kore.campaign_ids()[0], {"name": "edited"})

    check = project.cli("check")
    ended = project.cli("run", "--quiet")

    assert (check.code, ended.code) == (0, 0)
    for said in (check.out, ended.err):
        assert f"`{project.database}` has tables of another program: marts.mine" in said
    assert "attach 'kore_campaigns.duckdb' as kore_campaigns (read_only)`" in ended.err
    assert ended.err.count("\n") == 1
    assert project.sql("select a from marts.mine") == [(42,)]
    assert project.cli("run", "--quiet").err == ""


def test_a_protected_file_is_not_replaced_while_it_has_them(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore, protect_foreign_tables="true")
    project.run()
    assert project.cli("run", "--quiet").err == ""  # ours alone
    assert "another program" not in project.cli("check").out
    write_mart(project)
    check = project.cli("check")
    assert (check.code, "`protect_foreign_tables` is true" in check.out) == (6, True)
    before = project.database.read_bytes()
    kore.reset_counters()

    for command in ("run", "rebuild"):
        ended = project.cli(command, "--log-format", "json")

        assert ended.code == 6
        assert '"code": "foreign_tables"' in ended.err
        assert "marts.mine" in ended.err
        assert "`protect_foreign_tables` is true" in ended.err
    assert project.database.read_bytes() == before
    assert kore.counters.requests == 0
    with duckdb.connect(str(project.database)) as connection:
        connection.execute("drop schema marts cascade")
    kore.edit(kore.campaign_ids()[0], {"name": "edited"})
    assert project.run().new_versions == 1


@pytest.mark.parametrize("protect", ["false", "true"])
def test_what_another_program_writes_during_a_run_is_named_or_kept(
    emulate: Emulate, project: Project, protect: str
) -> None:
    kore = emulate(sample_campaigns(8))
    project.use(kore, protect_foreign_tables=protect)
    project.run()
    kore.edit(kore.campaign_ids()[0], {"name": "edited"})
    asked = kore.campaign_ids()[4]
    kore.fault(Fault.SLOW, asked, times=1, seconds=5.0)
    process = project.start("run", "--log-format", "json")
    assert process.stderr is not None
    while '"sweep_planned"' not in process.stderr.readline():
        pass
    write_mart(project)
    _, err = process.communicate(timeout=60)

    assert (process.wait(), "marts.mine" in err) == (6 if protect == "true" else 0, True)
    has_mart = "select count(*) from duckdb_tables() where schema_name = 'marts'"
    assert project.sql(has_mart) == [(1 if protect == "true" else 0,)]


def test_the_log_of_a_writer_that_was_killed_counts_as_well(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(2)), protect_foreign_tables="true")
    project.run()
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(project.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    assert project.cli("run").code == 6  # it is open for writing
    writer.kill()
    writer.communicate()

    assert project.cli("run").code == 6

    with duckdb.connect(str(project.database)) as connection:
        assert connection.execute("select count(*) from mine").fetchall() == [(0,)]
