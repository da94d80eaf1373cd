"""Control of the emulator over HTTP, for pipelines in another process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from aiohttp import web

from .answers import METHOD_NOT_ALLOWED, NOT_FOUND, Answer, encode, refusal
from .catalogue import REMOVED, Catalogue
from .faults import FaultPlan
from .journal import Journal

CONTROL_PATH = "/_emulator/"
Action = Callable[[dict[str, Any]], object]


class Control:
    """Requests that are not counted, limited or authenticated; only on the loopback interface."""

    def __init__(self, catalogue: Catalogue, faults: FaultPlan, journal: Journal) -> None:
        self._catalogue = catalogue
        self._faults = faults
        self._journal = journal
        self._actions: Mapping[tuple[str, str], Action] = {
            ("POST", "faults"): self._fault,
            ("DELETE", "faults"): lambda _: faults.clear(),
            ("POST", "edit"): self._edit,
            ("POST", "delete"): self._delete,
            ("POST", "restore"): self._restore,
            ("GET", "counters"): lambda _: self._counters(),
        }

    def answer(self, request: web.BaseRequest, body: bytes) -> Answer:
        """Execute the request; a 400 names its error."""
        name = request.raw_path.removeprefix(CONTROL_PATH).partition("?")[0]
        action = self._actions.get((request.method, name))
        if action is None:
            known = name in {known for _, known in self._actions}
            return METHOD_NOT_ALLOWED if known else NOT_FOUND
        try:
            outcome = action(json.loads(body) if body else {})
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            return refusal(400, f"{type(error).__name__}: {error}")
        return Answer(200, encode({"status": "success"} if outcome is None else outcome))

    def _fault(self, given: dict[str, Any]) -> None:
        options = dict(given)
        name, campaign_id = options.pop("fault"), options.pop("campaign_id", None)
        self._faults.add(name, campaign_id, options.pop("times", None), options)

    def _counters(self) -> dict[str, Any]:
        # not `asdict`: it rebuilds a Counter from its pairs and counts the pairs
        counters = self._journal.counters()
        return {field.name: getattr(counters, field.name) for field in fields(counters)}

    def _delete(self, given: dict[str, Any]) -> None:
        self._catalogue.set_deleted(given["campaign_id"], True)

    def _restore(self, given: dict[str, Any]) -> None:
        self._catalogue.set_deleted(given["campaign_id"], False)

    def _edit(self, given: dict[str, Any]) -> None:
        changes = dict(given.get("changes", {}))
        # JSON has no value for a removed key, so removed paths are a separate list
        changes |= dict.fromkeys(given.get("remove", []), REMOVED)
        self._catalogue.edit(given["campaign_id"], changes, silent=given.get("silent", False))
