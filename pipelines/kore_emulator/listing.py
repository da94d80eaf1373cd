"""`getAllCampaignDetails`: the account's campaigns, page by page, as summaries."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .answers import INVALID_ARGUMENTS, Answer, success
from .catalogue import Catalogue, Entry, instant

DEFAULT_LIMIT = 10
MESSAGE = "Campaign  retrieved successfully"  # Kore leaves out the name and keeps both blanks
DETAIL_ONLY = frozenset({"_id", "id", "lname", "dialingStrategy", "maxSkips"})
SORT_KEYS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "name": lambda row: str(row.get("name", "")),
    "createdAt": lambda row: instant(row.get("createdAt")),
    "updatedAt": lambda row: instant(row.get("updatedAt")),
}

Row = dict[str, Any]


class Listing:
    """Sort and filter once per change, because a client pages through the same order."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._ordered: dict[str, list[Row]] = {}
        self._generation = -1

    def page(self, body: bytes, *, cap: int) -> Answer:
        """Make one page of `cap` rows at most, in Kore's envelope."""
        try:
            wanted = json.loads(body)
            rows = self._rows(wanted)
            limit = min(_number(wanted.get("limit")) or DEFAULT_LIMIT, cap)
            skip = _number(wanted.get("skip"))
            if skip is None:
                skip = ((_number(wanted.get("page")) or 1) - 1) * limit
        except (ValueError, TypeError, KeyError, AttributeError):
            return INVALID_ARGUMENTS
        shown = rows[skip : skip + limit]
        return success(
            MESSAGE,
            {
                "results": shown,
                "skip": skip,
                "limit": limit,
                "hasMore": skip + len(shown) < len(rows),
                "totalPages": -(-len(rows) // limit),
                "totalResults": len(rows),
            },
        )

    def _rows(self, wanted: Mapping[str, Any]) -> list[Row]:
        if wanted["type"] not in ("voice", "sms"):
            raise ValueError(wanted["type"])
        filters, sort_by = wanted.get("filters") or {}, wanted.get("sortBy") or {}
        generation = self._catalogue.generation
        if generation != self._generation:
            self._ordered, self._generation = {}, generation
        order = json.dumps([wanted["type"], filters, sort_by], sort_keys=True)
        if order not in self._ordered:
            rows = [
                _row(entry)
                for entry in self._catalogue.entries()
                if is_sms(entry.content) == (wanted["type"] == "sms")
            ]
            rows = [row for row in rows if _matches(row, filters)]
            self._ordered[order] = _sorted(rows, sort_by)
        return self._ordered[order]


def is_sms(content: Mapping[str, Any]) -> bool:
    """No answer has the type: voice campaigns have a dialling mode, SMS campaigns have none."""
    return "dialingMode" not in content


def _row(entry: Entry) -> Row:
    content = entry.content
    row = {key: value for key, value in content.items() if key not in DETAIL_ONLY}
    campaign_id = content.get("_id", content.get("id"))
    # before the first run, the instance's timestamp equals the campaign's
    has_run = "campaignInstanceId" in content
    row["campaignInstanceUpdatedAt"] = (
        entry.instance_updated_at if has_run else content.get("updatedAt")
    )
    if is_sms(content):
        return row | {
            "id": campaign_id,
            "totalMessagesSent": entry.messages_sent,
            "campaignExecutionType": entry.execution_type,
        }
    flow = row.pop("experienceFlow", None)
    return {"_id": campaign_id} | row | {"connection": _connection(content, flow)}


def _connection(content: Mapping[str, Any], flow: object) -> str:
    """Agentless campaigns connect to a flow, all others to a queue; rows give its name."""
    if content.get("dialingMode") == "Agentless" and flow:
        return f"{content.get('name')} Flow"
    return "Default Queue"


def _matches(row: Row, filters: Mapping[str, Any]) -> bool:
    return all(
        str(row.get(key)) in {str(value) for value in filters[key]}
        for key in ("status", "priority", "dialingMode")
        if filters.get(key)
    )


def _sorted(rows: list[Row], sort_by: Mapping[str, str]) -> list[Row]:
    # the first key counts most, so it is applied last to a stable sort
    for key, direction in reversed(list(sort_by.items() or [("updatedAt", "desc")])):
        rows = sorted(rows, key=SORT_KEYS[key], reverse=direction == "desc")
    return rows


def _number(value: object) -> int | None:
    """Kore accepts a number or an empty string."""
    if value is None or value == "":
        return None
    number = int(str(value))
    if number < 0:
        raise ValueError(value)
    return number
