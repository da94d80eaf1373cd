"""Events: the registry and the code have the same names."""

from __future__ import annotations

import ast
import logging
from pathlib import Path

import pytest

from kore_campaigns.events import EVENTS, for_connection, log_event
from support.events import Event, logged_events

ROOT = Path(__file__).parents[2]
LOGGER = logging.getLogger("kore_campaigns.test")


def names_in_the_code() -> set[str]:
    """Second argument of each `log_event(...)` and first of each `Problem(...)`, which become
    events.
    """
    found = set()
    for file in (ROOT / "pipelines" / "kore_campaigns").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = {"log_event": 1, "Problem": 0}.get(node.func.id)
                name = node.args[place] if place is not None else None
                if isinstance(name, ast.Constant):
                    found.add(str(name.value))
    return found


def test_every_event_of_the_code_is_in_the_registry_and_the_other_way_round() -> None:
    assert names_in_the_code() == set(EVENTS)


def test_events_are_logged_in_no_other_way() -> None:
    for file in (ROOT / "pipelines" / "kore_campaigns").rglob("*.py"):
        assert "extra=" not in file.read_text(encoding="utf-8") or file.name == "events.py", file


def test_a_name_that_is_not_registered_cannot_be_logged() -> None:
    with pytest.raises(KeyError):
        log_event(LOGGER, "surprise", "x")


def test_an_event_names_its_connection_before_its_own_fields() -> None:
    with logged_events() as events:
        with for_connection("uk"):
            log_event(LOGGER, "rate_limited", count=1)
        log_event(LOGGER, "rate_limited", count=2)

    assert events == [
        Event("rate_limited", "warning", "", {"connection": "uk", "count": 1}),
        Event("rate_limited", "warning", "", {"count": 2}),
    ]
    assert list(events[0].fields) == ["connection", "count"]


def test_a_log_that_shows_messages_alone_says_what_happened(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log_event(LOGGER, "campaign_failed", "HTTP 404: no such 100% campaign", campaign_id="cd-1")
    log_event(LOGGER, "rate_limited", count=1)

    assert [record.getMessage() for record in caplog.records] == [
        "campaign_failed: cd-1: HTTP 404: no such 100% campaign",
        "rate_limited: count=1",
    ]
