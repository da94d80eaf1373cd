"""dlt's Postgres, but JSON is kept, and read, as the text that was received.

`jsonb`, which dlt takes, sorts keys, rewrites numbers and refuses a NUL in a text.
"""

from __future__ import annotations

from typing import Any, TextIO

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.destinations.impl.postgres.factory import PostgresTypeMapper, postgres
from psycopg2.extras import register_default_json


class ExactTypes(PostgresTypeMapper):
    sct_to_unbound_dbt = PostgresTypeMapper.sct_to_unbound_dbt | {"json": "json"}
    dbt_to_sct = PostgresTypeMapper.dbt_to_sct | {"json": "json"}


class ExactPostgres(postgres):
    """Takes the arguments of `dlt.destinations.postgres`."""

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        found = super()._raw_capabilities()
        found.type_mapper = ExactTypes
        return found

    @property
    def destination_type(self) -> str:
        return "dlt.destinations.postgres"


class StoredInPostgres:
    """A connection that answers as DuckDB's does: `?` for a parameter, JSON as text, UTC, and a
    transaction sees one moment.
    """

    def __init__(self, native: Any) -> None:
        register_default_json(native, loads=str)
        self._native = native
        self.execute("set timezone to 'UTC'")
        self.execute("set session characteristics as transaction isolation level repeatable read")

    def stream(self, query: str) -> Any:
        """Rows that stay on the server until they are fetched; within a transaction alone."""
        cursor = self._native.cursor(name="kore_campaigns", withhold=True)
        cursor.execute(query)
        return cursor

    def copy_in(self, table: str, lines: TextIO) -> None:
        """Rows in the text format of COPY."""
        self._native.cursor().copy_expert(f"copy {table} from stdin", lines)

    def execute(self, query: str, parameters: Any = None, /) -> Any:
        cursor = self._native.cursor()
        if parameters:
            cursor.execute(query.replace("%", "%%").replace("?", "%s"), list(parameters))
        else:
            cursor.execute(query)
        return cursor
