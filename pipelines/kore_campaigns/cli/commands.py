"""Commands: one function each, whose docstring is its help text.

Each imports what it needs when it is called, so `--help` and `status` do not wait for dlt.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from kore_campaigns.cli.console import (
    log_to_stderr,
    print_result,
    say,
    show,
    show_progress,
    stop_on_signals,
)
from kore_campaigns.errors import (
    UNEXPECTED,
    KoreCampaignsError,
    SettingInvalid,
    combined,
    error_summary,
)
from kore_campaigns.events import log_event

if TYPE_CHECKING:
    from kore_campaigns.load.destination import Destination
    from kore_campaigns.pipeline import Runs

logger = logging.getLogger(__name__)

# `views.apply` has the same and takes long to import
DIALECTS: Final = (
    *("duckdb", "postgres"),
    *("snowflake", "bigquery", "redshift", "databricks", "clickhouse"),
)


def path(text: str) -> str:
    """A path on the command line is relative to the current folder, not to the project."""
    return os.path.abspath(text)  # noqa: PTH100  # importing pathlib costs more


def seconds(text: str) -> float:
    """`90s`, `10m`, `2h` or a number of seconds."""
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    try:
        found = float(text if unit is None else text[:-1]) * (unit or 1)
    except ValueError:
        found = -1.0
    if not 0 < found < math.inf:
        message = f"invalid duration '{text}'; use for example 90s, 10m or 2h"
        raise click.BadParameter(message)
    return found


class Verb(click.Command):
    """A command with the options that all of them have; an error becomes a line and a code."""

    def __init__(
        self, name: str | None, *, params: Sequence[click.Parameter] = (), **more: Any
    ) -> None:
        common = [
            click.Option(
                ["--json", "as_json"], is_flag=True, help="Print one JSON object on stdout."
            ),
            click.Option(
                ["--project-dir"], type=path, metavar="DIR", help="Folder of .dlt/ and the csv."
            ),
            click.Option(["--debug"], is_flag=True, help="Show full tracebacks."),
        ]
        super().__init__(name, params=[*params, *common], **more)

    def invoke(self, ctx: click.Context) -> int:
        project_dir, debug = ctx.params.pop("project_dir"), ctx.params.pop("debug")
        if project_dir is not None:
            os.environ["DLT_PROJECT_DIR"] = project_dir  # before dlt is imported
        as_json = ctx.params.get("log_format") == "json"
        with log_to_stderr(as_json=as_json, is_quiet=ctx.params.get("quiet", False)):
            try:
                if project_dir is not None and not os.path.isdir(project_dir):  # noqa: PTH112
                    raise SettingInvalid(
                        key="project-dir", value=project_dir, expected="a folder that exists"
                    )
                code: int | None = super().invoke(ctx)
            except (Exception, KeyboardInterrupt) as failed:
                end = error_summary(failed)
                if debug and end.code == UNEXPECTED:
                    raise
                log_event(logger, "run_failed", end.message, code=end.code, exit_code=end.exit_code)
                return end.exit_code
        return code or 0


class Results:
    """Results of a command for each connection; with one, as if there were no connections."""

    def __init__(self, connections: Sequence[str | None], *, as_json: bool) -> None:
        self.are_several = len(connections) > 1
        self.as_json = as_json
        self.parts: list[dict[str, Any]] = []
        self.codes: list[int] = []

    @contextmanager
    def of(self, connection: str | None) -> Iterator[None]:
        """Print one result or its error; with several connections an error stops no other."""
        if not self.are_several:
            yield
            return
        self.show([f"connection {connection}"])
        try:
            yield
        except KoreCampaignsError as failed:
            end = error_summary(failed)
            say(f"{connection}: {end.message}")
            self.add({"error_code": end.code, "message": end.message}, code=end.exit_code)
        self.parts[-1] = {"connection": connection, **self.parts[-1]}

    def add(self, part: dict[str, Any], lines: Sequence[str] = (), *, code: int = 0) -> None:
        self.parts.append(part)
        self.codes.append(code)
        self.show(lines)

    def show(self, lines: Sequence[str]) -> None:
        if lines and not self.as_json:
            show("\n".join(lines))

    def end(self) -> int:
        """Print the JSON object and return the exit code."""
        if self.as_json:
            found = {"connections": self.parts} if self.are_several else self.parts[0]
            show(json.dumps(found, default=str))
        return combined(self.codes)


def connections_of(
    named: Sequence[str], campaign_ids: str | None, *, despite_file: bool = False
) -> list[str | None]:
    """Connections that the flag, the csv or the settings select."""
    from kore_campaigns.config.project import project_folder
    from kore_campaigns.config.settings import chosen_connections

    return chosen_connections(
        named, project_folder(), campaign_ids=campaign_ids, despite_file=despite_file
    )


def destination_of(destination: str, database: str | None) -> Destination:
    from kore_campaigns.config.project import project_folder
    from kore_campaigns.load import destination_for

    return destination_for(destination, database=database, folder=project_folder())


_destination = click.option(
    "--destination",
    default="duckdb",
    metavar="NAME",
    help="duckdb, postgres or another SQL destination of dlt.",
)
_database = click.option(
    "--database", type=path, metavar="FILE", help="DuckDB file to write or read."
)
_campaign_ids = click.option(
    "--campaign-ids", type=path, metavar="FILE", help="csv with header campaign_id."
)
_connection = click.option(
    "--connection",
    multiple=True,
    metavar="NAME",
    help="Connection to use; may be repeated. Default: those named in the csv, otherwise all.",
)
_sweep = click.option(
    "--sweep", type=click.Choice(("auto", "full", "listing")), help="Which campaigns to fetch."
)
_budget = click.option("--requests-per-minute", type=int, metavar="N", help="0 = no limit.")
_quiet = click.option("--quiet", is_flag=True, help="Write only if something failed.")
_metrics_file = click.option(
    "--metrics-file",
    type=path,
    metavar="FILE",
    help="Write metrics for the textfile collector of Prometheus.",
)


@click.command(cls=Verb)
@click.option("--directory", default="demo", metavar="DIR", help="Working directory.")
def demo(directory: str, as_json: bool) -> None:
    """Run twice against an emulator on this machine.

    Needs no credentials. Shows what SQL answers about the changes in between.
    """
    from kore_campaigns.cli.demo import play_demo

    result = play_demo(directory, say=(lambda text: None) if as_json else show)
    if as_json:
        show(json.dumps(result, default=str))


@click.command(cls=Verb)
@_destination
@_database
@_campaign_ids
@_connection
def check(connection: Sequence[str], as_json: bool, **options: Any) -> int:
    """Test settings, network, credentials and database.

    Reports the first part that fails.
    """
    from kore_campaigns.cli.output import check_line
    from kore_campaigns.maintenance.check import check_legs

    names = connections_of(connection, options["campaign_ids"], despite_file=True)
    results = Results(names, as_json=as_json)
    for name in names:
        with results.of(name):
            legs = []
            for leg in check_legs(connection=name, **options):
                legs.append(leg)
                results.show([check_line(leg)])
            code = next((leg.exit_code for leg in legs if leg.exit_code), 0)
            found = {"ok": code == 0, "legs": [leg.as_json() for leg in legs]}
            results.add(found, code=code)
    return results.end()


@click.command(cls=Verb)
@_destination
@_database
@_campaign_ids
@_connection
@_sweep
@_budget
def plan(connection: Sequence[str], as_json: bool, **options: Any) -> int:
    """Show what a run would fetch, and why.

    Estimates how long it would take. Writes nothing.
    """
    from kore_campaigns.cli.output import plan_lines
    from kore_campaigns.extract.planner import preview_run

    stop = stop_on_signals()
    names = connections_of(connection, options["campaign_ids"])
    results = Results(names, as_json=as_json)
    for name in names:
        with results.of(name):
            preview = preview_run(connection=name, stop=stop, **options)
            results.add(preview.as_json(), plan_lines(preview))
    return results.end()


@click.command(cls=Verb)
@_destination
@_database
@_campaign_ids
@_connection
@_sweep
@click.option(
    "--accept-vanished",
    is_flag=True,
    help="Mark campaigns as deleted, however many are gone at once.",
)
@click.option(
    "--deadline",
    "deadline_seconds",
    type=seconds,
    metavar="TIME",
    help="Stop in good order after 90s, 10m or 2h, exit 75; the next run continues.",
)
@_budget
@_quiet
@_metrics_file
@click.option(
    "--ping-url",
    metavar="URL",
    help="Request URL/start, then URL or URL/fail, as healthchecks.io expects.",
)
@click.option(
    "--log-format",
    type=click.Choice(("text", "json")),
    default="text",
    help="json: one object a line on stderr, and nothing else there.",
)
def run(
    connection: Sequence[str],
    quiet: bool,
    metrics_file: str | None,
    ping_url: str | None,
    log_format: str,
    as_json: bool,
    **options: Any,
) -> int:
    """Bring the database up to date.

    Fetches the campaigns that are new or different and stores a version of each.
    """
    from kore_campaigns.cli.output import run_drift, run_problems, runs_summary
    from kore_campaigns.extract.report import RunReport
    from kore_campaigns.pipeline import ConnectionRun, run_connections, run_pipeline
    from kore_campaigns.reports.monitoring import Monitors, Ping

    monitors = Monitors(
        metrics_file=metrics_file,
        ping=None
        if ping_url is None
        else Ping(ping_url, lambda line: log_event(logger, "ping_failed", line)),
        destination=options["destination"],
        database=options["database"],
        connections=connection or [None],
    )
    monitors.started()
    try:
        names = connections_of(connection, options["campaign_ids"])
        monitors = replace(monitors, connections=names)
        options["stop"] = stop_on_signals()
        with show_progress(quiet=quiet or as_json, in_log=log_format == "json") as progress:
            found: RunReport | Runs
            if len(names) == 1:
                found = run_pipeline(connection=names[0], progress=progress, **options)
                parts = [ConnectionRun(names[0], found)]
            else:
                found = run_connections(names, progress=progress, **options)
                parts = found.parts
    except (Exception, KeyboardInterrupt) as failed:
        monitors.failed(error_summary(failed))
        raise
    for part in parts if log_format == "text" else ():
        about = f"{part.connection}: " if len(parts) > 1 else ""
        if part.ending is not None:
            say(about + part.ending.message)
        if part.report is not None:
            # drift is no failure: cron need not send a mail for it every night
            drift = [] if quiet else run_drift(part.report)
            for line in [*run_problems(part.report), *drift]:
                say(about + line)
    monitors.ended(parts)
    print_result(found.as_json(), runs_summary(parts), as_json=as_json, quiet=quiet)
    return found.exit_code


@click.command(cls=Verb)
@_destination
@_database
@_metrics_file
def status(destination: str, database: str | None, metrics_file: str | None, as_json: bool) -> None:
    """Show the last success, what is stale, what failed and why."""
    from kore_campaigns.cli.output import status_summary
    from kore_campaigns.reports.status import read_status

    status = read_status(destination_of(destination, database))
    if metrics_file is not None:
        from kore_campaigns.reports.monitoring import write_metrics_of

        write_metrics_of(status, metrics_file)
    print_result(status.as_json(), status_summary(status), as_json=as_json)


@click.command(cls=Verb)
@_destination
@_database
@click.option("--html", required=True, type=path, metavar="FILE", help="HTML file to write.")
def report(destination: str, database: str | None, html: str, as_json: bool) -> None:
    """Write one HTML page: hours, findings, changes, lists.

    It opens in a browser or a mail, without a network.
    """
    from kore_campaigns.reports.html import write_page

    written = write_page(destination_of(destination, database), html)
    print_result(written.as_json(), [f"{written.file}: {written.size}"], as_json=as_json)


@click.command(cls=Verb)
@_destination
@_database
@click.option("--parquet", required=True, type=path, metavar="DIR", help="Folder of the files.")
@click.option(
    "--view", multiple=True, metavar="NAME", help="View to write; may be repeated. Default: all."
)
@_quiet
def export(
    destination: str,
    database: str | None,
    parquet: str,
    view: Sequence[str],
    quiet: bool,
    as_json: bool,
) -> None:
    """Write the views as Parquet files, all of one moment."""
    from kore_campaigns.cli.output import export_summary
    from kore_campaigns.reports.export import export_views

    exported = export_views(parquet, views=view, destination=destination, database=database)
    print_result(exported.as_json(), export_summary(exported), as_json=as_json, quiet=quiet)


@click.command(cls=Verb)
@click.option("--destination", required=True, metavar="NAME", help="postgres")
@_database
@_quiet
def copy(destination: str, database: str | None, quiet: bool, as_json: bool) -> None:
    """Copy the history of a DuckDB file into a warehouse.

    Reads every row back and compares it.
    """
    from kore_campaigns.cli.output import copy_summary
    from kore_campaigns.maintenance.copy import copy_history

    copied = copy_history(destination=destination, database=database)
    print_result(copied.as_json(), copy_summary(copied), as_json=as_json, quiet=quiet)


@click.command(cls=Verb)
@click.option(
    "--dialect",
    required=True,
    type=click.Choice(DIALECTS),
    help="SQL dialect; only duckdb and postgres are tested.",
)
def views(dialect: str, as_json: bool) -> None:
    """Print the view definitions for another SQL dialect."""
    from kore_campaigns.views.apply import view_statements

    statements = [*view_statements(dialect)]
    found = {"dialect": dialect, "statements": statements}
    print_result(found, [f"{each};" for each in statements], as_json=as_json)


@click.command(cls=Verb)
@_database
@click.option(
    "--generation",
    metavar="N",
    help="Generation to restore: 1 = the newest, or its name. Default: list them.",
)
def restore(database: str | None, generation: str | None, as_json: bool) -> None:
    """List the states before the last runs, or restore one of them."""
    from kore_campaigns.cli.output import kept_summary, restored_summary
    from kore_campaigns.config.project import project_folder
    from kore_campaigns.load.duckdb_file import DuckDBFile
    from kore_campaigns.maintenance.restore import read_kept, restore_generation

    file = DuckDBFile.in_folder(project_folder(), database)
    if generation is None:
        kept = read_kept(file)
        print_result(kept.as_json(), kept_summary(kept), as_json=as_json)
    else:
        restored = restore_generation(file, generation)
        print_result(restored.as_json(), restored_summary(restored), as_json=as_json)


@click.command(cls=Verb)
@_destination
@_database
@_campaign_ids
@_connection
@_budget
@_quiet
def verify(connection: Sequence[str], quiet: bool, as_json: bool, **options: Any) -> int:
    """Compare every field of the views with Kore.

    Fetches every configured campaign again. Writes nothing.
    """
    from kore_campaigns.cli.output import verify_differences, verify_problems, verify_summary
    from kore_campaigns.maintenance.verify import verify_database

    stop = stop_on_signals(
        "stopping: fetched campaigns are being compared; press Ctrl-C again to stop at once."
    )
    names = connections_of(connection, options["campaign_ids"])
    results = Results(names, as_json=as_json)
    for name in names:
        with results.of(name):
            with show_progress(quiet=quiet or as_json) as progress:
                found = verify_database(connection=name, stop=stop, progress=progress, **options)
            for line in verify_problems(found):
                say(line)
            is_silent = quiet and found.exit_code == 0
            lines = [] if is_silent else [*verify_differences(found), *verify_summary(found)]
            results.add(found.as_json(), lines, code=found.exit_code)
    return results.end()


@click.command(cls=Verb)
@_destination
@_database
@_quiet
def rebuild(destination: str, database: str | None, quiet: bool, as_json: bool) -> None:
    """Recompute all columns from the stored raw payloads.

    Makes no API calls.
    """
    from kore_campaigns.cli.output import rebuild_summary
    from kore_campaigns.maintenance.rebuild import rebuild_database

    rebuilt = rebuild_database(destination=destination, database=database)
    print_result(rebuilt.as_json(), rebuild_summary(rebuilt), as_json=as_json, quiet=quiet)
