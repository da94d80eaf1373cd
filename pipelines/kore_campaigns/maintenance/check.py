"""Go along the way a run goes and name the first leg that fails: settings ... destination."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from kore_campaigns.api.endpoints import base_url
from kore_campaigns.api.transport import ca_bundle
from kore_campaigns.config.campaign_ids import EVERY
from kore_campaigns.config.project import configured_ids, project_folder
from kore_campaigns.config.settings import KoreSettings, resolve
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    CampaignNotFound,
    KoreCampaignsError,
    SettingInvalid,
)
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.listing import Listing, ListingClient, calls_for
from kore_campaigns.load.destination import DUCKDB, place_of
from kore_campaigns.load.duckdb_file import Workspace
from kore_campaigns.load.postgres import Warehouse
from kore_campaigns.load.reader import reading

# a third of what a minute allows
MOST_CALLS: Final = 20
_SHOWN: Final = 10


def compare_listing(client: ListingClient, configured: Sequence[str]) -> str:
    """A sentence on the listing, voice and SMS; raises what refuses it.

    A listing that takes more than `MOST_CALLS` is not read to its end, nor compared.
    """
    seen: set[str] = set()
    counts = []
    is_whole = True
    for campaign_type in ("voice", "sms"):
        listing = _read(client, campaign_type)
        seen |= listing.ids
        counts.append(f"{listing.total} {campaign_type}")
        is_whole = is_whole and listing.is_complete
        if listing.is_too_long:
            calls = calls_for(listing.total or 0)
            return (
                f"{listing.total} {campaign_type} campaigns in this app; {calls} calls to compare "
                "them with the configured ids, which `kore-campaigns plan` does"
            )
    parts = [" and ".join(counts) + " campaigns in this app"]
    if EVERY not in configured:
        parts += _list("configured, but not listed", sorted(set(configured) - seen))
        parts += _list("listed, but not configured", sorted(seen - set(configured)))
    if not is_whole:
        parts.append("the listing does not fit together, so this may not be all of it")
    return "; ".join(parts)


def _read(client: ListingClient, campaign_type: str) -> Listing:
    listing = Listing(client, campaign_type, most_calls=MOST_CALLS)
    for _ in listing.rows():
        pass
    refused: AccessRefused | CampaignFailed | None = listing.refused
    if refused is not None:
        raise refused
    return listing


def _list(what: str, ids: Sequence[str]) -> Iterable[str]:
    if ids:
        more = len(ids) - _SHOWN
        rest = f" and {more} more" if more > 0 else ""
        yield f"{len(ids)} {what}: {', '.join(ids[:_SHOWN])}{rest}"


State = Literal["ok", "failed", "skipped"]
NAMES = ("settings", "dns", "tls", "token", "scope", "stream", "account", "listing", "destination")


@dataclass(frozen=True, slots=True)
class Leg:
    """One step of the way. `exit_code` is what a run would end with because of it, 0 if it would
    not.
    """

    name: str
    state: State
    message: str
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "state": self.state, "message": self.message}


@dataclass(slots=True)
class _Way:
    """What the legs so far have found out."""

    settings: KoreSettings | None = None
    campaign_ids: list[str] = field(default_factory=list)
    reached: bool = False


def check_legs(
    *,
    destination: str = DUCKDB,
    database: str | None,
    connection: str | None,
    campaign_ids: str | None,
) -> Iterator[Leg]:
    """Every leg in order; a leg that cannot be tried because an earlier one failed is skipped.

    Sends the calls that the account listing takes, at most 21, and one for the first configured
    campaign if that is refused.
    """
    way = _Way()
    folder = project_folder()
    yield _settings(way, folder, connection=connection, campaign_ids=campaign_ids)
    yield _dns(way)
    yield _tls(way)
    yield from _service(way)
    yield _destination(way, destination, database, folder)


def _failed(name: str, error: KoreCampaignsError) -> Leg:
    return Leg(name, "failed", str(error), error.exit_code)


def _settings(way: _Way, folder: Path, *, connection: str | None, campaign_ids: str | None) -> Leg:
    overrides = {"campaign_ids": campaign_ids, "max_attempts": 1}
    try:
        settings = resolve(overrides, connection=connection)
        way.campaign_ids = configured_ids(settings, folder, connection=connection)
        host = base_url(settings.host)
    except KoreCampaignsError as error:
        return _failed("settings", error)
    way.settings = settings
    ids = f"{len(way.campaign_ids)} campaign ids"
    return Leg("settings", "ok", f"{ids}, stream `{settings.stream_id}`, host {host}")


def _dns(way: _Way) -> Leg:
    if way.settings is None:
        return Leg("dns", "skipped", "the settings come first")
    host, port = _address(way.settings)
    if _proxy(way.settings):
        way.reached = True
        return Leg("dns", "skipped", f"the proxy {_proxy(way.settings)} looks {host} up")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        message = (
            f"`{host}` is not found ({error}). Next: correct the setting `host`, or this "
            "machine's DNS"
        )
        return Leg("dns", "failed", message, exit_code=75)
    way.reached = True
    return Leg("dns", "ok", f"{host} is {found[0][4][0]}")


def _tls(way: _Way) -> Leg:
    if way.settings is None or not way.reached:
        return Leg("tls", "skipped", "the host is not found")
    host, port = _address(way.settings)
    if _proxy(way.settings):
        return Leg("tls", "skipped", "the connection goes through a proxy")
    is_https = base_url(way.settings.host).startswith("https")
    try:
        with socket.create_connection((host, port), way.settings.connect_timeout_seconds) as line:
            if not is_https:
                return Leg("tls", "ok", f"connected to port {port}; plain http, this machine only")
            with _trust().wrap_socket(line, server_hostname=host) as secure:
                return Leg("tls", "ok", f"connected to port {port}, {secure.version()}")
    except KoreCampaignsError as error:
        way.reached = False
        return _failed("tls", error)
    except OSError as error:
        way.reached = False
        return Leg("tls", "failed", _no_tls(error, host, port), exit_code=75)


def _trust() -> ssl.SSLContext:
    """Trusts what a run trusts, which need not be what this machine's own tools trust."""
    named = ca_bundle()
    path = DEFAULT_CA_BUNDLE_PATH if named is True else str(named)
    try:
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        key, expected = "REQUESTS_CA_BUNDLE", "a file of certificates in PEM"
        raise SettingInvalid(key, path, expected=expected) from None


