"""The emulator's listing, status and contact lists have the shapes of Kore's samples."""

from __future__ import annotations

from typing import Any

import pytest

from kore_emulator import Emulator, demo_campaigns, sample_campaigns
from support.emulator_client import Caller

VOICE_ROW = {
    "_id": "cd-1",
    "name": "Renewals",
    "description": "Calls about renewals",
    "dncLists": {"id": "cl-1", "name": "DNC"},
    "priority": "5",
    "dialingMode": "Preview",
    "status": "Ready",
    "isFiltersEnabled": False,
    "createdAt": "2025-12-04T11:05:52.809Z",
    "updatedAt": "2025-12-04T11:05:52.911Z",
    "schedule": {"isSchedulingEnabled": False},
    "contactLists": ["CL Only 2020 Dec 4"],
}
VOICE = VOICE_ROW | {"lname": "renewals", "dialingStrategy": {"maxRingTime": 30}, "maxSkips": 3}


def named(name: str, **changes: Any) -> dict[str, Any]:
    return VOICE | {"_id": f"cd-{name}", "name": name} | changes


def test_a_voice_row_is_a_summary() -> None:
    with Emulator(campaigns=[VOICE]) as kore:
        answer = Caller(kore).listing(limit=50, skip=0).json()
    row = VOICE_ROW | {
        "connection": "Default Queue",
        "campaignInstanceUpdatedAt": VOICE["updatedAt"],
    }
    assert answer == {
        "status": "success",
        "message": "Campaign  retrieved successfully",
        "data": {
            "results": [row],
            "skip": 0,
            "limit": 50,
            "hasMore": False,
            "totalPages": 1,
            "totalResults": 1,
        },
    }


def test_an_agentless_row_names_its_flow_and_hides_its_id() -> None:
    campaign = VOICE | {"dialingMode": "Agentless", "experienceFlow": "cf-1"}
    with Emulator(campaigns=[campaign]) as kore:
        (row,) = Caller(kore).page()["results"]
    assert row["connection"] == "Renewals Flow"
    assert "experienceFlow" not in row


def test_an_sms_row_has_id_without_underscore() -> None:
    sms = {"_id": "cd-2", "name": "Text", "format": "simple", "dialingStrategy": {}}
    with Emulator(campaigns=[VOICE, sms]) as kore:
        (row,) = Caller(kore).page(type="sms")["results"]
    assert row == {
        "name": "Text",
        "format": "simple",
        "id": "cd-2",
        "totalMessagesSent": 0,
        "campaignExecutionType": "NORMAL",
        "campaignInstanceUpdatedAt": None,
    }


def test_an_edit_after_a_run_leaves_the_instances_timestamp() -> None:
    with Emulator(campaigns=[VOICE | {"campaignInstanceId": "cid-1"}]) as kore:
        kore.edit("cd-1", {"priority": "1"})
        (row,) = Caller(kore).page()["results"]
    assert row["campaignInstanceUpdatedAt"] == VOICE["updatedAt"] < row["updatedAt"]


def test_pages_cover_all_and_the_cap_is_silent() -> None:
    campaigns = [named(f"{number:03}") for number in range(120)]
    with Emulator(campaigns=campaigns) as kore:
        caller = Caller(kore)
        pages = [caller.page(limit=100, skip=skip, sortBy={"name": "asc"}) for skip in (0, 50, 100)]
        assert [page["limit"] for page in pages] == [50, 50, 50]
        assert [page["hasMore"] for page in pages] == [True, True, False]
        assert [page["totalPages"] for page in pages] == [3, 3, 3]
        assert [row["name"] for page in pages for row in page["results"]] == [
            campaign["name"] for campaign in campaigns
        ]
        by_page = caller.page(limit=50, page=3, sortBy={"name": "asc"})
        assert by_page == pages[2]
        assert caller.page(limit="", skip="", page="")["limit"] == 10
        kore.listing_cap = 5
        assert caller.page(limit=100)["limit"] == 5


def test_rows_come_newest_update_first_unless_asked_otherwise() -> None:
    campaigns = [
        named("b", createdAt="2025-01-01T00:00:00Z", updatedAt="2025-03-01T00:00:00.000Z"),
        named("a", createdAt="2025-01-02T00:00:00Z", updatedAt="2025-03-01T00:00:00.001Z"),
        named("c", createdAt="2025-01-03T00:00:00Z", updatedAt="2025-02-01T00:00:00Z"),
    ]
    with Emulator(campaigns=campaigns) as kore:
        caller = Caller(kore)

        def order(**body: Any) -> str:
            return "".join(row["name"] for row in caller.page(**body)["results"])

        assert order() == "abc"
        assert order(sortBy={"createdAt": "asc"}) == "bac"
        assert order(sortBy={"createdAt": "desc"}) == "cab"
        assert order(sortBy={"name": "desc"}) == "cba"
        kore.edit("cd-c", {"status": "Paused"})
        assert order() == "cab"


