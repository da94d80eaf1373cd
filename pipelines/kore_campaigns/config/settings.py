"""Which connections a command is about: those named, those of the csv, or all that are configured.

None is the connection without a name: the settings in `[sources.kore_campaigns]` itself.

"""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import dlt
from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    ConfigValueCannotBeCoercedException,
    LookupTraces,
    ValueNotSecretException,
)
from dlt.common.configuration.specs import BaseConfiguration, CredentialsConfiguration
from dlt.common.configuration.specs.base_configuration import extract_inner_hint
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.configuration.utils import deserialize_value, get_resolved_traces
from dlt.common.typing import TSecretStrValue
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from kore_campaigns.config.campaign_ids import read_campaign_ids
from kore_campaigns.config.policies import DEFAULT_POLICIES
from kore_campaigns.errors import CampaignIdsInvalid, FixSetting, SettingInvalid, SettingMissing


@contextmanager
def untraced() -> Iterator[None]:
    """In this thread nothing of it is remembered: 0.6 MB a run in a process that runs us often."""
    traces = get_resolved_traces()
    before = traces.logging_enabled
    traces.logging_enabled = False
    try:
        yield
    finally:
        traces.logging_enabled = before


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
def postgres_address_of_dlt() -> str:
    """Return the URL that dlt finds for `[destination.postgres.credentials]`, password included.

    Raises `SettingMissing` or `SettingInvalid`.
    """
    try:
        found = resolve_configuration(_Postgres(), sections=("destination", "postgres"))
    except ConfigurationException as failed:
        raise credentials_refused(kind="postgres", failed=failed) from None
    return found.credentials.to_native_representation()


SECTION = "kore_campaigns"
ALGORITHMS = ("HS256", "HS512", "RS256", "RS512")
SWEEPS = ("auto", "full", "listing")


@configspec
class KoreCredentials(CredentialsConfiguration):
    """The JWT app of Kore.ai (Developer tools > JWT apps), with the scope Campaign Management."""

    client_id: str = dlt.config.value
    """Client id of the JWT app, `cs-...`."""
    client_secret: TSecretStrValue | None = None
    """Client secret, as shown; signs HS256 and HS512."""
    private_key: TSecretStrValue | None = None
    """Private key (PEM); signs RS256 and RS512."""
    algorithm: str = "HS256"
    """HS256, HS512, RS256 or RS512, as chosen in the JWT app."""
    subject: str = "kore-campaigns"
    """Claim `sub`; any text, it shows up in Kore.ai's logs."""
    send_jti: bool = False
    """Send a single-use `jti`; needed where the JWT app enforces it."""

    def __repr__(self) -> str:
        return f"KoreCredentials(client_id={self.client_id!r}, algorithm={self.algorithm!r})"

    __str__ = __repr__

    def parse_native_representation(self, native_value: Any) -> None:
        """A text has no keys, so it says nothing; dlt would search it for the names of ours."""

    def signing_key(self) -> str:
        """The secret or the private key, whichever the algorithm needs."""
        return str(self.private_key if self.algorithm.startswith("RS") else self.client_secret)


@configspec
class KoreSettings(BaseConfiguration):
    """One connection: an app (`stream_id`) of an account, and how hard to ask it."""

    host: str = "https://platform.kore.ai"
    """Kore.ai's address in your region; https, plain http for loopback alone."""
    stream_id: str = dlt.config.value
    """The app's id, `st-...`; also sent as header `iid`."""
    account_id: str = dlt.config.value
    """The account's id; its calls share one budget."""
    credentials: KoreCredentials = None  # type: ignore[assignment]  # dlt resolves nested specs
    campaign_ids: str = "campaign_ids.csv"
    """File with header `campaign_id[,note][,connection]`."""
    policies: str = DEFAULT_POLICIES
    """File of the limits that `kore.findings` holds campaigns against; none if it is not there."""
    contact_lists: bool = True
    """Read the app's contact lists, too: one call a run."""
    requests_per_minute: int = 60
    """Calls in any 60 seconds, for all who share the budget; 0 = no limit."""
    requests_per_hour: int = 0
    """Calls in any hour; 0 = no limit."""
    call_budget: str = "machine"
    """Who shares it: all processes of this `machine`, or all machines that name the same database
    in `[destination.postgres.credentials]`: `postgres`, whatever destination a run writes to.
    """
    workers: int = 8
    """Requests under way at once."""
    chunk_seconds: float = 60.0
    """A load package holds what so many seconds brought ..."""
    chunk_size: int = 10_000
    """... or so many campaigns, whichever comes first."""
    sweep: str = "auto"
    """`full` asks for every configured campaign; `auto` picks the cheapest sweep that keeps the
    promises.
    """
    full_sweep_every_hours: float = 24.0
    """The longest `auto` goes without a full sweep."""
    error_budget: float = 0.2
    """Share of the planned campaigns that may fail before the run stops asking."""
    max_vanished: float = 0.2
    """Share of the known campaigns that may turn out gone in one run before it is not believed."""
    detail_method: str = "GET"
    """`PUT` only for a deployment that answers nothing else: on this path PUT is also the update
    call.
    """
    connect_timeout_seconds: float = 10.0
    """Longest wait for a connection."""
    read_timeout_seconds: float = 30.0
    """Longest silence while an answer comes in."""
    campaign_timeout_seconds: float = 300.0
    """Longest time for one campaign with all its retries; waiting for the budget is not counted."""
    max_attempts: int = 5
    """Requests for one campaign, the first included."""
    keep_generations: int = 3
    """Published files that `kore-campaigns restore` can go back to, one a run; 0 = none."""

    __section__: ClassVar[str] = SECTION


