"""The command `run`: flags in, progress and problems on stderr, the summary on stdout."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from kore_campaigns.errors import SettingInvalid
from kore_campaigns.terminal import from_here, print_result, say, stop_on_signals

if TYPE_CHECKING:
    from kore_campaigns.events import Event, Tell
    from kore_campaigns.monitors import Monitors
    from kore_campaigns.report import RunReport
    from kore_campaigns.sweep import Progress


def run(options: argparse.Namespace) -> int:
    from kore_campaigns.endings import ending_of
    from kore_campaigns.texts import run_drift, run_problems, run_summary

    monitors = _monitors(options)
    monitors.started()
    try:
        report = _run(options)
    except (Exception, KeyboardInterrupt) as failed:
        monitors.failed(ending_of(failed))
        raise
    if options.log is None:
        # nothing failed for drift: cron need not send a mail for it every night
        for line in [*run_problems(report), *([] if options.quiet else run_drift(report))]:
            say(line)
    monitors.ended(report)
    print_result(options, report.as_json(), run_summary(report), quiet=options.quiet)
    return report.exit_code


def _run(options: argparse.Namespace) -> RunReport:
    from kore_campaigns.events import stop_requested, tell_nobody
    from kore_campaigns.run import run_pipeline

    if options.destination != "duckdb":
        expected = "`duckdb`; for others use the plain dlt source, see docs/operations.md"
        raise SettingInvalid(key="destination", value=options.destination, expected=expected)
    log = options.log
    stop = stop_on_signals(say if log is None else lambda line: log(stop_requested(line)))
    with _progress(options) as progress:
        return run_pipeline(
            database=from_here(options.database),
            connection=options.connection,
            accept_vanished=options.accept_vanished,
            deadline_seconds=options.deadline,
            stop=stop,
            progress=progress,
            tell=log or tell_nobody,
            campaign_ids=from_here(options.campaign_ids),
            sweep=options.sweep,
            requests_per_minute=options.requests_per_minute,
        )


def _progress(options: argparse.Namespace) -> AbstractContextManager[Progress]:
    from kore_campaigns.progress import show_progress, tell_progress

    if options.log is not None:
        return tell_progress(options.log)
    return show_progress(quiet=options.quiet or options.json)


def _monitors(options: argparse.Namespace) -> Monitors:
    """Raises `SettingInvalid` for an address that cannot be pinged."""
    from kore_campaigns import events
    from kore_campaigns.monitors import Monitors
    from kore_campaigns.ping import Ping

    tell: Tell = options.log or _say_event
    url = options.ping_url
    return Monitors(
        metrics_file=from_here(options.metrics_file),
        ping=None if url is None else Ping(url, lambda line: tell(events.ping_failed(line))),
        database=from_here(options.database),
        connection=options.connection,
        tell=tell,
    )


def _say_event(event: Event) -> None:
    say(event.message)
