"""What the database says about itself: when it last worked, what is stale, what failed and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb

from kore_campaigns import status_sql
from kore_campaigns.errors import DestinationUnavailable
from kore_campaigns.facts import App, DriftSeen, Failure, LastRun, Stale, Status
from kore_campaigns.held import Reader, in_utc
from kore_campaigns.publish import Workspace
from kore_campaigns.warehouse import Warehouse

WORST = 10

Query = Callable[..., list[tuple[Any, ...]]]


def read_status(where: Workspace | Warehouse) -> Status:
    """Reads what readers see; raises `DestinationUnavailable` if that cannot be read."""
    return _of_file(where) if isinstance(where, Workspace) else _of_warehouse(where)


def _of_file(workspace: Workspace) -> Status:
    holder, file = workspace.holder(), workspace.published
    running: dict[str, Any] = {
        "running_pid": holder.get("pid"),
        "running_since": holder.get("since"),
    }
    if not file.exists():
        return Status(str(file), **running)
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            found = _read(_query_of(connection), is_running=bool(holder))
    except duckdb.Error as failed:
        raise DestinationUnavailable(str(file), str(failed).splitlines()[0]) from failed
    return replace(found, database=str(file), database_bytes=file.stat().st_size, **running)


def _of_warehouse(warehouse: Warehouse) -> Status:
    flags = f" --destination {warehouse.kind}"
    with warehouse.read() as reader:
        pid, since = warehouse.writer(reader) or (None, None)
        found = _read(_query_of_warehouse(reader), is_running=pid is not None)
    return replace(
        found, database=warehouse.name, running_pid=pid, running_since=since, flags=flags
    )


def _query_of(connection: duckdb.DuckDBPyConnection) -> Query:
    def query(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return connection.execute(sql.replace("%s", "?"), list(parameters)).fetchall()

    return _in_utc_all(query)


def _query_of_warehouse(reader: Reader) -> Query:
    return _in_utc_all(lambda sql, *given: list(reader.execute_sql(sql, *given) or ()))


def _in_utc_all(ask: Query) -> Query:
    return lambda sql, *parameters: [tuple(map(_in_utc, row)) for row in ask(sql, *parameters)]


def _read(query: Query, *, is_running: bool) -> Status:
    made = {name for (name,) in query(status_sql.MADE)}
    if "kore_raw.extraction_runs" not in made:
        return Status("")
    if not {"kore.runs", "kore.campaign_freshness"} <= made:
        last_runs = _ended(query(status_sql.OLDER), is_running=is_running)
        apps = [App(stream_id, run) for stream_id, run in last_runs.items()]
        return Status("", apps, is_older=True)
    last_runs = _ended(query(status_sql.RUNS), is_running=is_running)
    drift = query(status_sql.DRIFT)
    drifts = Counter(stream_id for stream_id, *_ in drift)
    apps = [
        App(
            stream_id,
            last_runs.get(stream_id),
            complete_at,
            full_at,
            *(count or 0 for count in [*counts, drifts[stream_id]]),
        )
        for stream_id, complete_at, full_at, *counts in query(status_sql.APPS)
    ]
    return Status(
        "",
        apps,
        query(status_sql.VERSIONS)[0][0],
        [Stale(*row) for row in query(status_sql.STALE, WORST)],
        [Failure(*row) for row in _failures(query, [run.run_id for run in last_runs.values()])],
        [DriftSeen(*row[1:]) for row in drift],
        [campaign_id for (campaign_id,) in query(status_sql.NOT_LISTED)],
        [campaign_id for (campaign_id,) in query(status_sql.LISTED_ONLY)],
    )


def _failures(query: Query, run_ids: Sequence[str]) -> list[tuple[Any, ...]]:
    if not run_ids:
        return []
    marks = ", ".join(["%s"] * len(run_ids))
    return query(status_sql.FAILURES.replace("{marks}", marks), *run_ids)


def _ended(rows: Sequence[tuple[Any, ...]], *, is_running: bool) -> dict[str, LastRun]:
    """The newest run of each app that has ended: not the one that goes on, if there is one."""
    found: dict[str, LastRun] = {}
    for number, row in enumerate(rows):
        run = LastRun(*row)
        if run.state == "running":
            # nobody holds the database, so it was killed; the newest alone can be going on
            if is_running and number == 0:
                continue
            run = replace(run, state="killed")
        found.setdefault(run.stream_id, run)
    return found


def _in_utc(value: Any) -> Any:
    return in_utc(value) if isinstance(value, datetime) else value
