"""The command `run`: flags in, progress and problems on stderr, the summary on stdout."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from kore_campaigns.parts import connections_of
from kore_campaigns.terminal import from_here, print_result, say, stop_on_signals

if TYPE_CHECKING:
    from kore_campaigns.events import Event, Tell
    from kore_campaigns.monitors import Monitors
    from kore_campaigns.report import RunReport
    from kore_campaigns.runs import Runs
    from kore_campaigns.sweep import Progress


def run(options: argparse.Namespace) -> int:
    from kore_campaigns.endings import ending_of
    from kore_campaigns.runs import parts_of
    from kore_campaigns.texts import run_drift, run_problems, runs_summary

    monitors = _monitors(options, options.connection or [None])
    monitors.started()
    try:
        connections = connections_of(options)
        monitors = _monitors(options, connections)
        found = _run(options, connections)
    except (Exception, KeyboardInterrupt) as failed:
        monitors.failed(ending_of(failed))
        raise
    parts = list(parts_of(found, connections[0]))
    for part in parts if options.log is None else ():
        whose = f"{part.connection}: " if len(parts) > 1 else ""
        if part.ending is not None:
            say(whose + part.ending.message)
        if part.report is not None:
            # nothing failed for drift: cron need not send a mail for it every night
            drift = [] if options.quiet else run_drift(part.report)
            for line in [*run_problems(part.report), *drift]:
                say(whose + line)
    monitors.ended(parts)
    print_result(options, found.as_json(), runs_summary(parts), quiet=options.quiet)
    return found.exit_code


def _run(options: argparse.Namespace, connections: Sequence[str | None]) -> RunReport | Runs:
    from kore_campaigns.events import stop_requested, tell_nobody
    from kore_campaigns.run import run_pipeline
    from kore_campaigns.runs import run_connections

    log = options.log
    stop = stop_on_signals(say if log is None else lambda line: log(stop_requested(line)))
    with _progress(options) as progress:
        given: dict[str, Any] = {
            "destination": options.destination,
            "database": from_here(options.database),
            "accept_vanished": options.accept_vanished,
            "deadline_seconds": options.deadline,
            "stop": stop,
            "progress": progress,
            "tell": log or tell_nobody,
            "campaign_ids": from_here(options.campaign_ids),
            "sweep": options.sweep,
            "requests_per_minute": options.requests_per_minute,
        }
        if len(connections) == 1:
            return run_pipeline(connection=connections[0], **given)
        return run_connections(connections, **given)


def _progress(options: argparse.Namespace) -> AbstractContextManager[Progress]:
    from kore_campaigns.progress import show_progress, tell_progress

    if options.log is not None:
        return tell_progress(options.log)
    return show_progress(quiet=options.quiet or options.json)


def _monitors(options: argparse.Namespace, connections: Sequence[str | None]) -> Monitors:
    """Raises `SettingInvalid` for an address that cannot be pinged."""
    from kore_campaigns import events
    from kore_campaigns.monitors import Monitors
    from kore_campaigns.ping import Ping

    tell: Tell = options.log or _say_event
    url = options.ping_url
    return Monitors(
        metrics_file=from_here(options.metrics_file),
        ping=None if url is None else Ping(url, lambda line: tell(events.ping_failed(line))),
        destination=options.destination,
        database=from_here(options.database),
        connections=connections,
        tell=tell,
    )


def _say_event(event: Event) -> None:
    say(event.message)
