"""How long each view and each page of the dashboard takes over 10,000 campaigns of 20 versions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import psycopg2

from cases import OURS
from dashboard_pages import PageTimes, measure_pages
from kore_campaigns.schema import CAMPAIGN_VERSIONS
from kore_campaigns.views.apply import VIEWS
from measure import run
from service import Service
from support.postgres import copy_to_postgres, running_postgres
from table import aligned

CAMPAIGNS, VERSIONS = 10_000, 20
# of each kind of thing that campaigns share; more would not be compared pair by pair
SHARING = 10
POLICIES = """\
name,country,weekday,earliest,latest,max_attempts_per_24h,min_ring_seconds,max_dnc_age_days
US federal,US,,8:00 AM,9:00 PM,3,15,31
Sundays,US,SU,closed,,,,
India,IN,,10:00 AM,9:00 PM,3,,31
"""
_COPIES = """
insert into kore_raw.{table}
select * exclude (number) replace (
    version + number as version, _dlt_id || '-' || number as _dlt_id{moved}
)
from kore_raw.{table} cross join generate_series(1, {more}) as numbers (number)
"""
_SHARED = (
    # about ten campaigns for each caller id, contact list and queue, as in an account so large
    "update kore_raw.campaign_versions set caller_id = 'caller ' || (rowid % {kinds})",
    "update kore_raw.campaign_versions__contact_lists "
    "set contact_list_name = 'list ' || (rowid % {kinds})",
    "update kore_raw.campaign_listings set connection = 'queue ' || (rowid % {kinds})",
)


@dataclass(frozen=True)
class ViewTimes:
    """Seconds, by view on each database, and by page of the dashboard."""

    duckdb: Mapping[str, float]
    postgres: Mapping[str, float]
    pages: Mapping[str, PageTimes]

    def table(self) -> list[str]:
        rows = [
            [view, f"{found:.2f}", f"{self.postgres[view]:.2f}"]
            for view, found in self.duckdb.items()
        ]
        names = ["view", "seconds, DuckDB", "Postgres"]
        pages = [
            [page, f"{found.first:.2f}", f"{found.again:.2f}"] for page, found in self.pages.items()
        ]
        titles = ["page of the dashboard, in Chromium", "first visit after a run, s", "later, s"]
        return [
            *aligned(names, rows, left=1),
            "",
            *aligned(titles, pages, left=1),
        ]


def measure_views(environment: Mapping[str, str]) -> ViewTimes:
    """All rows of each view worked out; the better of two times. Pages: the first visit of each."""
    with TemporaryDirectory(prefix="kore-bench-views-") as scratch:
        database = Path(scratch, "project", "kore_campaigns.duckdb")
        load_many_versions(database, environment)
        with duckdb.connect(str(database), read_only=True) as connection:
            on_duckdb = {view: _better(_on_duckdb, connection, view) for view in VIEWS}
        pages = measure_pages(database, Path(scratch, "log"))
        with running_postgres(Path(scratch, "postgres")) as server:
            url = server.new_database()
            copy_to_postgres(database, url)
            with closing(psycopg2.connect(url)) as connection:
                connection.autocommit = True
                connection.cursor().execute("vacuum analyze")
                on_postgres = {view: _better(_on_postgres, connection, view) for view in VIEWS}
        return ViewTimes(on_duckdb, on_postgres, pages)


def load_many_versions(database: Path, environment: Mapping[str, str]) -> None:
    """A run's database, in which each campaign has twenty versions."""
    _load(database, {**environment, "DLT_PROJECT_DIR": str(database.parent)})
    with duckdb.connect(str(database)) as connection:
        _multiply(connection)


def _better(seconds: Callable[[Any, str], float], connection: Any, view: str) -> float:
    return min(seconds(connection, view) for _ in range(2))


def _load(database: Path, environment: Mapping[str, str]) -> None:
    database.parent.mkdir()
    (database.parent / "policies.csv").write_text(POLICIES, encoding="utf-8")
    ids_file = database.parent / "campaign_ids.csv"
    with Service(
        campaigns=CAMPAIGNS, latency_ms=0, ids_file=ids_file, environment=environment
    ) as service:
        settings = {**environment, **service.settings}
        settings["SOURCES__KORE_CAMPAIGNS__REQUESTS_PER_MINUTE"] = "0"
        for _ in range(2):  # the second reads the listing, which has the queues
            run(OURS.command, folder=database.parent, environment=settings)


def _multiply(connection: duckdb.DuckDBPyConnection) -> None:
    """Every version twenty times, an hour apart."""
    for statement in _SHARED:
        connection.execute(statement.format(kinds=CAMPAIGNS // SHARING))
    for table, moved in _tables():
        connection.execute(_COPIES.format(table=table, moved=moved, more=VERSIONS - 1))
    connection.execute("force checkpoint")


def _tables() -> Iterator[tuple[str, str]]:
    root = CAMPAIGN_VERSIONS.name
    yield root, ", valid_from + number * interval 1 hour as valid_from"
    for child in CAMPAIGN_VERSIONS.children:
        yield f"{root}__{child.name}", ""


def _on_duckdb(connection: Any, view: str) -> float:
    began = time.perf_counter()
    # every row and column is worked out, and none is made a Python object
    connection.execute(f"select count(*), bit_xor(hash(found)) from kore.{view} as found")  # noqa: S608 - ours
    return time.perf_counter() - began


def _on_postgres(connection: Any, view: str) -> float:
    began = time.perf_counter()
    # the rows are worked out and thrown away
    query = f"explain (analyze, timing off) select * from kore.{view}"  # noqa: S608 - ours
    connection.cursor().execute(query)
    return time.perf_counter() - began
