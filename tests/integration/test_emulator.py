"""The emulator holds campaigns as Kore does, and tells truly what happened."""

from __future__ import annotations

import gc
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from kore_emulator import REMOVED, Emulator, UnknownCampaignError, sample_campaigns
from support.emulator_client import Caller

PAYLOADS = Path(__file__).parents[1] / "payloads"
SEED_ID = "cd-9e14b72-88cc-4544-9a98-7aee9b7xxxxx"


def test_a_campaign_comes_in_the_success_envelope() -> None:
    campaigns = sample_campaigns(3)
    with Emulator(campaigns=campaigns) as kore:
        response = Caller(kore).detail(campaigns[1]["_id"])
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.json() == {
        "status": "success",
        "message": f"Campaign {campaigns[1]['name']} retrieved successfully",
        "data": campaigns[1],
    }


def test_an_unknown_campaign_is_not_found() -> None:
    with Emulator() as kore:
        response = Caller(kore).detail("cd-0000000-0000-4000-8000-000000000000")
    assert response.status_code == 404
    assert response.json() == {"errors": [{"msg": "Campaign not found", "code": 404}]}


@pytest.mark.parametrize("campaign_id", ["cd-ü", "cd-a%b", "cd-a/b", "cd-a+b"])
def test_an_id_travels_percent_encoded(campaign_id: str) -> None:
    with Emulator(campaigns=[{"_id": campaign_id, "name": "Odd"}]) as kore:
        encoded = requests.utils.quote(campaign_id, safe="")  # type: ignore[attr-defined]
        response = Caller(kore).detail(encoded)
        assert response.json()["data"] == {"_id": campaign_id, "name": "Odd"}
        assert kore.counters.by_campaign == {campaign_id: 1}


def test_given_bytes_are_served_unchanged_until_an_edit() -> None:
    body = (PAYLOADS / "seed_sample_response.json").read_bytes()
    with Emulator() as kore:
        kore.serve_bytes(SEED_ID, body)
        caller = Caller(kore)
        assert caller.detail(SEED_ID).content == body
        assert caller.page()["results"][0]["_id"] == SEED_ID
        kore.edit(SEED_ID, {"priority": "1"})
        assert caller.detail(SEED_ID).json()["data"]["priority"] == "1"


def test_bytes_need_not_be_json() -> None:
    with Emulator() as kore:
        kore.serve_bytes("cd-1", b"<html>")
        assert Caller(kore).detail("cd-1").content == b"<html>"


def test_an_edit_sets_and_removes_paths_and_moves_updated_at() -> None:
    (campaign,) = sample_campaigns(1)
    with Emulator(campaigns=[campaign]) as kore:
        key = campaign["_id"]
        kore.edit(key, {"dialingStrategy.callingHours.timezone": "Asia/Tokyo", "lname": REMOVED})
        once = kore.campaign(key)
        kore.edit(key, {"status": "Paused"})
        twice = Caller(kore).detail(key).json()["data"]
    assert once["dialingStrategy"]["callingHours"]["timezone"] == "Asia/Tokyo"
    assert "lname" not in once
    assert twice["status"] == "Paused"
    assert campaign["updatedAt"] < once["updatedAt"] < twice["updatedAt"]


def test_a_silent_edit_leaves_updated_at() -> None:
    (campaign,) = sample_campaigns(1)
    with Emulator(campaigns=[campaign]) as kore:
        kore.edit(campaign["_id"], {"status": "Paused"}, silent=True)
        assert kore.campaign(campaign["_id"])["updatedAt"] == campaign["updatedAt"]


def test_what_is_handed_in_or_out_is_a_copy() -> None:
    (campaign,) = sample_campaigns(1)
    with Emulator(campaigns=[campaign]) as kore:
        campaign["name"] = "changed outside"
        kore.campaign(campaign["_id"])["name"] = "changed outside"
        assert kore.campaign(campaign["_id"])["name"] != "changed outside"


def test_a_deleted_campaign_is_gone_until_restored() -> None:
    first, second = (campaign["_id"] for campaign in sample_campaigns(2))
    with Emulator(campaigns=sample_campaigns(2)) as kore:
        caller = Caller(kore)
        kore.delete(first)
        assert (caller.status(first), kore.campaign_ids()) == (404, [second])
        assert [row["_id"] for row in caller.page()["results"]] == [second]
        kore.restore(first)
        assert (caller.status(first), kore.campaign_ids()) == (200, [first, second])


def test_an_added_campaign_is_answered_at_once() -> None:
    with Emulator() as kore:
        kore.add({"_id": "cd-new", "name": "New"})
        assert Caller(kore).status("cd-new") == 200


def test_editing_an_unknown_campaign_is_an_error() -> None:
    with pytest.raises(UnknownCampaignError, match="cd-none"):
        Emulator().edit("cd-none", {"status": "Paused"})


def test_requests_are_counted_by_campaign_endpoint_and_status() -> None:
    with Emulator(campaigns=sample_campaigns(2)) as kore:
        caller = Caller(kore)
        first, second = kore.campaign_ids()
        for campaign_id in (first, first, second, "cd-none"):
            caller.detail(campaign_id)
        caller.listing()
        counters = kore.counters
        assert counters.requests == 5
        assert counters.by_campaign == {first: 2, second: 1, "cd-none": 1}
        assert counters.by_status == {200: 4, 404: 1}
        assert counters.by_endpoint == {"detail": 4, "listing": 1}
        assert (counters.detail_requests, counters.listing_requests) == (4, 1)
        kore.reset_counters()
        assert (kore.counters.requests, kore.requests, kore.worst_window()) == (0, [], 0)


