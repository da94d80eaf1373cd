"""Check each leg that a run needs, from the settings to the destination."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from kore_campaigns.api.client import KoreClient
from kore_campaigns.api.endpoints import base_url
from kore_campaigns.api.responses import certificate_problem
from kore_campaigns.api.transport import ca_bundle, proxy_of
from kore_campaigns.config.csv_files import EVERY
from kore_campaigns.config.project import configured_ids, configured_policies, project_folder
from kore_campaigns.config.settings import KoreSettings, resolve
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    CampaignNotFound,
    KoreCampaignsError,
    ListingDoubtful,
    SettingInvalid,
    TryLater,
    counted,
    first_line,
    shorten,
)
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.listing import Listing, calls_for
from kore_campaigns.extract.report import clock_problem
from kore_campaigns.load import DUCKDB, destination_for

# a third of the calls of a minute
MOST_CALLS: Final = 20

State = Literal["ok", "failed", "skipped"]
NAMES: Final = (
    *("settings", "dns", "tls", "token", "scope", "stream", "account", "listing"),
    "destination",
)


@dataclass(frozen=True, slots=True)
class Leg:
    """Result of one leg. `exit_code` is what a run would end with because of it, 0 if it would
    not.
    """

    name: str
    state: State
    message: str
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "state": self.state, "message": self.message}


def check_legs(
    *,
    destination: str = DUCKDB,
    database: str | None,
    connection: str | None,
    campaign_ids: str | None,
) -> Iterator[Leg]:
    """Yield every leg in order; after a failure, only the destination is tested.

    Sends the calls that the account listing takes, at most 21, and one for the first configured
    campaign if the listing is refused.
    """
    folder = project_folder()
    settings: KoreSettings | None = None
    legs: Iterator[Leg] = iter(())
    try:
        found = resolve({"campaign_ids": campaign_ids, "max_attempts": 1}, connection=connection)
        ids = configured_ids(found, folder, connection=connection)
        configured_policies(found, folder)
        host = base_url(found.host)
        settings, legs = found, _service_legs(found, ids)
        wanted = (
            "every campaign of the listing" if EVERY in ids else counted(len(ids), "campaign id")
        )
        message = f"{wanted}, stream `{found.stream_id}`, host {host}"
        if found.notify_url is not None:
            message += f"; `notify_url` is an address, for `{found.notify_format}`: nothing is sent"
        leg = Leg("settings", "ok", message)
    except KoreCampaignsError as wrong:
        leg = _failed("settings", wrong)
    yield leg
    failed = leg
    for name in NAMES[1:-1]:
        if failed.state == "failed":
            yield Leg(name, "skipped", f"not tested, because the leg `{failed.name}` failed")
        else:
            failed = next(legs)
            yield failed
    try:
        target = destination_for(
            destination,
            database=database,
            folder=folder,
            protect_foreign_tables=settings is not None and settings.protect_foreign_tables,
        )
        yield Leg("destination", "ok", target.check(settings))
    except KoreCampaignsError as unusable:
        yield _failed("destination", unusable)


def _failed(name: str, error: KoreCampaignsError) -> Leg:
    return Leg(name, "failed", str(error), error.exit_code)


def _service_legs(settings: KoreSettings, campaign_ids: Sequence[str]) -> Iterator[Leg]:
    """The legs from DNS to the listing; a reader stops at the first that failed."""
    parts = urlsplit(base_url(settings.host))
    host, scheme = parts.hostname or "", parts.scheme
    port = parts.port or (443 if scheme == "https" else 80)
    try:
        proxy = urlsplit(proxy_of(base_url(settings.host)) or "").hostname
    except SettingInvalid as unusable:
        yield _failed("dns", unusable)
        return
    if proxy:
        yield Leg("dns", "skipped", f"the proxy {proxy} resolves {host}")
        yield Leg("tls", "skipped", "the connection uses a proxy")
    else:
        yield _dns(host, port)
        yield _tls(host, port, scheme, settings.connect_timeout_seconds)
    state: State = "ok"
    message, clock = "accepted", None
    try:
        with connected(settings, stop=threading.Event()) as client:
            try:
                listing = _listing(client, campaign_ids)
            finally:
                clock = clock_problem(client.counters.clock_difference_seconds)
    except AccessRefused as refused:
        # only the words of the answer distinguish a missing scope
        if "scope" not in refused.reply.casefold():
            reason = f"{clock} Then: {refused}" if clock else str(refused)
            yield Leg("token", "failed", reason, refused.exit_code)
            return
        yield Leg("token", "ok", "accepted")
        next_step = "grant the scope `Campaign Management` to the client, publish the app"
        reply = f"`{refused.reply}`. Next: {next_step}"
        yield Leg("scope", "failed", reply, refused.exit_code)
        return
    except KoreCampaignsError as error:
        listing = _failed("listing", error)
        state, message = "skipped", "the service gave no usable answer"
    yield Leg("token", state, f"{message}; {clock}" if clock else message)
    for name in ("scope", "stream", "account"):
        yield Leg(name, state, message)
    yield listing


def _dns(host: str, port: int) -> Leg:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        message = (
            f"`{host}` is not found ({first_line(error)}). Next: correct the setting `host`, or "
            "the DNS of this machine"
        )
        return Leg("dns", "failed", message, TryLater.exit_code)
    return Leg("dns", "ok", f"{host} is {found[0][4][0]}")


def _tls(host: str, port: int, scheme: str, timeout_seconds: float) -> Leg:
    try:
        with socket.create_connection((host, port), timeout_seconds) as line:
            if scheme == "http":
                return Leg("tls", "ok", f"connected to port {port}; plain http, this machine only")
            with _trust().wrap_socket(line, server_hostname=host) as secure:
                return Leg("tls", "ok", f"connected to port {port}, {secure.version()}")
    except ssl.SSLCertVerificationError as error:
        message = f"`{host}`: {certificate_problem(error)}"
    except ssl.SSLError as error:
        why = (error.reason or "").replace("_", " ").lower()
        message = (
            f"port {port} of `{host}` agrees on no TLS connection ({why}). Next: correct the "
            "setting `host`, or check the proxy"
        )
    except OSError as error:
        message = (
            f"no connection to `{host}` port {port} ({first_line(error)}). Next: check firewall "
            "and proxy"
        )
    except SettingInvalid as error:
        return _failed("tls", error)
    return Leg("tls", "failed", message, TryLater.exit_code)


def _trust() -> ssl.SSLContext:
    """Trust the certificates that a run trusts; other tools of this machine may trust others."""
    named = ca_bundle()
    path = DEFAULT_CA_BUNDLE_PATH if named is True else str(named)
    try:
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        key, expected = "REQUESTS_CA_BUNDLE", "a file of certificates in PEM"
        raise SettingInvalid(key, path, expected=expected) from None


def _listing(client: KoreClient, campaign_ids: Sequence[str]) -> Leg:
    """Read the listing; if it is refused, request a campaign, which tests the credentials, too."""
    try:
        return Leg("listing", "ok", compare_listing(client, campaign_ids))
    except ListingDoubtful as doubtful:
        return _failed("listing", doubtful)
    except (AccessRefused, CampaignFailed) as error:
        if EVERY in campaign_ids:
            raise
        with contextlib.suppress(CampaignNotFound):  # that is an answer, too
            client.campaign(campaign_ids[0])
        reason = error.message if isinstance(error, CampaignFailed) else f"`{error.reply}`."
        return Leg("listing", "failed", f"{reason} A full sweep does not need it")


def compare_listing(client: KoreClient, configured: Sequence[str]) -> str:
    """A sentence about the listing, voice and SMS; raises the error of a listing that fails.

    A listing that takes more than `MOST_CALLS` is neither read to its end nor compared.
    """
    seen: set[str] = set()
    counts = []
    is_every = EVERY in configured
    doubts = []
    for campaign_type in ("voice", "sms"):
        wanted = None if is_every else ()
        listing = Listing(client, campaign_type, most_calls=MOST_CALLS, wanted=wanted)
        seen.update(row.campaign_id for row in listing.rows())
        if listing.refused is not None:
            raise listing.refused
        if listing.is_too_long:
            calls = calls_for(listing.total or 0)
            return (
                f"{listing.total} {campaign_type} campaigns in this app; comparing them with the "
                f"configured ids takes {calls} calls, `kore-campaigns plan` does it"
            )
        counts.append(f"{listing.total} {campaign_type}")
        doubts += [listing.problem] if listing.problem is not None else []
    parts = [" and ".join(counts) + " campaigns in this app"]
    if doubts and is_every:
        raise doubts[0]
    if not is_every:
        for what, ids in (
            ("configured, but not listed", sorted(set(configured) - seen)),
            ("listed, but not configured", sorted(seen - set(configured))),
        ):
            parts += [f"{len(ids)} {what}: {shorten(ids)}"] if ids else []
    if doubts:
        parts.append("the listing contradicts itself, so this may be incomplete")
    return "; ".join(parts)
