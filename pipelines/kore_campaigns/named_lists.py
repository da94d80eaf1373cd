"""DNC lists and contact lists as campaigns name them: by id, by name, one or many."""

from __future__ import annotations

from typing import Any

from kore_campaigns import typed
from kore_campaigns.json_text import canonical


def list_rows(lists: Any, id_column: str, name_column: str) -> list[dict[str, Any]]:
    """One row per list, whether Kore sends objects, names, or a single one of either."""
    rows = []
    for position, entry in enumerate(lists if isinstance(lists, list) else [lists], start=1):
        if not typed.is_blank(entry):
            list_id, name = _identity(entry)
            rows.append({"position": position, id_column: list_id, name_column: name})
    return rows


def names_by_identity(lists: Any) -> dict[str, str]:
    """The name of each list by its id, or by its name where it has none."""
    found = (_identity(entry) for entry in (lists if isinstance(lists, list) else [lists]) if entry)
    return {list_id or name or "": name or list_id or "" for list_id, name in found}


def _identity(entry: Any) -> tuple[str | None, str | None]:
    if not isinstance(entry, dict):
        return None, typed.text(entry)
    list_id, name = typed.text(entry.get("id") or entry.get("_id")), typed.text(entry.get("name"))
    if not list_id and not name:  # of a kind unforeseen: better odd than lost
        return None, canonical(entry)
    return list_id, name
