"""Every setting, once: name, type, default and what it means.

Looked up by dlt's convention, flags > environment > secrets.toml / config.toml > defaults:
`[sources.kore_campaigns]` in `.dlt/config.toml`, or `SOURCES__KORE_CAMPAIGNS__<NAME>`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import dlt
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration, CredentialsConfiguration
from dlt.common.typing import TSecretStrValue

from kore_campaigns.errors import SettingInvalid, SettingMissing

SECTION = "kore_campaigns"
ALGORITHMS = ("HS256", "HS512", "RS256", "RS512")
DEFAULT_POLICIES = "policies.csv"
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