_POSITIVE = (
    "workers",
    "chunk_seconds",
    "chunk_size",
    "connect_timeout_seconds",
    "read_timeout_seconds",
    "campaign_timeout_seconds",
    "max_attempts",
    "full_sweep_every_hours",
)
_SHARES = ("error_budget", "max_vanished")
_CHOICES = {
    "sweep": SWEEPS,
    "detail_method": ("GET", "PUT"),
    "call_budget": ("machine", "postgres"),
}
_NOT_NEGATIVE = {
    "requests_per_minute": "0 (no limit) or more",
    "requests_per_hour": "0 (no limit) or more",
    "keep_generations": "0 (none) or more",
}


def checked(settings: KoreSettings) -> KoreSettings:
    """The same settings, every value in its range; raises `SettingInvalid` or `SettingMissing`."""
    for name in _POSITIVE:
        if not 0 < getattr(settings, name) < math.inf:
            raise SettingInvalid(name, getattr(settings, name), expected="a number above 0")
    for name, expected in _NOT_NEGATIVE.items():
        if getattr(settings, name) < 0:
            raise SettingInvalid(name, getattr(settings, name), expected=expected)
    for name in _SHARES:
        if not 0 <= getattr(settings, name) <= 1:
            raise SettingInvalid(name, getattr(settings, name), expected="a share from 0 to 1")
    for name, choices in _CHOICES.items():
        if getattr(settings, name) not in choices:
            *others, last = (f"`{choice}`" for choice in choices)
            expected = f"{', '.join(others)} or {last}"
            raise SettingInvalid(name, getattr(settings, name), expected=expected)
    for name in ("stream_id", "account_id"):
        _check_id(name, getattr(settings, name))
    _check_credentials(settings.credentials)
    return settings


def _check_id(name: str, value: str) -> None:
    if not value or value != value.strip() or any(sign in value for sign in "/?#% <>"):
        raise SettingInvalid(
            name, value, expected="an id as Kore.ai shows it, without blanks or slashes"
        )


def _check_credentials(credentials: KoreCredentials) -> None:
    _check_id("credentials.client_id", credentials.client_id)
    if credentials.algorithm not in ALGORITHMS:
        raise SettingInvalid(
            key="credentials.algorithm",
            value=credentials.algorithm,
            expected="one of " + ", ".join(ALGORITHMS),
        )
    key = "private_key" if credentials.algorithm.startswith("RS") else "client_secret"
    if not getattr(credentials, key):
        raise SettingMissing([f"credentials.{key}"], looked_in=LOOKED_IN)


LOOKED_IN = "`.dlt/secrets.toml` and `.dlt/config.toml`, section `[sources.kore_campaigns]`"


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


# lines; comments and blank ones may come before the header
HEADER_WITHIN = 50


def chosen_connections(
    named: Sequence[str] | None,
    folder: Path,
    *,
    campaign_ids: str | None = None,
    despite_file: bool = False,
) -> list[str | None]:
    """At least one. Raises `CampaignIdsInvalid` for a csv that cannot be read, unless the command
    is to go on `despite_file` and says itself what is wrong with it.
    """
    if named:
        return list(dict.fromkeys(named))
    of_section = dlt.config.get(f"sources.{SECTION}.campaign_ids", str)
    path = folder / (campaign_ids or of_section or KoreSettings.campaign_ids)
    in_file: list[str] = []
    with contextlib.suppress(*[CampaignIdsInvalid] if despite_file else []):
        # each connection may have a file of its own; one that none has is found missing by the run
        in_file += [each.connection for each in read_campaign_ids(path)] if _has_names(path) else []
    if names := list(dict.fromkeys(filter(None, in_file))):
        return [*names]
    has_own_app = dlt.config.get(f"sources.{SECTION}.stream_id", str) is not None
    return [None] if has_own_app else [*configured_connections()] or [None]


def _has_names(path: Path) -> bool:
    """Whether its header may have the column: most files have none, and need not be read twice."""
    if not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return any("connection" in line.lower() for line in islice(file, HEADER_WITHIN))
    except OSError:
        return True  # who reads it says what is wrong
