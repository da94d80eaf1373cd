"""Answers to the questions of docs/tools/questions/, worked out without our code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import groupby
from typing import Any

Row = tuple[Any, ...]
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# the demo's policies, by the first part of a zone: earliest, latest
PERMITTED = {"America": ("US federal", 480, 1260), "Kolkata": ("India", 600, 1260)}


@dataclass(frozen=True)
class Kore:
    """An app: the campaigns by id before and after the demo's edits, the contact lists, and the DNC
    lists that campaigns named before.
    """

    stream_id: str
    before: Mapping[str, dict[str, Any]]
    after: Mapping[str, dict[str, Any]]
    lists: Sequence[Mapping[str, Any]]
    dnc_lists: Sequence[Mapping[str, Any]]

    def live(self) -> list[dict[str, Any]]:
        return sorted(self.after.values(), key=lambda one: str(one["name"]))


def minute(text: str) -> int:
    moment = datetime.strptime(text, "%I:%M %p")  # noqa: DTZ007 - a time of day
    return moment.hour * 60 + moment.minute


def clock(of_day: int) -> str:
    return f"{of_day // 60:02}:{of_day % 60:02}"


def hours(campaign: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = campaign["dialingStrategy"]["callingHours"]
    return found


def open_minutes(campaign: Mapping[str, Any]) -> set[int]:
    """Minutes of the week, one by one."""
    found = set()
    for window in hours(campaign)["days"]:
        start, end = minute(window["start"]), minute(window["end"])
        begin = DAYS.index(window["day"]) * 1440 + start
        found |= {(begin + step) % 10080 for step in range((end - start - 1) % 1440 + 1)}
    return found


def spans(minutes: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of minutes that follow each other, as from and until."""
    runs = groupby(enumerate(minutes), key=lambda pair: pair[1] - pair[0])
    found = []
    for _, run in runs:
        members = [each for _, each in run]
        found.append((members[0], members[-1] + 1))
    return found


