"""Twelve campaigns of a fictitious company, for demonstrations."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from .calling_hours import DAYS, WEEKDAYS, weekly

NINE_TO_FIVE = (("9:00 AM", "5:00 PM"),)
NINE_TO_SIX = (("9:00 AM", "6:00 PM"),)
NATIONAL_DNC = {"id": "cl-68b802a-2b99-4245-8eea-6d322a8c0d11", "name": "US National DNC"}
INDIA_DND = {"id": "cl-71c40fe-9d13-4b7e-a5c2-0e8f6b2a9c34", "name": "India DND"}
EU_OPT_OUTS = {"id": "cl-0d5e9b2-64af-4f18-8c3b-7a1d9e5f2b06", "name": "EU opt-outs"}

Campaign = dict[str, Any]


def demo_campaigns() -> list[Campaign]:
    """Make the campaigns of one company in six time zones; an auditor would question some hours."""
    return [*_collections(), *_feedback_and_care(), *_appointments(), *_text_messages()]


def _collections() -> list[Campaign]:
    return [
        _voice(
            ("4f1c2a9-6b3e-4d17-9a52-0c8e7f1b2d34", "Card Collections East"),
            "Progressive",
            weekly("America/New_York", (("8:00 AM", "9:00 PM"),)),
            NATIONAL_DNC,
            ["Past due 30 days East"],
        )
        | {"status": "Active", "priority": "1"},
        _voice(
            ("8d03b7e-1f24-4c6a-8e91-5a7d9c3f6b08", "Card Collections West"),
            "Progressive",
            # open after 9 p.m., when the US rule ends the day
            weekly("America/Los_Angeles", (("8:00 AM", "9:30 PM"),)),
            NATIONAL_DNC,
            ["Past due 30 days West"],
        )
        | {"status": "Active", "priority": "1"},
        _voice(
            ("c27e5d1-9a48-4b03-b6f7-3e1d8a0c5f92", "Store Card Late Payers"),
            "Power",
            weekly("America/Chicago", (("9:00 AM", "12:00 PM"), ("1:00 PM", "7:00 PM"))),
            NATIONAL_DNC,
            ["Store card 60 days", "Store card 90 days"],
        )
        | {"status": "Ready", "priority": "2"},
    ]


def _feedback_and_care() -> list[Campaign]:
    return [
        _voice(
            ("9e14b72-88cc-4544-9a98-7aee9b7a1c2d", "Product Feedback India"),
            "Agentless",
            weekly("Asia/Kolkata", NINE_TO_SIX),
            INDIA_DND,
            ["India buyers November"],
        ),
        _voice(
            ("3b6f0d8-2c71-4e95-a1d4-6f9b2e7c0a53", "Festival Offers India"),
            "Agentless",
            weekly("Asia/Kolkata", (("10:00 AM", "8:30 PM"),), DAYS),
            INDIA_DND,
            ["India loyalty members"],
        )
        | {"status": "Scheduled", "priority": "4"},
        _voice(
            ("e50a9c4-7d12-4f68-9b3e-1c4f8d2a7e60", "Delivery Feedback Australia"),
            "Agentless",
            weekly("Australia/Sydney", (("9:00 AM", "7:30 PM"),), (*WEEKDAYS, "SA")),
            None,
            ["Australia deliveries"],
        ),
        _voice(
            ("71d8e3f-5a06-4b29-8c7d-9e0f3b6a1d45", "Roadside Callback Overnight"),
            "Preview",
            weekly("America/Denver", (("10:00 PM", "6:00 AM"),), ("FR", "SA")),
            NATIONAL_DNC,
            ["Roadside open cases"],
        )
        | {"status": "Active", "maxSkips": 3},
    ]


def _appointments() -> list[Campaign]:
    return [
        _voice(
            ("a94c6b0-3e85-4d71-b2f9-7d5e0a8c4f16", "Dental Recall Germany"),
            "Preview",
            weekly("Europe/Berlin", (("8:00 AM", "12:00 PM"), ("1:30 PM", "5:00 PM"))),
            EU_OPT_OUTS,
            ["Recall patients Germany"],
        )
        | {"maxSkips": 2},
        _voice(
            ("16b9f7d-8c40-4a53-9d2e-4b7c1e6f0a98", "Eye Test Reminder UK"),
            "Agentless",
            weekly("Europe/London", NINE_TO_FIVE),
            EU_OPT_OUTS,
            ["Eye test due UK"],
        )
        | {"status": "Completed"},
        _voice(
            ("d83f1a6-0b97-4c2e-8f45-2a6d9e3b7c01", "Meter Reading Spain"),
            "Agentless",
            weekly("Europe/Madrid", (("10:00 AM", "2:00 PM"), ("5:00 PM", "8:00 PM"))),
            EU_OPT_OUTS,
            ["Meter appointments Spain"],
        )
        | {"status": "Paused", "priority": "3"},
    ]


def _text_messages() -> list[Campaign]:
    text = "WW91ciBvcmRlciBpcyByZWFkeSBmb3IgcGlja3VwLg%3D%3D"  # Your order is ready for pickup.
    return [
        _sms(
            ("78d3f0a9-8f42-5d8c-af8d-d6a63ea10b27", "Order Ready Text US"),
            weekly("America/New_York", (("9:00 AM", "8:00 PM"),), DAYS),
            ["Click and collect US"],
        )
        | {"format": "simple", "message": {"message": text}},
        _sms(
            ("e7110489-a30a-5d1e-80ee-f246cc8d3f51", "Appointment Text EU"),
            weekly("Europe/Berlin", NINE_TO_SIX),
            ["Recall patients Germany"],
        )
        | {"format": "advanced", "experienceFlow": "cf-67447605-115e-5dd2-a676-e158cf30a7b9"},
    ]


def _voice(
    named: tuple[str, str],
    mode: str,
    calling_hours: dict[str, Any],
    dnc_list: dict[str, str] | None,
    contact_lists: Sequence[str],
) -> Campaign:
    rng = random.Random(named[0])  # noqa: S311 - variety, not a secret
    campaign = _common(named, calling_hours, contact_lists)
    campaign["dialingMode"] = mode
    campaign["dialingStrategy"] |= {
        "dialingOrder": "FIFO",
        "maxAttemptsPerRecord": rng.choice((3, 3, 4, 6)),
        "defaultRetryPeriod": rng.choice((30, 60, 240)),
        "maxRingTime": rng.choice((20, 30)),
        "useSystemMappings": False,
    }
    campaign["isFiltersEnabled"] = False
    if dnc_list is not None:
        campaign["dncLists"] = dict(dnc_list)
    if mode == "Agentless":
        campaign["experienceFlow"] = f"cf-{rng.getrandbits(32):08x}-eabc-52c4-8373-8a0b75d4e6f1"
    return campaign


def _sms(
    named: tuple[str, str], calling_hours: dict[str, Any], contact_lists: Sequence[str]
) -> Campaign:
    campaign = _common(named, calling_hours, contact_lists)
    return campaign | {"isImported": False, "dncLists": {"name": "Text STOP replies"}}


def _common(
    named: tuple[str, str], calling_hours: dict[str, Any], contact_lists: Sequence[str]
) -> Campaign:
    group, name = named
    rng = random.Random(name)  # noqa: S311 - variety, not a secret
    day, second = rng.randint(1, 8), rng.randint(10, 55)
    return {
        "_id": f"cd-{group}",
        "name": name,
        "lname": name.lower(),
        "description": f"{name}, run by the outreach team.",
        "priority": "5",
        "dialingStrategy": {
            "callerId": {"phoneNumber": f"+1484655{rng.randint(100, 199):04}"},
            "callingHours": calling_hours,
        },
        "status": "Ready",
        "createdAt": f"2025-12-0{day}T05:29:{second}.298Z",
        "updatedAt": f"2025-12-0{day}T05:32:{second}.977Z",
        "schedule": {"isSchedulingEnabled": False, "isRecurrenceEnabled": False},
        "contactLists": list(contact_lists),
    }
