"""Fixtures: an emulator on a socket, a project in a fresh folder, a Postgres."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import settings

from kore_campaigns.cli.demo import play_demo
from kore_emulator import Emulator
from support.budgets import InFile, InPostgres, Place, close_all
from support.made_database import made_database
from support.postgres import Postgres, running_postgres
from support.project import Project
from support.proof_share import FULL, RESULTS
from support.recorder import Commands
from support.warehouse import Warehouse

# A busy machine is slow, which is no failure. Every run draws the same examples;
# `--hypothesis-profile=new` draws others.
settings.register_profile("any machine", deadline=None, derandomize=True)
settings.register_profile("new", deadline=None)
settings.load_profile("any machine")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A proof takes hours: what fails is told at once, and how each part ended is written down."""
    if FULL and report.failed:
        print(f"\n{report.nodeid}\n{report.longreprtext}", flush=True)  # noqa: T201
    is_controller = "PYTEST_XDIST_WORKER" not in os.environ
    if RESULTS and is_controller and (report.when == "call" or report.failed):
        ended = {"test": report.nodeid, "passed": report.passed, "seconds": report.duration}
        with Path(RESULTS).open("a", encoding="utf-8") as results:
            results.write(json.dumps(ended | dict(report.user_properties)) + "\n")


# where the tests of the pipeline are to hold
BOTH = ("duckdb", "postgres")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by cost: what needs a Postgres, and what repeats on Postgres a test of the DuckDB file.

    Such a repetition takes long and covers nothing new, so it is `slow`, and coverage is off.
    End-to-end tests begin without a database.
    """
    for item in items:
        if "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)
        called = getattr(item, "callspec", None)
        if called is not None and called.params.get("destination") == "postgres":
            item.add_marker(pytest.mark.postgres)
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.no_cover)
        is_e2e = "e2e" in item.path.parts
        if is_e2e and not hasattr(getattr(item, "module", None), "DESTINATIONS"):
            item.add_marker(pytest.mark.empty_database)  # as a user begins


def pytest_collection_finish() -> None:
    """What is imported stays: the collector need not look through it again and again."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three for two cores: a test waits a fifth of its time for a server or a pause."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


class Emulate(Protocol):
    """Starts an emulator without a limit of its own, unless told otherwise."""

    def __call__(self, campaigns: list[dict[str, Any]], **options: Any) -> Emulator: ...


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """No setting, proxy or call budget of the machine reaches a test, and none leaks from one."""
    if request.node.get_closest_marker("slow"):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # of processes that it starts
    for name in list(os.environ):
        if name.startswith(("SOURCES__", "DLT_", "RUNTIME__")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(project))
    # deletions are confirmed at once, except in the tests about that
    monkeypatch.setenv("SOURCES__KORE_CAMPAIGNS__VANISH_CONFIRM_SECONDS", "0")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def closed_budgets() -> Iterator[None]:
    """No test leaves a file of calls open."""
    yield
    close_all()


@pytest.fixture
def emulate() -> Iterator[Emulate]:
    """A factory of running emulators, all stopped at the end of the test."""
    started: list[Emulator] = []

    def start(campaigns: list[dict[str, Any]], **options: Any) -> Emulator:
        kore = Emulator(campaigns=campaigns, **{"requests_per_minute": None, **options})
        started.append(kore)
        return kore.__enter__()

    yield start
    for kore in started:
        kore.__exit__(None, None, None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module that says `DESTINATIONS = BOTH` is run over each, but for tests about the file."""
    destinations = getattr(metafunc.module, "DESTINATIONS", None)
    is_about_file = metafunc.definition.get_closest_marker("duckdb_only")
    if destinations and "destination" in metafunc.fixturenames and not is_about_file:
        metafunc.parametrize("destination", destinations, indirect=True)


@pytest.fixture
def destination(request: pytest.FixtureRequest) -> str:
    """Where the runs of a project go; modules name others in `DESTINATIONS`."""
    return str(getattr(request, "param", "duckdb"))


@pytest.fixture
def project(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    destination: str,
    request: pytest.FixtureRequest,
) -> Iterator[Project]:
    """A project folder, which is also the current folder; `use` points it at an emulator.

    The tables and views are there, unless the test is `duckdb_only` or begins with an
    `empty_database`: to make them takes longer than most tests.
    """
    folder = tmp_path / "project"

    def commands() -> Commands:
        started: Commands = request.getfixturevalue("commands")
        return started

    def project_of(address: str | None = None, server: Postgres | None = None) -> Project:
        return Project(folder, monkeypatch, address=address, server=server, commands=commands)

    is_empty = any(map(request.node.get_closest_marker, ("duckdb_only", "empty_database")))
    if destination == "duckdb":
        made = project_of()
        if not is_empty:
            made.database.write_bytes(made_database())
        yield made
        return
    server: Postgres = request.getfixturevalue("postgres")
    if is_empty:
        yield project_of(server.new_database(), server)
        return
    with server.made_database() as address:
        yield project_of(address, server)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo was played; for reading alone."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        play_demo(str(folder), say=lambda text: None)
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server; each test takes a database of its own."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The installed command, in copies of a process that has loaded it."""
    with Commands(tmp_path_factory.mktemp("commands")) as commands:
        yield commands


@pytest.fixture
def warehouse(project: Project, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The project, and an empty database that `run --destination postgres` goes into."""
    return Warehouse(project, postgres, monkeypatch)


@pytest.fixture(params=["file", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place | None]:
    """Each place in which a budget can be kept; a test may ask for `nowhere`, too."""
    if request.param == "file":
        yield InFile(tmp_path / "state" / "calls.sqlite")
    elif request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        kept = InPostgres(server.new_database())
        yield kept
        kept.clock.close()
    else:
        yield None
