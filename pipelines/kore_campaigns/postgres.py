"""dlt's Postgres, but JSON is kept as the text that was received.

`jsonb`, which dlt takes, sorts keys, rewrites numbers and refuses a NUL in a text.
"""

from __future__ import annotations

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.destinations.impl.postgres.factory import PostgresTypeMapper, postgres


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
