"""Of what kind a change is, and whether it lets a campaign do more than before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kore_campaigns.transform.calling_hours import windows_of
from kore_campaigns.transform.changes import (
    KINDS,
    Rules,
    difference,
    is_risky,
    kind_of,
    rules_of,
    summary,
)
from support.calling_minutes import DAYS as DAY_CODES
from support.calling_minutes import open_minutes, window
from support.strategies import edits

NINE_TO_SIX = {"start": "9:00 AM", "end": "6:00 PM"}


def campaign(*days: dict[str, Any], zone: str = "Asia/Kolkata", **fields: Any) -> dict[str, Any]:
    hours = {"frequency": "WEEKLY", "timezone": zone, "days": list(days)}
    strategy = {"callingHours": hours, "maxAttemptsPerRecord": 3} | fields.pop("strategy", {})
    return {"dialingStrategy": strategy} | fields


def rules(received: dict[str, Any]) -> Rules:
    return rules_of(received, windows_of(received))


def risky_paths(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    changes = difference(old, new)
    before, after = rules(old), rules(new)
    return {change.path for change in changes if is_risky(change, before, after)}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("dialingStrategy.callingHours.days[FR].end", "calling_hours"),
        ("dialingStrategy.callingHours.timezone", "calling_hours"),
        ("dialingStrategy.callingHours", "calling_hours"),
        ("dialingStrategy.callingHoursOther", "other"),
        ("dncLists.name", "dnc"),
        ("dncLists[cl-1].name", "dnc"),
        ("dialingStrategy.callerId.phoneNumber", "caller_id"),
        ("dialingStrategy.maxAttemptsPerRecord", "retry"),
        ("dialingStrategy.defaultRetryPeriod", "retry"),
        ("dialingStrategy.maxRingTime", "retry"),
        ("maxSkips", "retry"),
        ("priority", "priority"),
        ("status", "status"),
        ("is_deleted", "status"),
        ("schedule.isSchedulingEnabled", "schedule"),
        ("contactLists[List 1]", "lists"),
        ("name", "text"),
        ("lname", "text"),
        ("description", "text"),
        ("message.message", "text"),
        ("names", "other"),
        ("updatedAt", "other"),
        ("experienceFlow", "other"),
    ],
)
def test_a_path_has_one_kind(path: str, kind: str) -> None:
    assert kind_of(path) == kind
    assert kind in KINDS


MONDAY, TUESDAY = window("MO", "9:00 AM", "6:00 PM"), window("TU", "9:00 AM", "6:00 PM")
DAYS = "dialingStrategy.callingHours.days"


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        # a later end, an earlier start
        ([MONDAY], [window("MO", "9:00 AM", "8:00 PM")], {f"{DAYS}[MO].end"}),
        ([MONDAY], [window("MO", "8:59 AM", "6:00 PM")], {f"{DAYS}[MO].start"}),
        # shorter
        ([MONDAY], [window("MO", "10:00 AM", "5:00 PM")], set()),
        # a day more, a day less
        ([MONDAY], [MONDAY, TUESDAY], {f"{DAYS}[TU].{key}" for key in ("day", "start", "end")}),
        ([MONDAY, TUESDAY], [MONDAY], set()),
        # one day wider while another gets shorter: only the wider one
        (
            [MONDAY, TUESDAY],
            [window("MO", "9:00 AM", "5:00 PM"), window("TU", "9:00 AM", "7:00 PM")],
            {f"{DAYS}[TU].end"},
        ),
        # split in two by a break: nothing is open that was not
        ([MONDAY], [window("MO", "9:00 AM", "1:00 PM"), window("MO", "2:00 PM", "6:00 PM")], set()),
        # other texts for the same hours, and other places in the list
        ([MONDAY], [window("MO", "09:00 AM", "18:00")], set()),
        ([MONDAY, TUESDAY], [TUESDAY, MONDAY], set()),
        # past midnight: Monday's window reaches into Tuesday, where it was open already, or not
        (
            [window("MO", "9:00 AM", "12:00 AM"), window("TU", "12:00 AM", "6:00 PM")],
            [window("MO", "9:00 AM", "2:00 AM"), window("TU", "12:00 AM", "6:00 PM")],
            set(),
        ),
        (
            [window("SU", "10:00 PM", "12:00 AM")],
            [window("SU", "10:00 PM", "12:30 AM")],
            {f"{DAYS}[SU].end"},
        ),
        # what cannot be read could be anything
        ([MONDAY], [window("MO", "9:00 AM", "late")], {f"{DAYS}[MO].end"}),
        ([MONDAY], [window("Someday", "9:00 AM", "10:00 AM")], None),
        # nothing is left to hold it back
        ([MONDAY], [], {f"{DAYS}[MO].{key}" for key in ("day", "start", "end")}),
    ],
)
def test_calling_hours_are_risky_where_a_minute_is_open_that_was_not(
    old: list[dict[str, Any]], new: list[dict[str, Any]], paths: set[str] | None
) -> None:
    found = risky_paths(campaign(*old), campaign(*new))

    assert found == paths if paths is not None else found


def test_another_zone_moves_every_window() -> None:
    old, new = campaign(MONDAY), campaign(MONDAY, zone="America/New_York")

    assert risky_paths(old, new) == {"dialingStrategy.callingHours.timezone"}


def test_a_window_without_weekday_opens_every_day_if_the_frequency_becomes_daily() -> None:
    old, new = (
        campaign(window(None, "9:00 AM", "6:00 PM")),
        campaign(window(None, "9:00 AM", "6:00 PM")),
    )
    new["dialingStrategy"]["callingHours"]["frequency"] = "DAILY"

    assert risky_paths(old, new) == {"dialingStrategy.callingHours.frequency"}
    assert risky_paths(new, old) == set()


@pytest.mark.parametrize(
    ("old", "new", "is_risky"),
    [
        ({"id": "cl-1", "name": "DNC"}, None, True),
        ({"id": "cl-1", "name": "DNC"}, {}, True),
        ({"name": "DNC"}, {"name": "Other"}, True),
        ({"id": "cl-1", "name": "DNC"}, {"id": "cl-2", "name": "DNC"}, True),
        ({"id": "cl-1", "name": "DNC"}, {"id": "cl-1", "name": "Renamed"}, False),
        ({"id": "cl-1", "name": "DNC"}, [{"id": "cl-1", "name": "DNC"}], False),
        (None, {"id": "cl-1", "name": "DNC"}, False),
        (["A", "B"], ["B"], True),
        (["B"], ["A", "B"], False),
    ],
)
def test_dnc_lists_are_risky_where_one_is_gone(old: Any, new: Any, is_risky: bool) -> None:
    paths = risky_paths(campaign(dncLists=old), campaign(dncLists=new))

    assert bool(paths) == is_risky
    assert all(path.startswith("dncLists") for path in paths)


@pytest.mark.parametrize(
    ("name", "old", "new", "is_risky"),
    [
        ("maxAttemptsPerRecord", 3, 4, True),
        ("maxAttemptsPerRecord", "3", 10, True),
        ("maxAttemptsPerRecord", 4, 3, False),
        ("maxAttemptsPerRecord", 4, None, True),
        ("maxAttemptsPerRecord", None, 4, False),
        ("defaultRetryPeriod", 60, 30, True),
        ("defaultRetryPeriod", 30, 60, False),
        ("maxRingTime", 20, 10, True),
        ("maxRingTime", 10, 20, False),
        ("maxRingTime", 10, None, False),
        ("dialingOrder", "FIFO", "LIFO", False),
    ],
)
def test_more_attempts_shorter_pauses_and_shorter_rings_are_risky(
    name: str, old: Any, new: Any, is_risky: bool
) -> None:
    before, after = campaign(strategy={name: old}), campaign(strategy={name: new})

    assert risky_paths(before, after) == ({f"dialingStrategy.{name}"} if is_risky else set())


CLOCKS = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
WINDOWS = st.lists(st.builds(window, st.sampled_from(DAY_CODES), CLOCKS, CLOCKS), max_size=5)


@given(old=WINDOWS, new=WINDOWS.filter(bool))
def test_some_change_is_risky_exactly_if_a_minute_of_the_week_is_open_that_was_not(
    old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    found = risky_paths(campaign(*old), campaign(*new))

    assert bool(found) == bool(open_minutes(new) - open_minutes(old))


@given(edits())
def test_any_two_answers_have_a_meaning(edit: tuple[dict[str, Any], dict[str, Any]]) -> None:
    old, new = edit
    changes = difference(old, new)
    before, after = rules(old), rules(new)

    assert {is_risky(change, before, after) for change in changes} <= {True, False}
    assert all(kind_of(change.path) in KINDS for change in changes)
    assert summary(changes, before, after)