def test_a_recorded_request_holds_no_token() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        caller = Caller(kore)
        token = caller.token(jti="one", iat=1_700_000_000, exp=None)
        caller.detail("cd-x", headers=caller.headers(token))
        token = caller.token(jti="two")
        caller.detail(kore.campaign_ids()[0], headers=caller.headers(token))
        refused, answered = kore.requests
    assert (refused.status, refused.has_token, refused.jti) == (401, True, None)
    assert (answered.status, answered.has_token, answered.jti) == (200, True, "two")
    assert answered.iat is not None
    assert answered.method == "GET"
    assert answered.query == {"accountId": kore.account_id}
    assert answered.headers["iid"] == kore.stream_id
    assert token not in repr(answered)


def test_only_the_last_requests_are_kept_but_all_are_counted() -> None:
    with Emulator(campaigns=sample_campaigns(1), record_last=2) as kore:
        caller = Caller(kore)
        for campaign_id in ("cd-1", "cd-2", "cd-3"):
            caller.detail(campaign_id)
        assert [request.campaign_id for request in kore.requests] == ["cd-2", "cd-3"]
        assert (kore.counters.requests, kore.worst_window()) == (3, 3)


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("PUT", "{id}", {"campaignType": "voice"}),
        ("PUT", "{id}", {}),
        ("DELETE", "{id}", {"campaignType": "voice"}),
        ("POST", "{id}", {"campaignType": "sms", "trigger": "play"}),
        ("POST", "trigger/{id}", {"trigger": "play"}),
        ("POST", "schedule", {"enableSchedule": "true"}),
        ("PUT", "contactList/cl-1", {}),
    ],
)
def test_a_write_is_recorded_and_not_performed(
    method: str, path: str, query: dict[str, str]
) -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        (campaign_id,) = kore.campaign_ids()
        before = kore.campaign(campaign_id)
        response = Caller(kore).call(method, path.format(id=campaign_id), params=query)
        assert response.status_code == 405
        assert response.json() == {"errors": [{"msg": "Method Not Allowed", "code": 405}]}
        assert [write.method for write in kore.writes] == [method]
        assert kore.counters.writes == 1
        assert kore.campaign(campaign_id) == before


def test_put_reads_only_where_the_documented_method_is_chosen() -> None:
    with Emulator(campaigns=sample_campaigns(1), detail_method="PUT") as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        assert caller.call("PUT", campaign_id).status_code == 200
        assert caller.status(campaign_id) == 405
        assert kore.writes == []
        update = caller.call("PUT", campaign_id, params={"campaignType": "voice"})
        assert (update.status_code, len(kore.writes)) == (405, 1)


def test_an_unknown_path_is_not_found() -> None:
    with Emulator() as kore:
        assert Caller(kore).call("GET", "a/b/c").status_code == 404
        assert requests.get(f"{kore.url}/", timeout=5).status_code == 401
        assert kore.writes == []
        assert requests.post(f"{kore.url}/campaign", timeout=5).status_code == 405
        assert len(kore.writes) == 1


def test_emulators_are_independent_and_keep_their_port() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as one, Emulator() as other:
        assert one.port != other.port
        assert (one.campaign_ids(), other.campaign_ids()) != ([], [])
        assert Caller(other).status(one.campaign_ids()[0]) == 404
        assert one.counters.requests == 0
    port = one.port
    with one:
        assert one.port == port
        assert Caller(one).status(one.campaign_ids()[0]) == 200


def test_a_stop_ends_an_answer_that_is_not_read_and_a_connection_just_made() -> None:
    (campaign,) = sample_campaigns(1)
    with Emulator(campaigns=[campaign]) as kore:
        kore.serve_bytes(campaign["_id"], bytes(10_000_000))
        unread = Caller(kore).detail(campaign["_id"], stream=True)
        made = socket.create_connection(("127.0.0.1", kore.port), timeout=5)
    with unread, made, suppress(ConnectionResetError):
        assert made.recv(1) == b""
    gc.collect()  # finds what was left open, which is a warning and so an error


def test_a_taken_port_is_an_error_in_the_callers_thread() -> None:
    with Emulator() as kore:
        other = Emulator(port=kore.port)
        with pytest.raises(OSError, match="address already in use"):
            other.start()
        other.stop()


def test_edits_from_many_threads_are_all_kept_while_requests_are_answered() -> None:
    with Emulator(campaigns=sample_campaigns(5), requests_per_minute=None) as kore:
        caller, ids = Caller(kore), kore.campaign_ids()

        def work(number: int) -> None:
            for turn in range(20):
                kore.edit(ids[turn % 5], {f"field{number}_{turn}": turn})
                if turn % 5 == 0:
                    assert caller.detail(ids[number % 5]).json()["status"] == "success"

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        fields = sum(len(set(kore.campaign(key)) & _names(6, 20)) for key in ids)
        assert fields == 6 * 20
        assert kore.counters.by_status == {200: 6 * 4}


def _names(threads: int, turns: int) -> set[str]:
    return {f"field{number}_{turn}" for number in range(threads) for turn in range(turns)}
