"""Events that a run logs: their names, their levels and how to log one.

docs/operations.md lists them with their fields. They go to the logger of the module in which they
happen, as any record of `logging` does. No event carries a header or a body that was sent, so none
can contain a secret.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from logging import ERROR, INFO, WARNING
from typing import Any, Final

EVENTS: Final[Mapping[str, int]] = {
    "run_started": INFO,
    "sweep_planned": INFO,
    "progress": INFO,
    "chunk_loaded": INFO,
    "rate_limited": WARNING,
    "campaign_failed": WARNING,
    "campaigns_not_reached": WARNING,
    "vanish_confirming": INFO,
    "vanish_not_believed": WARNING,
    "listing_doubted": WARNING,
    "contact_lists_unread": WARNING,
    "database_noted": WARNING,
    "listing_unreadable": ERROR,
    "clock_differs": WARNING,
    "access_refused": ERROR,
    "run_stopped": ERROR,
    "stop_requested": WARNING,
    "deadline_reached": WARNING,
    "run_interrupted": WARNING,
    "drift_found": INFO,
    "run_finished": INFO,
    "run_failed": ERROR,
    "metrics_failed": WARNING,
    "ping_failed": WARNING,
}
# a program that uses the package without setting up `logging` sees no events
logging.getLogger("kore_campaigns").addHandler(logging.NullHandler())
_context: ContextVar[Mapping[str, Any] | None] = ContextVar("fields of every event", default=None)


@contextmanager
def for_connection(name: str | None) -> Iterator[None]:
    """Add the field `connection` to each event that is logged inside."""
    token = _context.set({"connection": name})
    try:
        yield
    finally:
        _context.reset(token)


def log_event(
    logger: logging.Logger,
    event: str,
    sentence: str = "",
    *,
    level: int | None = None,
    **fields: Any,
) -> None:
    """Log an event of `EVENTS`; its sentence is empty where the fields say everything.

    The record has `event`, `sentence` and the fields as attributes, for formatters. Its message is
    for logs that show nothing else, for example Airflow's.
    """
    fields = {**(_context.get() or {}), **fields}
    text = sentence or ", ".join(f"{name}={value}" for name, value in fields.items())
    about = f"{fields['campaign_id']}: " if "campaign_id" in fields else ""
    logger.log(
        EVENTS[event] if level is None else level,
        "%s: %s%s",
        event,
        about,
        text,
        extra={"event": event, "sentence": sentence, **fields},
    )
