"""Check each leg that a run needs, from the settings to the destination."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from kore_campaigns.api.client import KoreClient
from kore_campaigns.api.endpoints import base_url
from kore_campaigns.api.transport import ca_bundle
from kore_campaigns.config.csv_files import EVERY
from kore_campaigns.config.project import configured_ids, project_folder
from kore_campaigns.config.settings import KoreSettings, resolve
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    CampaignNotFound,
    KoreCampaignsError,
    SettingInvalid,
    shorten,
)
from kore_campaigns.extract.connect import connected
from kore_campaigns.extract.listing import Listing, calls_for
from kore_campaigns.load import DUCKDB, destination_for

# a third of the calls of a minute
MOST_CALLS: Final = 20

State = Literal["ok", "failed", "skipped"]


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


Result = tuple[State, str, int]


def _ok(message: str) -> Result:
    return "ok", message, 0


def _skipped(message: str) -> Result:
    return "skipped", message, 0


def _unreachable(message: str) -> Result:
    return "failed", message, 75


@dataclass(slots=True)
class _Check:
    """What is checked, and the results that later legs need."""

    kind: str
    database: str | None
    connection: str | None
    csv: str | None
    folder: Path
    settings: KoreSettings | None = None
    campaign_ids: list[str] = field(default_factory=list)
    refused: AccessRefused | None = None
    listing: Result = ("skipped", "", 0)
    is_usable: bool = False
    """The service answered the request."""

    @property
    def known(self) -> KoreSettings:
        """The settings; no leg that needs them is tested without them."""
        return cast(KoreSettings, self.settings)

    @property
    def address(self) -> tuple[str, str, int]:
        """Scheme, host and port of the service."""
        parts = urlsplit(base_url(self.known.host))
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return parts.scheme, parts.hostname or "", port

    @property
    def proxy(self) -> str | None:
        """Host of the proxy in use."""
        scheme, host, _ = self.address
        if scheme == "http" or proxy_bypass(host):
            return None
        return urlsplit(getproxies().get(scheme, "")).hostname


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
    check = _Check(destination, database, connection, campaign_ids, project_folder())
    failed = ""
    for name, test in _LEGS.items():
        if failed and name != "destination":
            yield Leg(name, *_skipped(f"not tested, because the leg `{failed}` failed"))
            continue
        try:
            leg = Leg(name, *test(check))
        except KoreCampaignsError as error:
            leg = Leg(name, "failed", str(error), error.exit_code)
        if leg.state == "failed":
            failed = failed or name
        yield leg


def _settings(check: _Check) -> Result:
    found = resolve({"campaign_ids": check.csv, "max_attempts": 1}, connection=check.connection)
    check.campaign_ids = configured_ids(found, check.folder, connection=check.connection)
    host = base_url(found.host)
    check.settings = found
    return _ok(f"{len(check.campaign_ids)} campaign ids, stream `{found.stream_id}`, host {host}")


def _dns(check: _Check) -> Result:
    _, host, port = check.address
    if check.proxy:
        return _skipped(f"the proxy {check.proxy} resolves {host}")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return _unreachable(
            f"`{host}` is not found ({error}). Next: correct the setting `host`, or the DNS of "
            "this machine"
        )
    return _ok(f"{host} is {found[0][4][0]}")


def _tls(check: _Check) -> Result:
    scheme, host, port = check.address
    if check.proxy:
        return _skipped("the connection uses a proxy")
    try:
        with socket.create_connection((host, port), check.known.connect_timeout_seconds) as line:
            if scheme == "http":
                return _ok(f"connected to port {port}; plain http, this machine only")
            with _trust().wrap_socket(line, server_hostname=host) as secure:
                return _ok(f"connected to port {port}, {secure.version()}")
    except ssl.SSLCertVerificationError as error:
        return _unreachable(
            f"the certificate of `{host}` is not trusted here ({error.verify_message}). Next: "
            "behind a proxy that inspects traffic, set `REQUESTS_CA_BUNDLE` to its certificates"
        )
    except ssl.SSLError as error:
        return _unreachable(
            f"port {port} of `{host}` agrees on no TLS connection ({error.reason}). Next: correct "
            "the setting `host`, or check the proxy"
        )
    except OSError as error:
        return _unreachable(
            f"no connection to `{host}` port {port} ({error}). Next: check firewall and proxy"
        )


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


def _token(check: _Check) -> Result:
    """Reads the listing, whose answer tests the remaining legs of the service."""
    try:
        with connected(check.known, stop=threading.Event()) as client:
            try:
                check.listing = _ok(compare_listing(client, check.campaign_ids))
            except (AccessRefused, CampaignFailed) as error:
                if EVERY in check.campaign_ids:  # there is no other request to test with
                    raise
                with contextlib.suppress(CampaignNotFound):  # that is an answer, too
                    client.campaign(check.campaign_ids[0])
                reason = error.message if isinstance(error, CampaignFailed) else f"`{error.reply}`."
                check.listing = "failed", f"{reason} A full sweep does not need it", 0
        check.is_usable = True
    except AccessRefused as error:
        check.refused, check.is_usable = error, True
        # only the words of the answer distinguish a missing scope
        if "scope" not in error.reply.casefold():
            raise
    except KoreCampaignsError as error:
        check.listing = "failed", str(error), error.exit_code
    return _accepted(check)


def _scope(check: _Check) -> Result:
    if check.refused is not None:
        message = (
            f"`{check.refused.reply}`. Next: grant the scope `Campaign Management` to the client, "
            "publish the app"
        )
        return "failed", message, AccessRefused.exit_code
    return _accepted(check)


def _accepted(check: _Check) -> Result:
    return _ok("accepted") if check.is_usable else _skipped("the service gave no usable answer")


def _destination(check: _Check) -> Result:
    destination = destination_for(check.kind, database=check.database, folder=check.folder)
    return _ok(destination.check(check.settings))


_LEGS: Final[Mapping[str, Callable[[_Check], Result]]] = {
    "settings": _settings,
    "dns": _dns,
    "tls": _tls,
    "token": _token,
    "scope": _scope,
    "stream": _accepted,
    "account": _accepted,
    "listing": lambda check: check.listing,
    "destination": _destination,
}
NAMES = tuple(_LEGS)


def compare_listing(client: KoreClient, configured: Sequence[str]) -> str:
    """A sentence about the listing, voice and SMS; raises the error of a listing that fails.

    A listing that takes more than `MOST_CALLS` is neither read to its end nor compared.
    """
    seen: set[str] = set()
    counts = []
    is_complete = True
    for campaign_type in ("voice", "sms"):
        listing = Listing(client, campaign_type, most_calls=MOST_CALLS)
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
        is_complete = is_complete and listing.is_complete
    parts = [" and ".join(counts) + " campaigns in this app"]
    if EVERY not in configured:
        for what, ids in (
            ("configured, but not listed", sorted(set(configured) - seen)),
            ("listed, but not configured", sorted(seen - set(configured))),
        ):
            parts += [f"{len(ids)} {what}: {shorten(ids)}"] if ids else []
    if not is_complete:
        parts.append("the listing contradicts itself, so this may be incomplete")
    return "; ".join(parts)
