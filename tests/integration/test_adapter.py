"""The adapter sends only reads, only to one host, and keeps no token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from kore_campaigns.api.auth import TokenAuth
from kore_campaigns.api.endpoints import Endpoint, Routes
from kore_campaigns.api.transport import ReadOnlyAdapter, proxy_of
from kore_campaigns.errors import RequestNotAllowed, SettingInvalid
from kore_emulator import Emulator, sample_campaigns


@pytest.fixture
def kore() -> Iterator[Emulator]:
    with Emulator(campaigns=sample_campaigns(2)) as running:
        yield running


def routes(kore: Emulator) -> Routes:
    return Routes(kore.url, kore.stream_id, kore.account_id)


def auth(kore: Emulator) -> TokenAuth:
    return TokenAuth(client_id=kore.client_id, key=kore.client_secret)


@pytest.fixture
def session(kore: Emulator) -> Iterator[requests.Session]:
    """A session of a caller who wants more than reading."""
    with requests.Session() as made:
        made.trust_env = False
        made.auth = auth(kore)
        made.headers["iid"] = kore.stream_id
        made.headers["accountId"] = kore.account_id
        for prefix in ("http://", "https://"):
            made.mount(prefix, ReadOnlyAdapter(routes(kore)))
        yield made


def detail_url(kore: Emulator) -> str:
    return routes(kore).url(Endpoint.DETAIL, kore.campaign_ids()[0])


def test_a_read_passes_and_is_signed(kore: Emulator, session: requests.Session) -> None:
    reply = session.get(detail_url(kore))
    assert reply.json()["data"]["_id"] == kore.campaign_ids()[0]
    assert kore.requests[0].has_token


@pytest.mark.parametrize("verb", ["DELETE", "PUT", "POST", "PATCH", "HEAD", "OPTIONS"])
def test_another_verb_never_reaches_a_socket(
    kore: Emulator, session: requests.Session, verb: str
) -> None:
    with pytest.raises(RequestNotAllowed):
        session.request(verb, detail_url(kore))
    assert kore.counters.requests == 0


def test_neither_does_a_trigger(kore: Emulator, session: requests.Session) -> None:
    url = detail_url(kore).replace("/cd-", "/trigger/cd-")
    with pytest.raises(RequestNotAllowed):
        session.post(url, params={"trigger": "play"})
    assert kore.counters.requests == 0


def test_neither_does_another_host(kore: Emulator, session: requests.Session) -> None:
    with Emulator(campaigns=sample_campaigns(2)) as elsewhere:
        with pytest.raises(RequestNotAllowed, match="it is not for"):
            session.get(detail_url(kore).replace(kore.url, elsewhere.url))
        assert elsewhere.counters.requests == 0


def test_nor_a_redirect_that_a_session_follows(kore: Emulator, session: requests.Session) -> None:
    with Emulator(campaigns=sample_campaigns(2)) as elsewhere:
        kore.fault("redirect", location=f"{elsewhere.url}/")
        with pytest.raises(RequestNotAllowed):
            session.get(detail_url(kore))
        assert elsewhere.counters.requests == 0


def test_headers_that_the_caller_brings_stay_behind(
    kore: Emulator, session: requests.Session
) -> None:
    session.get(
        detail_url(kore),
        headers={"X-HTTP-Method-Override": "DELETE", "auth": "mine"},
        cookies={"a": "b"},
    )
    assert set(kore.requests[0].headers) == {
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "iid",
        "accountid",
    }


def test_neither_answer_nor_error_keeps_the_token(
    kore: Emulator, session: requests.Session
) -> None:
    assert "auth" not in session.get(detail_url(kore)).request.headers
    kore.fault("reset")
    with pytest.raises(requests.ConnectionError) as raised:
        session.get(detail_url(kore))
    assert raised.value.request is not None
    assert "auth" not in raised.value.request.headers


class TestEnvironment:
    """Read once, at construction."""

    KORE = Routes("platform.kore.ai", "st-1", "acc")

    @pytest.fixture(autouse=True)
    def clean(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)

    def made(self) -> ReadOnlyAdapter:
        return ReadOnlyAdapter(self.KORE)

    def connection_target(self, made: ReadOnlyAdapter) -> tuple[str, int]:
        """Where the adapter opens its socket: nobody listens there, so it fails with the name."""
        request = requests.Request("GET", self.KORE.url(Endpoint.DETAIL, "cd-1")).prepare()
        with pytest.raises(requests.ConnectionError) as raised:
            made.send(request, timeout=1)
        return type(raised.value).__name__, len(made.proxy_manager)

    def test_a_proxy_is_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://user:password@127.0.0.1:9")
        made = self.made()
        monkeypatch.delenv("HTTPS_PROXY")
        assert self.connection_target(made) == ("ProxyError", 1)

    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
    def test_a_proxy_without_a_scheme_is_one_too(
        self, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "127.0.0.1:9")
        assert self.connection_target(self.made()) == ("ProxyError", 1)
        monkeypatch.setenv("NO_PROXY", "kore.ai")
        assert proxy_of(self.KORE.host) is None

    @pytest.mark.parametrize("proxy", ["socks5://user:hidden@127.0.0.1:9", "ftp://x", "http://"])
    def test_a_proxy_that_cannot_be_used_is_named(
        self, monkeypatch: pytest.MonkeyPatch, proxy: str
    ) -> None:
        monkeypatch.setenv("ALL_PROXY", proxy)
        with pytest.raises(SettingInvalid, match=r"ALL_PROXY` is `[a-z0-9]+:") as raised:
            self.made()
        assert "hidden" not in str(raised.value)

    def test_loopback_is_never_proxied(
        self, kore: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        headers = {"iid": kore.stream_id, "accountId": kore.account_id}
        request = requests.Request("GET", detail_url(kore), headers=headers, auth=auth(kore))
        assert ReadOnlyAdapter(routes(kore)).send(request.prepare()).status_code == 200

    def test_a_ca_bundle_is_used(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        bundle = tmp_path / "ca.pem"
        bundle.write_text("")
        monkeypatch.setenv("CURL_CA_BUNDLE", str(bundle))
        self.made()

    def test_a_ca_bundle_that_is_not_there_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        with pytest.raises(SettingInvalid, match=r"`REQUESTS_CA_BUNDLE` is `/nowhere/ca\.pem`"):
            self.made()
