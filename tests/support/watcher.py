"""An analyst who keeps opening the database while runs go on, are killed, and begin again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

# Each finds nothing in a sound database. What a version's lists must hold is counted in its `raw`,
# which is stored in the parent: so parent and children are compared, not one table with itself.
UNSOUND = {
    "children that are not as many as their version says": """
with said as (
    select stream_id, campaign_id, version, is_deleted,
        unnest([
            {child: 'calling_hours', value: raw -> '$.dialingStrategy.callingHours.days'},
            {child: 'dnc_lists', value: raw -> '$.dncLists'},
            {child: 'contact_lists', value: raw -> '$.contactLists'}
        ], recursive := true)
    from kore_raw.campaign_versions
), expected as (
    select stream_id, campaign_id, version, child, case
        when is_deleted then 0
        when json_type(value) = 'ARRAY' then json_array_length(value)
        when json_type(value) = 'OBJECT' then 1
        else 0
    end as rows
    from said
), children as (
    select 'calling_hours' as child, stream_id, campaign_id, version
    from kore_raw.campaign_versions__calling_hours
    union all select 'dnc_lists', stream_id, campaign_id, version
    from kore_raw.campaign_versions__dnc_lists
    union all select 'contact_lists', stream_id, campaign_id, version
    from kore_raw.campaign_versions__contact_lists
), counted as (
    select stream_id, campaign_id, version, child, count(*) as rows from children group by all
)
select * from expected full join counted using (stream_id, campaign_id, version, child)
where coalesce(expected.rows, -1) <> coalesce(counted.rows, 0)
""",
    "changes of a first version, or none of a later one": """
with changes as (
    select stream_id, campaign_id, version, count(*) as rows
    from kore_raw.campaign_versions__changes group by all
)
select * from kore_raw.campaign_versions full join changes using (stream_id, campaign_id, version)
where (version > 1) <> (coalesce(rows, 0) > 0) or content_hash is null
""",
    "a version that is there twice": """
select stream_id, campaign_id, version from kore_raw.campaign_versions
group by all having count(*) > 1
""",
    "versions with a gap": """
select stream_id, campaign_id from kore_raw.campaign_versions
group by all having min(version) <> 1 or max(version) <> count(*)
""",
    "versions that the views hide or double": """
select count(*) from kore_raw.campaign_versions
having count(*) <> (select count(*) from kore.campaign_history)
""",
    "a campaign that is live twice": """
select campaign_id from kore.campaigns group by all having count(*) > 1
""",
}
_STATES = "select stream_id, campaign_id, version, content_hash from kore_raw.campaign_versions"


def unsound(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What is wrong with a database, in words and rows."""
    return [
        f"{name}: {rows}"
        for name, query in UNSOUND.items()
        if (rows := connection.execute(query).fetchmany(3))
    ]


@dataclass
class Watcher:
    database: Path
    looks: int = 0
    complaints: list[str] = field(default_factory=list)
    _seen: set[tuple[Any, ...]] = field(default_factory=set)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Looks again and again until the block ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended,), name="watcher")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(0.02):
            if self.database.exists() or self.looks:  # once there, it is never gone
                try:
                    self.look()
                except duckdb.Error as error:
                    self.complaints.append(str(error))

    def look(self) -> None:
        with duckdb.connect(str(self.database), read_only=True) as connection:
            self.complaints += unsound(connection)
            states = set(connection.execute(_STATES).fetchall())
        if lost := self._seen - states:
            self.complaints.append(f"{len(lost)} versions were there and are gone: {lost}")
        self._seen = states
        self.looks += 1
