"""Derive columns and nested rows of every version anew from `raw`: no request, no new version.

For a database whose rows were written by another version of this program.  What is history stays
as it is: keys, `content_hash`, `observed_at`, `valid_from`, `is_deleted`, `raw`.

"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import dlt
import duckdb

from kore_campaigns.config.project import project_folder
from kore_campaigns.config.settings import SECTION, KoreSettings
from kore_campaigns.errors import HistoryDamaged
from kore_campaigns.load.destination import DUCKDB, DuckDbFile
from kore_campaigns.load.dlt_load import (
    destination_errors,
    ensure_tables,
    load,
)
from kore_campaigns.load.duckdb_file import Workspace, workspace_for
from kore_campaigns.load.postgres import Warehouse, lock_all_accounts
from kore_campaigns.load.reader import Connection, Reader, columns_of_table, kept_versions, reading
from kore_campaigns.schema import CAMPAIGN_VERSIONS, CHILD_KEY, RAW_SCHEMA, nested_name
from kore_campaigns.transform.campaign import StoredVersion, deletion_row, shape, version_row
from kore_campaigns.transform.row_diff import Difference, differences

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


_REBUILT: Final = f"{RAW_SCHEMA}_rebuild"
_STAGING: Final = "staging"
_HISTORY: Final = f"{_REBUILT}.history_before"
_SAME_VERSION: Final = " and ".join(f"old.{name} = new.{name}" for name in CAMPAIGN_VERSIONS.key)


class RebuildPlace(Protocol):
    """A destination, as a rebuild sees it."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def held(self) -> AbstractContextManager[None]:
        """No run goes on meanwhile; raises `DestinationUnavailable` if one does, or if there is
        nothing to rebuild.
        """

    def stored(self) -> AbstractContextManager[Connection]:
        """What readers see."""

    def staging(self) -> AbstractContextManager[dlt.Pipeline]:
        """Takes versions that came out different; readers see nothing of it."""

    def publish(self, derived: Mapping[str, int]) -> dict[str, int]:
        """Put what was staged in place; the rows that each nested table has then.

        Raises `HistoryDamaged`, and publishes nothing, where a version was lost, altered or doubled
        or the nested tables have not as many rows as were `derived`.
        """

    def refuse(self, found: Sequence[str]) -> None:
        """Raises `HistoryDamaged` if anything was found."""


@dataclass(frozen=True, slots=True)
class FileRebuild:
    """A DuckDB file: the private one is rewritten and swapped in."""

    workspace: Workspace

    @property
    def name(self) -> str:
        return str(self.workspace.published)

    @contextmanager
    def held(self) -> Iterator[None]:
        with reading(self.workspace.published):
            pass  # before anything is made beside a file that is not there
        with self.workspace.locked(), destination_errors(self.name):
            yield

    def stored(self) -> AbstractContextManager[Connection]:
        return reading(self.workspace.published)

    def staging(self) -> AbstractContextManager[dlt.Pipeline]:
        return DuckDbFile(self.workspace).opened()

    def publish(self, derived: Mapping[str, int]) -> dict[str, int]:
        with reading(self.workspace.private) as connection:
            rows = nested_rows(connection)
        found = file_faults(self.workspace.published, self.workspace.private)
        self.refuse([*found, *_miscounted(rows, derived)])
        self.workspace.publish()
        return rows

    def refuse(self, found: Sequence[str]) -> None:
        way_back = (
            "`kore-campaigns restore` goes back to how an earlier run left it, or copy a backup in "
            "its place"
        )
        _refuse(self.name, found, way_back)


def file_faults(before: Path, after: Path) -> list[str]:
    """The `faults` between two DuckDB files."""
    with duckdb.connect() as connection:
        for name, path in {"before": before, "after": after}.items():
            quoted = str(path).replace("'", "''")
            connection.execute(f"attach '{quoted}' as {name} (read_only)")
        history = history_of(f"before.{RAW_SCHEMA}")
        return [*faults(connection, before=history, after=f"after.{RAW_SCHEMA}")]


