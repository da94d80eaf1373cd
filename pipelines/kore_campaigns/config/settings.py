"""Settings of a connection: name, type, default, unit and meaning of each.

dlt finds them: flags and arguments first, then environment variables, then `secrets.toml` and
`config.toml`, then the defaults below. A connection is named, or None: the settings in
`[sources.kore_campaigns]` itself.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Final

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

from kore_campaigns.config.csv_files import DEFAULT_POLICIES, read_campaign_ids, spelled_out
from kore_campaigns.config.paths import local_path
from kore_campaigns.errors import CampaignIdsInvalid, FixSetting, SettingInvalid, SettingMissing

SECTION: Final = "kore_campaigns"
LOOKED_IN: Final = "`.dlt/secrets.toml` and `.dlt/config.toml`, section `[sources.kore_campaigns]`"
_ALGORITHMS: Final = ("HS256", "HS512", "RS256", "RS512")
_SECRETS: Final = ("client_secret", "private_key")


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
    """Claim `sub`; any text, it appears in Kore.ai's logs."""
    send_jti: bool = False
    """Send a single-use `jti`; needed where the JWT app enforces it."""

    def __repr__(self) -> str:
        return f"KoreCredentials(client_id={self.client_id!r}, algorithm={self.algorithm!r})"

    __str__ = __repr__

    def parse_native_representation(self, native_value: Any) -> None:
        """Ignore credentials written as one text; dlt would search it for our names."""

    @property
    def key_name(self) -> str:
        return "private_key" if self.algorithm.startswith("RS") else "client_secret"

    def signing_key(self) -> str:
        """The secret or the private key, as the algorithm needs it."""
        return str(getattr(self, self.key_name))


@configspec
class KoreSettings(BaseConfiguration):
    """One connection: an app (`stream_id`) of an account, and the limits of its requests."""

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
    """File of the limits that `kore.findings` compares campaigns with; the default is optional."""
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
    """Concurrent requests."""
    chunk_seconds: float = 60.0
    """A load package has what arrived in so many seconds ..."""
    chunk_size: int = 10_000
    """... or so many campaigns, whichever comes first."""
    sweep: str = "auto"
    """`full` requests every configured campaign; `listing` reads the account listing first; `auto`
    picks whichever takes fewer calls and keeps the promises.
    """
    full_sweep_every_hours: float = 24.0
    """Longest time in hours that `auto` continues without a full sweep."""
    error_budget: float = 0.2
    """Share of the planned campaigns that may fail before the run stops sending requests."""
    max_vanished: float = 0.2
    """Share of the known campaigns that one run may mark deleted."""
    vanish_confirm_seconds: float = 30.0
    """Seconds between the two 404 that mark a campaign deleted; and a 404 does not count if the
    service failed so shortly before.
    """
    detail_method: str = "GET"
    """`PUT` only for a deployment that answers nothing else: on this path PUT is also the update
    call.
    """
    connect_timeout_seconds: float = 10.0
    """Longest wait for a connection."""
    read_timeout_seconds: float = 30.0
    """Longest pause while a response arrives."""
    campaign_timeout_seconds: float = 300.0
    """Longest time for one campaign with all its retries, without waits for the budget."""
    max_attempts: int = 5
    """Requests for one campaign, the first included."""
    keep_generations: int = 3
    """Published files that `kore-campaigns restore` can go back to, one a run; 0 = none."""

    __section__: ClassVar[str] = SECTION

    def on_resolved(self) -> None:
        """Check every value; dlt calls it. Raises `SettingInvalid` or `SettingMissing`."""
        _refuse_unknown(None)
        for name in _SECRETS:  # a line break follows the secret in many a file
            secret = getattr(self.credentials, name)
            setattr(self.credentials, name, secret and secret.strip())
        for expected, is_valid, names in _RULES:
            for name in names:
                value = attrgetter(name)(self)
                if value is not None and not is_valid(value):
                    shown = "(not shown)" if name.endswith(_SECRETS) else spelled_out(str(value))
                    raise SettingInvalid(name, shown, expected=expected)
        key = self.credentials.key_name
        if not getattr(self.credentials, key):
            raise SettingMissing([f"credentials.{key}"], looked_in=LOOKED_IN)


