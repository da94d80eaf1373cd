"""Why no answer came is said in words; TLS is checked, and a proxy's password is not told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kore_campaigns.api.auth import TokenMinter
from kore_campaigns.api.rate_limit import Unlimited
from kore_campaigns.api.responses import is_untrusted, reason_of
from kore_campaigns.api.transport import RetryPolicy, Timeouts, Transport
from kore_campaigns.errors import ServerUnavailable
from support.clock import FakeClock
from support.scripted_server import ScriptedAnswer
from support.tls import self_signed, serving


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def transport(host: str, *, attempts: int = 2) -> Transport:
    clock = FakeClock()
    return Transport(
        host=host,
        stream_id="st-1",
        account_id="acc",
        minter=TokenMinter(client_id="cs-1", key="k" * 44),
        budget=Unlimited(now=clock, sleep=clock.sleep),
        timeouts=Timeouts(connect_seconds=2, read_seconds=2),
        retry=RetryPolicy(attempts=attempts),
        now=clock,
        sleep=clock.sleep,
    )


def failure(host: str) -> str:
    with pytest.raises(ServerUnavailable) as raised:
        transport(host).detail("cd-1")
    return raised.value.message


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls") / "both.pem")


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[ScriptedAnswer]:
    with ScriptedAnswer({"status": "success"}, tls=serving(certificate)) as running:
        yield running


def test_an_untrusted_certificate_is_refused_and_not_tried_again(
    tls_server: ScriptedAnswer,
) -> None:
    told = failure(tls_server.url)
    assert told.startswith("the server's certificate is not trusted here")
    assert "`REQUESTS_CA_BUNDLE`" in told
    assert "after 1 attempt." in told


def test_a_certificate_in_the_ca_bundle_is_trusted(
    tls_server: ScriptedAnswer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    trusting = transport(tls_server.url)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert [trusting.detail("cd-1").status for _ in range(3)] == [200, 200, 200]


def test_a_certificate_for_another_name_is_refused(
    tls_server: ScriptedAnswer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    told = failure(tls_server.url.replace("127.0.0.1", "localhost"))
    assert told.startswith("the server's certificate is not trusted here")


def test_a_server_without_tls_is_named() -> None:
    with ScriptedAnswer({}) as plain:
        told = failure(plain.url.replace("http:", "https:"))
    assert told.startswith("no TLS connection could be agreed on after 2 attempts")


def test_a_name_that_does_not_exist_is_named() -> None:
    assert failure("kore.invalid").startswith("the host name could not be resolved")


def test_a_proxy_that_is_down_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:proxy-password@127.0.0.1:9")
    told = failure("kore.invalid")
    assert told.startswith("the proxy gave no connection")
    assert "proxy-password" not in told


def test_what_is_unknown_is_named_by_its_kind() -> None:
    assert reason_of(ConnectionResetError()) == "the connection broke (ConnectionResetError)"


def test_errors_that_caused_one_another_in_a_circle_are_walked_once() -> None:
    one, other = OSError(), OSError()
    one.__cause__, other.__cause__ = other, one
    assert not is_untrusted(one)