@dataclass(slots=True)
class WarehouseRebuild:
    """Postgres: what came out different waits in a schema of its own, and takes the place of the
    old rows in one transaction.
    """

    warehouse: Warehouse
    _client: Reader | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return self.warehouse.name

    @contextmanager
    def held(self) -> Iterator[None]:
        with self.warehouse.stored():
            pass  # before anything is made where there is nothing
        with self.warehouse.read() as client:
            lock_all_accounts(client, database=self.name)
            self._client = client
            with destination_errors(self.name):
                yield

    def stored(self) -> AbstractContextManager[Connection]:
        return self.warehouse.stored()

    @contextmanager
    def staging(self) -> Iterator[dlt.Pipeline]:
        self._drop()  # what a killed rebuild left
        with self.warehouse.opened_beside(_REBUILT, staging=_STAGING) as pipeline:
            ensure_tables(pipeline)
            yield pipeline

    def publish(self, derived: Mapping[str, int]) -> dict[str, int]:
        client = self._held_client()
        connection = self.warehouse.connection_of(client)
        with client.begin_transaction():
            client.execute_many(
                [f"create table {_HISTORY} as {history_of()}", *_exchange(connection)]
            )
            rows = nested_rows(connection)
            found = [*faults(connection, before=f"select * from {_HISTORY}")]  # noqa: S608
            self.refuse([*found, *_miscounted(rows, derived)])
        self._drop()
        return rows

    def refuse(self, found: Sequence[str]) -> None:
        _refuse(self.name, found, "go back to a backup of the server")

    def _held_client(self) -> Reader:
        assert self._client is not None, "only while it is held"  # noqa: S101
        return self._client

    def _drop(self) -> None:
        for schema in (f"{_REBUILT}_staging_{_STAGING}", _REBUILT):
            self._held_client().execute_sql(f"drop schema if exists {schema} cascade")


def _exchange(connection: Connection) -> Iterator[str]:
    """The statements that put rebuilt versions and their nested rows in the place of the old."""
    root = CAMPAIGN_VERSIONS.name
    names = [root, *(nested_name(CAMPAIGN_VERSIONS, each) for each in CAMPAIGN_VERSIONS.children)]
    for name in names:
        columns = ", ".join(columns_of_table(connection, name, _REBUILT))
        yield (
            f"delete from {RAW_SCHEMA}.{name} as old using {_REBUILT}.{root} as new "  # noqa: S608
            f"where {_SAME_VERSION}"
        )
        yield (
            f"insert into {RAW_SCHEMA}.{name} ({columns}) "  # noqa: S608
            f"select {columns} from {_REBUILT}.{name}"
        )
    columns = ", ".join(columns_of_table(connection, "_dlt_loads", _REBUILT))
    yield (
        f"insert into {RAW_SCHEMA}._dlt_loads ({columns}) select {columns} "  # noqa: S608
        f"from {_REBUILT}._dlt_loads"
    )


def _miscounted(rows: Mapping[str, int], derived: Mapping[str, int]) -> list[str]:
    return [
        f"`{name}` has {rows[name]} rows, not the {derived[name]} that were derived"
        for name in CHILDREN
        if rows[name] != derived[name]
    ]


def _refuse(database: str, found: Sequence[str], way_back: str) -> None:
    if found:
        more = len(found[NAMED:])
        raise HistoryDamaged(database, found[:NAMED], more=more, way_back=way_back)


Row = dict[str, Any]

# rows in memory, and in one load package
PACKAGE: Final = 2_000
# never derived: what was received, and when it was seen
_KEPT: Final = ("account_id", "content_hash", "observed_at", "valid_from", "is_deleted", "raw")


@dataclass(slots=True)
class Rebuilt:
    """What was done. `columns` says how many versions came out different in which column."""

    database: str
    versions: int = 0
    different: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    rows_before: dict[str, int] = field(default_factory=dict)
    rows_after: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, found: list[Difference]) -> None:
        self.different += 1
        # `calling_hours[3].end_text` is the column `calling_hours.end_text`
        for name in {re.sub(r"\[[^]]*]", "", each.field) for each in found}:
            self.columns[name] = self.columns.get(name, 0) + 1

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return asdict(self)


