"""Cost of a run into a Postgres with many other apps, and disk space of a version."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2

from cases import OURS
from measure import Cost, clean_environment, run
from service import Service
from support.postgres import running_postgres
from table import aligned

CAMPAIGNS = 1_000
# enough that the pages of a file that is nearly empty do not count
MANY = 5_000
APPS = (1, 10, 100)
HOURS_A_YEAR = 8_760
VIEWS = ("campaigns", "findings")
REPEATS = 3
# what holds rows of campaigns
_TABLES = (
    "campaign_versions",
    "campaign_versions__calling_hours",
    "campaign_versions__dnc_lists",
    "campaign_versions__contact_lists",
    "campaign_versions__changes",
    "campaign_listings",
    "configured_campaigns",
)
# what a run that finds nothing new looks for its app's rows in
_READ = ("campaign_versions", "campaign_listings", "configured_campaigns", "extraction_runs")
_SIZE = """
select sum(pg_total_relation_size(c.oid))
from pg_class as c join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = 'kore_raw' and c.relkind = 'r' and c.relname = any(%s)
"""
_STAGING = """
select count(*) from pg_class as c join pg_namespace as n on c.relnamespace = n.oid
where n.nspname like 'kore\\_raw\\_staging%%'
"""
_TRANSACTIONS = """
select xact_commit + xact_rollback from pg_stat_database where datname = current_database()
"""
_COLUMNS = """
select column_name from information_schema.columns
where table_schema = 'kore_raw' and table_name = %s order by ordinal_position
"""


@dataclass(frozen=True)
class SharedCost:
    """Cost of a run that finds nothing new, in tables with the rows of other apps."""

    apps: int
    runs: int
    """On record, of each app."""
    is_indexed: bool
    unchanged: Cost
    read_seconds: float
    """What the server takes to find the rows of one app in the tables that a run reads."""
    view_seconds: Mapping[str, float]

    @property
    def what(self) -> str:
        text = "1 app of 1,000 campaigns" if self.apps == 1 else f"{self.apps:,} such apps"
        text += f", {self.runs:,} runs each on record" if self.runs else ""
        return text + (", indexes on `stream_id`" if self.is_indexed else "")

    def row(self) -> list[str]:
        cost = self.unchanged
        found = [f"{cost.wall_seconds:.1f}", f"{cost.cpu_seconds:.1f}", f"{cost.peak_mb:.0f}"]
        views = [self.view_seconds.get(view) for view in VIEWS]
        seen = ["" if one is None else f"{one:.1f}" for one in views]
        return [self.what, *found, f"{1000 * self.read_seconds:,.0f}", *seen]


@dataclass(frozen=True)
class WarehouseCosts:
    duckdb_bytes: float
    """Of a campaign with one version: lists, changes and listing row included."""
    postgres_bytes: float
    first: Cost
    full: Cost
    """Of a full sweep that finds nothing new."""
    connect_seconds: float
    transactions: int
    """Of a run that finds nothing new, reads included."""
    staging_relations: int
    """Tables and indexes that one app stages its rows in."""
    shared: list[SharedCost]

    def table(self) -> list[str]:
        once = [
            ["bytes of a campaign with one version, DuckDB", f"{self.duckdb_bytes:,.0f}"],
            ["the same in Postgres", f"{self.postgres_bytes:,.0f}"],
            ["first run over 1,000 into Postgres: wall s", f"{self.first.wall_seconds:.1f}"],
            ["its CPU s", f"{self.first.cpu_seconds:.1f}"],
            ["its MiB", f"{self.first.peak_mb:.0f}"],
            ["full sweep over 1,000 unchanged: CPU s", f"{self.full.cpu_seconds:.1f}"],
            ["a connection to Postgres, ms", f"{1000 * self.connect_seconds:.1f}"],
            ["transactions of a run that finds nothing new", f"{self.transactions}"],
            ["relations that one app stages rows in", f"{self.staging_relations}"],
        ]
        names = ["in one Postgres", "unchanged: wall s", "its CPU s", "its MiB", "server ms"]
        rows = [one.row() for one in self.shared]
        return [
            *aligned(["measured", ""], once, left=1),
            "",
            *aligned([*names, *(f"`{view}` s" for view in VIEWS)], rows, left=1),
        ]


def measure_warehouse() -> WarehouseCosts:
    """On a server and emulators of its own, without a call limit or latency."""
    with TemporaryDirectory(prefix="kore-scale-") as scratch:
        environment = clean_environment(Path(scratch))
        with _project(Path(scratch, "many"), environment, MANY) as (project, settings):
            for _ in range(2):  # the second records what the listing shows
                run(OURS.command, folder=project, environment=settings)
            duckdb_bytes = (project / "kore_campaigns.duckdb").stat().st_size / MANY
        with (
            running_postgres(Path(scratch, "postgres")) as server,
            _project(Path(scratch, "project"), environment, CAMPAIGNS) as (project, settings),
        ):
            url = server.new_database()
            settings |= {"DESTINATION__POSTGRES__CREDENTIALS": url}
            return _Warehouse(url, project, settings).measure(duckdb_bytes)


@contextmanager
def _project(
    project: Path, environment: Mapping[str, str], campaigns: int
) -> Iterator[tuple[Path, dict[str, str]]]:
    project.mkdir()
    with Service(
        campaigns=campaigns,
        latency_ms=0,
        ids_file=project / "campaign_ids.csv",
        environment=environment,
    ) as service:
        settings = {**environment, **service.settings, "DLT_PROJECT_DIR": str(project)}
        settings["SOURCES__KORE_CAMPAIGNS__REQUESTS_PER_MINUTE"] = "0"
        yield project, settings


class _Warehouse:
    def __init__(self, url: str, project: Path, settings: Mapping[str, str]) -> None:
        self._url, self._project, self._settings = url, project, settings

    def measure(self, duckdb_bytes: float) -> WarehouseCosts:
        first = self._run()
        self._run()
        full = self._run("--sweep", "full")
        with closing(psycopg2.connect(self._url)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            before = _one(cursor, _TRANSACTIONS)
            self._run()
            transactions = _one(cursor, _TRANSACTIONS) - before - 1  # the question itself
            size, staging = _one(cursor, _SIZE, list(_TABLES)), _one(cursor, _STAGING)
            shared = [*self._costs_by_apps(cursor), *self._costs_by_runs(cursor)]
        connecting = median(_connect_seconds(self._url))
        return WarehouseCosts(
            duckdb_bytes,
            float(size) / CAMPAIGNS,
            first,
            full,
            connecting,
            int(transactions),
            int(staging),
            shared,
        )

    def _costs_by_apps(self, cursor: Any) -> Iterator[SharedCost]:
        for before, apps in zip((1, *APPS), APPS, strict=False):
            for table in _TABLES:
                _copy_to_apps(cursor, table, range(before, apps))
            cursor.execute("vacuum analyze")
            yield SharedCost(apps, 0, False, self._unchanged(), *_seconds(cursor))

    def _costs_by_runs(self, cursor: Any) -> Iterator[SharedCost]:
        _copy_runs(cursor, HOURS_A_YEAR)
        _copy_to_apps(cursor, "extraction_runs", range(1, APPS[-1]))
        cursor.execute("vacuum analyze")
        yield SharedCost(
            APPS[-1], HOURS_A_YEAR, False, self._unchanged(), _read_seconds(cursor), {}
        )
        for table in (*_TABLES, "extraction_runs", "extraction_errors"):
            cursor.execute(f"create index on kore_raw.{table} (stream_id)")
        cursor.execute("vacuum analyze")
        yield SharedCost(APPS[-1], HOURS_A_YEAR, True, self._unchanged(), _read_seconds(cursor), {})

    def _unchanged(self) -> Cost:
        """The median of each number."""
        costs = [self._run() for _ in range(REPEATS)]
        return Cost(
            median(cost.wall_seconds for cost in costs),
            median(cost.cpu_seconds for cost in costs),
            max(cost.peak_mb for cost in costs),
        )

    def _run(self, *flags: str) -> Cost:
        command = [*OURS.command, "--destination", "postgres", *flags]
        return run(command, folder=self._project, environment=self._settings)


def _copy_to_apps(cursor: Any, table: str, numbers: range) -> None:
    """The rows of the one app that runs, under the ids of others."""
    own = {
        "stream_id": "stream_id || '-' || number || '-copy'",
        "_dlt_id": "_dlt_id || '-' || number",
    }
    own["run_id"] = "run_id || '-' || number"
    _copy(cursor, table, own, numbers, "where stream_id not like '%%-copy'")


def _copy_runs(cursor: Any, hours: int) -> None:
    """Its last run, once in each of so many hours before."""
    own = {
        "run_id": "run_id || '-hour-' || number",
        "_dlt_id": "_dlt_id || '-hour-' || number",
        "started_at": "started_at - number * interval '1 hour'",
        "finished_at": "finished_at - number * interval '1 hour'",
    }
    newest = "where run_id = (select max(run_id) from kore_raw.extraction_runs)"
    _copy(cursor, "extraction_runs", own, range(1, hours), newest)


def _copy(cursor: Any, table: str, own: Mapping[str, str], numbers: range, which: str) -> None:
    cursor.execute(_COLUMNS, [table])
    names = [name for (name,) in cursor.fetchall()]
    values = ", ".join(own.get(name, f'"{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    cursor.execute(
        f"insert into kore_raw.{table} ({columns}) select {values} from kore_raw.{table} "  # noqa: S608 - ours
        f"cross join generate_series(%s, %s) as numbers (number) {which}",
        [numbers.start, numbers.stop - 1],
    )


def _one(cursor: Any, sql: str, *parameters: Any) -> Any:
    cursor.execute(sql, parameters)
    return cursor.fetchone()[0]


def _seconds(cursor: Any) -> tuple[float, dict[str, float]]:
    read = _read_seconds(cursor)
    return read, {view: _explained(cursor, f"kore.{view}") for view in VIEWS}


def _read_seconds(cursor: Any) -> float:
    """The better of two times, as for the views of the benchmarks."""
    own = "where stream_id = (select max(stream_id) from kore_raw.configured_campaigns)"
    return min(
        sum(_explained(cursor, f"kore_raw.{table} {own}") for table in _READ) for _ in range(2)
    )


def _explained(cursor: Any, what: str) -> float:
    began = time.perf_counter()
    cursor.execute(f"explain (analyze, timing off) select * from {what}")  # noqa: S608 - ours
    return time.perf_counter() - began


def _connect_seconds(url: str) -> Iterator[float]:
    for _ in range(20):
        began = time.perf_counter()
        psycopg2.connect(url).close()
        yield time.perf_counter() - began
