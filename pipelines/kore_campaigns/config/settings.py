"""Settings of a connection: name, type, default, unit and meaning of each.

They are found as dlt finds them: flags and arguments first, then environment variables, then
`secrets.toml` and `config.toml`, then the defaults below. Where dlt may know other places, such as
a secret store, it is imported and searched; that takes longer than a small run. A connection is
named, or None: the settings in `[sources.kore_campaigns]` itself.
"""

from __future__ import annotations

import codecs
import contextlib
import math
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from importlib.metadata import entry_points
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from kore_campaigns.api.endpoints import is_web_address
from kore_campaigns.config.csv_files import DEFAULT_POLICIES, read_campaign_ids, spelled_out
from kore_campaigns.config.paths import local_path
from kore_campaigns.errors import CampaignIdsInvalid, SettingInvalid, SettingMissing
from kore_campaigns.views import SEVERITIES

SECTION: Final = "kore_campaigns"
LOOKED_IN: Final = "`.dlt/secrets.toml` and `.dlt/config.toml`, section `[sources.kore_campaigns]`"
_ALGORITHMS: Final = ("HS256", "HS512", "RS256", "RS512")
_SECRETS: Final = ("client_secret", "private_key")
# what is never shown, and not taken from config.toml
_HIDDEN: Final = (*_SECRETS, "notify_url")
# the default of a setting that has none
_REQUIRED: Final[Any] = None


@dataclass(repr=False)
class KoreCredentials:
    """The JWT app of Kore.ai, with the scope Campaign Management."""

    client_id: str = _REQUIRED
    """Client id of the JWT app, `cs-...`."""
    client_secret: str | None = None
    """Client secret, as shown in the JWT app. It signs HS256 and HS512."""
    private_key: str | None = None
    """Private key (PEM). It signs RS256 and RS512."""
    algorithm: str = "HS256"
    """Algorithm of the signature, as chosen in the JWT app."""
    subject: str = "kore-campaigns"
    """Claim `sub` of the token: any text. It appears in Kore.ai's logs."""
    send_jti: bool = False
    """Send a single-use `jti`. It is needed where the JWT app enforces it."""

    def __repr__(self) -> str:
        return f"KoreCredentials(client_id={self.client_id!r}, algorithm={self.algorithm!r})"

    __str__ = __repr__

    @property
    def key_name(self) -> str:
        return "private_key" if self.algorithm.startswith("RS") else "client_secret"

    def signing_key(self) -> str:
        """The secret or the private key, as the algorithm needs it."""
        return str(getattr(self, self.key_name))


