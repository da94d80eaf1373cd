"""Each command: options in, the answer printed, its exit code back."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
from collections.abc import Sequence
from typing import Any

from kore_campaigns.errors import SettingInvalid
from kore_campaigns.terminal import say, show


def run(options: argparse.Namespace) -> int:
    from kore_campaigns.progress import show_progress
    from kore_campaigns.run import run_pipeline
    from kore_campaigns.texts import run_drift, run_problems, run_summary

    if options.destination != "duckdb":
        expected = "`duckdb`; for others use the plain dlt source, see docs/operations.md"
        raise SettingInvalid(key="destination", value=options.destination, expected=expected)
    stop = _stop_on_signals()
    with show_progress(quiet=options.quiet or options.json) as progress:
        report = run_pipeline(
            database=_from_here(options.database),
            connection=options.connection,
            accept_vanished=options.accept_vanished,
            deadline_seconds=options.deadline,
            stop=stop,
            progress=progress,
            campaign_ids=_from_here(options.campaign_ids),
            sweep=options.sweep,
            requests_per_minute=options.requests_per_minute,
        )
    # nothing failed for drift: cron need not send a mail for it every night
    for line in [*run_problems(report), *([] if options.quiet else run_drift(report))]:
        say(line)
    _print_result(options, report.as_json(), run_summary(report), quiet=options.quiet)
    return report.exit_code


def plan(options: argparse.Namespace) -> int:
    from kore_campaigns.plan_text import plan_lines
    from kore_campaigns.preview import preview_run

    preview = preview_run(
        database=_from_here(options.database),
        connection=options.connection,
        stop=_stop_on_signals(),
        campaign_ids=_from_here(options.campaign_ids),
        sweep=options.sweep,
        requests_per_minute=options.requests_per_minute,
    )
    _print_result(options, preview.as_json(), plan_lines(preview))
    return 0


def status(options: argparse.Namespace) -> int:
    from kore_campaigns.project import project_folder
    from kore_campaigns.publish import workspace_for
    from kore_campaigns.status import read_status
    from kore_campaigns.status_text import status_summary

    status = read_status(workspace_for(_from_here(options.database), project_folder()))
    _print_result(options, status.as_json(), status_summary(status))
    return 0


def check(options: argparse.Namespace) -> int:
    from kore_campaigns.check import check_legs
    from kore_campaigns.texts import check_line

    code, legs = 0, []
    for leg in check_legs(
        database=_from_here(options.database),
        connection=options.connection,
        campaign_ids=_from_here(options.campaign_ids),
    ):
        legs.append(leg.as_json())
        code = code or leg.exit_code
        if not options.json:
            show(check_line(leg))
    if options.json:
        show(json.dumps({"ok": code == 0, "legs": legs}, default=str))
    return code


def restore(options: argparse.Namespace) -> int:
    from kore_campaigns.project import project_folder
    from kore_campaigns.publish import workspace_for
    from kore_campaigns.restore import read_kept, restore_generation
    from kore_campaigns.texts import kept_summary, restored_summary

    workspace = workspace_for(_from_here(options.database), project_folder())
    if options.generation is None:
        kept = read_kept(workspace)
        _print_result(options, kept.as_json(), kept_summary(kept))
    else:
        restored = restore_generation(workspace, options.generation)
        _print_result(options, restored.as_json(), restored_summary(restored))
    return 0


def demo(options: argparse.Namespace) -> int:
    from kore_campaigns.demo import play_demo

    result = play_demo(options.directory, say=_ignore if options.json else show)
    if options.json:
        show(json.dumps(result, default=str))
    return 0


def _stop_on_signals() -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; a second one ends the program at once."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        say("stopping: what was fetched is being stored; press Ctrl-C again to stop at once.")

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    return stop


def _from_here(path: str | None) -> str | None:
    """A path given as a flag belongs to the current folder, as with any command."""
    return None if path is None else os.path.abspath(path)  # noqa: PTH100


def _print_result(
    options: argparse.Namespace, as_json: Any, summary: Sequence[str], *, quiet: bool = False
) -> None:
    if options.json:
        show(json.dumps(as_json, default=str))
    elif not quiet:
        show("\n".join(summary))


def _ignore(text: str = "") -> None:
    """Nobody reads along."""
