"""Tell a monitor such as healthchecks.io that a run began and how it ended. Never harms a run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import requests
from requests import PreparedRequest

from kore_campaigns.endpoints import is_loopback
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.failures import NO_ANSWER, reason_of

CONNECT_SECONDS: Final = 3.05
READ_SECONDS: Final = 5.0
# all of it: looking a name up knows no limit of its own, and headers may trickle in
LONGEST_SECONDS: Final = 10.0
LONGEST_BODY: Final = 2000


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks `url`, `url`/start and `url`/fail; whatever goes wrong is handed to `warn` and no more.

    The address is as good as a password for the check behind it, so its path is never shown.
    Raises `SettingInvalid` for one that is not https, or http to this very machine.
    """

    url: str
    warn: Callable[[str], None]
    longest_seconds: float = LONGEST_SECONDS

    def __post_init__(self) -> None:
        if not _is_acceptable(self.url):
            raise SettingInvalid(
                key="ping-url",
                value="(not shown)",
                expected="an address such as `https://hc-ping.com/<uuid>`; `http://` is accepted "
                "for this machine only",
            )

    def start(self) -> None:
        self._send("/start", "")

    def success(self, body: str) -> None:
        self._send("", body)

    def fail(self, body: str) -> None:
        self._send("/fail", body)

    def _send(self, suffix: str, body: str) -> None:
        found: list[str | None] = []
        # a thread, as nothing else ends a look-up of a name in time
        thread = threading.Thread(
            target=lambda: found.append(_post(_with(self.url, suffix), body)),
            name="ping",
            daemon=True,
        )
        thread.start()
        thread.join(self.longest_seconds)
        problem = found[0] if found else f"no answer within {self.longest_seconds:g} s"
        if problem is not None:
            self.warn(
                f"the ping to `{urlsplit(self.url).hostname}` failed: {problem}. The run is not "
                "concerned. Next: nothing, if it does not stay; else compare `--ping-url` with "
                "the monitor's page."
            )


def _is_acceptable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is not a number up to 65535
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    return is_safe and bool(parts.hostname) and url.isprintable() and " " not in url


def _with(url: str, suffix: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix, fragment=""))


def _post(url: str, body: str) -> str | None:
    """Why it failed, or None."""
    try:
        with requests.post(
            url,
            data=body[:LONGEST_BODY].encode(),
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,  # the body of the answer is of no interest
            auth=_no_password,
        ) as reply:
            return None if 200 <= reply.status_code < 300 else f"HTTP {reply.status_code}"
    except NO_ANSWER as failed:
        return reason_of(failed)
    except (ValueError, UnicodeError):  # what no check above foresaw; its text may hold the path
        return "the address cannot be used"


def _no_password(request: PreparedRequest) -> PreparedRequest:
    """Without a rule of its own requests looks for one in ~/.netrc."""
    return request
