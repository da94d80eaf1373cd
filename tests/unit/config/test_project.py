"""The project folder, the ids of a connection, and the address of Postgres without dlt."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from psycopg2.extensions import parse_dsn

from kore_campaigns.config.dlt_settings import postgres_of_dlt
from kore_campaigns.config.project import (
    configured_ids,
    libpq_address,
    postgres_address,
    project_folder,
)
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import SettingInvalid, SettingMissing
from support.project import Project

ADDRESS = "DESTINATION__POSTGRES__CREDENTIALS"
TABLE = """[destination.postgres.credentials]
username = "kore writer"
password = "p@ss/w+rd %41"
host = "db.example.com"
database = "kore"
"""
URL = """[destination.postgres]
credentials = "postgresql://writer:of-file@db.example.com:5433/kore?sslmode=require"
"""
IDS = "campaign_id,connection\ncd-1,uk\ncd-2,india\ncd-3,\n"


def ids(project: Project, content: str, connection: str | None = None) -> list[str]:
    (project.folder / "campaign_ids.csv").write_text(content, encoding="utf-8")
    return configured_ids(KoreSettings(), project.folder, connection=connection)


def test_a_connection_is_asked_for_its_own_ids_and_those_of_none(project: Project) -> None:
    assert ids(project, IDS, "uk") == ["cd-1", "cd-3"]
    assert ids(project, IDS, "india") == ["cd-2", "cd-3"]
    assert ids(project, IDS, "other") == ["cd-3"]


def test_without_connections_in_the_file_every_id_is_asked_for(project: Project) -> None:
    assert ids(project, "campaign_id\ncd-1\ncd-2\n") == ["cd-1", "cd-2"]
    assert ids(project, "campaign_id\ncd-1\ncd-2\n", "uk") == ["cd-1", "cd-2"]


def test_a_file_of_several_connections_needs_one_to_be_chosen(project: Project) -> None:
    with pytest.raises(SettingInvalid) as raised:
        ids(project, IDS)

    assert (raised.value.key, raised.value.value) == ("--connection", "india, uk")


def test_a_connection_without_any_id_is_no_run_with_nothing_to_do(project: Project) -> None:
    with pytest.raises(SettingInvalid) as raised:
        ids(project, "campaign_id,connection\ncd-1,uk\ncd-2,india\n", "UK")

    assert (raised.value.key, raised.value.value) == ("connection", "UK")
    assert raised.value.expected == "a connection with ids in campaign_ids.csv: india, uk"


def test_the_folder_is_the_one_given_else_dlts(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert project_folder() == project.folder
    assert project_folder(tmp_path) == tmp_path
    monkeypatch.chdir(tmp_path)
    assert project_folder("project") == project.folder


@pytest.fixture
def with_secrets(project: Project) -> Iterator[Callable[[str], None]]:
    """Write `.dlt/secrets.toml`; dlt, which reads it once a process, reads it again."""
    providers = Container()[PluggableRunContext]
    file = project.folder / ".dlt" / "secrets.toml"
    file.parent.mkdir()

    def write(toml: str) -> None:
        file.write_text(toml, encoding="utf-8")
        providers.reload_providers()

    yield write
    write("")


@pytest.mark.parametrize("toml", ["", TABLE, URL])
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {ADDRESS: "postgresql://writer:of-env@localhost/kore?host=/run/postgres"},
        {ADDRESS: "postgres://writer:p%40ss%2F%2B@db.example.com/kore?connect_timeout=3"},
        {ADDRESS + "__PASSWORD": "of-env", ADDRESS + "__PORT": "5434"},
    ],
)
def test_the_address_of_postgres_is_the_one_that_dlt_finds(
    with_secrets: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    toml: str,
    environment: dict[str, str],
) -> None:
    with_secrets(toml)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if toml or ADDRESS in environment:
        expected = parse_dsn(libpq_address(**postgres_of_dlt()))
        assert {"port": "5432", **parse_dsn(postgres_address())} == expected
    else:
        with pytest.raises(SettingMissing, match=r"`destination\.postgres\.credentials`"):
            postgres_address()


def test_the_project_and_postgres_are_found_without_importing_dlt(
    project: Project, with_secrets: Callable[[str], None]
) -> None:
    with_secrets(TABLE)
    code = (
        "import sys\n"
        "from kore_campaigns.config.project import postgres_address, project_folder\n"
        "print(project_folder(), postgres_address(), 'dlt' in sys.modules)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    folder, rest = ended.stdout.split(maxsplit=1)
    address, is_dlt_imported = rest.rsplit(maxsplit=1)
    assert (folder, is_dlt_imported) == (str(project.folder), "False")
    assert parse_dsn(address)["user"] == "kore writer"


def test_an_address_that_is_not_complete_is_left_to_dlt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ADDRESS, "postgresql://writer@db.example.com/kore")
    monkeypatch.setenv(ADDRESS + "__PASSWORD", "of-env")
    assert parse_dsn(postgres_address())["password"] == "of-env"

    monkeypatch.setenv(ADDRESS, "writer:not-to-be-shown@warehouse")
    with pytest.raises(SettingInvalid, match="such as `postgresql://") as raised:
        postgres_address()
    assert "not-to-be-shown" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("postgresql://kore_writer@db/kore", {"user": "kore_writer", "host": "db"}),
        ("postgresql:///kore?host=/run/postgres", {"host": "/run/postgres"}),
        ("postgresql://%2Frun%2Fpostgres/kore", {"host": "/run/postgres"}),
        ("postgresql+psycopg2://w:p@db/kore", {"user": "w", "password": "p", "host": "db"}),
        ("host=/run/postgres dbname=kore", {"host": "/run/postgres"}),
        ("postgresql://a:5432,b:5433/kore", {"host": "a,b", "port": "5432,5433"}),
        (" postgresql://w@db/kore?client_encoding=latin1 ", {"user": "w", "host": "db"}),
    ],
)
def test_an_address_is_used_as_libpq_reads_it(
    monkeypatch: pytest.MonkeyPatch, address: str, parts: dict[str, str]
) -> None:
    monkeypatch.setenv(ADDRESS, address)

    assert parse_dsn(postgres_address()) == {
        "dbname": "kore",
        "connect_timeout": "15",
        "client_encoding": "UTF8",
        **parts,
    }


@pytest.mark.parametrize("missing", ["username", "password", "host"])
def test_a_table_may_leave_to_libpq_what_it_finds_itself(
    with_secrets: Callable[[str], None], missing: str
) -> None:
    lines = TABLE.splitlines(keepends=True)
    with_secrets("".join(line for line in lines if not line.startswith(missing)))

    found = parse_dsn(postgres_address())

    assert {"username": "user"}.get(missing, missing) not in found
    assert found["dbname"] == "kore"
