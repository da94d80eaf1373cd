"""What only dlt knows of settings: the places that a program or plugin adds, and rare forms.

Everything here imports dlt, so nothing imports this module before it is needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    ConfigValueCannotBeCoercedException,
)
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.configuration.utils import deserialize_value, get_resolved_traces
from dlt.common.typing import TSecretStrValue
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from kore_campaigns.errors import FixSetting, SettingInvalid, SettingMissing


@dataclass(frozen=True, slots=True)
class _Provider:
    """A place where dlt looks up settings."""

    of_dlt: ConfigProvider

    @property
    def supports_secrets(self) -> bool:
        return self.of_dlt.supports_secrets

    def get(self, key: str, place: Sequence[str], *, is_secret: bool) -> tuple[Any, str]:
        """The value, or None, and the full name."""
        hint: Any = TSecretStrValue if is_secret else str
        return self.of_dlt.get_value(
            key, hint, None, *place if self.of_dlt.supports_sections else ()
        )


def providers() -> list[_Provider]:
    """Where dlt looks up settings, the first one first."""
    return [_Provider(each) for each in Container()[PluggableRunContext].providers.providers]


def coerced(name: str, value: Any, kind: type) -> Any:
    """The value in a type, by dlt's rules; raises `ValueError`."""
    try:
        return deserialize_value(name, value, kind)
    except ConfigValueCannotBeCoercedException as wrong:
        raise ValueError(name) from wrong


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """Switch off dlt's record of looked-up values, secrets included, in this thread.

    It grows by 0.6 MB a run in a process that runs us repeatedly.
    """
    traces = get_resolved_traces()
    before = traces.logging_enabled
    traces.logging_enabled = False
    try:
        yield
    finally:
        traces.logging_enabled = before


@configspec(init=False)
class _LibpqCredentials(PostgresCredentials):
    """Credentials whose missing parts libpq finds itself."""

    username: str | None = None  # type: ignore[assignment]
    password: TSecretStrValue | None = None  # type: ignore[assignment]
    host: str | None = None  # type: ignore[assignment]


@untraced()
def postgres_of_dlt() -> dict[str, str]:
    """Return what dlt finds for `[destination.postgres.credentials]`, by libpq's names.

    Raises `SettingMissing` or `SettingInvalid`.
    """
    try:
        found = resolve_configuration(_LibpqCredentials(), sections=("destination", "postgres"))
    except ConfigurationException as failed:
        raise credentials_refused(kind="postgres", failed=failed) from None
    parts = {"user": found.username, "dbname": found.database, "port": found.port}
    parts |= {"password": found.password, "host": found.host, **found.get_query()}
    return {name: str(value) for name, value in parts.items() if value}


def credentials_refused(kind: str, failed: ConfigurationException) -> FixSetting:
    """The error for a destination's credentials that are missing or invalid, without their text."""
    key = f"destination.{kind}.credentials"
    if isinstance(failed, ConfigFieldMissingException):
        return SettingMissing([key], looked_in=f"`.dlt/secrets.toml`, section `[{key}]`")
    expected = "what dlt takes there, such as `postgresql://user:password@host/database`"
    return SettingInvalid(key, value="(not shown)", expected=expected)
