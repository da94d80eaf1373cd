"""Where a destination's credentials are looked up, for what is kept there besides the tables."""

from __future__ import annotations

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
)
from dlt.common.configuration.specs import BaseConfiguration
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from kore_campaigns.errors import FixSetting, SettingInvalid, SettingMissing
from kore_campaigns.untraced import untraced


@configspec
class _Postgres(BaseConfiguration):
    credentials: PostgresCredentials = None  # type: ignore[assignment]  # dlt resolves nested specs


def credentials_refused(kind: str, failed: ConfigurationException) -> FixSetting:
    """What is wrong with the credentials of this destination, without a word of them."""
    key = f"destination.{kind}.credentials"
    if isinstance(failed, ConfigFieldMissingException):
        return SettingMissing([key], looked_in=f"`.dlt/secrets.toml`, section `[{key}]`")
    expected = "what dlt takes there, such as `postgresql://user:password@host/database`"
    return SettingInvalid(key, value="(not shown)", expected=expected)


@untraced()
def postgres_address() -> str:
    """What `[destination.postgres.credentials]` says, password included: not to be shown.

    Raises `SettingMissing` or `SettingInvalid`.
    """
    try:
        found = resolve_configuration(_Postgres(), sections=("destination", "postgres"))
    except ConfigurationException as failed:
        raise credentials_refused(kind="postgres", failed=failed) from None
    return found.credentials.to_native_representation()
