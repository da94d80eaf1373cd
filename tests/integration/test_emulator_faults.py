"""Each fault by name does on the wire what the documentation's table says."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
import requests

from kore_emulator import (
    FAULTS,
    Emulator,
    Fault,
    UnknownFaultError,
    UnknownOptionError,
    sample_campaigns,
)
from support.emulator_client import Caller

RATE_TEXT = "You've exceeded the per-minute rate limit"


def played(fault: str, *, campaigns: int = 2, **options: Any) -> requests.Response:
    """The answer to a detail request under the fault."""
    with Emulator(campaigns=sample_campaigns(campaigns)) as kore:
        kore.fault(fault, **options)
        return Caller(kore).detail(kore.campaign_ids()[0])


@pytest.mark.parametrize(
    ("fault", "options", "status", "text"),
    [
        (Fault.RATE_LIMIT, {}, 429, RATE_TEXT),
        (Fault.RATE_LIMIT_TEXT, {}, 200, RATE_TEXT),
        (Fault.RATE_LIMIT_TEXT, {"status": 403}, 403, RATE_TEXT),
        (Fault.SERVER_ERROR, {}, 500, "upstream error"),
        (Fault.SERVER_ERROR, {"status": 504}, 504, "504"),
        (Fault.HTML, {}, 200, "<!doctype html>"),
        (Fault.STATUS_FAILURE, {}, 200, '"status":"failure"'),
        (Fault.STATUS_FAILURE, {"message": "why"}, 200, '"message":"why"'),
        (Fault.NOT_JSON_OBJECT, {}, 200, '[{"status":"success"}]'),
        (Fault.NOT_FOUND, {}, 404, "Campaign not found"),
        (Fault.UNAUTHORIZED, {}, 401, "Invalid SDK credentials"),
        (Fault.FORBIDDEN, {}, 403, "Forbidden"),
        (Fault.SCOPE, {}, 401, "Scope is incorrect"),
    ],
)
def test_answers_of_one_line(fault: Fault, options: dict[str, Any], status: int, text: str) -> None:
    response = played(fault, **options)
    assert response.status_code == status
    assert text in response.text
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize("value", [0, 3, "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999", "soon"])
@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT_RETRY_AFTER, Fault.SERVER_ERROR])
def test_retry_after_says_whatever_it_is_told(fault: Fault, value: int | str) -> None:
    assert played(fault, retry_after=value).headers["Retry-After"] == str(value)


def test_reset_is_a_rst_on_the_wire() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        kore.fault(Fault.RESET, times=1)
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        with pytest.raises(requests.ConnectionError) as raised:
            caller.detail(campaign_id)
        assert "ConnectionResetError" in repr(raised.value)
        assert caller.status(campaign_id) == 200
        assert kore.counters.by_status == {0: 1, 200: 1}


def test_truncated_json_is_a_complete_body() -> None:
    response = played(Fault.TRUNCATED_JSON)
    assert response.status_code == 200
    assert len(response.content) == int(response.headers["Content-Length"])
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_cut_body_breaks_its_promise() -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        played(Fault.CUT_BODY)


def test_slow_is_right_but_late() -> None:
    started = time.monotonic()
    assert played(Fault.SLOW, seconds=0.3).json()["status"] == "success"
    assert time.monotonic() - started >= 0.3


def test_slow_body_sends_headers_first() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        kore.fault(Fault.SLOW_BODY, seconds=1.0)
        started = time.monotonic()
        with Caller(kore).detail(kore.campaign_ids()[0], stream=True) as response:
            assert time.monotonic() - started < 0.8
            assert response.json()["status"] == "success"
        assert time.monotonic() - started >= 1.0


@pytest.mark.parametrize("fault", [Fault.SLOW, Fault.SLOW_BODY])
def test_a_client_that_gives_up_harms_nobody(fault: Fault) -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        kore.fault(fault, times=1, seconds=1.0)
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        request = caller.base.removeprefix(kore.url) + f"/{campaign_id}?accountId={kore.account_id}"
        headers = "".join(f"{name}: {value}\r\n" for name, value in caller.headers().items())
        with socket.create_connection(("127.0.0.1", kore.port), timeout=5) as connection:
            connection.sendall(f"GET {request} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
            time.sleep(0.2)
        assert caller.status(campaign_id) == 200
        time.sleep(1.0)
        assert caller.status(campaign_id) == 200


def test_stopping_does_not_wait_for_a_slow_answer() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        kore.fault(Fault.SLOW, seconds=60)
        with pytest.raises(requests.ReadTimeout):
            Caller(kore).detail(kore.campaign_ids()[0], timeout=0.2)
        started = time.monotonic()
    assert time.monotonic() - started < 2


def test_wrong_id_is_another_campaigns_configuration() -> None:
    one, other = sample_campaigns(2)
    assert played(Fault.WRONG_ID).json()["data"] == other
    alone = played(Fault.WRONG_ID, campaigns=1).json()["data"]
    assert alone["_id"] != one["_id"]


def test_no_data_is_null_a_list_or_missing() -> None:
    assert played(Fault.NO_DATA).json()["data"] is None
    assert played(Fault.NO_DATA, data="list").json()["data"] == []
    assert "data" not in played(Fault.NO_DATA, data="missing").json()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_names_another_address(status: int) -> None:
    response = played(Fault.REDIRECT, status=status, location="http://127.0.0.1:1/elsewhere")
    assert response.status_code == status
    assert response.headers["Location"] == "http://127.0.0.1:1/elsewhere"


def test_unknown_field_appears_at_the_top_and_below() -> None:
    (campaign,) = sample_campaigns(1)
    content = played(Fault.UNKNOWN_FIELD, campaigns=1, field="pacing").json()["data"]
    assert content.pop("pacing") == "added by Kore"
    assert content["dialingStrategy"].pop("pacing") == {"isEnabled": True}
    assert content == campaign


def test_silent_change_leaves_updated_at() -> None:
    (campaign,) = sample_campaigns(1)
    content = played(Fault.SILENT_CHANGE, campaigns=1, changes={"priority": "9"}).json()["data"]
    assert content == campaign | {"priority": "9"}


def test_a_listing_can_be_partial_or_lie() -> None:
    campaigns = [one for one in sample_campaigns(5) if "dialingMode" in one]
    with Emulator(campaigns=campaigns) as kore:
        caller = Caller(kore)
        whole = caller.page()

        def listed(fault: Fault, **options: Any) -> dict[str, Any]:
            kore.fault(fault, times=1, **options)
            return caller.page()

        rows = whole["results"]
        assert listed(Fault.PARTIAL_LISTING, drop=2) == whole | {"results": rows[:-2]}
        assert listed(Fault.LYING_LISTING, total_results=99) == whole | {"totalResults": 99}
        assert listed(Fault.LYING_LISTING, duplicate=True)["results"] == rows[:1] + rows
        hidden = listed(Fault.LYING_LISTING, hide=rows[2]["_id"])["results"]
        assert hidden == rows[:2] + rows[3:]
        assert caller.page() == whole


@pytest.mark.parametrize("fault", [Fault.PARTIAL_LISTING, Fault.LYING_LISTING])
def test_listing_faults_leave_refusals_alone(fault: Fault) -> None:
    with Emulator() as kore:
        kore.fault(fault)
        assert Caller(kore).call("POST", "getAllCampaignDetails", json={}).status_code == 412


@pytest.mark.parametrize("fault", [Fault.UNKNOWN_FIELD, Fault.SILENT_CHANGE])
def test_detail_faults_leave_unknown_campaigns_alone(fault: Fault) -> None:
    with Emulator() as kore:
        kore.fault(fault)
        assert Caller(kore).status("cd-none") == 404


def test_a_fault_plays_as_often_as_told_for_its_campaign_only() -> None:
    with Emulator(campaigns=sample_campaigns(2)) as kore:
        caller, (one, other) = Caller(kore), kore.campaign_ids()
        kore.fault(Fault.SERVER_ERROR, campaign_id=one, times=2)
        assert [caller.status(other) for _ in range(2)] == [200, 200]
        assert [caller.status(one) for _ in range(3)] == [500, 500, 200]


def test_a_campaigns_own_fault_comes_before_a_general_one_and_the_oldest_first() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        kore.fault(Fault.NOT_FOUND)
        kore.fault(Fault.SERVER_ERROR, campaign_id=campaign_id, times=1)
        kore.fault(Fault.FORBIDDEN, campaign_id=campaign_id, times=1)
        assert [caller.status(campaign_id) for _ in range(3)] == [500, 403, 404]
        kore.clear_faults()
        assert caller.status(campaign_id) == 200


def test_a_fault_can_be_confined_to_an_endpoint() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        kore.fault("server_error", endpoint="listing", status=502)
        assert (caller.status(campaign_id), caller.listing().status_code) == (200, 502)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    kore = Emulator()
    with pytest.raises(UnknownFaultError, match="no fault `typo`; there are rate_limit, "):
        kore.fault("typo")
    with pytest.raises(UnknownOptionError, match="`second`; it has: seconds"):
        kore.fault(Fault.SLOW, second=1)


def test_every_fault_is_declared() -> None:
    assert list(FAULTS) == list(Fault)


def test_a_fault_begins_after_some_requests_and_ends_after_some_time() -> None:
    with Emulator(campaigns=sample_campaigns(2)) as kore:
        caller, first = Caller(kore), kore.campaign_ids()[0]
        kore.fault(Fault.NOT_FOUND, after=2, for_seconds=0.3)
        assert [caller.status(first) for _ in range(3)] == [200, 200, 404]
        time.sleep(0.4)
        assert caller.status(first) == 200


@pytest.mark.parametrize(
    ("ignored", "wanted", "first"),
    [("skip", {"skip": 3}, 0), ("page", {"page": 2}, 0), ("sortBy", {"skip": 3}, 3)],
)
def test_a_listing_may_ignore_what_is_asked_of_it(
    ignored: str, wanted: dict[str, Any], first: int
) -> None:
    with Emulator(campaigns=sample_campaigns(20)) as kore:
        caller = Caller(kore)
        newest = caller.page(limit=3, skip=first)["results"]
        kore.fault(Fault.LISTING_IGNORES, ignores=ignored)
        page = caller.page(limit=3, sortBy={"updatedAt": "desc"}, **wanted)
        assert page["results"] == newest


def test_a_listing_may_refuse_large_pages_and_tell_its_numbers_as_texts_or_not_at_all() -> None:
    with Emulator(campaigns=sample_campaigns(20)) as kore:
        caller = Caller(kore)
        kore.fault(Fault.LISTING_LIMIT, times=2)
        assert [caller.listing(limit=rows).status_code for rows in (50, 51)] == [200, 412]
        kore.fault(Fault.LISTING_TOTALS, times=1, totals="text")
        page = caller.page(limit=3)
        assert (page["totalResults"], page["hasMore"]) == ("17", "true")
        kore.fault(Fault.LISTING_TOTALS, times=1)
        assert "totalResults" not in caller.page()
        kore.fault(Fault.NULL_LISTING, times=1)
        assert caller.page() == {"results": None}
        kore.fault(Fault.NULL_LISTING, type="sms", where="data")
        assert caller.page(type="voice")["results"]
        assert caller.listing(type="sms").json()["data"] is None


def test_a_shifting_listing_shows_a_row_twice_and_hides_another() -> None:
    with Emulator(campaigns=[c for c in sample_campaigns(20) if "dialingMode" in c]) as kore:
        caller = Caller(kore)
        kore.fault(Fault.SHIFTING_LISTING)
        first = [row["_id"] for row in caller.page(limit=5, skip=0)["results"]]
        second = [row["_id"] for row in caller.page(limit=5, skip=5)["results"]]
        assert second[0] == first[-1]
