"""Events that a run logs: their names, their levels and how to log one.

docs/reference/events.md lists them with their fields. They go to the logger of the module in which
they happen, as any record of `logging` does. No event carries a header or a body that was sent, so
none can contain a secret.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from logging import ERROR, INFO, WARNING
from typing import Any, Final

# the level of each event; the comment says when it is logged, docs/reference/events.md shows it
EVENTS: Final[Mapping[str, int]] = {
    "run_started": INFO,  # the database is locked for this run
    "sweep_planned": INFO,  # the campaigns to fetch are known
    "progress": INFO,  # every 30 s
    "chunk_loaded": INFO,  # the fetched campaigns are durable and published
    "rate_limited": WARNING,  # a response said that the call limit is reached
    "campaign_failed": WARNING,  # a campaign failed
    "campaigns_not_reached": WARNING,  # at the end, for campaigns that the run did not reach
    "vanish_confirming": INFO,  # the run waits before it requests campaigns again that answered 404
    "vanish_not_believed": WARNING,  # too many campaigns were gone at once
    "listing_doubted": WARNING,  # the account listing contradicts itself
    "contact_lists_unread": WARNING,  # the contact lists could not be read, or some have no id
    "dnc_lists_unread": WARNING,  # Kore did not show the state of DNC lists, unlike before
    "database_noted": WARNING,  # a view was not replaced; or others write the published file
    "listing_unreadable": ERROR,  # `*` is configured and the listing could not be read
    "clock_differs": WARNING,  # this clock differs from Kore.ai's by over a minute, or went back
    "access_refused": ERROR,  # the credentials were refused
    "run_stopped": ERROR,  # more campaigns failed than `error_budget` allows
    "stop_requested": WARNING,  # Ctrl-C or SIGTERM was received
    "deadline_reached": WARNING,  # `--deadline` ended the fetching
    "run_interrupted": WARNING,  # a stop ended the fetching
    "drift_found": INFO,  # at the end, for each unknown field, value or type
    "run_finished": INFO,  # the end of a run
    "run_failed": ERROR,  # an error ended a run, or prevented its start
    "metrics_failed": WARNING,  # the metrics file could not be written
    "notified": INFO,  # the receiver of `notify_url` has accepted a message
    "notify_failed": WARNING,  # it has not; the next run sends the message
    "ping_failed": WARNING,  # the monitor did not respond
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
