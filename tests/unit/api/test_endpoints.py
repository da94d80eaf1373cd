"""Only reads can be expressed: every other verb, path, query or host raises."""

from __future__ import annotations

import pytest

from kore_campaigns.api.endpoints import Endpoint, Routes, base_url, is_loopback
from kore_campaigns.errors import RequestNotAllowed, SettingInvalid

HOST = "https://platform.kore.ai"
BASE = f"{HOST}/campaign/api/v2/public/st-1/campaign"
ROUTES = Routes("platform.kore.ai", "st-1", "acc")

READS = [
    (Endpoint.DETAIL, "cd-1", "GET", f"{BASE}/cd-1?accountId=acc"),
    (Endpoint.LISTING, "", "POST", f"{BASE}/getAllCampaignDetails?accountId=acc"),
    (
        Endpoint.CONTACT_LISTS,
        "",
        "POST",
        f"{BASE}/contactList/getAllListDetails?type=call&accountId=acc",
    ),
    (Endpoint.CONTACT_LIST, "cl-1", "GET", f"{BASE}/contactList/cl-1?accountId=acc"),
]

WRITES = [
    ("PUT", f"{BASE}/cd-1?accountId=acc"),
    ("PUT", f"{BASE}/cd-1?accountId=acc&campaignType=voice"),
    ("PATCH", f"{BASE}/cd-1?accountId=acc"),
    ("DELETE", f"{BASE}/cd-1?accountId=acc"),
    ("DELETE", f"{BASE}/cd-1?accountId=acc&campaignType=voice"),
    ("POST", f"{BASE}/cd-1?accountId=acc"),
    ("POST", f"{BASE}/cd-1?campaignType=sms&trigger=play"),
    ("POST", f"{BASE}/trigger/cd-1?trigger=play"),
    ("POST", f"{BASE}/trigger/status?view=status&accountId=acc"),
    ("POST", f"{BASE}/schedule?enableSchedule=true&campaignName=x"),
    ("POST", f"{BASE}/cd-1/status?view=status&accountId=acc"),
    ("POST", f"{BASE}/cd-1/status?view=contacts&accountId=acc"),
    ("GET", f"{BASE}/contactList/cl-1/getAllContacts?accountId=acc"),
    ("GET", f"{BASE}/contactList/getAllListDetails?accountId=acc"),
    ("DELETE", f"{BASE}/contactList/cl-1?accountId=acc"),
    ("POST", f"{BASE}/contactList/cl-1?accountId=acc"),
    ("GET", f"{BASE}/contactList?accountId=acc"),
    ("POST", f"{BASE}/cd-1/status?view=status&accountId=acc&trigger=play"),
    ("POST", f"{BASE}/../campaign/status?view=status&accountId=acc"),
    ("POST", f"{BASE}/%2F/status?view=status&accountId=acc"),
    ("GET", f"{BASE}/getAllCampaignDetails?accountId=acc"),
    ("GET", f"{BASE}/?accountId=acc"),
    ("GET", f"{BASE}/..?accountId=acc"),
    ("GET", f"{BASE}/cd-1?accountId=other"),
    ("GET", f"{BASE}/cd-1?accountId=acc#x"),
    ("GET", f"{BASE}/cd-1/x?accountId=acc"),
    ("GET", f"{HOST}/campaign/api/v2/public/st-2/campaign/cd-1?accountId=acc"),
    ("GET", f"{HOST}.example.com/campaign/api/v2/public/st-1/campaign/cd-1?accountId=acc"),
    ("GET", "http://platform.kore.ai/campaign/api/v2/public/st-1/campaign/cd-1?accountId=acc"),
    ("get", f"{BASE}/cd-1?accountId=acc"),
    ("GET", f"{BASE}/cd-1?accountId=acc\r\nX: y"),
    ("GET", "https://["),
]


@pytest.mark.parametrize(("endpoint", "asked_id", "method", "url"), READS)
def test_a_read_has_one_verb_and_one_url(
    endpoint: Endpoint, asked_id: str, method: str, url: str
) -> None:
    assert (ROUTES.method(endpoint), ROUTES.url(endpoint, asked_id)) == (method, url)
    ROUTES.check(method, url)


