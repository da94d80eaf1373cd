"""Contact lists and do-not-call lists that the campaigns name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from .catalogue import Catalogue
from .listing import is_sms

UPDATED_AT = "2025-12-05T09:34:12.449Z"
USER = "u-2f0d6c1e-51b7-5d0a-9c0e-9b3f5a7c1d22"
MADE_UP_TOKEN = "Bearer made-up-token-of-a-source-system"  # noqa: S105 - opens nothing


class ContactLists:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.served: Any = None
        """Lists to show in place of those that the campaigns name, if not None."""
        self.dnc_edits: dict[str, dict[str, Any]] = {}
        """Fields of do-not-call lists that differ from what is made up."""

    def rows(self) -> Any:
        """List every contact list of a live voice campaign, in order of first mention."""
        if self.served is not None:
            return self.served
        campaigns: dict[str, list[dict[str, str]]] = {}
        for entry in self._catalogue.entries():
            content = entry.content
            names = content.get("contactLists")
            if is_sms(content) or not isinstance(names, list):
                continue
            for name in names:
                in_use = {"id": str(content.get("_id")), "name": str(content.get("name"))}
                campaigns.setdefault(str(name), []).append(in_use)
        named = enumerate(campaigns.items())
        return [_row(name, in_use, position) for position, (name, in_use) in named]

    def detail(self, list_id: str | None) -> dict[str, Any] | None:
        """One list, with the fields that only its own endpoint returns."""
        for row in (*self.rows(), *self._dnc_rows()):
            if isinstance(row, dict) and row.get("_id") == list_id:
                return {
                    **row,
                    "isActive": True,
                    "isGlobalDNC": False,
                    "isDefault": False,
                    "allowDuplicates": False,
                    "createdAt": UPDATED_AT,
                    "createdBy": USER,
                    "updatedBy": USER,
                    **self.dnc_edits.get(str(list_id), {}),
                }
        return None

    def _dnc_rows(self) -> Iterator[dict[str, Any]]:
        """Lists that `dncLists` of live campaigns names with an id."""
        for entry in self._catalogue.entries():
            named = entry.content.get("dncLists")
            for one in named if isinstance(named, list) else [named]:
                if isinstance(one, dict) and "id" in one:
                    name = str(one.get("name"))
                    yield {
                        "_id": one["id"],
                        "name": name,
                        "description": name,
                        "totalRecordCount": 1 + len(name) * 1_000,
                        "status": "Validated",
                        "updatedAt": UPDATED_AT,
                    }


def _row(name: str, in_use: list[dict[str, str]], position: int) -> dict[str, Any]:
    digest = hashlib.sha256(name.encode()).hexdigest()
    is_synced = position % 3 == 0
    row: dict[str, Any] = {
        "_id": _list_id(digest),
        "name": name,
        "description": name,
        "totalRecordCount": int(digest[:3], 16),
        "status": "Ready" if is_synced else "Validated",
        "mapping": {
            "firstName": "firstName",
            "lastName": "lastName",
            "phoneNumber": "phoneNumber",
            # every second list has no time zone, so the campaign's applies
            "timeZone": "timezone" if position % 2 else "",
            "uniqueId": "",
            "contactPriority": "",
        },
        "isListInUse": False,  # Kore sends this even for a list with twelve campaigns
        "listType": "call",
        "campaignInUse": in_use,
        "source": "apiIntegration" if is_synced else "localDrive",
        "columns": ["firstName", "lastName", "phoneNumber", "timezone", " Priority"],
        "files": [] if is_synced else [{"fileId": digest[:24], "fileName": f"{name}.csv"}],
        "updatedAt": UPDATED_AT,
    }
    if is_synced:
        row["apiConfigurations"] = {
            "url": "https://crm.example.com/contacts",
            "auth": MADE_UP_TOKEN,
            "headers": [],
            "dataSyncMode": "allowDuplicates",
            "syncInterval": 1440,
        }
    return row


def _list_id(digest: str) -> str:
    parts = digest[:7], digest[7:11], f"4{digest[11:14]}", f"8{digest[14:17]}", digest[17:29]
    return "cl-" + "-".join(parts)