def outside_permitted_hours(kore: Kore) -> list[Row]:
    rows = []
    for campaign in kore.live():
        for part, (policy, earliest, latest) in PERMITTED.items():
            if part not in hours(campaign)["timezone"].split("/"):
                continue
            for day in range(7):
                opened = [m % 1440 for m in sorted(open_minutes(campaign)) if m // 1440 == day]
                wrong = [m for m in opened if not earliest <= m < latest]
                shown = [
                    f"{clock(begin)}-{clock(end)}"
                    for begin, end in spans(opened)
                    if begin < earliest or end > latest
                ]
                if wrong:
                    limits = f"{clock(earliest)}-{clock(latest)}"
                    may = ", ".join(shown)
                    rows.append((campaign["name"], policy, day + 1, may, limits, len(wrong)))
    return rows


def weekends(kore: Kore) -> list[Row]:
    rows = []
    for campaign in kore.live():
        opened = open_minutes(campaign)
        weekend = sum(each >= 5 * 1440 for each in opened)
        if weekend or not opened:
            rows.append((campaign["name"], hours(campaign)["timezone"], weekend, len(opened)))
    return rows


def whose_zone(kore: Kore) -> list[Row]:
    without = {each["name"] for each in kore.lists if not each["mapping"]["timeZone"]}
    return [
        (campaign["name"], hours(campaign)["timezone"], name)
        for campaign in kore.live()
        for name in sorted(campaign["contactLists"])
        if name in without
    ]


def dnc_coverage(kore: Kore) -> list[Row]:
    covered: dict[str, list[str]] = {}
    for campaign in kore.live():
        name = (campaign.get("dncLists") or {}).get("name", "(none of its own)")
        covered.setdefault(name, []).append(campaign["name"])
    return [(name, len(found), ", ".join(found)) for name, found in sorted(covered.items())]


def dnc_state(kore: Kore) -> list[Row]:
    named = [(campaign.get("dncLists") or {}).get("id") for campaign in kore.live()]
    return sorted(
        (
            *(one["name"], one["totalRecordCount"], one["status"], one["isGlobalDNC"]),
            named.count(one["_id"]),
        )
        for one in kore.dnc_lists
    )


def dnc_gone(kore: Kore) -> list[Row]:
    rows = []
    for campaign_id, campaign in kore.after.items():
        had, has = (state.get("dncLists") or {} for state in (kore.before[campaign_id], campaign))
        if had and had != has:
            rows.append((campaign["name"], had["name"], 2))
    return sorted(rows)


def what_changed(kore: Kore) -> list[Row]:
    """The demo's own list of edits: what somebody would write down who had made them."""
    weekday = "dialingStrategy.callingHours.days[FR].end"
    dnc = kore.before["cd-3b6f0d8-2c71-4e95-a1d4-6f9b2e7c0a53"]["dncLists"]
    attempts = [
        str(
            state["cd-8d03b7e-1f24-4c6a-8e91-5a7d9c3f6b08"]["dialingStrategy"][
                "maxAttemptsPerRecord"
            ]
        )
        for state in (kore.before, kore.after)
    ]
    west, festival = "Card Collections West", "Festival Offers India"
    return [
        (west, "retry", True, "dialingStrategy.maxAttemptsPerRecord", *attempts),
        (west, "status", False, "status", "Active", "Paused"),
        ("Eye Test Reminder UK", "status", False, "is_deleted", "false", "true"),
        (festival, "dnc", True, "dncLists.id", dnc["id"], None),
        (festival, "dnc", True, "dncLists.name", dnc["name"], None),
        ("Product Feedback India", "calling_hours", True, weekday, "6:00 PM", "8:00 PM"),
    ]


def attempts(kore: Kore) -> list[Row]:
    rows = []
    for campaign in kore.live():
        strategy = campaign["dialingStrategy"]
        most, pause = strategy.get("maxAttemptsPerRecord"), strategy.get("defaultRetryPeriod")
        if pause:
            possible = min(most, math.ceil(1440 / pause))
            if possible > 3:
                rows.append((campaign["name"], most, pause, possible))
    return rows


def competition(kore: Kore) -> list[Row]:
    used: dict[tuple[str, str], list[int]] = {}
    for campaign in kore.live():
        length = len(open_minutes(campaign))
        number = campaign["dialingStrategy"]["callerId"]["phoneNumber"]
        for name in campaign["contactLists"]:
            used.setdefault(("contact_list", name), []).append(length)
        used.setdefault(("caller_id", number), []).append(length)
    return [
        (*key, len(lengths), sum(lengths)) for key, lengths in sorted(used.items()) if lengths[1:]
    ]


def running_and_fresh(kore: Kore) -> list[Row]:
    by_status: dict[str, list[str]] = {}
    for campaign in kore.live():
        by_status.setdefault(campaign["status"], []).append(campaign["name"])
    return [
        (status, len(found), 0, ", ".join(found)) for status, found in sorted(by_status.items())
    ]


def lists_of_both_channels(kore: Kore) -> list[Row]:
    users: dict[str, list[dict[str, Any]]] = {}
    for campaign in kore.live():
        for name in campaign["contactLists"]:
            users.setdefault(name, []).append(campaign)
    return [
        (name, ", ".join(each["name"] for each in found))
        for name, found in sorted(users.items())
        if len({"dialingMode" in each for each in found}) == 2
    ]


def coverage(kore: Kore) -> list[Row]:
    gone = len(kore.before.keys() - kore.after.keys())
    return [("configured, live", len(kore.after)), ("configured, not there", gone)]


def rules_of_a_day(kore: Kore) -> list[Row]:
    (campaign,) = (one for one in kore.before.values() if one["name"] == "Product Feedback India")
    return [(1, each["day"], each["start"], each["end"]) for each in hours(campaign)["days"]]


def since_when(kore: Kore) -> list[Row]:
    at = datetime.fromisoformat("2025-12-10T14:05:00+00:00")
    rows = []
    for campaign in kore.before.values():
        since = datetime.fromisoformat(campaign["updatedAt"])
        found = {
            "no_dnc_list": not campaign.get("dncLists"),
            "weekend_calling": max(open_minutes(campaign)) >= 5 * 1440,
        }
        rows += [(campaign["name"], kind, since) for kind, has in found.items() if has]
    return sorted(row for row in rows if row[2] <= at)


def limits(_kore: Kore) -> list[Row]:
    rings = {"US federal": 15, "India": None}
    countries = {"US federal": "US", "India": "IN"}
    return sorted(
        (name, countries[name], time(earliest // 60), time(latest // 60), rings[name], 7)
        for name, earliest, latest in PERMITTED.values()
    )


def apps(kore: Kore) -> list[Row]:
    return [(kore.stream_id, len(kore.after), len(kore.before) - len(kore.after))]


def dnc_states(kore: Kore) -> list[Row]:
    """One state each: the lists do not change between the demo's runs."""
    return sorted(
        (one["name"], 1, one["status"], one["totalRecordCount"], None) for one in kore.dnc_lists
    )


ANSWERS: dict[str, Callable[[Kore], list[Row]]] = {
    "01_outside_permitted_hours": outside_permitted_hours,
    "02_weekends": weekends,
    "03_whose_zone": whose_zone,
    "04_dnc_coverage": dnc_coverage,
    "05_dnc_gone": dnc_gone,
    "06_what_changed": what_changed,
    "07_attempts": attempts,
    "08_competition": competition,
    "09_running_and_fresh": running_and_fresh,
    "10_lists_of_both_channels": lists_of_both_channels,
    "11_coverage": coverage,
    "12_rules_of_a_day": rules_of_a_day,
    "13_dnc_state": dnc_state,
    "14_since_when": since_when,
    "15_limits": limits,
    "16_apps": apps,
    "17_dnc_states": dnc_states,
}
