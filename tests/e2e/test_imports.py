"""Commands that only read start quickly: they import neither dlt nor the API client. A run without
news does without dlt and pandas.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Emulate
from kore_emulator import sample_campaigns
from support.postgres import POSTGRES_ADDRESS, Postgres, copy_to_postgres
from support.project import Project
from support.warehouse import Warehouse

SCRIPT = """
import json, sys
from kore_campaigns.cli.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""
NEVER = {"dlt", "requests", "jwt"}
COMMANDS = {
    "status": ["status"],
    "report": ["report", "--html", "page.html"],
    "export": ["export", "--parquet", "exported", "--view", "campaigns"],
    "restore": ["restore"],
    "help": ["--help"],
}


def imported(folder: Path, target: Path, *arguments: str) -> set[str]:
    """Modules in a process that ran a command in `folder`; files are written to `target`."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=target,
        env={**os.environ, "DLT_PROJECT_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(ended.stderr)
    assert code == 0
    return set(modules)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reading_command_imports_no_dlt(played: Path, tmp_path: Path, name: str) -> None:
    modules = imported(played, tmp_path, *COMMANDS[name])

    assert modules & NEVER == set()


def test_status_imports_at_most_30_of_our_modules(played: Path, tmp_path: Path) -> None:
    modules = imported(played, tmp_path, "status")

    assert len([name for name in modules if name.split(".")[0] == "kore_campaigns"]) <= 30
    assert not modules & {"pandas", "pyarrow", "sqlglot", "psycopg2"}


@pytest.mark.parametrize("name", ["status", "report", "export"])
def test_nor_does_it_on_postgres(
    played: Path, tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with postgres.made_database() as address:
        copy_to_postgres(played / "kore_campaigns.duckdb", address)
        monkeypatch.setenv(POSTGRES_ADDRESS, address)
        modules = imported(played, tmp_path, *COMMANDS[name], "--destination", "postgres")

    assert modules & NEVER == set()


SLOW = {"dlt", "pandas", "numpy", "pyarrow", "sqlglot"}


def test_a_run_without_news_imports_no_dlt_and_no_pandas(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(sample_campaigns(3)), sweep="auto")
    project.run()
    project.run()

    assert imported(project.folder, project.folder, "run") & SLOW == set()


def test_nor_does_one_into_postgres(emulate: Emulate, warehouse: Warehouse) -> None:
    project = warehouse.project
    project.use(emulate(sample_campaigns(3)), sweep="auto")
    warehouse.run()
    warehouse.run()

    arguments = ("run", "--destination", "postgres")
    assert imported(project.folder, project.folder, *arguments) & SLOW == set()
