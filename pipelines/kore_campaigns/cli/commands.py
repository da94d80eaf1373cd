"""Commands: one function each, whose docstring is its help text.

Each imports what it needs when it is called, so `--help` and `status` do not wait for dlt.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click
from click import Choice, Option
from click.core import ParameterSource

from kore_campaigns.cli import output
from kore_campaigns.cli.console import (
    handled_by,
    log_to_stderr,
    say,
    show,
    show_progress,
    stop_on_signals,
    write_line,
)
from kore_campaigns.config.paths import local_path
from kore_campaigns.config.project import project_folder
from kore_campaigns.errors import (
    UNEXPECTED,
    KoreCampaignsError,
    SettingInvalid,
    combined,
    error_summary,
    in_bytes,
)
from kore_campaigns.events import log_event
from kore_campaigns.load import destination_for
from kore_campaigns.views import GENERATED_DIALECTS, NATIVE_DIALECTS, SEVERITIES

if TYPE_CHECKING:
    from kore_campaigns.extract.report import RunReport
    from kore_campaigns.pipeline import Runs

logger = logging.getLogger(__name__)

# the JSON object of a result, its lines and the exit code
Printed = tuple[dict[str, Any], Sequence[str], int]


PATH = click.Path()  # made absolute by `Verb`: relative to the current folder, not to the project


def seconds(text: str) -> float:
    """`90s`, `10m`, `2h`, `1d` or a number of seconds."""
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(text[-1:])
    try:
        found = float(text if unit is None else text[:-1]) * (unit or 1)
    except ValueError:
        found = -1.0
    if not 0 < found < math.inf:
        message = f"invalid duration '{text}'; use for example 90s, 10m or 2h"
        raise click.BadParameter(message)
    return found


def moment_or_version(text: str) -> datetime | int:
    """The moment so long ago (`1d`, `12h`), or at a date or time, in UTC without an offset; a
    whole number is a version.
    """
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    if text.isdecimal() and text.isascii():
        return int(text)
    with suppress(click.BadParameter, OverflowError):
        return datetime.now(UTC) - timedelta(seconds=seconds(text))
    message = (
        f"invalid moment '{text}'; use for example 1d, 12h, 2026-11-28 or 2026-11-28T02:00, or the "
        "number of a version"
    )
    raise click.BadParameter(message)


class OneOf(Choice[str]):
    """A choice whose error suggests the nearest one."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        near = get_close_matches(str(value), self.choices, 1)
        suggestion = f" Did you mean {near[0]!r}?" if near else ""
        return super().get_invalid_choice_message(value, ctx) + suggestion


# also accepted before the command
COMMON = (
    Option(["--json", "as_json"], is_flag=True, help="Print one JSON object on stdout."),
    Option(["-q", "--quiet"], is_flag=True, help="Write only if something failed."),
    Option(["-v", "--verbose"], is_flag=True, help="Write the events of the run to stderr, too."),
    Option(
        ["--log-format"],
        type=OneOf(("text", "json")),
        help="json: one event a line on stderr, and nothing else there.",
    ),
    Option(
        ["--project-dir"], type=PATH, metavar="DIR", help="Project folder: .dlt/ and csv files."
    ),
    Option(["--debug"], is_flag=True, help="Show full tracebacks."),
)
DESTINATION = Option(
    ["--destination"], default="duckdb", metavar="NAME", help="duckdb, postgres or another of dlt."
)
DATABASE = Option(
    ["--database"], type=PATH, metavar="FILE", help="DuckDB file. Default: kore_campaigns.duckdb."
)
PLACE = (DESTINATION, DATABASE)
CONNECTIONS = (
    Option(["--campaign-ids"], type=PATH, metavar="FILE", help="csv file with the ids."),
    Option(
        ["-c", "--connection"],
        multiple=True,
        metavar="NAME",
        help="Connection to use; may be repeated. Default: those named in the csv, otherwise all.",
    ),
)
SWEEP = Option(
    ["--sweep"],
    type=OneOf(("auto", "full", "listing")),
    help="Fetch all, or what the listing shows.",
)
BUDGET = Option(
    ["--requests-per-minute"], type=int, metavar="N", help="Most calls a minute; 0 = no limit."
)
METRICS = Option(
    ["--metrics-file"], type=PATH, metavar="FILE", help="Write metrics for Prometheus here."
)


