"""Campaigns of the account, each stored with its prepared answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal

from .answers import success


class _Removed(Enum):
    REMOVED = "removed"

    def __repr__(self) -> str:
        return "REMOVED"


REMOVED: Final[Literal[_Removed.REMOVED]] = _Removed.REMOVED
"""Value of an edited path that deletes the key."""

EPOCH = datetime.fromtimestamp(0, tz=UTC)


class UnknownCampaignError(LookupError):
    def __init__(self, campaign_id: str) -> None:
        self.campaign_id = campaign_id
        super().__init__(f"the emulator has no campaign `{campaign_id}`")


@dataclass(slots=True)
class Entry:
    content: dict[str, Any]
    """The API's `data` object."""
    instance_updated_at: object
    body: bytes | None = None
    """The detail answer, stored until the next edit."""
    is_deleted: bool = False
    messages_sent: int = 0
    """By an SMS campaign; the listing alone shows this and the next."""
    execution_type: str = "NORMAL"


class Catalogue:
    """Campaigns in creation order; safe to edit from any thread while requests are answered."""

    def __init__(self, campaigns: Iterable[Mapping[str, Any]]) -> None:
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self.generation = 0
        """Grows with every change, so that derived data knows when it is stale."""
        for campaign in campaigns:
            self.add(campaign)

    def ids(self) -> list[str]:
        with self._lock:
            return [key for key, entry in self._entries.items() if not entry.is_deleted]

    def entries(self) -> list[Entry]:
        """Campaigns that are not deleted. Read only."""
        with self._lock:
            return [entry for entry in self._entries.values() if not entry.is_deleted]

    def campaign(self, campaign_id: str) -> dict[str, Any]:
        """Copy of the campaign, deleted or not."""
        with self._lock:
            return deepcopy(self._entry(campaign_id).content)

    def body(self, campaign_id: str | None) -> bytes | None:
        """Detail answer of a campaign; None if it is unknown or deleted."""
        with self._lock:
            entry = self._entries.get(campaign_id or "")
            if entry is None or entry.is_deleted:
                return None
            if entry.body is None:
                name = entry.content.get("name", "")
                entry.body = success(f"Campaign {name} retrieved successfully", entry.content).body
            return entry.body

    def status(self, campaign_id: str | None) -> dict[str, Any] | None:
        with self._lock:
            entry = self._entries.get(campaign_id or "")
            if entry is None or entry.is_deleted:
                return None
            content = entry.content
            return {
                "id": campaign_id,
                "status": content.get("status"),
                "name": content.get("name"),
            }

    def add(self, campaign: Mapping[str, Any], body: bytes | None = None) -> None:
        """Add a campaign, or replace the campaign with its id."""
        content = deepcopy(dict(campaign))
        campaign_id = str(content["_id"] if "_id" in content else content["id"])
        with self._lock:
            self._entries[campaign_id] = Entry(content, content.get("updatedAt"), body)
            self.generation += 1

    def serve_bytes(self, campaign_id: str, body: bytes) -> None:
        """Answer with exactly these bytes until the campaign is edited."""
        with self._lock:
            if campaign_id not in self._entries:
                self.add({"_id": campaign_id} | _content_of(body), body)
            self._entries[campaign_id].body = body

    def edit(self, campaign_id: str, changes: Mapping[str, Any], *, silent: bool) -> None:
        with self._lock:
            entry = self._entry(campaign_id)
            for path, value in changes.items():
                _set(entry.content, path, value)
            if not silent and "updatedAt" not in changes:
                entry.content["updatedAt"] = _later_than(entry.content.get("updatedAt"))
            entry.body = None
            self.generation += 1

    def send(self, campaign_id: str, messages: int, execution_type: str) -> None:
        with self._lock:
            entry = self._entry(campaign_id)
            entry.messages_sent += messages
            entry.execution_type = execution_type
            self.generation += 1

    def set_deleted(self, campaign_id: str, is_deleted: bool) -> None:
        with self._lock:
            self._entry(campaign_id).is_deleted = is_deleted
            self.generation += 1

    def _entry(self, campaign_id: str) -> Entry:
        if campaign_id not in self._entries:
            raise UnknownCampaignError(campaign_id)
        return self._entries[campaign_id]


def instant(value: object) -> datetime:
    """Parse a timestamp in any form that Kore writes; the epoch if it is invalid."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return EPOCH
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def timestamp(moment: datetime) -> str:
    """Write a timestamp as Kore does: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _later_than(previous: object) -> str:
    # strictly later even for two edits within one millisecond or a timestamp in the future
    return timestamp(max(datetime.now(tz=UTC), instant(previous) + timedelta(milliseconds=1)))


def _set(content: dict[str, Any], path: str, value: object) -> None:
    *parents, key = path.split(".")
    for parent in parents:
        content = content.setdefault(parent, {})
    if value is REMOVED:
        content.pop(key, None)
    else:
        content[key] = deepcopy(value)


def _content_of(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)["data"]
    except (ValueError, KeyError, TypeError):
        return {}
    return content if isinstance(content, dict) else {}
