"""A project whose runs go into a Postgres of the tests' own."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg2
import pytest

from support.postgres import POSTGRES_ADDRESS, Postgres
from support.project import Project


class Warehouse:
    """A project whose runs go into an empty database of the server."""

    def __init__(self, project: Project, server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = project
        self.url = server.new_database()
        monkeypatch.setenv(POSTGRES_ADDRESS, self.url)

    def run(self, *arguments: str) -> dict[str, Any]:
        ended = self.project.cli("run", "--destination", "postgres", "--json", *arguments)
        assert ended.code == 0, ended.err
        return ended.json

    def sql(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(text, parameters or None)
            return cursor.fetchall() if cursor.description else []
