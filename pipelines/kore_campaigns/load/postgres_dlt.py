"""dlt's Postgres destination, on the connection that holds the lock of a run.

A lock of Postgres belongs to a session. If all writes go through that session, a run that has lost
its lock cannot write any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.destinations.impl.postgres.factory import PostgresTypeMapper, postgres
from dlt.destinations.impl.postgres.postgres import PostgresClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlMergeFollowupJob
from dlt.destinations.typing import DBTransaction

from kore_campaigns.schema import CAMPAIGN_VERSIONS


class ExactTypes(PostgresTypeMapper):
    """JSON as `json`, which keeps the received text; `jsonb` rewrites it."""

    sct_to_unbound_dbt = PostgresTypeMapper.sct_to_unbound_dbt | {"json": "json"}
    dbt_to_sct = PostgresTypeMapper.dbt_to_sct | {"json": "json"}


class ExactPostgres(postgres):
    """dlt's Postgres destination with the exact types. It writes through `session`: a
    `PostgresReader` that holds the locks.
    """

    def __init__(self, session: Any, **options: Any) -> None:
        super().__init__(**options)
        self._session = session

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        found = super()._raw_capabilities()
        found.type_mapper = ExactTypes
        return found

    @property
    def destination_type(self) -> str:
        return "dlt.destinations.postgres"

    @property
    def client_class(self) -> type[PostgresClient]:
        return type("SessionJobs", (_SessionJobs,), {"session": self._session})


class _SessionJobs(PostgresClient):
    session: Any

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        names = self.sql_client.dataset_name, self.sql_client.staging_dataset_name
        self.sql_client = _SessionClient(*names, self.config.credentials, self.capabilities)
        self.sql_client.session = self.session

    def _create_merge_followup_jobs(self, table_chain: Any) -> list[Any]:
        return [_InsertOnly.from_table_chain(table_chain, self.sql_client)]


class _SessionClient(Psycopg2SqlClient):
    session: Any

    def open_connection(self) -> Any:
        self._conn = self.session.connection
        self._reset_connection()
        return self._conn

    def close_connection(self) -> None:
        self._conn = None

    def _reset_connection(self) -> None:  # dlt's own releases the locks
        self._conn.rollback()
        self._conn.autocommit = True

    @contextmanager
    def begin_transaction(self) -> Iterator[DBTransaction]:
        with super().begin_transaction():
            self.session.require_locks()
            yield self


class _InsertOnly(SqlMergeFollowupJob):
    """A merge that fails where it would replace a version that another load has stored."""

    @classmethod
    def generate_sql(cls, table_chain: Any, sql_client: SqlClientBase[Any]) -> list[str]:
        table, staged = sql_client.get_qualified_table_names(table_chain[0]["name"])
        loads = sql_client.make_qualified_table_name("_dlt_loads")
        same = " and ".join(f"old.{name} = new.{name}" for name in CAMPAIGN_VERSIONS.key)
        # the text is no number: that is the error, and what it says
        found = "'another run has stored version ' || old.version || ' of ' || old.campaign_id"
        check = (
            f"select cast({found} as integer) from {table} as old join {staged} as new on {same} "  # noqa: S608  # our names
            f"join {loads} as loads on loads.load_id = old._dlt_load_id and loads.status = 0"
        )
        return [check, *super().generate_sql(table_chain, sql_client)]
