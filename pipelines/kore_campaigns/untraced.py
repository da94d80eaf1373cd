"""dlt remembers each value that it looks up, secrets included, for as long as the process lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dlt.common.configuration.utils import get_resolved_traces


@contextmanager
def untraced() -> Iterator[None]:
    """In this thread nothing of it is remembered: 0.6 MB a run in a process that runs us often."""
    traces = get_resolved_traces()
    before = traces.logging_enabled
    traces.logging_enabled = False
    try:
        yield
    finally:
        traces.logging_enabled = before
