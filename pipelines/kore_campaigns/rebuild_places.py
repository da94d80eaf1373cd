"""Where a rebuild reads, where it puts what it derived, and how that takes the place of the old:
once it is proven that nothing is lost, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import dlt
import duckdb

from kore_campaigns.advisory_lock import lock_all_accounts
from kore_campaigns.destinations import DuckDbFile
from kore_campaigns.held import Reader
from kore_campaigns.hints import child_name, ensure_tables
from kore_campaigns.history_errors import HistoryDamaged
from kore_campaigns.load import destination_errors
from kore_campaigns.proof import CHILDREN, NAMED, faults, history_of, nested_rows
from kore_campaigns.publish import Workspace
from kore_campaigns.stored import Connection, columns_of_table, reading
from kore_campaigns.tables import CAMPAIGN_VERSIONS, RAW_SCHEMA
from kore_campaigns.warehouse import Warehouse

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
    names = [root, *(child_name(CAMPAIGN_VERSIONS, each) for each in CAMPAIGN_VERSIONS.children)]
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
