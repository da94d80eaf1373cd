"""An answer is data only if it is a success, and the answer to this very question."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from kore_campaigns.api.auth import TokenAuth
from kore_campaigns.api.client import KoreClient, ListingPage
from kore_campaigns.api.transport import RetryPolicy, Timeouts
from kore_campaigns.errors import AnswerBreaksContract, KoreCampaignsError
from kore_emulator import FAULTS, Emulator, Fault, sample_campaigns
from support.clock import FakeClock
from support.scripted_server import ScriptedAnswer
from support.transport import asked_id, wired


@pytest.fixture
def kore() -> Iterator[Emulator]:
    with Emulator(campaigns=sample_campaigns(3), requests_per_minute=None) as running:
        yield running


def client(kore: Emulator, **options: Any) -> KoreClient:
    return KoreClient(wired(kore, FakeClock(), **options))


def test_a_campaign_is_its_data_object_as_received(kore: Emulator) -> None:
    assert client(kore).campaign(asked_id(kore)) == kore.campaign(asked_id(kore))


def test_numbers_keep_their_kind(kore: Emulator) -> None:
    exact = {"big": 2**63 + 1, "whole": 3, "part": 2.5, "text": "5"}
    kore.edit(asked_id(kore), {"exact": exact})
    got = client(kore).campaign(asked_id(kore))["exact"]
    assert {name: repr(value) for name, value in got.items()} == {
        name: repr(value) for name, value in exact.items()
    }


def test_fields_that_nobody_documented_are_kept(kore: Emulator) -> None:
    kore.fault("unknown_field")
    got = client(kore).campaign(asked_id(kore))
    assert got["futureField"] == "added by Kore"


def test_an_id_under_the_other_name_is_the_same_id(kore: Emulator) -> None:
    campaign = kore.campaign(asked_id(kore))
    renamed = {**campaign, "id": campaign["_id"]}
    del renamed["_id"]
    with ScriptedAnswer({"status": "success", "data": renamed}) as scripted:
        assert client(kore, host=scripted.url).campaign(asked_id(kore)) == renamed


@pytest.mark.parametrize(
    ("fault", "options", "found"),
    [
        ("html", {}, "the body is not JSON (starts with `<!doctype html><html>"),
        ("truncated_json", {}, 'the body is not JSON (starts with `{"status":"success","mess'),
        ("not_json_object", {}, 'the body is not a JSON object (starts with `[{"status":"su'),
        ("status_failure", {}, "status is `failure`: `Unable to retrieve the campaign`"),
        ("no_data", {"data": "null"}, "status is `success` and `data` is null, not an object"),
        ("no_data", {"data": "list"}, "status is `success` and `data` is a list, not an object"),
        ("no_data", {"data": "missing"}, "status is `success` and `data` is missing"),
        ("wrong_id", {}, "it holds campaign `cd-"),
    ],
)
def test_anything_else_is_an_error_that_says_what_was_found(
    kore: Emulator, fault: str, options: dict[str, Any], found: str
) -> None:
    kore.fault(fault, **options)
    with pytest.raises(AnswerBreaksContract) as raised:
        client(kore).campaign(asked_id(kore))
    assert raised.value.message.startswith(f"HTTP 200, but {found}")
    assert raised.value.campaign_id == asked_id(kore)
    assert kore.counters.requests == 1


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", "the body is not JSON (is empty)"),
        (b'{"status": "success", "data": {"_id": NaN}}', "the body is not JSON"),
        (b'"success"', "the body is not a JSON object"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"\xff\xfe\x00", "the body is not JSON"),
        (b'{"data": {}}', "it has no status"),
        (b'{"status": "error", "message": "eyJhbGciOiJIUzI1NiJ9.e30.x"}', "`error`: `[token]`"),
        (b'{"status": "success", "data": "x"}', "`data` is a text"),
        (b'{"status": "success", "data": true}', "`data` is true or false"),
        (b'{"status": "success", "data": 1.5}', "`data` is a number"),
        (b'{"status": "success", "data": {}}', "it holds campaign `None`"),
    ],
)
def test_odd_bodies_are_named(kore: Emulator, body: bytes, found: str) -> None:
    with ScriptedAnswer(body) as scripted, pytest.raises(AnswerBreaksContract) as raised:
        client(kore, host=scripted.url).campaign(asked_id(kore))
    assert found in raised.value.message


def test_a_404_that_is_not_kores_own_is_no_proof_that_a_campaign_is_gone(kore: Emulator) -> None:
    page = ScriptedAnswer(b"<html>no such page</html>", status=404)
    with page as scripted, pytest.raises(AnswerBreaksContract) as raised:
        client(kore, host=scripted.url).campaign(asked_id(kore))
    assert "HTTP 404, but not as Kore.ai says it: the body starts with `<html>" in str(raised.value)


class TestListing:
    def test_comes_in_pages_oldest_first(self, kore: Emulator) -> None:
        voice = [one for one in kore.campaign_ids() if "dialingMode" in kore.campaign(one)]
        first = client(kore).list_campaigns(limit=1)
        assert first.total_results == len(voice)
        assert first.total_pages == len(voice)
        assert [row["_id"] for row in first.results] == voice[:1]
        last = client(kore).list_campaigns(limit=50, skip=len(voice) - 1)
        assert [row["_id"] for row in last.results] == voice[-1:]
        assert not last.has_more

    def test_numbers_and_signs_as_texts_count(self, kore: Emulator) -> None:
        page = {"results": [], "hasMore": "True", "totalResults": " 130", "totalPages": 3.0}
        with ScriptedAnswer({"status": "success", "data": page}) as scripted:
            assert client(kore, host=scripted.url).list_campaigns() == ListingPage(
                results=[], total_results=130, has_more=True, total_pages=3
            )

    @pytest.mark.parametrize(
        "answer", [{"data": None}, {}, {"data": []}, {"data": {}}, {"data": {"results": None}}]
    )
    def test_nothing_where_rows_may_be_is_no_rows(self, kore: Emulator, answer: Any) -> None:
        with ScriptedAnswer({"status": "success"} | answer) as scripted:
            assert client(kore, host=scripted.url).list_campaigns() == ListingPage(
                results=[], total_results=None, has_more=False, total_pages=None
            )
            if answer.get("data") != {"results": None}:
                assert client(kore, host=scripted.url).contact_lists() == []

    def test_without_totals_is_still_a_page(self, kore: Emulator) -> None:
        page = {"results": [{"_id": "cd-1"}], "hasMore": True, "totalResults": "many"}
        with ScriptedAnswer({"status": "success", "data": page}) as scripted:
            assert client(kore, host=scripted.url).list_campaigns() == ListingPage(
                results=[{"_id": "cd-1"}], total_results=None, has_more=True, total_pages=None
            )

    @pytest.mark.parametrize("results", [{}, ["cd-1"], "x"])
    def test_whose_rows_are_none_breaks_the_contract(self, kore: Emulator, results: Any) -> None:
        answer = {"status": "success", "data": {"results": results}}
        with (
            ScriptedAnswer(answer) as scripted,
            pytest.raises(AnswerBreaksContract, match="is not a list of objects"),
        ):
            client(kore, host=scripted.url).list_campaigns()


def test_the_client_tells_what_it_sent_and_how_long_more_takes(kore: Emulator) -> None:
    asking = client(kore)
    asking.campaign(asked_id(kore))
    assert asking.counters.requests == 1
    assert asking.answered.is_set()
    assert asking.rate_limiter.eta_seconds(100) == 0


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_no_fault_brings_a_secret_or_a_token_to_light(
    kore: Emulator, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in logs at DEBUG, urllib3's included; nor in messages, tracebacks, reprs."""
    options: dict[str, Any] = {"seconds": 0.5} if fault in ("slow", "slow_body") else {}
    kore.fault(fault, **options)
    minted: list[str] = []

    class WatchedAuth(TokenAuth):
        def mint(self) -> str:
            minted.append(super().mint())
            return minted[-1]

    auth = WatchedAuth(client_id=kore.client_id, key=kore.client_secret)
    asking = client(
        kore,
        auth=auth,
        retry=RetryPolicy(attempts=2),
        timeouts=Timeouts(read_seconds=0.2),
    )
    shown = [repr(auth), repr(asking), repr(asking.counters)]
    with caplog.at_level(logging.DEBUG):
        for ask in (lambda: asking.campaign(asked_id(kore)), asking.list_campaigns):
            try:
                ask()
            except KoreCampaignsError as error:
                shown += traceback.format_exception(error)
                shown.append(repr(vars(error)))
    everything = "".join([*shown, caplog.text])
    assert "urllib3" in caplog.text
    for secret in (kore.client_secret, *minted, *(token.split(".")[2] for token in minted)):
        assert secret not in everything


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 500])
def test_a_token_that_the_server_sends_back_is_blotted_out(kore: Emulator, status: int) -> None:
    answer = {"status": "failure", "message": "cannot use TOKEN", "errors": "TOKEN"}
    scripted = ScriptedAnswer(answer, status=status)
    with scripted, pytest.raises(KoreCampaignsError) as raised:
        client(kore, host=scripted.url).campaign(asked_id(kore))
    assert "eyJ" not in "".join(traceback.format_exception(raised.value))
    assert status == 404 or "cannot use [token]" in str(raised.value)
