"""What `check --json` said, leg by leg."""

from __future__ import annotations

from typing import Any

from kore_campaigns.maintenance.check import NAMES
from support.project import Ended

UNREACHED = {"token", "scope", "stream", "account", "listing"}


def states(ended: Ended) -> dict[str, str]:
    legs: list[dict[str, Any]] = ended.json["legs"]
    assert [leg["name"] for leg in legs] == list(NAMES)
    assert ended.json["ok"] is (ended.code == 0)
    return {leg["name"]: leg["state"] for leg in legs}


def said(ended: Ended, name: str) -> str:
    return next(str(leg["message"]) for leg in ended.json["legs"] if leg["name"] == name)


def failing(ended: Ended) -> set[str]:
    return {name for name, state in states(ended).items() if state == "failed"}
