"""Proof that a database that was rewritten still holds every version of the one before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb

from kore_campaigns.tables import CAMPAIGN_VERSIONS, CHILD_KEY, RAW_SCHEMA

NAMED: Final = 5  # versions that are told of one kind of fault
CHILDREN: Final = tuple(child.name for child in CAMPAIGN_VERSIONS.children)

_VERSIONS = f"{{db}}.{RAW_SCHEMA}.{CAMPAIGN_VERSIONS.name}"
# as the views: a version counts once its load was completed
_COUNTED = f"""
select * from {_VERSIONS}
where _dlt_load_id in (select load_id from {{db}}.{RAW_SCHEMA}._dlt_loads where status = 0)
"""  # noqa: S608  # names of ours
_KEPT = f"""
select account_id, stream_id, campaign_id, version, content_hash, observed_at, valid_from,
    is_deleted, md5(raw::varchar)
from ({_COUNTED})
"""  # noqa: S608  # names of ours
_KEY = ", ".join(CAMPAIGN_VERSIONS.key)
_FAULTS: Final = {
    "is not there any more, or not as it was": (
        f"select {_KEY} from ({_KEPT.format(db='before')} except all {_KEPT.format(db='after')})"  # noqa: S608
    ),
    "was not there, or not so": (
        f"select {_KEY} from ({_KEPT.format(db='after')} except all {_KEPT.format(db='before')})"  # noqa: S608
    ),
    "is there twice": (
        f"select {_KEY} from ({_COUNTED.format(db='after')}) group by all having count(*) > 1"  # noqa: S608
    ),
}
_ORPHANS = f"""
select distinct {_KEY} from {{child}} as child
where not exists (
    select 1 from {_VERSIONS.format(db="after")} as parent
    where parent._dlt_id = child._dlt_root_id and parent.stream_id = child.stream_id
        and parent.campaign_id = child.campaign_id and parent.version = child.version
)
"""  # noqa: S608  # names of ours
_DOUBLES = f"select {_KEY} from {{child}} group by {', '.join(CHILD_KEY)} having count(*) > 1"  # noqa: S608


def faults(before: Path, after: Path) -> Iterator[str]:
    """What `after` lost, added or doubled of the versions of `before`, in words; nothing is well.

    Columns and nested rows may differ: they are what was derived anew.
    """
    with _both(before, after) as connection:
        for words, query in _FAULTS.items():
            yield from _named(connection, query, words)
        for name in CHILDREN:
            child = _child("after", name)
            words = f"has rows of `{name}` that belong to no version"
            yield from _named(connection, _ORPHANS.format(child=child), words)
            words = f"has two rows of `{name}` for one position"
            yield from _named(connection, _DOUBLES.format(child=child), words)


def nested_rows(database: Path) -> dict[str, int]:
    """How many rows each nested table has; none, where an older program did not know it."""
    with duckdb.connect() as connection:
        _attach(connection, database, "after")
        return {
            name: _count(connection, name) if _exists(connection, name) else 0 for name in CHILDREN
        }


def _both(before: Path, after: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    _attach(connection, before, "before")
    _attach(connection, after, "after")
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, database: Path, name: str) -> None:
    path = str(database).replace("'", "''")
    connection.execute(f"attach '{path}' as {name} (read_only)")


def _child(db: str, name: str) -> str:
    return f"{db}.{RAW_SCHEMA}.{CAMPAIGN_VERSIONS.name}__{name}"


def _exists(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    query = "select 1 from duckdb_tables() where schema_name = ? and table_name = ?"
    table = f"{CAMPAIGN_VERSIONS.name}__{name}"
    return connection.execute(query, [RAW_SCHEMA, table]).fetchone() is not None


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    counted: Any = connection.execute(f"select count(*) from {_child('after', name)}").fetchone()  # noqa: S608
    return int(counted[0])


def _named(connection: duckdb.DuckDBPyConnection, query: str, words: str) -> Iterator[str]:
    cursor = connection.execute(query)
    for _, campaign_id, version in cursor.fetchmany(NAMED):
        yield f"campaign `{campaign_id}` version {version} {words}"
    if more := len(cursor.fetchall()):
        yield f"and {more} more that {words}"