@dataclass
class KoreSettings:
    """One connection: an app (`stream_id`) of an account, and the limits of its requests."""

    host: str = "https://platform.kore.ai"
    """Address of Kore.ai in your region: https, or plain http to this machine."""
    stream_id: str = _REQUIRED
    """Id of the app, `st-...`. It is also sent as header `iid`."""
    account_id: str = _REQUIRED
    """Id of the account. All apps of an account share one call budget."""
    credentials: KoreCredentials = field(default_factory=KoreCredentials)
    campaign_ids: str = "campaign_ids.csv"
    """File of the campaigns to fetch, with header `campaign_id[,note][,connection]`."""
    policies: str = DEFAULT_POLICIES
    """File of your limits, which `kore.findings` uses. The default file may be missing."""
    contact_lists: bool = True
    """Read the app's contact lists, too: one call in each run that is not a peek."""
    dnc_lists_every_hours: float = 24.0
    """Longest age of the state of a DNC list that campaigns name. Each list takes one call. 0: no
    calls.
    """
    requests_per_minute: int = 60
    """Calls in any 60 seconds, for all who share the budget. 0 means no limit."""
    requests_per_hour: int = 0
    """Calls in any hour, for all who share the budget. 0 means no limit."""
    call_budget: str = "machine"
    """Who shares the call budget. `machine`: all processes of this machine. `postgres`: all
    machines that name the same database in `[destination.postgres.credentials]`, whatever
    destination a run writes to.
    """
    workers: int = 8
    """Number of concurrent requests."""
    chunk_seconds: float = 60.0
    """Longest time for which a load package collects campaigns."""
    chunk_size: int = 10_000
    """Largest number of campaigns in a load package."""
    sweep: str = "auto"
    """What a run fetches. `full` requests every configured campaign. `listing` reads the account
    listing first. `auto` chooses the way that takes fewer calls, also a peek at the newest
    campaigns.
    """
    full_sweep_every_hours: float = 24.0
    """Longest time that `auto` continues without a full sweep."""
    full_listing_every_minutes: float = 60.0
    """Longest time that `auto` continues without the whole listing. 0: no peeks."""
    error_budget: float = 0.2
    """Share of the planned campaigns that may fail before the run stops sending requests."""
    max_vanished: float = 0.2
    """Share of the known campaigns that one run may mark deleted."""
    vanish_confirm_seconds: float = 30.0
    """Time between the two 404 responses that mark a campaign deleted. A 404 does not count if the
    service failed within this time before it.
    """
    detail_method: str = "GET"
    """HTTP method of the request for a campaign. `PUT` is for a deployment that answers nothing
    else: on this path PUT is also the update call.
    """
    connect_timeout_seconds: float = 10.0
    """Longest wait for a connection."""
    read_timeout_seconds: float = 30.0
    """Longest pause while a response arrives."""
    campaign_timeout_seconds: float = 300.0
    """Longest time for one campaign with all retries. Waits for the budget do not count."""
    max_attempts: int = 5
    """Largest number of requests for one campaign, the first included."""
    keep_generations: int = 3
    """Number of earlier published files that `kore-campaigns restore` can go back to."""
    protect_foreign_tables: bool = False
    """Refuse to replace a published DuckDB file into which another program writes. Otherwise the
    run names that program's tables in one line.
    """
    notify_url: str | None = field(default=None, repr=False)
    """Webhook that gets a message after a run, about risky changes and about findings that opened
    or closed. It works like a password.
    """
    notify_format: str = "generic"
    """Form of the message: for a webhook of Slack, for a workflow of Teams, or plain JSON."""
    notify_severity: str = "medium"
    """Least severity of the findings in a message."""
    notify_kinds: str = ""
    """Kinds of changes and findings in a message, separated by commas. Empty: all of them."""

    @property
    def kinds_to_tell(self) -> frozenset[str]:
        """The setting `notify_kinds`; empty: all."""
        return frozenset(filter(None, map(str.strip, self.notify_kinds.split(","))))

    def check(self) -> None:
        """Raise `SettingInvalid` or `SettingMissing` for a value that cannot be used."""
        for name in _SECRETS:  # a line break follows the secret in many a file
            secret = getattr(self.credentials, name)
            setattr(self.credentials, name, secret and secret.strip())
        self.notify_url = (self.notify_url or "").strip() or None
        for name in (name for *_, names in RULES for name in names):
            refuse_invalid(name, attrgetter(name)(self))
        key = self.credentials.key_name
        if not getattr(self.credentials, key):
            raise SettingMissing([f"credentials.{key}"], looked_in=LOOKED_IN)


RULES: Final[Sequence[tuple[str, Callable[[Any], object], tuple[str, ...]]]] = (
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
        (
            *("keep_generations", "vanish_confirm_seconds"),
            *("full_listing_every_minutes", "dnc_lists_every_hours"),
        ),
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
    (
        "an address with `https://`; `http://` for this machine only",
        is_web_address,
        ("notify_url",),
    ),
    (
        "`slack`, `teams` or `generic`",
        ("slack", "teams", "generic").__contains__,
        ("notify_format",),
    ),
    (
        ", ".join(f"`{each}`" for each in SEVERITIES[:-1]) + f" or `{SEVERITIES[-1]}`",
        SEVERITIES.__contains__,
        ("notify_severity",),
    ),
    (
        "kinds of changes (docs/reference/tables.md) or findings (docs/reference/findings.md)",
        lambda value: _are_kinds(value),
        ("notify_kinds",),
    ),
    ("one of " + ", ".join(_ALGORITHMS), _ALGORITHMS.__contains__, ("credentials.algorithm",)),
)


