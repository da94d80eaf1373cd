"""Where a destination's credentials are looked up, for what is kept there besides the tables."""

from __future__ import annotations

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
)
from dlt.common.configuration.specs import BaseConfiguration
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from kore_campaigns.errors import SettingInvalid, SettingMissing
from kore_campaigns.untraced import untraced


@configspec
class _Postgres(BaseConfiguration):
    credentials: PostgresCredentials = None  # type: ignore[assignment]  # dlt resolves nested specs


def credentials_missing(kind: str) -> SettingMissing:
    """The error that says where the credentials of this destination of dlt's are looked up."""
    key = f"destination.{kind}.credentials"
    return SettingMissing([key], looked_in=f"`.dlt/secrets.toml`, section `[{key}]`")


@untraced()
def postgres_address() -> str:
    """What `[destination.postgres.credentials]` says, password included: not to be shown.

    Raises `SettingMissing` or `SettingInvalid`.
    """
    try:
        found = resolve_configuration(_Postgres(), sections=("destination", "postgres"))
    except ConfigFieldMissingException:
        raise credentials_missing(kind="postgres") from None
    except ConfigurationException:
        raise SettingInvalid(
            key="destination.postgres.credentials",
            value="(not shown)",
            expected="an address such as `postgresql://user:password@host/database`",
        ) from None
    return found.credentials.to_native_representation()
