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


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Sentences of the events; each event is `ping_failed`."""
    assert {vars(record)["event"] for record in caplog.records} <= {"ping_failed"}
    return [vars(record)["sentence"] for record in caplog.records]


def test_start_success_and_fail_are_the_addresses_of_healthchecks(
    watcher: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    ping = Ping(watcher.url + "/")

    ping.send("/start")
    ping.send("", "all is well")
    ping.send("/fail", "nothing is: café")

    assert watcher.told == [("/start", ""), ("", "all is well"), ("/fail", "nothing is: café")]
    assert warnings_in(caplog) == []


def test_a_query_stays_behind_the_path(watcher: Monitor) -> None:
    Ping(f"{watcher.url}?create=1").send("/start")

    assert watcher.told == [("/start?create=1", "")]


def test_a_long_summary_is_cut(watcher: Monitor) -> None:
    Ping(watcher.url).send("/fail", "x" * 10 * LONGEST_BODY)

    assert watcher.told == [("/fail", "x" * LONGEST_BODY)]


@pytest.mark.parametrize(("status", "said"), [(404, "HTTP 404"), (500, "HTTP 500"), (302, "302")])
def test_a_monitor_that_refuses_is_a_warning_without_the_path(
    watcher: Monitor, status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    watcher.status = status

    Ping(watcher.url).send("")

    (warning,) = warnings_in(caplog)
    assert len(watcher.told) == 1  # a redirect is not followed
    assert said in warning
    assert "Next: " in warning
    assert SECRET_PATH not in warning + caplog.text


def test_a_monitor_that_is_not_there_is_a_warning_without_the_path(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    Ping(f"http://127.0.0.1:{port}{SECRET_PATH}").send("/start")

    (warning,) = warnings_in(caplog)
    assert warning.startswith("the ping to `127.0.0.1` failed: the connection was refused.")
    assert SECRET_PATH not in warning + caplog.text


def test_a_monitor_that_does_not_answer_is_not_waited_for(
    watcher: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    answered = threading.Event()
    watcher.before = lambda: answered.wait(30)

    try:
        Ping(watcher.url, longest_seconds=0.2).send("/start")
    finally:
        answered.set()

    (warning,) = warnings_in(caplog)
    assert "no answer within 0.2 s" in warning


def test_no_password_of_the_machine_is_sent(
    watcher: Monitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hidden\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    Ping(watcher.url).send("/start")

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
        Ping(url)

    assert "uuid`" not in str(raised.value).replace("<uuid>", "")
    assert raised.value.key == "ping-url"


@pytest.mark.parametrize("url", ["https://hc-ping.com/uuid", "http://localhost:8000/ping/uuid"])
def test_others_are_taken(url: str) -> None:
    assert Ping(url).url == url
