"""Pings: start, success, fail; never fatal, never slow, never a secret."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kore_campaigns.errors import SettingInvalid
from kore_campaigns.reports.monitoring import LONGEST_BODY, Ping
from support.monitor import SECRET_PATH, Monitor, monitor


@pytest.fixture
def watcher() -> Iterator[Monitor]:
    with monitor() as found:
        yield found


def test_start_success_and_fail_are_the_addresses_of_healthchecks(watcher: Monitor) -> None:
    warnings: list[str] = []
    ping = Ping(watcher.url + "/", warnings.append)

    ping.start()
    ping.success("all is well")
    ping.fail("nothing is: café")

    assert watcher.told == [("/start", ""), ("", "all is well"), ("/fail", "nothing is: café")]
    assert warnings == []


def test_a_query_stays_behind_the_path(watcher: Monitor) -> None:
    Ping(f"{watcher.url}?create=1", print).start()

    assert watcher.told == [("/start?create=1", "")]


def test_a_long_summary_is_cut(watcher: Monitor) -> None:
    Ping(watcher.url, print).fail("x" * 10 * LONGEST_BODY)

    assert watcher.told == [("/fail", "x" * LONGEST_BODY)]


@pytest.mark.parametrize(("status", "said"), [(404, "HTTP 404"), (500, "HTTP 500"), (302, "302")])
def test_a_monitor_that_refuses_is_a_warning_without_the_path(
    watcher: Monitor, status: int, said: str
) -> None:
    watcher.status = status
    warnings: list[str] = []

    Ping(watcher.url, warnings.append).success("")

    assert len(warnings) == len(watcher.told) == 1  # a redirect is not followed
    assert said in warnings[0]
    assert "Next: " in warnings[0]
    assert SECRET_PATH not in warnings[0]


def test_a_monitor_that_is_not_there_is_a_warning_without_the_path() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    warnings: list[str] = []

    Ping(f"http://127.0.0.1:{port}{SECRET_PATH}", warnings.append).start()

    assert warnings[0].startswith("the ping to `127.0.0.1` failed: the connection was refused.")
    assert SECRET_PATH not in warnings[0]


def test_a_monitor_that_does_not_answer_is_not_waited_for(watcher: Monitor) -> None:
    answered = threading.Event()
    watcher.before = lambda: answered.wait(30)
    warnings: list[str] = []

    try:
        Ping(watcher.url, warnings.append, longest_seconds=0.2).start()
    finally:
        answered.set()

    assert "no answer within 0.2 s" in warnings[0]


def test_no_password_of_the_machine_is_sent(
    watcher: Monitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hidden\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    Ping(watcher.url, print).start()

    assert "authorization" not in watcher.headers[0]


@pytest.mark.parametrize(
    "url",
    [
        *("", "hc-ping.com/uuid", "ftp://hc-ping.com/uuid", "http://hc-ping.com/uuid"),
        *("https://", "https:///uuid", "https://hc-ping.com:port/uuid", "https://hc-ping.com/u u"),
        *("http://127.0.0.1.example.org/uuid", "https://[::1/uuid", "https://x/u\nHost: y"),
    ],
)
def test_an_address_that_shows_the_ping_to_others_is_refused(url: str) -> None:
    with pytest.raises(SettingInvalid) as raised:
        Ping(url, print)

    assert "uuid`" not in str(raised.value).replace("<uuid>", "")
    assert raised.value.key == "ping-url"


@pytest.mark.parametrize("url", ["https://hc-ping.com/uuid", "http://localhost:8000/ping/uuid"])
def test_others_are_taken(url: str) -> None:
    assert Ping(url, print).url == url