@pytest.mark.parametrize(("method", "url"), WRITES)
def test_anything_else_is_refused(method: str, url: str) -> None:
    with pytest.raises(RequestNotAllowed, match="Nothing was sent"):
        ROUTES.check(method, url)


def test_an_id_is_one_segment_whatever_it_holds() -> None:
    url = ROUTES.url(Endpoint.DETAIL, "cd-1?campaignType=voice&x=ü #")
    assert url == f"{BASE}/cd-1%3FcampaignType%3Dvoice%26x%3D%C3%BC%20%23?accountId=acc"
    ROUTES.check("GET", url)


@pytest.mark.parametrize("asked_id", ["", ".", "..", "a/b", "a\\b", "a\0", "trigger", "schedule"])
def test_an_id_that_a_server_could_read_as_another_path_is_refused(asked_id: str) -> None:
    with pytest.raises(RequestNotAllowed):
        ROUTES.check("GET", ROUTES.url(Endpoint.DETAIL, asked_id))


class TestPut:
    ROUTES = Routes(HOST, "st-1", "acc", "PUT")

    def test_may_replace_get_for_the_detail_alone(self) -> None:
        self.ROUTES.check("PUT", f"{BASE}/cd-1?accountId=acc")
        with pytest.raises(RequestNotAllowed):
            self.ROUTES.check("GET", f"{BASE}/cd-1?accountId=acc")
        with pytest.raises(RequestNotAllowed):
            self.ROUTES.check("PUT", f"{BASE}/contactList/cl-1?accountId=acc")

    def test_with_a_campaign_type_is_the_update_and_refused(self) -> None:
        for query in ("accountId=acc&campaignType=voice", "campaignType=voice&accountId=acc"):
            with pytest.raises(RequestNotAllowed):
                self.ROUTES.check("PUT", f"{BASE}/cd-1?{query}")

    @pytest.mark.parametrize("verb", ["POST", "DELETE", "PATCH", "put", ""])
    def test_no_other_verb_can_be_set(self, verb: str) -> None:
        with pytest.raises(SettingInvalid, match="detail_method"):
            Routes(HOST, "st-1", "acc", verb)


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("platform.kore.ai", HOST),
        ("  https://Platform.Kore.ai/ ", HOST),
        ("HTTPS://platform.kore.ai:443", HOST),
        ("eu-platform.kore.ai:8443", "https://eu-platform.kore.ai:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.3.2.1:8080/", "http://127.3.2.1:8080"),
        ("http://[::1]:80", "http://[::1]"),
        ("localhost:8443", "https://localhost:8443"),
    ],
)
def test_a_host_is_normalised(host: str, base: str) -> None:
    assert base_url(host) == base


@pytest.mark.parametrize(
    "host",
    [
        "",
        "https://",
        "http://platform.kore.ai",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "ftp://platform.kore.ai",
        "file:///etc/passwd",
        "https://user:secret-word@platform.kore.ai",
        "https://platform.kore.ai@example.com",
        "https://platform.kore.ai/campaign",
        "https://platform.kore.ai?x=1",
        "https://platform.kore.ai#x",
        "https://platform.kore.ai:port",
        "https://platform.kore.ai:99999",
        "https://[::1",
        "https://plat form.kore.ai",
        "https://platform.kore.ai\\@example.com",
    ],
)
def test_a_host_that_is_more_or_less_than_a_safe_host_is_refused(host: str) -> None:
    with pytest.raises(SettingInvalid, match="setting `host`") as raised:
        base_url(host)
    assert "secret-word" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://localhost", True),
        ("http://127.0.0.9:1", True),
        ("http://[::1]", True),
        ("https://platform.kore.ai", False),
        ("https://10.0.0.1", False),
    ],
)
def test_loopback_is_this_machine_alone(url: str, own: bool) -> None:
    assert is_loopback(url) is own
