"""Generated campaigns in every form that Kore's documentation shows or allows."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from .calling_hours import sample_calling_hours
from .catalogue import timestamp

PURPOSES = (
    "Product Feedback",
    "Billing Reminder",
    "Service Renewal Outreach",
    "Appointment Reminder",
    "Delivery Notice",
    "Past-Due Balance",
    "Loyalty Winback",
    "Insurance Quote Follow-up",
    "Clinic Recall",
    "Crédit: relance",
)
REGIONS = ("North", "South", "East", "West", "Metro", "Coast", "Enterprise", "SMB")
MODES = ("Agentless", "Agentless", "Progressive", "Preview", "Power")
STATUSES = ("Ready", "Active", "Paused", "Completed", "Stopped", "Scheduled", "Preparing")
CALLER_IDS = tuple(f"+1484655{number:04}" for number in range(100, 112))
DNC_LISTS = (
    ("cl-68b802a-2b99-4245-8eea-6d322a8c0d11", "DNC CL Dec 4"),
    ("cl-71c40fe-9d13-4b7e-a5c2-0e8f6b2a9c34", "National DNC"),
    ("cl-0d5e9b2-64af-4f18-8c3b-7a1d9e5f2b06", "Litigators"),
)
FIRST_CREATED = datetime(2025, 1, 6, 4, 30, tzinfo=UTC)
SMS_EVERY = 6

Campaign = dict[str, Any]


def sample_campaigns(count: int, seed: int = 0) -> list[Campaign]:
    """Generate campaigns: equal seeds give equal campaigns, also for another `count`."""
    return [_campaign(index, seed) for index in range(count)]


def _campaign(index: int, seed: int) -> Campaign:
    rng = random.Random(f"{seed}:{index}")  # noqa: S311 - variety, not a secret
    is_sms = index % SMS_EVERY == SMS_EVERY - 1
    name = f"{rng.choice(PURPOSES)} {rng.choice(REGIONS)}-{index + 1}"
    campaign: Campaign = {
        "_id": campaign_id(rng, is_sms=is_sms),
        "name": name,
        "lname": name.lower(),
        # codespell:ignore-next-line asks
        "description": f"{name}: asks, reminds or informs, and hands over to an agent on request.",
        **_dnc_lists(rng, is_sms=is_sms),
        # a text in every documented answer; the list's filter takes numbers
        "priority": rng.randint(1, 5) if rng.random() < 0.1 else str(rng.randint(1, 5)),
    }
    campaign |= _sms(rng, name) if is_sms else _voice(rng)
    campaign |= {"status": rng.choice(STATUSES)}
    if campaign["status"] in ("Active", "Paused", "Completed"):
        campaign["campaignInstanceId"] = f"cid-{group_id(rng, 7)}"
    campaign |= _timestamps(rng, index, is_sms=is_sms)
    campaign["schedule"] = {"isSchedulingEnabled": campaign["status"] == "Scheduled"}
    if rng.random() < 0.8:
        campaign["schedule"]["isRecurrenceEnabled"] = False
    numbers = rng.sample(range(1, 40), rng.choice((1, 1, 1, 2, 3)))
    campaign["contactLists"] = [f"Contacts {number:02}" for number in numbers]
    return campaign


def campaign_id(rng: random.Random, *, is_sms: bool) -> str:
    """Make an id with seven leading hex digits for voice, eight for SMS, as in Kore's samples."""
    return f"cd-{group_id(rng, 8 if is_sms else 7)}"


def group_id(rng: random.Random, first: int) -> str:
    def digits(count: int) -> str:
        return f"{rng.getrandbits(4 * count):0{count}x}"

    version = 5 if first == 8 else 4
    variant = rng.choice("89ab")
    return f"{digits(first)}-{digits(4)}-{version}{digits(3)}-{variant}{digits(3)}-{digits(12)}"


def _dnc_lists(rng: random.Random, *, is_sms: bool) -> Campaign:
    list_id, name = rng.choice(DNC_LISTS)
    shape = rng.random()
    if shape < 0.2:
        return {}
    if shape < 0.25:
        return {"dncLists": None}
    if is_sms or shape < 0.3:
        return {"dncLists": {"name": name}}
    return {"dncLists": {"id": list_id, "name": name}}


def _voice(rng: random.Random) -> Campaign:
    mode = rng.choice(MODES)
    campaign: Campaign = {
        "dialingMode": mode,
        "dialingStrategy": {
            "callerId": {"phoneNumber": rng.choice(CALLER_IDS)},
            "callingHours": sample_calling_hours(rng),
            "dialingOrder": rng.choice(("FIFO", "FIFO", "LIFO")),
            "maxAttemptsPerRecord": rng.randint(1, 8),
            "defaultRetryPeriod": rng.choice((10, 30, 60, 120, 1440)),
            "maxRingTime": rng.choice((12, 20, 30, 45)),
            "useSystemMappings": rng.random() < 0.2,
        },
        "isFiltersEnabled": rng.random() < 0.1,
    }
    if mode == "Agentless":
        campaign["experienceFlow"] = f"cf-{group_id(rng, 8)}"
    # left from an earlier Preview mode on some Agentless campaigns
    if mode == "Preview" or (mode == "Agentless" and rng.random() < 0.1):
        campaign["maxSkips"] = rng.randint(1, 5)
    detection = rng.choice((None, None, None, False, True, "detect"))
    return campaign if detection is None else campaign | {"enableMachineDetect": detection}


def _sms(rng: random.Random, name: str) -> Campaign:
    campaign: Campaign = {
        "dialingStrategy": {
            "callerId": {"phoneNumber": rng.choice(CALLER_IDS)},
            "callingHours": sample_calling_hours(rng),
        },
        "isImported": False,
    }
    if rng.random() < 0.5:
        return campaign | {"format": "advanced", "experienceFlow": f"cf-{group_id(rng, 8)}"}
    # Base64, then URL-encoded
    text = quote(base64.b64encode(f"A message about {name}".encode()).decode(), safe="")
    return campaign | {"format": "simple", "message": {"message": text, "templateId": ""}}


def _timestamps(rng: random.Random, index: int, *, is_sms: bool) -> Campaign:
    created = FIRST_CREATED + timedelta(minutes=17 * index, milliseconds=rng.randrange(60_000))
    updated = created + timedelta(milliseconds=rng.randrange(0, 40 * 86_400_000))
    if is_sms and rng.random() < 0.4:
        # Kore's own samples have SMS campaigns updated before they were created
        updated = created - timedelta(milliseconds=rng.randint(100, 350))
    texts = [timestamp(created), timestamp(updated)]
    if rng.random() < 0.1:
        texts = [f"{text[:19]}Z" for text in texts]
    return {"createdAt": texts[0], "updatedAt": texts[1]}
