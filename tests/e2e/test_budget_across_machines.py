"""Commands on machines that share an account and a Postgres, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Emulate
from kore_campaigns.config.settings import resolve
from kore_campaigns.errors import BudgetUnavailable
from kore_campaigns.extract.connect import connected
from kore_emulator import Emulator, sample_campaigns
from support.postgres import POSTGRES_ADDRESS as ADDRESS
from support.postgres import Postgres, running_postgres
from support.project import Project
from support.warehouse import Warehouse

pytestmark = pytest.mark.slow

BUDGET = 30
# as if the driver were not installed
WITHOUT_DRIVER = """
import sys
sys.modules["psycopg2"] = None
from kore_campaigns.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


class Machine:
    """A home and a project folder of its own; settings come from the environment."""

    def __init__(self, home: Path, kore: Emulator) -> None:
        self.folder = home / "project"
        self.folder.mkdir(parents=True)
        text = "\n".join(["campaign_id", *kore.campaign_ids()]) + "\n"
        (self.folder / "campaign_ids.csv").write_text(text, encoding="utf-8")
        self.own = {
            "DLT_PROJECT_DIR": str(self.folder),
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "kore_campaigns", *arguments],
            cwd=self.folder,
            env=os.environ | self.own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Postgres]:
    """One that a test may stop."""
    with running_postgres(tmp_path / "server") as server:
        yield server


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it never came to that")


def budget_used_and_kept(kore: Emulator, *running: subprocess.Popen[str]) -> None:
    """All of the budget is used, and nobody who waits for more gets it: then they are stopped."""
    wait_for(lambda: kore.counters.requests >= BUDGET)
    time.sleep(2)  # for calls that should not come
    for process in running:
        process.terminate()
    for process in running:
        said = process.communicate(timeout=60)
        assert process.returncode == 75, said
    assert kore.worst_window(60) == BUDGET
    assert kore.counters.rate_limited == 0


def test_runs_on_two_machines_into_files_of_their_own_share_it(
    emulate: Emulate, warehouse: Warehouse, tmp_path: Path
) -> None:
    kore = emulate(sample_campaigns(BUDGET), requests_per_minute=BUDGET, latency=0.3)
    warehouse.project.use(kore, requests_per_minute=BUDGET, call_budget="postgres", workers=2)
    machines = [Machine(tmp_path / name, kore) for name in ("one", "other")]

    budget_used_and_kept(kore, *[machine.start("run", "--quiet") for machine in machines])

    assert all((machine.folder / "kore_campaigns.duckdb").exists() for machine in machines)
    assert not any((Path(machine.own["XDG_STATE_HOME"])).exists() for machine in machines)


def test_a_run_and_a_verify_on_another_machine_share_it(
    emulate: Emulate, warehouse: Warehouse, tmp_path: Path
) -> None:
    kore = emulate(sample_campaigns(BUDGET), latency=0.3)
    warehouse.project.use(kore)
    warehouse.run()
    kore.reset_counters()
    warehouse.project.use(kore, requests_per_minute=BUDGET, call_budget="postgres", workers=2)
    machines = [Machine(tmp_path / name, kore) for name in ("one", "other")]

    running = [
        machine.start(command, "--destination", "postgres", "--quiet")
        for machine, command in zip(machines, ("run", "verify"), strict=True)
    ]

    budget_used_and_kept(kore, *running)


def test_a_server_that_is_restarted_in_the_middle_of_a_run_is_waited_for(
    emulate: Emulate, project: Project, own_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESS, own_server.new_database())
    kore = emulate(sample_campaigns(20), latency=0.2)
    project.use(kore, requests_per_minute=1000, call_budget="postgres", workers=2)
    process = project.start("run", "--quiet")
    wait_for(lambda: kore.counters.requests >= 5)

    own_server.stop()
    began = kore.counters.requests
    time.sleep(1)
    assert kore.counters.requests == began < 20
    own_server.start()

    assert (process.communicate(timeout=120)[1], process.returncode) == ("", 0)
    assert project.sql("select count(*) from kore.campaigns") == [(20,)]


@pytest.mark.parametrize("command", ["run", "plan", "verify"])
@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("", 2, "`DESTINATION__POSTGRES__CREDENTIALS`"),
        ("kore:not-to-be-shown@warehouse", 2, "such as `postgresql://"),
        ("postgresql://kore:not-to-be-shown@127.0.0.1:1/kore", 6, "Connection refused"),
        ("postgresql://kore:as@not-to-be-shown@127.0.0.1:1/kore", 6, '"(not shown)@127.0.0.1"'),
    ],
)
def test_a_place_that_cannot_be_used_is_told_in_one_line_and_nothing_is_sent(
    emulate: Emulate,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    address: str,
    code: int,
    said: str,
) -> None:
    kore = emulate(sample_campaigns(1))
    project.use(kore, requests_per_minute=60)
    if command == "verify":
        project.run()
        kore.reset_counters()
    project.set("call_budget", "postgres")
    if address:
        monkeypatch.setenv(ADDRESS, address)

    ended = project.cli(command)

    assert ended.code == code, ended.err
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1
    assert "Next: " in ended.err
    assert "not-to-be-shown" not in ended.err
    assert kore.counters.requests == 0


def test_it_is_known_before_the_database_is_opened_or_anything_asked(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.use(emulate(sample_campaigns(1)), requests_per_minute=60, call_budget="postgres")
    monkeypatch.setenv(ADDRESS, "postgresql://kore:none@127.0.0.1:1/kore")
    with pytest.raises(BudgetUnavailable), connected(resolve(), stop=threading.Event()):
        pytest.fail("it would have been found out by the first request")


def test_check_says_so_too(
    emulate: Emulate, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    kore = emulate(sample_campaigns(1))
    project.use(kore, requests_per_minute=60, call_budget="postgres")
    monkeypatch.setenv(ADDRESS, "postgresql://kore:not-to-be-shown@127.0.0.1:1/kore")

    ended = project.cli("check")

    assert ended.code == 6
    assert "schema kore_calls" in ended.out + ended.err
    assert "not-to-be-shown" not in ended.out + ended.err
    assert kore.counters.requests == 0


def test_a_driver_that_is_not_installed_is_named_with_the_command(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(1))
    project.use(kore, requests_per_minute=60, call_budget="postgres")

    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_DRIVER, "run"], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert "pip install 'kore-campaigns[postgres]'" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert kore.counters.requests == 0


def test_without_a_limit_there_is_nothing_to_share(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(1)), requests_per_minute=0, call_budget="postgres")
    assert project.cli("run", "--quiet").code == 0
