"""An Airflow of the tests' own, set up with the commands of docs/how-to/airflow.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from kore_emulator import Emulator
from support.recorder import Ended

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "airflow.md").read_text(encoding="utf-8")
# the environment that `make test-airflow` has made as the page says
MADE_ALREADY = 2
WAREHOUSE_PASSWORD = "9f/86@d08:1884c?7d659a"
Entry = dict[str, Any]


def blocks(language: str) -> list[str]:
    """The page's blocks of a language, in their order."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


INSTALL, SET_UP, RUN, SCHEDULE = blocks("bash")[:4]
CONNECTIONS: dict[str, Entry] = json.loads(blocks("json")[0])


def for_accounts(accounts: Mapping[str, Sequence[str]] | None) -> str:
    """The page's commands to set up, with the line for a pool repeated as it tells."""
    if accounts is None:
        return SET_UP
    *before, first, second, last = SET_UP.splitlines()
    assert first.replace("acme", "globex") == second
    exported = f"export AIRFLOW__KORE_CAMPAIGNS__ACCOUNTS='{json.dumps(accounts)}'"
    assert exported.partition("=")[0] == before[0].partition("=")[0]
    pools = [first.replace("acme", account) for account in accounts]
    return "\n".join([exported, *before[1:], *pools, last])


def entry_of(kore: Emulator, **extra: Any) -> Entry:
    """The page's Airflow Connection of a connection, for an emulator's app."""
    entry = deepcopy(CONNECTIONS["kore_emea"])
    entry |= {"host": kore.url, "login": kore.client_id, "password": kore.client_secret}
    entry["extra"] |= {"account_id": kore.account_id, "stream_id": kore.stream_id, **extra}
    return entry


def warehouse_entry(url: str) -> Entry:
    """The page's Airflow Connection of the warehouse, for a Postgres of the tests."""
    parts = urlsplit(url)
    entry = deepcopy(CONNECTIONS["kore_warehouse"])
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    entry |= {"host": host, "login": parts.username, "schema": parts.path[1:]}
    # the server trusts everybody; what is looked for must not be a word of English
    entry["password"] = WAREHOUSE_PASSWORD
    return entry | ({"port": parts.port} if parts.port else {})


class Airflow:
    """Its home is below `folder`; `environment` is the virtual environment it is installed in.

    What it started and did not wait for is killed at the end of the `with` block.
    """

    def __init__(self, folder: Path, environment: Path) -> None:
        self.folder = folder
        self.home = folder / "airflow-home"
        self.dag_file = folder / "dags" / "kore_campaigns_dag.py"
        shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__py*"))
        self._started: list[subprocess.Popen[str]] = []
        # of the tests' own settings a task is to have none
        self._env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "DESTINATION__", "DLT_"))
        }
        self._env["PATH"] = f"{environment / 'bin'}{os.pathsep}{self._env['PATH']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def set_up(
        self, connections: Mapping[str, Entry], accounts: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """What the page tells to do, with these connections, and with accounts other than its."""
        file = self.folder / "connections.json"
        file.write_text(json.dumps(connections), encoding="utf-8")
        exports = "\n".join(INSTALL.splitlines()[MADE_ALREADY:])
        self.shell(f"{exports}\n{for_accounts(accounts)}\nenv -0 > environment")
        assert not file.exists()
        for pair in (self.folder / "environment").read_text(encoding="utf-8").split("\0"):
            name, _, value = pair.partition("=")
            if name.startswith("AIRFLOW"):
                self._env[name] = value

    def like(self, other: Airflow) -> None:
        """As another one was when it was set up: 20 s less than to do it again."""
        shutil.copytree(other.home, self.home)
        for name, value in other._env.items():
            if name.startswith("AIRFLOW"):
                self._env[name] = value.replace(str(other.folder), str(self.folder))
        self._env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{self.home / 'airflow.db'}"
        self._env["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] = str(self.home / "logs")

    def set(self, **settings: object) -> None:
        """Settings of the DAG, in the environment."""
        self.export(**{f"KORE_CAMPAIGNS__{key.upper()}": value for key, value in settings.items()})

    def export(self, **settings: object) -> None:
        """Airflow's own settings, named as its environment names them after `AIRFLOW__`."""
        self._env |= {f"AIRFLOW__{name}": str(value) for name, value in settings.items()}

    def connect(self, connections: Mapping[str, Entry]) -> None:
        """Airflow Connections in the environment, where they go before those of the database."""
        for name, entry in connections.items():
            self._env[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(entry)

    def shell(self, script: str) -> str:
        """Runs lines of the page; what they wrote."""
        ended = finished(self.spawn("bash", "-euo", "pipefail", "-c", script))
        assert ended.code == 0, ended.out
        return ended.out

    def spawn(self, *command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def begin(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        """A server, which writes into a file."""
        with log.open("w", encoding="utf-8") as file:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._env | dict(environment),
                stdout=file,
                stderr=file,
                text=True,
                start_new_session=True,
            )

    def run_dag(self) -> Ended:
        """The page's `airflow dags test`: a DAG run whose tasks run one after the other in it."""
        return finished(self.start_dag())

    def start_dag(self) -> subprocess.Popen[str]:
        return self.spawn(*RUN.split())

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of Airflow's own database."""
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return database.execute(query).fetchall()

    def states(self) -> dict[str, tuple[str, int]]:
        """How each task of the last DAG run ended, and at which try, by its label; one that waits
        for a retry has none, and is called `task[0]`.
        """
        rows = self.sql(
            "select rendered_map_index, task_id, map_index, state, try_number from task_instance "
            "where run_id = (select run_id from dag_run order by id desc limit 1)"
        )
        return {
            label or (task if index < 0 else f"{task}[{index}]"): (state, tries)
            for label, task, index, state, tries in rows
        }

    def wait_for(self, label: str, state: str) -> None:
        give_up = time.monotonic() + 120
        while self.states().get(label, ("", 0))[0] != state:
            assert time.monotonic() < give_up, self.states()
            time.sleep(0.2)

    def reports(self) -> dict[str, dict[str, Any]]:
        """The XComs of the runs, by connection; with DAG runs before, the last counts."""
        rows = self.sql("select value from xcom where key = 'report' order by timestamp")
        values = [json.loads(value) for (value,) in rows]
        # Airflow keeps the text of the object as a text of its own
        found = [json.loads(value) if isinstance(value, str) else value for value in values]
        return {value["connection"]: value for value in found}


def finished(process: subprocess.Popen[str]) -> Ended:
    out, _ = process.communicate(timeout=280)
    return Ended(process.returncode, out, "")
