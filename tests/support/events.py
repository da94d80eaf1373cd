"""Events that a test's own process logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS

PACKAGE = logging.getLogger("kore_campaigns")


@dataclass(frozen=True)
class Event:
    name: str
    level: str
    message: str
    fields: dict[str, Any]


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not hasattr(record, "event"):
            return
        fields = {key: value for key, value in vars(record).items() if key not in RESERVED_ATTRS}
        name, sentence = fields.pop("event"), fields.pop("sentence")
        self.events.append(Event(name, record.levelname.lower(), sentence, fields))


@contextmanager
def logged_events() -> Iterator[list[Event]]:
    """The events that are logged inside, in their order."""
    collector, level = _Collector(), PACKAGE.level
    PACKAGE.addHandler(collector)
    PACKAGE.setLevel(logging.INFO)
    try:
        yield collector.events
    finally:
        PACKAGE.setLevel(level)
        PACKAGE.removeHandler(collector)