def test_filters_narrow_the_rows() -> None:
    campaigns = [
        named("a", status="Ready", priority="1", dialingMode="Preview"),
        named("b", status="Paused", priority="5", dialingMode="Progressive"),
    ]
    with Emulator(campaigns=campaigns) as kore:
        caller = Caller(kore)

        def found(**filters: Any) -> list[str]:
            return [row["name"] for row in caller.page(filters=filters)["results"]]

        assert found(status=["Paused", "Active"]) == ["b"]
        assert found(priority=[1]) == ["a"]
        assert found(dialingMode=["Progressive"], status=["Ready"]) == []


@pytest.mark.parametrize(
    "body",
    [
        {"type": "web"},
        {"type": None},
        {"sortBy": {"color": "asc"}},
        {"limit": "many"},
        {"skip": -1},
    ],
)
def test_invalid_arguments_are_412(body: dict[str, Any]) -> None:
    with Emulator(campaigns=[VOICE]) as kore:
        response = Caller(kore).listing(**body)
    assert response.status_code == 412
    assert response.json() == {
        "errors": [{"msg": "Validation errors/ Invalid arguments", "code": 412}]
    }


def test_the_type_is_required() -> None:
    with Emulator() as kore:
        assert Caller(kore).call("POST", "getAllCampaignDetails", json={}).status_code == 412
        assert Caller(kore).call("POST", "getAllCampaignDetails").status_code == 412


def test_the_status_has_no_message() -> None:
    with Emulator(campaigns=[VOICE]) as kore:
        caller = Caller(kore)
        response = caller.call("POST", "cd-1/status", params={"view": "status"}, json={})
        assert response.json() == {
            "status": "success",
            "data": {"id": "cd-1", "status": "Ready", "name": "Renewals"},
        }
        unknown = caller.call("POST", "cd-2/status", params={"view": "status"})
        assert unknown.status_code == 404
        contacts = caller.call("POST", "cd-1/status", params={"view": "contacts"})
        assert contacts.status_code == 412
        assert kore.writes == []


def test_contact_lists_are_those_that_voice_campaigns_name() -> None:
    with Emulator(campaigns=demo_campaigns()) as kore:
        caller = Caller(kore)
        response = caller.call("POST", "contactList/getAllListDetails", params={"type": "call"})
        lists = response.json()["data"]
        expected = {name for one in demo_campaigns()[:10] for name in one["contactLists"]}
        assert {row["name"] for row in lists} == expected
        assert lists[0]["campaignInUse"] == [
            {"id": demo_campaigns()[0]["_id"], "name": "Card Collections East"}
        ]
        assert lists[0]["apiConfigurations"]["auth"].startswith("Bearer ")
        detail = caller.call("GET", f"contactList/{lists[0]['_id']}").json()["data"]
        assert lists[0].items() <= detail.items()
        assert caller.call("GET", "contactList/cl-none").status_code == 404


def test_a_dnc_list_answers_while_a_live_campaign_names_it() -> None:
    named = demo_campaigns()[0]["dncLists"]
    with Emulator(campaigns=demo_campaigns()) as kore:
        caller = Caller(kore)
        found = caller.call("GET", f"contactList/{named['id']}").json()["data"]
        assert found == kore.dnc_list(named["id"])
        assert (found["_id"], found["name"], found["isGlobalDNC"]) == (*named.values(), False)
        kore.edit_dnc_list(named["id"], {"totalRecordCount": 0, "status": "Invalid"})
        edited = caller.call("GET", f"contactList/{named['id']}").json()["data"]
        differing = {name for name in found if found[name] != edited[name]}
        assert differing == {"totalRecordCount", "status", "updatedAt"}
        for campaign_id in kore.campaign_ids():
            kore.delete(campaign_id)
        assert caller.call("GET", f"contactList/{named['id']}").status_code == 404


def test_the_samples_are_varied_and_repeatable() -> None:
    campaigns = sample_campaigns(300)
    assert sample_campaigns(10) == campaigns[:10]
    assert sample_campaigns(10, seed=1) != campaigns[:10]
    assert len({campaign["_id"] for campaign in campaigns}) == 300
    modes = {campaign.get("dialingMode") for campaign in campaigns}
    assert modes == {"Agentless", "Progressive", "Preview", "Power", None}
    hours = [campaign["dialingStrategy"]["callingHours"] for campaign in campaigns]
    assert {one["frequency"] for one in hours} == {"WEEKLY", "DAILY", "CUSTOM"}
    assert any("days" not in one for one in hours)
    assert any(campaign["updatedAt"] < campaign["createdAt"] for campaign in campaigns)
    assert {type(campaign["priority"]) for campaign in campaigns} == {str, int}
    first_groups = {(len(one["_id"].split("-")[1]), "dialingMode" in one) for one in campaigns}
    assert first_groups == {(7, True), (8, False)}


def test_half_a_surrogate_pair_is_answered_as_it_was_given() -> None:
    with Emulator(campaigns=[named("half") | {"name": "a\ud83db"}]) as kore:
        caller = Caller(kore)
        (row,) = caller.page()["results"]
        assert row["name"] == "a\ud83db"
        assert caller.detail("cd-half").json()["data"]["name"] == "a\ud83db"
        assert b"\\ud83d" in caller.listing().content
