"""Another program that writes into the published file is named: a run replaces what it writes."""

from __future__ import annotations

import subprocess
import sys

from conftest import Emulate
from kore_emulator import sample_campaigns
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
