"""Airflow with CeleryExecutor on loopback: Redis, api-server, scheduler, dag-processor and workers
around a Postgres, each worker with folders of its own, as if it were a machine.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg2
import requests

from support.airflow_server import Airflow
from support.browser import free_port

SLOTS = 2
"""Tasks that a worker runs at the same time."""
HEARTBEAT_TIMEOUT = 20


class Cluster:
    """Its parts by name, each a process group of its own; all are gone after the `with` block."""

    def __init__(self, airflow: Airflow, database: str) -> None:
        self.airflow = airflow
        self._database = database
        self._redis, self._api = free_port(), free_port()
        folder = parse_qs(urlsplit(database).query)["host"][0]
        running = Path(folder, "postmaster.pid").read_text(encoding="ascii")
        self._postgres = psutil.Process(int(running.split()[0]))
        self.parts: dict[str, psutil.Process] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self.most_memory: dict[str, int] = defaultdict(int)
        """The most that each part had for itself, in bytes; what is shared is counted by shares."""
        with_driver = database.replace("://", "+psycopg2://")
        server = f"http://127.0.0.1:{self._api}"
        airflow.export(
            CORE__EXECUTOR="CeleryExecutor",
            CORE__EXECUTION_API_SERVER_URL=f"{server}/execution/",
            API__HOST="127.0.0.1",
            API__PORT=self._api,
            API__WORKERS=1,
            API__BASE_URL=server,
            API_AUTH__JWT_SECRET=token_urlsafe(48),
            DATABASE__SQL_ALCHEMY_CONN=with_driver,
            DATABASE__SQL_ALCHEMY_CONN_ASYNC=database.replace("://", "+asyncpg://"),
            CELERY__BROKER_URL=f"redis://127.0.0.1:{self._redis}/0",
            CELERY__RESULT_BACKEND=f"db+{with_driver}",
            SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT=HEARTBEAT_TIMEOUT,
            SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL=5,
        )

    def __enter__(self) -> Self:
        return self

    def start(self, workers: Iterable[str]) -> None:
        """Returns when the scheduler and the api-server are well and every worker answers."""
        folder = str(self.airflow.folder)
        redis = ("--port", str(self._redis), "--save", "", "--dir", folder)
        self._begin("redis", "redis-server", "--bind", "127.0.0.1", *redis)
        self._begin("api-server", "airflow", "api-server")
        self._begin("scheduler", "airflow", "scheduler")
        self._begin("dag-processor", "airflow", "dag-processor")
        for name in workers:
            self._begin_worker(name)
        self._wait_until("all are well", self._is_well)

    def _begin(self, name: str, *command: str, **extra: str) -> None:
        log = self.airflow.folder / f"{name}.log"
        started = self.airflow.begin(command, log, extra)
        self._processes[name] = started
        self.parts[name] = psutil.Process(started.pid)

    def _begin_worker(self, name: str) -> None:
        folder = self.airflow.folder / name
        folder.mkdir()
        self._begin(
            name,
            *("airflow", "celery", "worker", "--concurrency", str(SLOTS)),
            *("--celery-hostname", f"{name}@%h", "--without-gossip", "--without-mingle"),
            # nothing but the network is shared
            XDG_STATE_HOME=str(folder),
            TMPDIR=str(folder),
            AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=str(free_port()),
        )

    def _is_well(self) -> bool:
        with suppress(requests.RequestException):
            health = requests.get(
                f"http://127.0.0.1:{self._api}/api/v2/monitor/health", timeout=5
            ).json()
            named = ("metadatabase", "scheduler", "dag_processor")
            ready = [
                "ready" in (self.airflow.folder / f"{name}.log").read_text(encoding="utf-8")
                for name in self.parts
                if name.startswith("worker")
            ]
            return all(ready) and all(health[name]["status"] == "healthy" for name in named)
        return False

    def _wait_until(self, what: str, is_so: Callable[[], object], seconds: float = 180) -> None:
        give_up = time.monotonic() + seconds
        while not is_so():
            gone = [name for name, part in self._processes.items() if part.poll() is not None]
            assert not gone, (gone, self.tails())
            assert time.monotonic() < give_up, (what, self.tails())
            self.measure()
            time.sleep(1)

    def tails(self) -> str:
        """The last lines that each part wrote."""
        logs = sorted(self.airflow.folder.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text(encoding='utf-8')[-1500:]}" for log in logs)

    def wait_for_tasks_of_both(self, workers: Iterable[str]) -> None:
        """Until every worker has a task at work."""
        self._wait_until("tasks", lambda: all(self.at_work(name) for name in workers))

    def at_work(self, worker: str) -> list[str]:
        """The connections whose tasks run on a worker."""
        pids = {process.pid for process in _tree(self.parts[worker])}
        running = self.sql(
            "select rendered_map_index, pid from task_instance where state = 'running'"
        )
        return [label for label, pid in running if label and pid in pids]

    def kill(self, worker: str) -> None:
        """`kill -9` of all that belongs to a worker, as a machine that is switched off."""
        for process in _tree(self.parts.pop(worker)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._processes.pop(worker).wait()

    def wait_for_run(self, dag_id: str, seconds: float) -> str:
        """How the first run of a DAG ended."""
        ended = f"select state from dag_run where dag_id = '{dag_id}' and end_date is not null"
        self._wait_until(f"{dag_id} ends", lambda: self.sql(ended), seconds)
        return str(self.sql(ended)[0][0])

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of Airflow's own database."""
        with closing(psycopg2.connect(self._database)) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def measure(self) -> None:
        """Looks at the memory of all parts."""
        total = 0
        for name, part in {**self.parts, "postgres": self._postgres}.items():
            own = sum(map(_pss, _tree(part)))
            self.most_memory[name] = max(self.most_memory[name], own)
            total += own
        self.most_memory["together"] = max(self.most_memory["together"], total)

    def __exit__(self, *_: object) -> None:
        everybody = [process for part in self.parts.values() for process in _tree(part)]
        for part in self.parts.values():
            with suppress(psutil.NoSuchProcess):
                part.send_signal(signal.SIGTERM)
        psutil.wait_procs([*self.parts.values()], timeout=20)
        for process in everybody:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for started in self._processes.values():
            started.wait()


def _tree(part: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [part, *part.children(recursive=True)]
    return []


def _pss(process: psutil.Process) -> int:
    with suppress(OSError, psutil.NoSuchProcess):
        for line in (
            Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        ):
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
