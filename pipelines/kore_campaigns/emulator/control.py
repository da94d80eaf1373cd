"""Steering over HTTP, for users whose pipeline runs in another process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .answers import METHOD_NOT_ALLOWED, NOT_FOUND, Answer, encode, refusal
from .catalogue import REMOVED

if TYPE_CHECKING:
    from .server import Emulator

CONTROL_PATH = "/_emulator/"
Action = Callable[[dict[str, Any]], object]


class Control:
    """Never counted, limited or authenticated: it exists on the loopback interface only."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._actions: Mapping[tuple[str, str], Action] = {
            ("POST", "faults"): self._fault,
            ("DELETE", "faults"): lambda _: emulator.clear_faults(),
            ("POST", "edit"): self._edit,
            ("POST", "delete"): lambda given: emulator.delete(given["campaign_id"]),
            ("POST", "restore"): lambda given: emulator.restore(given["campaign_id"]),
            ("GET", "counters"): lambda _: self._counters(),
        }

    def answer(self, request: web.BaseRequest, body: bytes) -> Answer:
        """Does what is asked; 400 names what was wrong with it."""
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
        self._emulator.fault(options.pop("fault"), **options)

    def _counters(self) -> dict[str, Any]:
        # not `asdict`, which rebuilds a Counter from its pairs and so counts the pairs
        counters = self._emulator.counters
        return {field.name: getattr(counters, field.name) for field in fields(counters)}

    def _edit(self, given: dict[str, Any]) -> None:
        changes = dict(given.get("changes", {}))
        # JSON has no value for "gone", so removed paths come as a list of their own
        changes |= dict.fromkeys(given.get("remove", []), REMOVED)
        self._emulator.edit(given["campaign_id"], changes, silent=given.get("silent", False))