ONLY = (
    Option(
        ["--only"],
        multiple=True,
        metavar="ID",
        help="Fetch this campaign and no other; may be repeated.",
    ),
    Option(["--only-failed"], is_flag=True, help="Fetch only campaigns that failed."),
)


PARTS = (
    ("airflow", "the DAG for Airflow, to dags/"),
    ("dbt", "a dbt project, to dbt/"),
    ("superset", "the dashboard for Superset, to superset/"),
    ("systemd", "a service and its timer, to systemd/"),
    ("cron", "a line for crontab, to cron/"),
)


@dataclass(frozen=True, slots=True)
class Output:
    """Prints the result of a command, as text or as JSON."""

    as_json: bool
    quiet: bool
    log_as_json: bool

    def result(self, found: Any, lines: Sequence[str]) -> None:
        self.json(found)
        self.lines(lines)

    def json(self, found: Any) -> None:
        """Print a mapping or a dataclass as an object."""
        if self.as_json:
            data = found if isinstance(found, dict) else asdict(found)
            show(json.dumps(data, default=str), as_it_is=True)

    def lines(self, lines: Sequence[str], *, failed: bool = False, as_it_is: bool = False) -> None:
        """Print lines for people; with --quiet only those of a command that failed."""
        if lines and not self.as_json and (failed or not self.quiet):
            # a name with a line break makes no line of its own
            shown = lines if as_it_is else [" ".join(line.splitlines()) for line in lines]
            show("\n".join(shown), as_it_is=as_it_is)


def for_each(
    named: Sequence[str],
    campaign_ids: str | None,
    out: Output,
    command: Callable[[str | None], Printed],
    *,
    despite_file: bool = False,
) -> int:
    """Print the JSON object and the lines of a command for each connection; return the exit code.

    Of one connection they are printed as if there were none; of several an error stops no other.
    """
    from kore_campaigns.config.settings import chosen_connections

    names = chosen_connections(project_folder(), named, campaign_ids, despite_file=despite_file)
    is_one = len(names) == 1
    parts, codes = [], []
    for name in names:
        heading = [] if is_one else [f"connection {name}"]
        if not out.quiet:
            out.lines(heading)
            heading = []
        try:
            found, lines, code = command(name)
        except KoreCampaignsError as failed:
            if is_one:
                raise
            say(f"{name}: {failed}")
            found = error_summary(failed).as_json()
            lines, code = (), failed.exit_code
        out.lines([*heading, *lines] if lines else (), failed=bool(code))
        parts.append({"connection": name, **found})
        codes.append(code)
    out.json(found if is_one else {"connections": parts})
    return combined(codes)


def refuse_contradiction(connection: Sequence[str], **options: Any) -> None:
    """Raise `SettingInvalid` for `--only` with a kind of sweep, or for several connections."""
    from kore_campaigns.config.settings import chosen_connections

    if options["sweep"] and (options["only"] or options["only_failed"]):
        expected = "no kind of sweep with `--only` or `--only-failed`, which name the campaigns"
        raise SettingInvalid(key="sweep", value=options["sweep"], expected=expected)
    if options["only"]:
        names = chosen_connections(project_folder(), connection, options["campaign_ids"])
        if len(names) > 1:
            expected = (
                f"`--connection` with the name of one, for `--only`: {', '.join(map(str, names))}"
            )
            raise SettingInvalid(key="--connection", value="(several)", expected=expected)


def _use_project(folder: str | None) -> None:
    """Set the project folder for dlt, before it is imported."""
    if folder is not None and not os.path.isdir(folder):  # noqa: PTH112
        expected = "a folder that exists; `kore-campaigns init DIR` makes one"
        raise SettingInvalid(key="project-dir", value=folder, expected=expected)
    folder = folder or os.environ.get("DLT_PROJECT_DIR")
    if folder is not None:
        os.environ["DLT_PROJECT_DIR"] = str(local_path(folder, key="project-dir"))