def _are_kinds(names: str) -> bool:
    """Whether all are known; the views name the kinds of findings."""
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    if not wanted:
        return True
    from kore_campaigns.transform.changes import KINDS
    from kore_campaigns.views.apply import finding_kinds

    return wanted <= {*KINDS, *finding_kinds()}


def refuse_invalid(name: str, value: Any) -> None:
    """Raise `SettingInvalid` for a value that the setting of this full name cannot have."""
    for expected, is_valid, names in RULES:
        if name in names and value is not None and not is_valid(value):
            shown = "(not shown)" if name.endswith(_HIDDEN) else spelled_out(str(value))
            raise SettingInvalid(name, shown, expected=expected)


_TYPES: Final[Mapping[str, type]] = {
    f"{place}{each.name}": str if each.default is None else type(each.default)
    for place, of in (("", KoreSettings), ("credentials.", KoreCredentials))
    for each in fields(of)
    if each.name != "credentials"
}
"""Type of each setting; those of the credentials are `credentials.<name>`."""
_NEEDED: Final = ("stream_id", "account_id", "credentials.client_id")
_PLACE: Final = ("sources", SECTION)
# where dlt looks, the first place that has the setting wins
_PLACES: Final = ((*_PLACE, SECTION), _PLACE, (SECTION,))
_PLACES_OF_CREDENTIALS: Final = (
    *((*place, "credentials") for place in ((*_PLACE, SECTION), _PLACE, ("sources",), ())),
)


def resolve(
    overrides: Mapping[str, Any] | None = None,
    *,
    connection: str | None = None,
    providers: Sequence[Any] = (),
) -> KoreSettings:
    """Return the checked settings of one connection; `overrides` (flags) win.

    They are looked up in `providers`, by default in all that there are.

    A named connection has its values in `[sources.kore_campaigns.connections.<name>]` and inherits
    the others. Raises `SettingMissing` or `SettingInvalid`; sends no request.
    """
    providers = providers or _providers()
    refuse_unknown(providers, connection)
    given = {} if connection is None else _of_connection(providers, connection)
    given |= _flags(overrides or {})
    # a table with a secret in it is refused as a whole where it does not belong
    _looked_up(providers, "credentials", (_PLACE, ("sources",), ()), is_secret=True)
    for name in _TYPES.keys() - given.keys():
        place, _, key = name.rpartition(".")
        places = _PLACES_OF_CREDENTIALS if place else _PLACES
        value = _looked_up(providers, key, places, is_secret=key in _HIDDEN)
        if value is not None:
            given[name] = _of_type(name, value)
    missing = [name for name in _NEEDED if given.get(name) is None]
    if _NEEDED[-1] in missing and not any(given.get(f"credentials.{key}") for key in _SECRETS):
        missing.append("credentials.client_secret")
    if missing:
        raise SettingMissing(missing, looked_in=LOOKED_IN)
    of_credentials = {name.partition(".")[2]: given.pop(name) for name in [*given] if "." in name}
    found = KoreSettings(**given, credentials=KoreCredentials(**of_credentials))
    found.check()
    return found


def settings_of_the_file() -> dict[str, Any]:
    """The settings of the DuckDB file, for a command that needs no other."""
    kept = _in_section(_providers(), "keep_generations")
    return {
        "keep_generations": KoreSettings.keep_generations if kept is None else max(0, kept),
        "protect_foreign_tables": bool(_in_section(_providers(), "protect_foreign_tables")),
    }


def settings_folder() -> Path:
    """Return the folder of the settings files."""
    folder = local_path(os.environ.get("DLT_PROJECT_DIR", "."), key="project-dir")
    return folder / os.environ.get("DLT_CONFIG_FOLDER", ".dlt")


def settings_file(name: str) -> dict[str, Any]:
    """Return the content of a file in `.dlt/`; nothing if there is none.

    Raises `SettingInvalid` if it is not TOML.
    """
    path = settings_folder() / name
    try:
        raw = path.read_bytes() if path.is_file() else b""
        if raw.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            reason = "it starts with a byte-order mark; save it as `UTF-8` without one"
            raise ValueError(reason)
        return tomllib.loads(raw.decode())
    except (OSError, ValueError) as unreadable:
        key, expected = f".dlt/{name}", f"TOML; {unreadable}"
        raise SettingInvalid(key, value="(not shown)", expected=expected) from None


