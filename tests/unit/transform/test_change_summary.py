"""What a version brought, in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from kore_campaigns.transform.changes import Change, difference, summary
from support.calling_minutes import window
from unit.transform.test_change_meaning import MONDAY, TUESDAY, campaign, rules


def told(old: dict[str, Any], new: dict[str, Any], *more: Change) -> str:
    changes = [*more, *difference(old, new)]
    return summary(changes, rules(old), rules(new))


def week(start: str, end: str, *days: str) -> list[dict[str, Any]]:
    return [window(day, start, end) for day in days]


WORKDAYS = ("MO", "TU", "WE", "TH", "FR")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            week("9:00 AM", "6:00 PM", "FR"),
            week("9:00 AM", "8:00 PM", "FR"),
            "Fri 09:00-18:00 -> 09:00-20:00",
        ),
        (
            week("9:00 AM", "6:00 PM", *WORKDAYS),
            week("8:00 AM", "6:00 PM", *WORKDAYS),
            "Mon-Fri 09:00-18:00 -> 08:00-18:00",
        ),
        (
            week("9:00 AM", "6:00 PM", *WORKDAYS),
            [
                *week("9:00 AM", "5:00 PM", "MO"),
                *week("9:00 AM", "6:00 PM", "TU"),
                *week("9:00 AM", "5:00 PM", "WE", "TH"),
                *week("9:00 AM", "6:00 PM", "SA", "SU"),
            ],
            "Mon 09:00-18:00 -> 09:00-17:00; Wed-Thu 09:00-18:00 -> 09:00-17:00; "
            "Fri 09:00-18:00 removed; Sat-Sun 09:00-18:00 added",
        ),
        (
            [MONDAY],
            [window("MO", "9:00 AM", "12:00 PM"), window("MO", "10:00 PM", "6:00 AM")],
            "Mon 09:00-18:00 -> 09:00-12:00, 22:00-06:00",
        ),
        ([MONDAY], [window("MO", "12:00 AM", "12:00 AM")], "Mon 09:00-18:00 -> 00:00-24:00"),
        ([MONDAY], [window("MO", "nine", "6:00 PM")], "Mon 09:00-18:00 -> `nine`-`6:00 PM`"),
        (
            [],
            [window(None, "9:00 AM", "6:00 PM"), window("Holiday", "9:00 AM", "1:00 PM")],
            "without weekday 09:00-18:00, 09:00-13:00 added",
        ),
        ([MONDAY, TUESDAY], [TUESDAY, MONDAY], "formatting changed, same meaning"),
        ([MONDAY], [window("MO", "09:00", "18:00")], "formatting changed, same meaning"),
    ],
)
def test_calling_hours_are_told_by_weekday(
    old: list[dict[str, Any]], new: list[dict[str, Any]], sentence: str
) -> None:
    assert told(campaign(*old), campaign(*new)) == sentence


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            {"dncLists": {"id": "cl-1", "name": "DNC CL Dec 4"}},
            {},
            "DNC list `DNC CL Dec 4` removed",
        ),
        ({}, {"dncLists": {"id": "cl-1", "name": "Stop"}}, "DNC list `Stop` added"),
        (
            {"dncLists": {"id": "cl-1"}},
            {"dncLists": {"id": "cl-2", "name": "B"}},
            "DNC list `cl-1` removed; DNC list `B` added",
        ),
        (
            {"dncLists": {"id": "cl-1", "name": "A"}},
            {"dncLists": {"id": "cl-1", "name": "B"}},
            "DNC list `A` is now `B`",
        ),
        (
            {"contactLists": ["A", "B"]},
            {"contactLists": ["B", "C"]},
            "contact list `A` removed; contact list `C` added",
        ),
        (
            {"contactLists": ["A", "B"]},
            {"contactLists": ["B", "A"]},
            "formatting changed, same meaning",
        ),
        ({"status": "Active"}, {"status": "Paused"}, "status Active -> Paused"),
        ({"priority": "5"}, {"priority": "1"}, "priority 5 -> 1"),
        ({"name": "A", "lname": "a"}, {"name": "B", "lname": "b"}, "name A -> B"),
        ({"maxSkips": 2}, {}, "skips 2 -> none"),
        (
            {"strategy": {"defaultRetryPeriod": 60, "maxRingTime": 30}},
            {"strategy": {"defaultRetryPeriod": 30, "maxRingTime": 20}},
            "retry period 60 min -> 30 min; ring time 30 s -> 20 s",
        ),
        (
            {"strategy": {"callerId": {"phoneNumber": "+1"}}},
            {"strategy": {"callerId": {"phoneNumber": "+2"}}},
            "caller id +1 -> +2",
        ),
        ({"zone": "Europe/Berlin"}, {"zone": "UTC"}, "zone Europe/Berlin -> UTC"),
        ({"schedule": {"isSchedulingEnabled": False}}, {"schedule": {}}, "schedule changed"),
        ({"description": "a"}, {"description": "b"}, "`description` changed"),
        ({}, dict.fromkeys("abcde", 1), "`a`, `b`, `c` and 2 more changed"),
        ({"updatedAt": "1"}, {"updatedAt": "2"}, "only `updatedAt` moved"),
        ({"updatedAt": "1", "a": 1}, {"updatedAt": "2", "a": 2}, "`a` changed"),
    ],
)
def test_each_field_is_told_as_people_call_it(
    old: dict[str, Any], new: dict[str, Any], sentence: str
) -> None:
    assert told(campaign(**old), campaign(**new)) == sentence


def test_several_changes_are_one_sentence_hours_first() -> None:
    old = campaign(MONDAY, dncLists={"id": "cl-1", "name": "DNC CL Dec 4"}, status="Active")
    new = campaign(window("MO", "9:00 AM", "8:00 PM"), dncLists={}, status="Paused")

    assert told(old, new) == (
        "Mon 09:00-18:00 -> 09:00-20:00; DNC list `DNC CL Dec 4` removed; status Active -> Paused"
    )


def test_a_campaign_that_is_back_is_live_again_with_what_changed_meanwhile() -> None:
    back = Change("is_deleted", "true", "false")

    assert told(campaign(priority="1"), campaign(priority="2"), back) == (
        "live again; priority 1 -> 2"
    )
    never_gone = "live again, nothing else changed: it was probably not deleted"
    assert told(campaign(), campaign(), back) == never_gone