class Verb(click.Command):
    """A command with the options that all of them have; an error becomes a line and a code."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [each for each in self.get_params(ctx) if isinstance(each, Option)]
        own = [each for each in options if each not in COMMON]
        for title, some in (("Options", own), ("Options of every command", COMMON)):
            with formatter.section(title):
                records = [each.get_help_record(ctx) for each in some]
                formatter.write_dl([record for record in records if record is not None])

    def invoke(self, ctx: click.Context) -> int:
        options, before = ctx.params, ctx.find_root().params
        for name in before:  # flags of every command may also stand before it
            options[name] = options[name] or before[name]
        debug, is_verbose = options.pop("debug"), options.pop("verbose")
        out = Output(
            options.pop("as_json"),
            quiet=options.pop("quiet"),
            log_as_json=options.pop("log_format") == "json",
        )
        with log_to_stderr(as_json=out.log_as_json, is_quiet=out.quiet, is_verbose=is_verbose):
            try:
                for option in self.params:
                    name = option.name or ""
                    if option.type is PATH and options[name] is not None:
                        key = name.replace("_", "-")
                        options[name] = str(local_path(options[name], key=key))
                _use_project(options.pop("project_dir"))
                callback: Any = self.callback
                return ctx.invoke(callback, out, **options) or 0
            except (Exception, KeyboardInterrupt) as failed:
                if isinstance(failed, SettingInvalid):
                    failed.key = self._as_given(ctx, failed.key)
                end = error_summary(failed)
                if debug and end.code == UNEXPECTED:
                    write_line(traceback.format_exc())
                log_event(logger, "run_failed", end.message, code=end.code, exit_code=end.exit_code)
                out.json(end.as_json())
                return end.exit_code

    def _as_given(self, ctx: click.Context, key: str) -> str:
        """The flag or argument that has the value of a setting; the setting if none has."""
        for each in self.params:
            name = each.opts[-1]
            is_it = name.strip("-").replace("-", "_") == key.replace("-", "_")
            given = [some.get_parameter_source(each.name or "") for some in (ctx, ctx.find_root())]
            if is_it and ParameterSource.COMMANDLINE in given:
                return name if isinstance(each, Option) else each.make_metavar(ctx)
        return key


def verb(*options: click.Parameter) -> Callable[[Callable[..., int | None]], Verb]:
    """Make a function a command with these options."""
    return click.command(cls=Verb, params=[*options, *COMMON])


@verb(
    Option(["--directory"], type=PATH, default="demo", metavar="DIR", help="Folder of its files.")
)
def demo(out: Output, directory: str) -> None:
    """Play two runs against an emulator of Kore.ai on this machine.

    Needs no credentials. Shows what SQL answers about the changes in between.
    """
    from kore_campaigns.cli.demo import play_demo

    # dlt does not survive an exception in the middle of a load
    stop = stop_on_signals("stopping: the demo ends after its current run.")
    out.json(play_demo(directory, say=lambda text: out.lines(text.split("\n")), stop=stop))


@verb(
    click.Argument(["directory"], type=PATH, required=False, metavar="[DIR]"),
    Option(["--host"], metavar="URL", help="Address of your Kore.ai region."),
    Option(["--stream-id"], metavar="ID", help="The app."),
    Option(["--account-id"], metavar="ID", help="The account."),
    Option(["--client-id"], metavar="ID", help="Client id of the JWT app."),
    Option(
        ["--client-secret"],
        metavar="TEXT",
        help="Its secret. Other users of this machine can read arguments: better answer the "
        "prompt, or set SOURCES__KORE_CAMPAIGNS__CREDENTIALS__CLIENT_SECRET.",
    ),
    *(Option([f"--{part}"], is_flag=True, help=f"Write only {what}.") for part, what in PARTS),
)
def init(out: Output, directory: str | None, **options: Any) -> int:
    """Make a project in a folder: settings and csv files.

    Prompts for the settings on a terminal; otherwise they come from flags or the environment.
    Overwrites nothing.
    """
    from kore_campaigns.cli.init import make_project

    parts = [part for part, _ in PARTS if options.pop(part)]
    folder = local_path(directory or os.environ.get("DLT_PROJECT_DIR", "."), key="directory")
    prompt = not parts and not out.as_json and sys.stdin.isatty() and sys.stderr.isatty()
    try:
        made = make_project(folder, options, parts, prompt=prompt)
    except click.Abort:  # Ctrl-C or the end of the input
        say("stopped: nothing was written.")
        return 75
    out.result(made, [*made.lines()])
    return 0


@verb(*PLACE, *CONNECTIONS)
def check(out: Output, connection: Sequence[str], **options: Any) -> int:
    """Test settings, network, credentials and database.

    Reports the first part that fails.
    """
    from kore_campaigns.maintenance.check import check_legs

    def check_one(name: str | None) -> Printed:
        legs = []
        for leg in check_legs(connection=name, **options):
            legs.append(leg)
            out.lines([output.check_line(leg)])
        code = next((leg.exit_code for leg in legs if leg.exit_code), 0)
        failed = [output.check_line(leg) for leg in legs if leg.state == "failed"]
        found = {"ok": code == 0, "legs": [leg.as_json() for leg in legs]}
        return found, failed if out.quiet else (), code

    return for_each(connection, options["campaign_ids"], out, check_one, despite_file=True)


@verb(*PLACE, *CONNECTIONS, SWEEP, *ONLY, BUDGET)
def plan(out: Output, connection: Sequence[str], **options: Any) -> int:
    """Show what a run would fetch, and why.

    Estimates how long it would take. Writes nothing.
    """
    from kore_campaigns.extract.plan import preview_run

    stop = stop_on_signals()

    refuse_contradiction(connection, **options)

    def plan_one(name: str | None) -> Printed:
        preview = preview_run(connection=name, stop=stop, **options)
        return preview.as_json(), output.plan_lines(preview), 0

    return for_each(connection, options["campaign_ids"], out, plan_one)


@verb(
    *PLACE,
    *CONNECTIONS,
    SWEEP,
    *ONLY,
    Option(
        ["--accept-vanished"], is_flag=True, help="Mark missing campaigns as deleted, however many."
    ),
    Option(
        ["--deadline", "deadline_seconds"],
        type=seconds,
        metavar="TIME",
        help="Stop in good order after 90s, 10m or 2h, exit 75; the next run continues.",
    ),
    BUDGET,
    METRICS,
    Option(["--ping-url"], metavar="URL", help="Address of a healthchecks.io or similar monitor."),
)
def run(
    out: Output,
    connection: Sequence[str],
    metrics_file: str | None,
    ping_url: str | None,
    **options: Any,
) -> int:
    """Bring the database up to date.

    Fetches the campaigns that are new or different and stores a version of each.
    """
    from kore_campaigns.config.settings import chosen_connections
    from kore_campaigns.pipeline import ConnectionRun, run_connections, run_pipeline
    from kore_campaigns.reports.monitoring import Monitors, Ping

    refuse_contradiction(connection, **options)
    ping = None if ping_url is None else Ping(ping_url)
    monitors = Monitors(metrics_file, ping, options["destination"], options["database"])
    names: Sequence[str | None] = connection or [None]
    try:
        names = chosen_connections(project_folder(), connection, options["campaign_ids"])
        options["stop"] = stop_on_signals()
        with (
            handled_by(monitors, "pipeline"),
            show_progress(quiet=out.quiet or out.as_json, in_log=out.log_as_json) as progress,
        ):
            found: RunReport | Runs
            if len(names) == 1:
                found = run_pipeline(connection=names[0], progress=progress, **options)
                parts = [ConnectionRun(names[0], found)]
            else:
                found = run_connections(names, progress=progress, **options)
                parts = found.parts
    except (Exception, KeyboardInterrupt) as failed:
        ending = error_summary(failed)
        monitors.ended([ConnectionRun(name, ending=ending) for name in names])
        raise
    for part in [] if out.log_as_json else parts:
        about = f"{part.connection}: " if len(parts) > 1 else ""
        if part.ending is not None:
            say(about + part.ending.message, logging.ERROR)
        if part.report is not None:
            level = logging.ERROR if part.exit_code else logging.WARNING
            for line in output.run_problems(part.report):
                say(about + line, level)
            # drift is no failure: cron need not send a mail for it every night
            for line in [] if out.quiet else output.run_drift(part.report):
                say(about + line)
    monitors.ended(parts)
    out.result(found.as_json(), output.runs_summary(parts))
    reports = [part.report for part in parts if part.report is not None]
    is_news = any(each.new_versions or each.vanished for each in reports)
    if is_news and not (out.quiet or out.as_json):
        from kore_campaigns.reports.review import changes_of

        place = destination_for(options["destination"], database=options["database"])
        out.lines(output.changes_lines(changes_of(place, reports)))
    return found.exit_code


@verb(*PLACE, METRICS)
def status(out: Output, destination: str, database: str | None, metrics_file: str | None) -> None:
    """Show the last success, what is stale, what failed and why."""
    from kore_campaigns.reports.status import read_status

    place = destination_for(destination, database=database)
    found = read_status(place, with_findings=True)
    if metrics_file is not None:
        from kore_campaigns.reports.monitoring import write_metrics

        write_metrics(found, metrics_file)
    out.result(found.as_json(), output.status_summary(found))


CAMPAIGN = Option(
    ["--campaign"], metavar="PATTERN", help="Only campaigns of this id or name; * and ? match any."
)
EXIT_CODE = Option(["--exit-code"], is_flag=True, help="Exit with 1 if there is any.")


@verb(
    *PLACE,
    Option(
        ["--since"],
        type=moment_or_version,
        default="1d",
        metavar="TIME|VERSION",
        help="How long ago, such as 12h or 7d, or a date or time in UTC; a whole number is a "
        "version of each campaign. Default: 1d.",
    ),
    Option(["--risky"], is_flag=True, help="Only where a campaign may do more than before."),
    CAMPAIGN,
    EXIT_CODE,
)
def changes(
    out: Output,
    destination: str,
    database: str | None,
    since: datetime | int,
    exit_code: bool,
    **options: Any,
) -> int:
    """Show what changed, as runs have seen it.

    The newest change first.
    """
    from kore_campaigns.reports.review import changes_since

    found = changes_since(destination_for(destination, database=database), since, **options)
    out.result({"since": since, "changes": found}, output.reviewed_changes(found, since))
    return int(exit_code and bool(found))


@verb(
    *PLACE,
    Option(
        ["--severity", "severities"],
        multiple=True,
        type=OneOf(SEVERITIES),
        help="May be repeated. Default: all.",
    ),
    Option(["--new"], is_flag=True, help="Only those that opened in the newest run."),
    CAMPAIGN,
    EXIT_CODE,
)
def findings(
    out: Output, destination: str, database: str | None, exit_code: bool, **options: Any
) -> int:
    """Show what needs attention, the most severe first.

    The limits are those of policies.csv at the last run.
    """
    from kore_campaigns.reports.review import current_findings

    found = current_findings(destination_for(destination, database=database), **options)
    out.result({"findings": found}, output.reviewed_findings(found))
    return int(exit_code and bool(found))


@verb(*PLACE, Option(["--html"], required=True, type=PATH, metavar="FILE", help="File to write."))
def report(out: Output, destination: str, database: str | None, html: str) -> None:
    """Write an HTML page: calling hours, findings, changes, lists.

    It opens in a browser or a mail, without a network.
    """
    from kore_campaigns.reports.html import write_page

    size = write_page(destination_for(destination, database=database), html)
    out.result({"file": html, "bytes_written": size}, [f"{html}: {in_bytes(size)}"])


@verb(
    *PLACE,
    Option(["--port"], type=click.IntRange(1, 65535), metavar="N", help="Default: 8501."),
    Option(["--no-browser"], is_flag=True, help="Open no browser."),
)
def dashboard(out: Output, **options: Any) -> None:
    """Show the database in a browser, until Ctrl-C.

    Needs the extra `dashboard`. With --json, prints its address and its database first.
    """
    from kore_campaigns.cli.dashboard import serve_dashboard

    serve_dashboard(**options, announce=out.json if out.quiet or out.as_json else None)


@verb(
    *PLACE,
    Option(["--parquet"], required=True, type=PATH, metavar="DIR", help="Folder to write into."),
    Option(
        ["--view", "views"],
        multiple=True,
        metavar="NAME",
        help="View to write; may be repeated. Default: all.",
    ),
    Option(
        ["--folders"], is_flag=True, help="Write a folder for each view, for example for Spark."
    ),
)
def export(out: Output, parquet: str, **options: Any) -> None:
    """Write the views as Parquet files, all of one moment."""
    from kore_campaigns.reports.export import export_views

    exported = export_views(parquet, **options)
    out.result(exported, output.export_summary(exported))


@verb(Option(["--destination"], required=True, metavar="NAME", help="postgres"), DATABASE)
def copy(out: Output, destination: str, database: str | None) -> None:
    """Copy the history of a DuckDB file into a warehouse.

    Reads every row back and compares it.
    """
    from kore_campaigns.maintenance.copy import copy_history

    copied = copy_history(destination=destination, database=database)
    out.result(copied, output.copy_summary(copied))


@verb(
    Option(
        ["--dialect"],
        required=True,
        type=OneOf((*NATIVE_DIALECTS, *GENERATED_DIALECTS)),
        help="Tested: duckdb, postgres.",
    )
)
def views(out: Output, dialect: str) -> None:
    """Print the view definitions and comments for another SQL dialect."""
    from kore_campaigns.views.apply import view_comments, view_statements

    statements, comments = [*view_statements(dialect)], [*view_comments(dialect)]
    found = {"dialect": dialect, "statements": statements, "comments": comments}
    out.json(found)
    out.lines([f"{each};" for each in (*statements, *comments)], as_it_is=True)


@verb(
    DATABASE,
    Option(
        ["--generation"],
        metavar="N",
        help="State to restore: 1 = newest, or its name. Default: list.",
    ),
)
def restore(out: Output, database: str | None, generation: str | None) -> None:
    """List the states before the last runs, or restore one of them."""
    from kore_campaigns.load.duckdb_file import DuckDBFile
    from kore_campaigns.maintenance.restore import read_kept, restore_generation

    file = DuckDBFile.in_folder(project_folder(), database)
    if generation is None:
        kept = read_kept(file)
        out.result(kept, output.kept_summary(kept))
    else:
        restored = restore_generation(file, generation)
        out.result(restored, output.restored_summary(restored))


@verb(*PLACE, *CONNECTIONS, BUDGET)
def verify(out: Output, connection: Sequence[str], **options: Any) -> int:
    """Compare every field of the views with Kore.

    Fetches every configured campaign again. Writes nothing.
    """
    from kore_campaigns.maintenance.verify import verify_database

    stop = stop_on_signals(
        "stopping: fetched campaigns are being compared; press Ctrl-C again to stop at once."
    )

    def verify_one(name: str | None) -> Printed:
        with show_progress(quiet=out.quiet or out.as_json) as progress:
            found = verify_database(connection=name, stop=stop, progress=progress, **options)
        for line in output.verify_problems(found):
            say(line)
        lines = [*output.verify_differences(found), *output.verify_summary(found)]
        return found.as_json(), lines, found.exit_code

    return for_each(connection, options["campaign_ids"], out, verify_one)


@verb(*PLACE)
def rebuild(out: Output, destination: str, database: str | None) -> None:
    """Recompute all columns from the stored raw payloads.

    Makes no API calls.
    """
    from kore_campaigns.maintenance.rebuild import rebuild_database

    rebuilt = rebuild_database(destination=destination, database=database)
    out.result(rebuilt, output.rebuild_summary(rebuilt))
