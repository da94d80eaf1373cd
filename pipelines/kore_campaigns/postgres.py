"""dlt's Postgres, but what was received is kept, and read, letter by letter.

`jsonb`, which dlt takes, sorts keys, rewrites numbers and refuses a NUL in a text; and dlt's COPY
makes nothing (null) of a text that is empty.
"""

from __future__ import annotations

from typing import Any, TextIO

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import LoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.storages.file_storage import FileStorage
from dlt.destinations.impl.postgres.factory import PostgresTypeMapper, postgres
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresCsvCopyJob
from psycopg2.extras import register_default_json


class ExactTypes(PostgresTypeMapper):
    sct_to_unbound_dbt = PostgresTypeMapper.sct_to_unbound_dbt | {"json": "json"}
    dbt_to_sct = PostgresTypeMapper.dbt_to_sct | {"json": "json"}


class ExactCopy(PostgresCsvCopyJob):
    """A file of rows by COPY; what is between quotes is a text, an empty one too."""

    def run(self) -> None:
        client = self._job_client.sql_client
        with FileStorage.open_zipsafe_ro(self._file_path, "rb") as file:
            names = file.readline().decode().strip().split(",")
            columns = ", ".join(client.escape_column_name(name.strip('"')) for name in names)
            table = client.make_qualified_table_name(self.load_table_name)
            statement = f"copy {table} ({columns}) from stdin (format csv, encoding 'utf-8')"
            with client.begin_transaction(), client.native_connection.cursor() as cursor:
                cursor.copy_expert(statement, file)


class ExactClient(PostgresClient):
    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        job = super().create_load_job(table, file_path, load_id, restore)
        return ExactCopy(file_path) if type(job) is PostgresCsvCopyJob else job


class ExactPostgres(postgres):
    """Takes the arguments of `dlt.destinations.postgres`."""

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        found = super()._raw_capabilities()
        found.type_mapper = ExactTypes
        return found

    @property
    def client_class(self) -> type[PostgresClient]:
        return ExactClient

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
