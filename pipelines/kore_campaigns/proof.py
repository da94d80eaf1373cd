"""Proof that versions that were derived anew are all there, as they were, and none twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kore_campaigns.stored import Connection, columns_of_table
from kore_campaigns.tables import CAMPAIGN_VERSIONS, CHILD_KEY, RAW_SCHEMA

NAMED: Final = 5  # versions that are told of one kind of fault
CHILDREN: Final = tuple(child.name for child in CAMPAIGN_VERSIONS.children)

_VERSIONS = f"{{schema}}.{CAMPAIGN_VERSIONS.name}"
# as the views: a version counts once its load was completed
_COUNTED = f"""
select * from {_VERSIONS}
where _dlt_load_id in (select load_id from {{schema}}._dlt_loads where status = 0)
"""  # noqa: S608  # names of ours
_KEY = ", ".join(CAMPAIGN_VERSIONS.key)
_ORPHANS = f"""
select distinct {_KEY} from {{child}} as child
where not exists (
    select 1 from {_VERSIONS} as parent
    where parent._dlt_id = child._dlt_root_id and parent.stream_id = child.stream_id
        and parent.campaign_id = child.campaign_id and parent.version = child.version
)
"""  # noqa: S608  # names of ours
_DOUBLES = f"select {_KEY} from {{child}} group by {', '.join(CHILD_KEY)} having count(*) > 1"  # noqa: S608


def history_of(schema: str = RAW_SCHEMA) -> str:
    """The select of what no rebuild may alter, a row per version."""
    counted = _COUNTED.format(schema=schema)
    return f"""
select account_id, stream_id, campaign_id, version, content_hash, observed_at, valid_from,
    is_deleted, md5(raw::varchar) as raw_hash
from ({counted}) as counted
"""  # noqa: S608  # names of ours


def faults(connection: Connection, *, before: str, after: str = RAW_SCHEMA) -> Iterator[str]:
    """What the schema `after` lost, added or doubled of the history that the select `before` has,
    in words; nothing is well.

    Columns and nested rows may differ: they are what was derived anew.
    """
    now = history_of(after)
    twice = (
        f"select {_KEY} from ({_COUNTED.format(schema=after)}) as counted "  # noqa: S608
        f"group by {_KEY} having count(*) > 1"
    )
    for words, query in {
        "is not there any more, or not as it was": _without(before, now),
        "was not there, or not so": _without(now, before),
        "is there twice": twice,
    }.items():
        yield from _named(connection, query, words)
    for name in CHILDREN:
        child = _child(after, name)
        words = f"has rows of `{name}` that belong to no version"
        yield from _named(connection, _ORPHANS.format(child=child, schema=after), words)
        words = f"has two rows of `{name}` for one position"
        yield from _named(connection, _DOUBLES.format(child=child), words)


def nested_rows(connection: Connection) -> dict[str, int]:
    """How many rows each nested table has; none, where an older program did not know it."""
    return {name: _count(connection, name) for name in CHILDREN}


def _without(some: str, others: str) -> str:
    return f"select {_KEY} from ({some} except all {others}) as missing"  # noqa: S608  # names of ours


def _child(schema: str, name: str) -> str:
    return f"{schema}.{CAMPAIGN_VERSIONS.name}__{name}"


def _count(connection: Connection, name: str) -> int:
    if not columns_of_table(connection, f"{CAMPAIGN_VERSIONS.name}__{name}"):
        return 0
    counted = connection.execute(f"select count(*) from {_child(RAW_SCHEMA, name)}").fetchone()  # noqa: S608
    return int(counted[0])


def _named(connection: Connection, query: str, words: str) -> Iterator[str]:
    found = connection.execute(query).fetchall()
    for _, campaign_id, version in found[:NAMED]:
        yield f"campaign `{campaign_id}` version {version} {words}"
    if more := len(found[NAMED:]):
        yield f"and {more} more that {words}"