_RULES: Final[Sequence[tuple[str, Callable[[Any], object], tuple[str, ...]]]] = (
    (
        "a number above 0",
        lambda value: 0 < value < math.inf,
        (
            *("workers", "chunk_seconds", "chunk_size", "max_attempts", "full_sweep_every_hours"),
            *("connect_timeout_seconds", "read_timeout_seconds", "campaign_timeout_seconds"),
        ),
    ),
    (
        "0 (no limit) or more",
        lambda value: value >= 0,
        ("requests_per_minute", "requests_per_hour"),
    ),
    (
        "0 (none) or more",
        lambda value: 0 <= value < math.inf,
        ("keep_generations", "vanish_confirm_seconds"),
    ),
    ("a share from 0 to 1", lambda value: 0 <= value <= 1, ("error_budget", "max_vanished")),
    ("`auto`, `full` or `listing`", ("auto", "full", "listing").__contains__, ("sweep",)),
    ("`GET` or `PUT`", ("GET", "PUT").__contains__, ("detail_method",)),
    ("`machine` or `postgres`", ("machine", "postgres").__contains__, ("call_budget",)),
    (
        "an id as Kore.ai shows it, without blanks, slashes or quotes",
        re.compile(r"""(?:(?![/?#%<>"'])[!-~])+""").fullmatch,
        ("stream_id", "account_id", "credentials.client_id"),
    ),
    (
        "a secret as Kore.ai shows it, without quotes around it or line breaks in it",
        re.compile(r"""(?!["'`\u2018\u201c])[^\x00-\x1f]*(?<!["'`\u2019\u201d])""").fullmatch,
        ("credentials.client_secret",),
    ),
    ("one of " + ", ".join(_ALGORITHMS), _ALGORITHMS.__contains__, ("credentials.algorithm",)),
)


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


@untraced()
def resolve(
    overrides: Mapping[str, Any] | None = None, *, connection: str | None = None
) -> KoreSettings:
    """Return the checked settings of one connection; `overrides` (flags) win.

    A named connection has its values in `[sources.kore_campaigns.connections.<name>]` and inherits
    the others. Raises `SettingMissing` or `SettingInvalid`; sends no request.
    """
    _refuse_unknown(connection)
    try:
        explicit = {} if connection is None else _of_connection(connection)
        explicit |= _coerced(overrides or {})
        names = [name for name in explicit if name.startswith("credentials.")]
        if names:
            explicit["credentials"] = {n.partition(".")[2]: explicit.pop(n) for n in names}
        return resolve_configuration(
            KoreSettings(), sections=("sources", SECTION), explicit_value=explicit
        )
    except ConfigFieldMissingException as missing:
        raise SettingMissing(_missing_keys(missing), looked_in=LOOKED_IN) from None
    except ConfigValueCannotBeCoercedException as wrong:
        expected = f"a value of type `{getattr(wrong.hint, '__name__', wrong.hint)}`"
        is_secret = wrong.field_name.rpartition(".")[2] in _SECRETS
        value = "(not shown)" if is_secret else wrong.field_value
        raise SettingInvalid(wrong.field_name, value=value, expected=expected) from None
    except ValueNotSecretException as public:
        expected = "to be in secrets.toml, not in config.toml"
        raise SettingInvalid(public.key, value="(not shown)", expected=expected) from None


def keep_generations() -> int:
    """The setting for a command that needs no other."""
    found = dlt.config.get(f"sources.{SECTION}.keep_generations", int)
    return KoreSettings.keep_generations if found is None else max(0, found)


def _types() -> dict[str, Any]:
    """Type of each setting; those of the credentials as `credentials.<name>`."""
    types = KoreSettings().get_resolvable_fields() | {
        f"credentials.{name}": hint
        for name, hint in KoreCredentials().get_resolvable_fields().items()
    }
    del types["credentials"]
    return {name: extract_inner_hint(hint) for name, hint in types.items()}