def rebuild_database(
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
) -> Rebuilt:
    """Derive all versions of all apps anew and publish them once it is proven that none is lost.

    Raises `DestinationUnavailable` if there is no database or a run holds it, `HistoryDamaged` if
    a version would not be kept; nothing is published then.
    """
    place = _place(destination, database, project_folder(project_dir))
    began = datetime.now(UTC)
    with place.held():
        rebuilt = _rebuild(place)
    rebuilt.seconds = round((datetime.now(UTC) - began).total_seconds(), 3)
    return rebuilt


def _place(kind: str, database: str | Path | None, folder: Path) -> RebuildPlace:
    if kind != DUCKDB:
        return WarehouseRebuild(Warehouse(kind, folder))
    keep = dlt.config.get(f"sources.{SECTION}.keep_generations", int)
    keep = KoreSettings.keep_generations if keep is None else max(0, keep)
    return FileRebuild(workspace_for(database, folder, keep_generations=keep, chunk=PACKAGE))


def _rebuild(place: RebuildPlace) -> Rebuilt:
    rebuilt = Rebuilt(place.name)
    derived_rows: Counter[str] = Counter(dict.fromkeys(CHILDREN, 0))
    with place.staging() as pipeline, place.stored() as connection:
        rebuilt.rows_before = nested_rows(connection)
        waiting: list[Row] = []
        for kept, derived in _derived(place, connection):
            rebuilt.versions += 1
            derived_rows.update({name: len(derived[name]) for name in CHILDREN})
            if found := differences(derived, kept):
                rebuilt.add(found)
                waiting.append(derived)
            if len(waiting) == PACKAGE:
                _load(pipeline, waiting, place.name)
        _load(pipeline, waiting, place.name)
    rebuilt.rows_after = place.publish(derived_rows)
    return rebuilt


def _load(pipeline: dlt.Pipeline, waiting: list[Row], database: str) -> None:
    if waiting:
        load(pipeline, waiting, database=database)
        waiting.clear()


def _derived(place: RebuildPlace, connection: Connection) -> Iterator[tuple[Row, Row]]:
    """Each version as it is kept, and as this version of the program would write it.

    Raises `HistoryDamaged` if what was received is not what its hash says.
    """
    damaged: list[str] = []
    before: Row = {}
    before_data: Mapping[str, Any] | None = None
    for kept in kept_versions(connection):
        step = _step(before, kept)
        data = _received(kept)
        derived = _derive(kept, data or {}, *((before, before_data) if step == 1 else ({}, None)))
        name = f"campaign `{kept['campaign_id']}` version {kept['version']}"
        if step == 0:
            damaged.append(f"{name} is there twice")
        elif data is None or derived["content_hash"] != kept["content_hash"]:
            damaged.append(f"{name}: its `raw` is not what its `content_hash` says")
        if not damaged:
            yield kept, derived | {name: kept[name] for name in _KEPT}
        before, before_data = kept, data
    place.refuse(damaged)


def _step(before: Row, kept: Row) -> int | None:
    """How many versions further the next one of the same campaign is; None for another's."""
    key = ("stream_id", "campaign_id")
    if not before or any(kept[name] != before[name] for name in key):
        return None
    return int(kept["version"]) - int(before["version"])


def _received(kept: Row) -> Mapping[str, Any] | None:
    try:
        data = json.loads(kept["raw"])
    except (TypeError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _derive(
    kept: Row, data: Mapping[str, Any], before: Row, before_data: Mapping[str, Any] | None
) -> Row:
    held = None
    if kept["version"] > 1:
        held = StoredVersion(
            version=kept["version"] - 1,
            content_hash=kept["content_hash"],
            valid_from=kept["valid_from"],
            updated_at=None,
            is_deleted=bool(before.get("is_deleted")),
            observed_at=kept["observed_at"],
            campaign_type="",  # of no consequence for a row
        )
    where = {name: kept[name] for name in ("account_id", "stream_id", "campaign_id", "observed_at")}
    if held is not None and kept["is_deleted"]:
        return deletion_row(data, **where, stored=held)
    return version_row(shape(data), **where, stored=held, stored_raw=before_data)