def _no_tls(error: OSError, host: str, port: int) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of `{host}` is not trusted here ({error.verify_message}). Next: "
            "behind a proxy that inspects traffic, set `REQUESTS_CA_BUNDLE` to its certificates"
        )
    if isinstance(error, ssl.SSLError):
        return (
            f"port {port} of `{host}` agrees on no TLS connection ({error.reason}). Next: correct "
            "the setting `host`, or look at the proxy"
        )
    return f"no connection to `{host}` port {port} ({error}). Next: look at firewall and proxy"


def _service(way: _Way) -> Iterator[Leg]:
    """Token, scope, stream, account and listing: one call answers for all of them."""
    names = ("token", "scope", "stream", "account")
    if way.settings is None or not way.reached:
        for name in (*names, "listing"):
            yield Leg(name, "skipped", "the service is not reached")
        return
    try:
        with connected(way.settings, stop=threading.Event()) as client:
            listing = _ask_listing(client, way)
    except AccessRefused as error:
        yield from _refused(error)
    except KoreCampaignsError as error:
        for name in names:
            yield Leg(name, "skipped", "no answer tells")
        yield _failed("listing", error)
    else:
        for name in names:
            yield Leg(name, "ok", "accepted")
        yield listing


def _ask_listing(client: Any, way: _Way) -> Leg:
    try:
        message = compare_listing(client, way.campaign_ids)
    except (AccessRefused, CampaignFailed) as error:
        if EVERY in way.campaign_ids:  # the listing is all there is to ask
            raise
        with contextlib.suppress(CampaignNotFound):  # an answer too
            client.campaign(way.campaign_ids[0])
        reason = error.message if isinstance(error, CampaignFailed) else f"`{error.reply}`."
        return Leg("listing", "failed", f"{reason} A full sweep does not need it")
    return Leg("listing", "ok", message)


def _refused(error: AccessRefused) -> Iterator[Leg]:
    """The service's few words tell a wrong scope from the rest, and no more than that."""
    if "scope" in error.reply.casefold():
        yield Leg("token", "ok", "accepted")
        message = (
            f"`{error.reply}`. Next: grant the scope `Campaign Management` to the client, "
            "publish the app"
        )
        yield Leg("scope", "failed", message, error.exit_code)
    else:
        yield _failed("token", error)
        yield Leg("scope", "skipped", "the token comes first")
    for name in ("stream", "account", "listing"):
        yield Leg(name, "skipped", "the credentials come first")


def _destination(way: _Way, kind: str, database: str | None, folder: Path) -> Leg:
    try:
        place = place_of(kind, database, folder)
        found = place.try_out(way.settings) if isinstance(place, Warehouse) else _try_file(place)
    except KoreCampaignsError as error:
        return _failed("destination", error)
    return Leg("destination", "ok", found)


def _try_file(workspace: Workspace) -> str:
    with workspace.locked():
        if not workspace.published.exists():
            return f"{workspace.published}, made by the first run"
        with reading(workspace.published):
            return str(workspace.published)


def _address(settings: KoreSettings) -> tuple[str, int]:
    parts = urlsplit(base_url(settings.host))
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _proxy(settings: KoreSettings) -> str | None:
    parts = urlsplit(base_url(settings.host))
    if parts.scheme == "http" or proxy_bypass(parts.hostname or ""):
        return None
    proxy = urlsplit(getproxies().get(parts.scheme, ""))
    return proxy.hostname
