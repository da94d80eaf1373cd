"""Campaigns that no documentation foresees: values of other kinds, at and beyond every limit."""

from __future__ import annotations

from typing import Any

from kore_emulator import demo_campaigns

DEEP: Any = "the bottom"
for _ in range(150):
    DEEP = {"in": DEEP}

ODD: tuple[dict[str, Any], ...] = (
    {},
    {"name": {"en": "Eye tests"}, "priority": "very high", "maxSkips": [1, 2], "status": 7},
    {"isFiltersEnabled": "yes", "updatedAt": "yesterday", "createdAt": 1_765_171_778_298},
    {"schedule": "never"},
    {"schedule": [{"at": "2025-12-08T05:29:38.298Z", "every": 1.5, "none": None}]},
    {"dncLists": [{"id": "cl-1", "owner": {"name": "x"}}, "by name", 5], "contactLists": {"a": 1}},
    {"name": 'tab\there, 😀, \\ and "quotes", a NUL \0', "big": 2**70, "tiny": 1e-300},
    {"priority": 2**63 - 1, "maxSkips": -(2**63), "retries": 2**63},
    {"deep": DEEP, "createdAt": "0001-01-01T00:00:00Z", "updatedAt": "9999-12-31T23:59:59.999999Z"},
    {
        "dialingStrategy": {
            "callingHours": {
                "days": [
                    {"day": "MO", "start": "10:00 PM", "end": "2:00 AM"},
                    {"day": "MO", "start": "12:00 AM", "end": "12:00 AM"},
                    {"day": "Feiertag", "start": "noon", "end": 18},
                    "9:00 AM",
                    None,
                    {},
                ]
            },
            "maxRingTime": "half a minute",
        }
    },
    {"dialingStrategy": {"callingHours": {"days": {"MO": [{"start": "9:00", "end": "24:00"}]}}}},
    {"dialingStrategy": "none"},
)


def odd_campaigns() -> list[dict[str, Any]]:
    """One of each kind, beside the twelve of an ordinary company."""
    odd = [{"_id": f"cd-odd-{number:02}", **fields} for number, fields in enumerate(ODD)]
    return [*demo_campaigns(), *odd]
