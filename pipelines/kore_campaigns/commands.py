"""Each command: options in, the answer printed, its exit code back."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from kore_campaigns.parts import Parts
from kore_campaigns.terminal import from_here, print_result, say, show, stop_on_signals

if TYPE_CHECKING:
    from kore_campaigns.publish import Workspace
    from kore_campaigns.warehouse import Warehouse


def plan(options: argparse.Namespace) -> int:
    from kore_campaigns.plan_text import plan_lines
    from kore_campaigns.preview import preview_run

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
    from kore_campaigns.monitors import write_metrics_of
    from kore_campaigns.status import read_status
    from kore_campaigns.status_text import status_summary

    status = read_status(_place(options))
    if options.metrics_file is not None:
        write_metrics_of(status, options.metrics_file, lambda event: say(event.message))
    print_result(options, status.as_json(), status_summary(status))
    return 0


def report(options: argparse.Namespace) -> int:
    from kore_campaigns.html_file import write_page

    written = write_page(_place(options), str(from_here(options.html)))
    print_result(options, written.as_json(), [f"{written.file}: {written.size}"])
    return 0


def export(options: argparse.Namespace) -> int:
    from kore_campaigns.export import export_views
    from kore_campaigns.texts import export_summary

    exported = export_views(
        str(from_here(options.parquet)),
        views=options.view or (),
        destination=options.destination,
        database=from_here(options.database),
    )
    print_result(options, exported.as_json(), export_summary(exported), quiet=options.quiet)
    return 0


def copy(options: argparse.Namespace) -> int:
    from kore_campaigns.copy_history import copy_history
    from kore_campaigns.texts import copy_summary

    copied = copy_history(destination=options.destination, database=from_here(options.database))
    print_result(options, copied.as_json(), copy_summary(copied), quiet=options.quiet)
    return 0


def views(options: argparse.Namespace) -> int:
    from kore_campaigns.views.dialects import view_statements

    statements = [*view_statements(options.dialect)]
    found = {"dialect": options.dialect, "statements": statements}
    print_result(options, found, [f"{each};" for each in statements])
    return 0


def check(options: argparse.Namespace) -> int:
    from kore_campaigns.check import check_legs
    from kore_campaigns.texts import check_line

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
    from kore_campaigns.project import project_folder
    from kore_campaigns.publish import workspace_for
    from kore_campaigns.restore import read_kept, restore_generation
    from kore_campaigns.texts import kept_summary, restored_summary

    workspace = workspace_for(from_here(options.database), project_folder())
    if options.generation is None:
        kept = read_kept(workspace)
        print_result(options, kept.as_json(), kept_summary(kept))
    else:
        restored = restore_generation(workspace, options.generation)
        print_result(options, restored.as_json(), restored_summary(restored))
    return 0


def verify(options: argparse.Namespace) -> int:
    from kore_campaigns.progress import show_progress
    from kore_campaigns.verify import verify_database
    from kore_campaigns.verify_text import verify_differences, verify_problems, verify_summary

    said = "stopping: what was read is being compared; press Ctrl-C again to stop at once."
    stop = stop_on_signals(lambda _: say(said))

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
    from kore_campaigns.rebuild import rebuild_database
    from kore_campaigns.verify_text import rebuild_summary

    rebuilt = rebuild_database(
        destination=options.destination, database=from_here(options.database)
    )
    print_result(options, rebuilt.as_json(), rebuild_summary(rebuilt), quiet=options.quiet)
    return 0


def demo(options: argparse.Namespace) -> int:
    from kore_campaigns.demo import play_demo

    result = play_demo(options.directory, say=_ignore if options.json else show)
    if options.json:
        show(json.dumps(result, default=str))
    return 0


def _place(options: argparse.Namespace) -> Workspace | Warehouse:
    from kore_campaigns.destinations import place_of
    from kore_campaigns.project import project_folder

    return place_of(options.destination, from_here(options.database), project_folder())


def _ignore(text: str = "") -> None:
    """Nobody reads along."""
