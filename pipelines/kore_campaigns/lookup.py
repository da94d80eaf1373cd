"""Look settings up by dlt's convention, for one connection, and refuse what is none of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import dlt
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigValueCannotBeCoercedException,
    LookupTraces,
    ValueNotSecretException,
)
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.base_configuration import extract_inner_hint
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.configuration.utils import deserialize_value

from kore_campaigns.errors import SettingInvalid, SettingMissing
from kore_campaigns.settings import LOOKED_IN, SECTION, KoreCredentials, KoreSettings, checked
from kore_campaigns.untraced import untraced


@untraced()
def resolve(
    overrides: Mapping[str, Any] | None = None, *, connection: str | None = None
) -> KoreSettings:
    """Settings of one connection, looked up and checked; `overrides` (flags) win.

    A named connection reads `[sources.kore_campaigns.connections.<name>]` first, then the rest.
    Raises `SettingMissing` or `SettingInvalid`; no request is sent.
    """
    try:
        given = _coerced(overrides or {})
        if connection is not None:
            given = _joined(_of_connection(connection), given)
        found = resolve_configuration(
            KoreSettings(), sections=("sources", SECTION), explicit_value=given
        )
    except ConfigFieldMissingException as missing:
        raise SettingMissing(_missing_keys(missing), looked_in=LOOKED_IN) from None
    except ConfigValueCannotBeCoercedException as wrong:
        expected = f"a value of type `{getattr(wrong.hint, '__name__', wrong.hint)}`"
        is_secret = wrong.field_name.rpartition(".")[2] in ("client_secret", "private_key")
        value = "(not shown)" if is_secret else wrong.field_value
        raise SettingInvalid(wrong.field_name, value=value, expected=expected) from None
    except ValueNotSecretException as public:
        raise SettingInvalid(
            key=public.key,
            value="(not shown)",
            expected="to be in secrets.toml, not in config.toml",
        ) from None
    return checked(found)


def configured_connections() -> list[str]:
    """Names of the connections that have settings of their own, in order of the alphabet."""
    found: set[str] = set()
    for provider in Container()[PluggableRunContext].providers.providers:
        # a file's whole section; other providers can only be asked for a key by its name
        section, _ = provider.get_value("connections", dict, "", "sources", SECTION)
        found |= set(section) if isinstance(section, Mapping) else set()
    of_environment = re.compile(rf"SOURCES__{SECTION}__CONNECTIONS__([\w-]+?)__\w+", re.IGNORECASE)
    names = map(of_environment.fullmatch, os.environ)
    found |= {name[1].lower() for name in names if name}
    return sorted(found)


def _coerced(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """What was given in code or as flags, each value of its setting's type; dlt takes any."""
    given = {key: value for key, value in overrides.items() if value is not None}
    keys = KoreCredentials() if "credentials" in given else None
    credentials = given.pop("credentials", {})
    if isinstance(credentials, KoreCredentials):
        credentials = credentials.as_dict_nondefault()
    if not isinstance(credentials, Mapping):
        raise SettingInvalid(
            key="credentials", value="(not shown)", expected="a mapping such as {'client_id': ...}"
        )
    found = _of_types(given, KoreSettings())
    return found if keys is None else {**found, "credentials": _of_types(credentials, keys)}


def _of_types(values: Mapping[str, Any], spec: BaseConfiguration) -> dict[str, Any]:
    hints = spec.get_resolvable_fields()
    for key in values:
        if key not in hints:
            raise SettingInvalid(key, value="(unknown)", expected="one of " + ", ".join(hints))
    return {
        key: deserialize_value(key, value, extract_inner_hint(hints[key]))
        for key, value in values.items()
    }


def _of_connection(name: str) -> dict[str, Any]:
    """What is configured for this connection alone."""
    # not dlt's own lookup: it asks the sections above before it gets to a connection's
    place = f"sources.{SECTION}.connections.{name}"
    found = _at(place, KoreSettings())
    credentials = _at(f"{place}.credentials", KoreCredentials())
    if not re.fullmatch(r"[\w-]+", name) or not (found or credentials):
        expected = f"a connection with settings below `[{place}]`"
        raise SettingInvalid(key="connection", value=name, expected=expected)
    return {**found, "credentials": credentials}


def _at(place: str, spec: BaseConfiguration) -> dict[str, Any]:
    values: dict[str, Any] = {
        key: dlt.config.get(f"{place}.{key}", extract_inner_hint(hint))
        for key, hint in spec.get_resolvable_fields().items()
        if key != "credentials"
    }
    return {key: value for key, value in values.items() if value is not None}


def _joined(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    credentials = {**below["credentials"], **above.get("credentials", {})}
    return {**below, **above, "credentials": credentials or None}


def _missing_keys(missing: ConfigFieldMissingException) -> list[str]:
    """The keys as a person writes them; dlt names the credentials as one."""
    found = []
    for name, traces in missing.traces.items():
        below = [trace for trace in traces if isinstance(trace, LookupTraces)]
        found += [f"{name}.{key}" for trace in below for key in trace.traces] or [name]
        if below and not {"client_secret", "private_key"} & set(below[0].resolved_fields_set):
            found.append(f"{name}.client_secret")
    return found
