"""Kore's read endpoints, and the allow-list of the requests that may be sent.

The same URLs with other verbs edit, delete or start a campaign, and the only scope that reads also
writes. So verb and whole URL are compared with the list below. Anything else raises before a socket
opens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from kore_campaigns.errors import RequestNotAllowed, SettingInvalid


class Endpoint(Enum):
    """A read endpoint: verb, path after `.../campaign/`, and query besides `accountId`."""

    DETAIL = ("GET", "{id}", "")
    LISTING = ("POST", "getAllCampaignDetails", "")
    CONTACT_LISTS = ("POST", "contactList/getAllListDetails", "type=call&")
    CONTACT_LIST = ("GET", "contactList/{id}", "")

    def __init__(self, method: str, path: str, query: str) -> None:
        self.method, self.path, self.query = method, path, query


# An id is one path segment that a server can read neither as several nor as a word of the API
# (GET `contactList` would not be the campaign with that id).
_ID: Final = (
    r"(?!(?:getAllCampaignDetails|getAllListDetails|contactList|trigger|schedule|\.{1,2})[/?])"
    r"(?:[A-Za-z0-9._~-]|%(?!2F|5C|00)[0-9A-F]{2})+"
)


@dataclass(frozen=True)
class Routes:
    """The URLs of one app of one account. Raises `SettingInvalid` for a host that is not usable."""

    host: str
    stream_id: str
    account_id: str
    detail_method: str = "GET"

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", base_url(self.host))
        if self.detail_method not in ("GET", "PUT"):
            raise SettingInvalid(
                key="detail_method", value=self.detail_method, expected="`GET` or, knowingly, `PUT`"
            )

    def method(self, endpoint: Endpoint) -> str:
        return self.detail_method if endpoint is Endpoint.DETAIL else endpoint.method

    def url(self, endpoint: Endpoint, campaign_id: str = "") -> str:
        """The URL of this request; `check` decides whether it is allowed."""
        stream, account = quote(self.stream_id, safe=""), quote(self.account_id, safe="")
        path = endpoint.path.format(id=quote(campaign_id, safe=""))
        return (
            f"{self.host}/campaign/api/v2/public/{stream}/campaign/{path}"
            f"?{endpoint.query}accountId={account}"
        )

    def check(self, method: str, url: str) -> None:
        """Raise `RequestNotAllowed` unless verb and whole URL are those of a read endpoint."""
        if not url.startswith(f"{self.host}/"):
            reason = f"it is not for `{self.host}`"
        elif method not in self._allowed:
            reason = "the verb is not used for reading"
        elif not self._allowed[method].fullmatch(url):
            reason = "neither this path nor this query is used for reading with this verb"
        else:
            return
        parts = _split(url)
        raise RequestNotAllowed(method, parts.path if parts else "(unreadable)", reason=reason)

    @cached_property
    def _allowed(self) -> dict[str, re.Pattern[str]]:
        urls: dict[str, list[str]] = {}
        for endpoint in Endpoint:
            # an id that occurs in no URL marks the place of the pattern
            pattern = re.escape(self.url(endpoint, "\0")).replace("%00", _ID)
            urls.setdefault(self.method(endpoint), []).append(pattern)
        return {method: re.compile("|".join(patterns)) for method, patterns in urls.items()}


def base_url(host: str) -> str:
    """`https://name[:port]` in lower case, from a host with or without scheme and final slash.

    Raises `SettingInvalid` unless it is https (or http to this machine) and only a host.
    """
    text = host.strip()
    parts = _split(text if "://" in text else f"https://{text}")
    if (
        parts is None
        or not re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?", parts.netloc)
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(text)))
    ):
        raise SettingInvalid(
            key="host",
            value=text.rpartition("@")[2],  # what precedes an `@` may be a password
            expected="the address of the Kore.ai platform and nothing else, such as "
            "`https://platform.kore.ai`; `http://` is accepted for this machine only",
        )
    default_port = 443 if parts.scheme == "https" else 80
    name = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    port = "" if parts.port in (None, default_port) else f":{parts.port}"
    return f"{parts.scheme}://{name}{port}"


def is_loopback(url: str) -> bool:
    """Whether the URL names this machine."""
    name = urlsplit(url).hostname or ""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def is_web_address(url: str) -> bool:
    """Whether a message may be posted to it: https, or http to this machine."""
    parts = _split(url)
    if parts is None or not parts.hostname or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is not a number up to 65535
    except ValueError:
        return None
    return parts
