"""Events as one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kore_campaigns.events import Event


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class JsonLog:
    """`write` gets each line. Every line names the run, once one has begun."""

    write: Callable[[str], object]
    is_quiet: bool = False
    """Warnings and errors alone."""
    now: Callable[[], datetime] = utc_now
    _run_id: str | None = None
    _waiting: list[str] = field(default_factory=list)
    _is_writing: bool = False

    def __call__(self, event: Event) -> None:
        self._run_id = event.fields.get("run_id", self._run_id)
        if self.is_quiet and event.level == "info":
            return
        self._waiting.append(self._line(event))
        if self._is_writing:  # a signal came in the middle of a line
            return
        self._is_writing = True
        try:
            while self._waiting:
                self.write(self._waiting.pop(0))
        finally:
            self._is_writing = False

    def _line(self, event: Event) -> str:
        line = {
            "ts": f"{self.now().astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "level": event.level,
            "event": event.name,
            "run_id": self._run_id,
            **({"message": event.message} if event.message else {}),
            **event.fields,
        }
        return json.dumps(line, default=str)
