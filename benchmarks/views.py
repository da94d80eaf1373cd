"""How long each view takes over 10,000 campaigns with 20 versions each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from cases import OURS
from kore_campaigns.tables import CAMPAIGN_VERSIONS
from kore_campaigns.views.apply import VIEWS
from measure import run
from service import Service
from table import aligned

CAMPAIGNS, VERSIONS = 10_000, 20
# of each kind of thing that campaigns share; more would not be compared pair by pair
SHARING = 10
POLICIES = """\
name,country,weekday,earliest,latest,max_attempts_per_24h,min_ring_seconds
US federal,US,,8:00 AM,9:00 PM,3,15
Sundays,US,SU,closed,,,
India,IN,,10:00 AM,9:00 PM,3,
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


def measure_views(environment: Mapping[str, str]) -> dict[str, float]:
    """Seconds per view, all of its rows worked out; the better of two times."""
    with TemporaryDirectory(prefix="kore-bench-views-") as scratch:
        database = Path(scratch, "project", "kore_campaigns.duckdb")
        _load(database, {**environment, "DLT_PROJECT_DIR": str(database.parent)})
        with duckdb.connect(str(database)) as connection:
            _multiply(connection)
            return {view: min(_seconds(connection, view) for _ in range(2)) for view in VIEWS}


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


def _seconds(connection: duckdb.DuckDBPyConnection, view: str) -> float:
    began = time.perf_counter()
    # every row and column is worked out, and none is made a Python object
    connection.execute(f"select count(*), bit_xor(hash(found)) from kore.{view} as found")  # noqa: S608 - ours
    return time.perf_counter() - began


def view_table(seconds: Mapping[str, float]) -> list[str]:
    rows = [[view, f"{found:.2f}"] for view, found in seconds.items()]
    return aligned(["view", "seconds"], rows, left=1)