class _Environment:
    supports_secrets = True

    def get(self, key: str, place: Sequence[str], *, is_secret: bool) -> tuple[Any, str]:
        """The value, or None, and the full name."""
        name = "__".join((*place, key)).upper()
        return os.environ.get(name), name


class _SettingsFile:
    def __init__(self, name: str, *, supports_secrets: bool) -> None:
        self.supports_secrets = supports_secrets
        self._content = settings_file(name)

    def get(self, key: str, place: Sequence[str], *, is_secret: bool) -> tuple[Any, str]:
        """The value, or None, and the full name."""
        value: Any = self._content
        for name in (*place, key):
            value = value.get(name) if isinstance(value, dict) else None
        return value, ".".join((*place, key))


def _providers() -> Sequence[Any]:
    """Where settings are looked up, the first one first."""
    ours = of_the_project()
    if not _dlt_may_know_more(ours):
        return ours
    from kore_campaigns.config.dlt_settings import providers

    return providers()


def of_the_project() -> Sequence[Any]:
    """The environment and the project's files."""
    secrets = _SettingsFile("secrets.toml", supports_secrets=True)
    return (_Environment(), secrets, _SettingsFile("config.toml", supports_secrets=False))


def _dlt_may_know_more(ours: Sequence[Any]) -> bool:
    """True if dlt may find a setting elsewhere than in the environment and the project's files."""
    folders = ("~/.dlt", "/var/dlt", "/tmp/dlt", "$TMPDIR/dlt", "$XDG_DATA_HOME/dlt")  # noqa: S108  # only read
    of_all_projects = (os.path.expanduser(os.path.expandvars(each)) for each in folders)  # noqa: PTH111  # they raise nothing
    return (
        # a program that uses it may have added a place; so may a notebook or a dashboard
        any(name in sys.modules for name in ("dlt", "google.colab", "streamlit"))
        or find_spec("airflow") is not None
        or any(name.startswith("PROVIDERS__") for name in os.environ)
        or _looked_up(ours, "providers", [()]) is not None
        or os.path.exists(settings_folder() / ".workspace")  # noqa: PTH110
        or os.path.exists("/run/secrets")  # noqa: PTH110
        or any(os.path.isfile(f"{each}/{name}") for each in of_all_projects for name in _FILES)  # noqa: PTH113
        or any(plugin.value != "dlt.__plugins__" for plugin in entry_points(group="dlt"))
    )


_FILES: Final = ("secrets.toml", "config.toml")


def _looked_up(
    providers: Sequence[Any], key: str, places: Sequence[Sequence[str]], *, is_secret: bool = False
) -> Any:
    """The value of the first provider that has it in one of the places; None if there is none."""
    for provider in providers:
        for place in places:
            value, name = provider.get(key, place, is_secret=is_secret)
            if value is not None and is_secret and not provider.supports_secrets:
                expected = "to be in secrets.toml, not in config.toml"
                raise SettingInvalid(name, value="(not shown)", expected=expected)
            if value is not None:
                return value
    return None


def _in_section(providers: Sequence[Any], name: str, *below: str) -> Any:
    """The value of a setting in our section, or below it; None if it is not set."""
    *parts, key = name.split(".")
    is_secret = key == "notify_url"
    value = _looked_up(providers, key, [(*_PLACE, *below, *parts)], is_secret=is_secret)
    return None if value is None else _of_type(name, value)


def _of_type(name: str, value: Any) -> Any:
    """The value in the type of its setting; raises `SettingInvalid`."""
    kind = _TYPES[name]
    if type(value) is kind:
        return value
    plain = _PLAIN.get(kind)
    if isinstance(value, str) and plain is not None and plain.fullmatch(value):
        return value.lower() == "true" if kind is bool else kind(value)
    from kore_campaigns.config.dlt_settings import coerced  # forms that are rare, and errors

    try:
        return coerced(name, value, kind)
    except ValueError:
        shown = "(not shown)" if name.endswith(_HIDDEN) else value
        expected = f"a value of type `{kind.__name__}`"
        raise SettingInvalid(name, value=shown, expected=expected) from None


