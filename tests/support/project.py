"""A project folder in a test: its settings, its runs, in this process or another, and its
database.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from kore_campaigns.cli.main import main
from kore_campaigns.extract.report import RunReport
from kore_campaigns.load.postgres import PostgresReader
from kore_campaigns.pipeline import run_pipeline
from kore_emulator import Emulator
from support.postgres import POSTGRES_ADDRESS, Postgres
from support.recorder import Commands, Ended
from support.running import Running

SETTINGS = "SOURCES__KORE_CAMPAIGNS__"
# all that read or write a destination
_OF_A_DESTINATION = (
    "check",
    "plan",
    "rebuild",
    "report",
    "run",
    "status",
    "verify",
    "export",
    "changes",
    "findings",
)


def app_of(kore: Emulator) -> dict[str, str]:
    """The settings that lead to an emulator's app."""
    return {
        "host": kore.url,
        "stream_id": kore.stream_id,
        "account_id": kore.account_id,
        "credentials__client_id": kore.client_id,
        "credentials__client_secret": kore.client_secret,
    }


class Project:
    """With the `address` of a Postgres, its commands and runs are about that instead of a file."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        address: str | None = None,
        server: Postgres | None = None,
        commands: Callable[[], Commands] | None = None,
    ) -> None:
        self.folder = folder
        self.database = folder / "kore_campaigns.duckdb"
        self.monkeypatch = monkeypatch
        self.address = address or ""
        self.server = server
        self._commands = commands
        self.destination = "duckdb" if address is None else "postgres"
        if address is not None:
            monkeypatch.setenv(POSTGRES_ADDRESS, address)

    def use(self, kore: Emulator, *, ids: Sequence[str] | None = None, **settings: Any) -> None:
        """Point the settings at an emulator and configure `ids` (by default all it has)."""
        values = {
            **app_of(kore),
            "requests_per_minute": 0,
            "sweep": "full",  # each id is asked for: what most tests are about
            "contact_lists": "false",  # one call more in each run, where calls are counted
            "dnc_lists_every_hours": 0,
            **settings,
        }
        for name, value in values.items():
            self.set(name, value)
        self.configure(kore.campaign_ids() if ids is None else ids)

    def set(self, name: str, value: object) -> None:
        self.monkeypatch.setenv(SETTINGS + name.upper(), str(value))

    def configure(self, ids: Sequence[str]) -> None:
        text = "\n".join(["campaign_id", *ids]) + "\n"
        (self.folder / "campaign_ids.csv").write_text(text, encoding="utf-8")

    def run(self, **options: Any) -> RunReport:
        return run_pipeline(**{"destination": self.destination, **options})

    def cli(self, *arguments: str) -> Ended:
        """A command in this process."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(self._completed(arguments))
        return Ended(code, out.getvalue(), err.getvalue())

    def spawn(
        self, *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """A command in a process of its own, to be waited for, signalled or killed."""
        return subprocess.Popen(
            [sys.executable, "-m", "kore_campaigns", *self._completed(arguments)],
            cwd=self.folder,
            env=dict(environment or os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def start(self, *arguments: str) -> Running:
        """A command in a copy of a process that has loaded the program, as `spawn` otherwise: it
        begins a second earlier.
        """
        assert self._commands is not None, "a project of the fixture alone runs commands"
        return self._commands().start(self._completed(arguments), self.folder, os.environ)

    def new_process(self, *arguments: str) -> Ended:
        """A command in an interpreter of its own, finished."""
        process = self.spawn(*arguments)
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
        return Ended(process.returncode, out, err)

    def command(self, *arguments: str) -> Ended:
        """A command in a copy of a process that has loaded the program, finished: the same with
        real files for stdout and stderr, and quicker.
        """
        assert self._commands is not None, "a project of the fixture alone runs commands"
        return self._commands().run(self._completed(arguments), self.folder, os.environ)

    def _completed(self, arguments: Sequence[str]) -> list[str]:
        if not self.address or arguments[0] not in _OF_A_DESTINATION:
            return [*arguments]
        return [arguments[0], "--destination", self.destination, *arguments[1:]]

    def sql(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of what is published, as an analyst sees them."""
        if self.address:
            return self._sql_of_server(query, parameters)
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(query, list(parameters)).fetchall()

    def _sql_of_server(self, query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What DuckDB alone knows, `order by all`, is done here: nulls last, as there."""
        text, in_order, _ = query.partition(" order by all")
        with closing(psycopg2.connect(self.address)) as server:
            found = PostgresReader(server).rows(text, parameters)
        return sorted(found, key=_nulls_last) if in_order else found

    def alter(self, *statements: str) -> None:
        """Carry statements out behind the program's back, within the schema of the raw tables."""
        if self.address:
            with closing(psycopg2.connect(self.address)) as server:
                server.autocommit = True
                for statement in ("set search_path to kore_raw", *statements):
                    server.cursor().execute(statement)
            return
        with duckdb.connect(str(self.database)) as connection:
            for statement in ("use kore_raw", *statements):
                connection.execute(statement)


def _nulls_last(row: tuple[Any, ...]) -> list[tuple[bool, Any]]:
    return [(cell is None, cell) for cell in row]
