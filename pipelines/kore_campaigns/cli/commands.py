"""Each command: options in, the answer printed, its exit code back."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from kore_campaigns.cli.console import from_here, print_result, say, show, stop_on_signals
from kore_campaigns.errors import KoreCampaignsError, combined, ending_of
from kore_campaigns.events import log_event

if TYPE_CHECKING:
    from kore_campaigns.extract.report import RunReport
    from kore_campaigns.extract.sweep import Progress
    from kore_campaigns.load.duckdb_file import Workspace
    from kore_campaigns.load.postgres import Warehouse
    from kore_campaigns.pipeline import Runs
    from kore_campaigns.reports.monitoring import Monitors

logger = logging.getLogger(__name__)

Json = dict[str, Any]


class Parts:
    """Prints what each connection comes to; about one alone, as if there were no others."""

    def __init__(self, options: argparse.Namespace, *, despite_file: bool = False) -> None:
        self._options = options
        self._despite_file = despite_file
        self._found: list[Json] = []
        self._connections: list[str | None] = []

    def each(self, command: Callable[[str | None], int]) -> int:
        """The exit code of all of them. Raises what `command` raises if there is one only."""
        self._connections = connections_of(self._options, despite_file=self._despite_file)
        codes: list[int] = []
        for connection in self._connections:
            if self._are_several:
                self.show_now([f"connection {connection}"])
            try:
                codes.append(command(connection))
            except KoreCampaignsError as failed:
                if not self._are_several:
                    raise
                codes.append(self._failed(connection, failed))
        if self._options.json:
            named = zip(self._connections, self._found, strict=True)
            parts = [{"connection": name, **part} for name, part in named]
            show(
                json.dumps(
                    {"connections": parts} if self._are_several else self._found[0], default=str
                )
            )
        return combined(codes)

    def add(self, as_json: Json, lines: Sequence[str] = ()) -> None:
        """What one connection came to."""
        self._found.append(as_json)
        self.show_now(lines)

    def show_now(self, lines: Sequence[str]) -> None:
        """Lines for a person."""
        if lines and not self._options.json:
            show("\n".join(lines))

    def _failed(self, connection: str | None, failed: KoreCampaignsError) -> int:
        ending = ending_of(failed)
        say(f"{connection}: {ending.message}")
        self._found.append({"error_code": ending.code, "message": ending.message})
        return ending.exit_code

    @property
    def _are_several(self) -> bool:
        return len(self._connections) > 1


def connections_of(options: argparse.Namespace, *, despite_file: bool = False) -> list[str | None]:
    """Those that flags, csv and settings choose."""
    from kore_campaigns.config.project import project_folder
    from kore_campaigns.config.settings import chosen_connections

    folder, file = project_folder(), from_here(options.campaign_ids)
    return chosen_connections(
        options.connection, folder, campaign_ids=file, despite_file=despite_file
    )


def run(options: argparse.Namespace) -> int:
    from kore_campaigns.cli.output import run_drift, run_problems, runs_summary
    from kore_campaigns.errors import ending_of
    from kore_campaigns.pipeline import parts_of

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
    for part in parts if options.log_format == "text" else ():
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
    from kore_campaigns.pipeline import run_connections, run_pipeline

    stop = stop_on_signals()
    with _progress(options) as progress:
        given: dict[str, Any] = {
            "destination": options.destination,
            "database": from_here(options.database),
            "accept_vanished": options.accept_vanished,
            "deadline_seconds": options.deadline,
            "stop": stop,
            "progress": progress,
            "campaign_ids": from_here(options.campaign_ids),
            "sweep": options.sweep,
            "requests_per_minute": options.requests_per_minute,
        }
        if len(connections) == 1:
            return run_pipeline(connection=connections[0], **given)
        return run_connections(connections, **given)


def _progress(options: argparse.Namespace) -> AbstractContextManager[Progress]:
    from kore_campaigns.cli.console import log_progress, show_progress

    if options.log_format == "json":
        return log_progress()
    return show_progress(quiet=options.quiet or options.json)


def _monitors(options: argparse.Namespace, connections: Sequence[str | None]) -> Monitors:
    """Raises `SettingInvalid` for an address that cannot be pinged."""
    from kore_campaigns.reports.monitoring import Monitors, Ping

    url = options.ping_url
    return Monitors(
        metrics_file=from_here(options.metrics_file),
        ping=None
        if url is None
        else Ping(url, lambda line: log_event(logger, "ping_failed", line)),
        destination=options.destination,
        database=from_here(options.database),
        connections=connections,
    )


def plan(options: argparse.Namespace) -> int:
    from kore_campaigns.cli.output import plan_lines
    from kore_campaigns.extract.planner import preview_run

    stop = stop_on_signals()

    def one(connection: str | None) -> int:
        preview = preview_run(
            destination=options.destination,
            database=from_here(options.database),
            connection=connection,
            stop=stop,
            campaign_ids=from_here(options.campaign_ids),
            sweep=options.sweep,
            requests_per_minute=options.requests_per_minute,
        )
        parts.add(preview.as_json(), plan_lines(preview))
        return 0

    parts = Parts(options)
    return parts.each(one)


def status(options: argparse.Namespace) -> int:
    from kore_campaigns.cli.output import status_summary
    from kore_campaigns.reports.monitoring import write_metrics_of
    from kore_campaigns.reports.status import read_status

    status = read_status(_place(options))
    if options.metrics_file is not None:
        write_metrics_of(status, options.metrics_file)
    print_result(options, status.as_json(), status_summary(status))
    return 0


def report(options: argparse.Namespace) -> int:
    from kore_campaigns.reports.html import write_page

    written = write_page(_place(options), str(from_here(options.html)))
    print_result(options, written.as_json(), [f"{written.file}: {written.size}"])
    return 0


def export(options: argparse.Namespace) -> int:
    from kore_campaigns.cli.output import export_summary
    from kore_campaigns.reports.export import export_views

    exported = export_views(
        str(from_here(options.parquet)),
        views=options.view or (),
        destination=options.destination,
        database=from_here(options.database),
    )
    print_result(options, exported.as_json(), export_summary(exported), quiet=options.quiet)
    return 0


def copy(options: argparse.Namespace) -> int:
    from kore_campaigns.cli.output import copy_summary
    from kore_campaigns.maintenance.copy import copy_history

    copied = copy_history(destination=options.destination, database=from_here(options.database))
    print_result(options, copied.as_json(), copy_summary(copied), quiet=options.quiet)
    return 0


def views(options: argparse.Namespace) -> int:
    from kore_campaigns.views.apply import view_statements

    statements = [*view_statements(options.dialect)]
    found = {"dialect": options.dialect, "statements": statements}
    print_result(options, found, [f"{each};" for each in statements])
    return 0


def check(options: argparse.Namespace) -> int:
    from kore_campaigns.cli.output import check_line
    from kore_campaigns.maintenance.check import check_legs

    def one(connection: str | None) -> int:
        code, legs = 0, []
        for leg in check_legs(
            destination=options.destination,
            database=from_here(options.database),
            connection=connection,
            campaign_ids=from_here(options.campaign_ids),
        ):
            legs.append(leg.as_json())
            code = code or leg.exit_code
            parts.show_now([check_line(leg)])
        parts.add({"ok": code == 0, "legs": legs})
        return code

    parts = Parts(options, despite_file=True)
    return parts.each(one)


def restore(options: argparse.Namespace) -> int:
    from kore_campaigns.cli.output import kept_summary, restored_summary
    from kore_campaigns.config.project import project_folder
    from kore_campaigns.load.duckdb_file import workspace_for
    from kore_campaigns.maintenance.restore import read_kept, restore_generation

    workspace = workspace_for(from_here(options.database), project_folder())
    if options.generation is None:
        kept = read_kept(workspace)
        print_result(options, kept.as_json(), kept_summary(kept))
    else:
        restored = restore_generation(workspace, options.generation)
        print_result(options, restored.as_json(), restored_summary(restored))
    return 0


def verify(options: argparse.Namespace) -> int:
    from kore_campaigns.cli.console import show_progress
    from kore_campaigns.cli.output import verify_differences, verify_problems, verify_summary
    from kore_campaigns.maintenance.verify import verify_database

    stop = stop_on_signals(
        "stopping: what was read is being compared; press Ctrl-C again to stop at once."
    )

    def one(connection: str | None) -> int:
        with show_progress(quiet=options.quiet or options.json) as progress:
            found = verify_database(
                destination=options.destination,
                database=from_here(options.database),
                connection=connection,
                stop=stop,
                progress=progress,
                campaign_ids=from_here(options.campaign_ids),
                requests_per_minute=options.requests_per_minute,
            )
        for line in verify_problems(found):
            say(line)
        is_quiet = options.quiet and found.exit_code == 0
        lines = [*verify_differences(found), *verify_summary(found)]
        parts.add(found.as_json(), [] if is_quiet else lines)
        return found.exit_code

    parts = Parts(options)
    return parts.each(one)


def rebuild(options: argparse.Namespace) -> int:
    from kore_campaigns.cli.output import rebuild_summary
    from kore_campaigns.maintenance.rebuild import rebuild_database

    rebuilt = rebuild_database(
        destination=options.destination, database=from_here(options.database)
    )
    print_result(options, rebuilt.as_json(), rebuild_summary(rebuilt), quiet=options.quiet)
    return 0


def demo(options: argparse.Namespace) -> int:
    from kore_campaigns.cli.demo import play_demo

    result = play_demo(options.directory, say=_ignore if options.json else show)
    if options.json:
        show(json.dumps(result, default=str))
    return 0


def _place(options: argparse.Namespace) -> Workspace | Warehouse:
    from kore_campaigns.config.project import project_folder
    from kore_campaigns.load.destination import place_of

    return place_of(options.destination, from_here(options.database), project_folder())


def _ignore(text: str = "") -> None:
    """Nobody reads along."""