_PLAIN: Final[Mapping[type, re.Pattern[str]]] = {
    int: re.compile(r"-?[0-9]{1,18}"),
    float: re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?"),
    bool: re.compile("true|false", re.IGNORECASE),
}


def _flags(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Settings given in code or as flags, each of its type; dlt would take any type."""
    given = {name: value for name, value in overrides.items() if value is not None}
    credentials = given.pop("credentials", {})
    if isinstance(credentials, KoreCredentials):
        credentials = {
            each.name: getattr(credentials, each.name)
            for each in fields(KoreCredentials)
            if getattr(credentials, each.name) != each.default
        }
    if not isinstance(credentials, Mapping):
        raise SettingInvalid(
            key="credentials", value="(not shown)", expected="a mapping such as {'client_id': ...}"
        )
    given |= {f"credentials.{name}": value for name, value in credentials.items()}
    for name in given.keys() - _TYPES.keys():
        place, dot, key = name.rpartition(".")
        known = [each.removeprefix(place + dot) for each in _TYPES if each.startswith(place + dot)]
        expected = "one of " + ", ".join(known)
        raise SettingInvalid(key, value="(unknown)", expected=expected)
    return {name: _of_type(name, value) for name, value in given.items()}


def _of_connection(providers: Sequence[Any], connection: str) -> dict[str, Any]:
    """Settings of this connection alone, but for those that a variable sets for all of them.

    The connection's own variable wins over that one, as dlt prefers the more specific section.
    """
    below = ("connections", connection)
    names = _TYPES if re.fullmatch(r"[\w-]+", connection) else ()
    values = {name: _in_section(providers, name, *below) for name in names}
    if all(value is None for value in values.values()):
        expected = f"a connection with settings below `[{'.'.join((*_PLACE, *below))}]`"
        raise SettingInvalid(key="connection", value=connection, expected=expected)

    def is_in_environment(name: str, *place: str) -> bool:
        return "__".join((*_PLACE, *place, *name.split("."))).upper() in os.environ

    return {
        name: value
        for name, value in values.items()
        if value is not None and (is_in_environment(name, *below) or not is_in_environment(name))
    }


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
    providers = _providers()
    file = campaign_ids or _in_section(providers, "campaign_ids") or KoreSettings.campaign_ids
    path = local_path(file, key="campaign_ids", folder=folder)
    # each connection may have a file of its own, so none is needed here; a file without the word
    # has no such column. That file, and an unreadable one, is read with the settings
    with contextlib.suppress(OSError, *[CampaignIdsInvalid] if despite_file else []):
        if path.is_file() and b"connection" in path.read_bytes():
            names = dict.fromkeys(c.connection for c in read_campaign_ids(path) if c.connection)
            if names:
                return [*names]
    has_own_app = _in_section(providers, "stream_id") is not None
    return [None] if has_own_app else [*configured_connections()] or [None]


def configured_connections() -> list[str]:
    """Names of the connections that have settings of their own, sorted."""
    paths = (path.split(".") for _, path in _given(_providers()))
    return sorted({names[1] for names in paths if names[0] == "connections" and len(names) > 1})


def _given(providers: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Each setting in our section, as written: full name, and name below the section."""
    for provider in providers:
        # files return a whole section; other providers only know a key by its full name
        section, place = provider.get(SECTION, ("sources",), is_secret=False)
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


def refuse_unknown(providers: Sequence[Any], connection: str | None = None) -> None:
    """Raise `SettingInvalid` for a misspelt setting, which dlt would ignore.

    A section below it is of dlt or of a resource, unless its name is almost `credentials` or
    `connections`.
    """
    known = [*_TYPES, "credentials", *_OF_DLT]
    mine = re.compile(rf"connections\.{re.escape(connection or '')}\.", re.IGNORECASE)
    for name, path in _given(providers):
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