def _coerced(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Settings given in code or as flags, each of its type; dlt would take any type."""
    given = {name: value for name, value in overrides.items() if value is not None}
    credentials = given.pop("credentials", {})
    if isinstance(credentials, KoreCredentials):
        credentials = credentials.as_dict_nondefault()
    if not isinstance(credentials, Mapping):
        raise SettingInvalid(
            key="credentials", value="(not shown)", expected="a mapping such as {'client_id': ...}"
        )
    given |= {f"credentials.{name}": value for name, value in credentials.items()}
    types = _types()
    for name in given.keys() - types.keys():
        place, dot, key = name.rpartition(".")
        known = [each.removeprefix(place + dot) for each in types if each.startswith(place + dot)]
        expected = "one of " + ", ".join(known)
        raise SettingInvalid(key, value="(unknown)", expected=expected)
    return {name: deserialize_value(name, value, types[name]) for name, value in given.items()}


def _of_connection(connection: str) -> dict[str, Any]:
    """Settings of this connection alone, but for those that a variable sets for all of them.

    The connection's own variable wins over that one, as dlt prefers the more specific section.
    """
    place = f"sources.{SECTION}.connections.{connection}"
    values = {
        name: dlt.config.get(f"{place}.{name}", hint)
        for name, hint in (_types().items() if re.fullmatch(r"[\w-]+", connection) else ())
    }
    if all(value is None for value in values.values()):
        expected = f"a connection with settings below `[{place}]`"
        raise SettingInvalid(key="connection", value=connection, expected=expected)

    def is_in_environment(section: str, name: str) -> bool:
        return f"{section}.{name}".replace(".", "__").upper() in os.environ

    return {
        name: value
        for name, value in values.items()
        if value is not None
        and (is_in_environment(place, name) or not is_in_environment(f"sources.{SECTION}", name))
    }


def _missing_keys(missing: ConfigFieldMissingException) -> list[str]:
    """The missing settings by name; dlt names the credentials as one."""
    found = []
    for name, traces in missing.traces.items():
        below = [trace for trace in traces if isinstance(trace, LookupTraces)]
        found += [f"{name}.{key}" for trace in below for key in trace.traces] or [name]
        if below and not {*_SECRETS} & set(below[0].resolved_fields_set):
            found.append(f"{name}.client_secret")
    return found


def chosen_connections(
    folder: Path,
    named: Sequence[str] = (),
    campaign_ids: str | None = None,
    *,
    despite_file: bool = False,
) -> list[str | None]:
    """Connections of a command: those named, otherwise those of the csv, otherwise all.

    Raises `CampaignIdsInvalid` for an invalid csv; not with `despite_file`, for a command that
    reports it itself.
    """
    if named:
        return list(dict.fromkeys(named))
    of_section = dlt.config.get(f"sources.{SECTION}.campaign_ids", str)
    file = campaign_ids or of_section or KoreSettings.campaign_ids
    path = local_path(file, key="campaign_ids", folder=folder)
    # each connection may have a file of its own, so none is needed here
    if path.is_file():
        with contextlib.suppress(*[CampaignIdsInvalid] if despite_file else []):
            names = dict.fromkeys(c.connection for c in read_campaign_ids(path) if c.connection)
            if names:
                return [*names]
    has_own_app = dlt.config.get(f"sources.{SECTION}.stream_id", str) is not None
    return [None] if has_own_app else [*configured_connections()] or [None]


def configured_connections() -> list[str]:
    """Names of the connections that have settings of their own, sorted."""
    paths = (path.split(".") for _, path in _given())
    return sorted({names[1] for names in paths if names[0] == "connections" and len(names) > 1})


def _given() -> Iterator[tuple[str, str]]:
    """Each setting in our section, as written: full name, and name below the section."""
    for provider in Container()[PluggableRunContext].providers.providers:
        # files return a whole section; other providers only know a key by its full name
        section, place = provider.get_value(SECTION, dict, "", "sources")
        for path in _below(section) if isinstance(section, Mapping) else ():
            yield f"{place}.{path}", path
    prefix = f"SOURCES__{SECTION}__"
    for name in os.environ:
        if name.upper().startswith(prefix.upper()):
            yield name, name[len(prefix) :].lower().replace("__", ".")


def _below(section: Mapping[str, Any]) -> Iterator[str]:
    for name, value in section.items():
        if isinstance(value, Mapping) and value:
            yield from (f"{name}.{path}" for path in _below(value))
        else:
            yield name


# what dlt looks up in the section of a source
_OF_DLT: Final = ("max_table_nesting", "parallelized", "root_key", "schema_contract")


def _refuse_unknown(connection: str | None) -> None:
    """Raise `SettingInvalid` for a misspelt setting, which dlt would ignore.

    A section below it is of dlt or of a resource, unless its name is almost `credentials` or
    `connections`.
    """
    known = [*_types(), "credentials", *_OF_DLT]
    mine = re.compile(rf"connections\.{re.escape(connection or '')}\.", re.IGNORECASE)
    for name, path in _given():
        own = mine.sub("", path, count=1)
        first, is_nested, key = own.partition(".")
        ours = get_close_matches(first, ("credentials", "connections"), n=1, cutoff=0.8)
        is_ignored = name.upper().startswith("SOURCES__") and not name.isupper()
        if first == "connections" or (is_nested and not ours) or (own in known and not is_ignored):
            continue
        nearest = get_close_matches(own, known, n=1) or [", ".join(known)]
        if is_ignored:
            nearest = [name.upper()]
        elif is_nested and first not in ours:
            nearest = [f"{ours[0]}.{key}"]
        raise SettingInvalid(name, "(unknown)", expected=f"a known setting: `{nearest[0]}`")


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
