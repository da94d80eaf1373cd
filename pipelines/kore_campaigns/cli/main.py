"""`kore-campaigns`: arguments in, text out, an exit code for the scheduler."""

from __future__ import annotations

import argparse
import logging
import math
import os
from collections.abc import Callable, Sequence
from typing import Final

from kore_campaigns.cli import commands
from kore_campaigns.cli.console import log_to_stderr
from kore_campaigns.errors import UNEXPECTED, SettingInvalid, ending_of
from kore_campaigns.events import log_event

logger = logging.getLogger(__name__)

EXIT_CODES = """\
exit codes:
  0 ok   1 unexpected   2 usage or settings   3 authentication or permission
  4 partial: some campaigns failed, the rest are loaded   5 the answer breaks the contract
  6 database locked or unavailable   75 temporary, try later
"""
EXAMPLES = """\
examples:
  kore-campaigns demo                        no credentials needed
  kore-campaigns check                       which leg fails: settings, dns, tls, token, ...
  kore-campaigns plan                        what a run would ask for, and why
  kore-campaigns run --database campaigns.duckdb
  kore-campaigns status

"""
# as `views.dialects` has them, which is heavy
DIALECTS: Final = (
    *("duckdb", "postgres"),
    *("snowflake", "bigquery", "redshift", "databricks", "clickhouse"),
)
Flags = Callable[[argparse.ArgumentParser], None]


def parser() -> argparse.ArgumentParser:
    """The parser; the chosen command is `options.command`."""
    made = argparse.ArgumentParser(
        prog="kore-campaigns",
        description="A queryable history of every Kore.ai campaign, in DuckDB.",
        epilog=EXAMPLES + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    names = made.add_subparsers(required=True, metavar="COMMAND")
    for name, (command, help_text, flags) in _COMMANDS.items():
        one = names.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
        one.set_defaults(command=command)
        one.add_argument("--json", action="store_true", help="print one JSON object on stdout")
        one.add_argument("--project-dir", metavar="DIR", help="folder of .dlt/ and the csv")
        one.add_argument("--debug", action="store_true", help="full tracebacks")
        for add in flags:
            add(one)
    return made


def _directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--directory", default="demo", metavar="DIR", help="where to work")


def _database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", metavar="FILE", help="DuckDB file to write or read")


def _connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--campaign-ids", metavar="FILE", help="csv with header campaign_id")
    parser.add_argument(
        "--connection",
        action="append",
        metavar="NAME",
        help="a configured connection, as often as wanted; without it all, or those of the csv",
    )


def _quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="silent unless something failed")


def _budget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--requests-per-minute", type=int, metavar="N", help="0 = no limit")


def _sweep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sweep", choices=("auto", "full", "listing"), help="what to ask for")


def _generation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--generation",
        metavar="N",
        help="the one to go back to: 1 = the newest, or its name; without it they are listed",
    )


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept-vanished",
        action="store_true",
        help="believe that campaigns were deleted, however many",
    )
    parser.add_argument(
        "--deadline",
        type=seconds,
        metavar="TIME",
        help="stop in good order after 90s, 10m or 2h, exit 75; the next run goes on",
    )


def _destination(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--destination",
        default="duckdb",
        metavar="NAME",
        help="duckdb, postgres or another SQL destination of dlt's",
    )


def _warehouse(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--destination", required=True, metavar="NAME", help="postgres")


def _dialect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dialect",
        required=True,
        choices=DIALECTS,
        help="generated and not tested, but for duckdb and postgres",
    )


def _html(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--html", required=True, metavar="FILE", help="the page to write")


def _parquet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parquet", required=True, metavar="DIR", help="folder of the files")
    parser.add_argument(
        "--view", action="append", metavar="NAME", help="this view, as often as wanted; or all"
    )


def _metrics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--metrics-file", metavar="FILE", help="write facts for Prometheus' textfile collector"
    )


def _monitors(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ping-url", metavar="URL", help="ask URL/start, then URL or URL/fail, as healthchecks.io"
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="json: one object a line on stderr, and nothing else there",
    )


def seconds(text: str) -> float:
    """`90s`, `10m`, `2h`, or a number of seconds."""
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    try:
        found = float(text if unit is None else text[:-1]) * (unit or 1)
    except ValueError:
        found = -1.0
    if not 0 < found < math.inf:
        message = f"`{text}` is no time such as 90s, 10m or 2h"
        raise argparse.ArgumentTypeError(message)
    return found


_COMMANDS: Final[dict[str, tuple[Callable[..., int], str, tuple[Flags, ...]]]] = {
    "demo": (
        commands.demo,
        "two runs against an emulator on this machine, and what SQL answers",
        (_directory,),
    ),
    "check": (
        commands.check,
        "name the failing leg, from settings to database",
        (_destination, _database, _connection),
    ),
    "plan": (
        commands.plan,
        "what a run would ask for, why, and how long it would take; writes nothing",
        (_destination, _database, _connection, _sweep, _budget),
    ),
    "run": (
        commands.run,
        "bring the database up to date",
        (
            *(_destination, _database, _connection, _sweep, _run, _budget, _quiet),
            *(_metrics, _monitors),
        ),
    ),
    "status": (
        commands.status,
        "when it last worked, what is stale, what failed and why",
        (_destination, _database, _metrics),
    ),
    "report": (
        commands.report,
        "write one page, for a mail or a browser: hours, findings, changes, lists",
        (_destination, _database, _html),
    ),
    "export": (
        commands.export,
        "write the views as Parquet files, all of one moment",
        (_destination, _database, _parquet, _quiet),
    ),
    "copy": (
        commands.copy,
        "copy the history of a DuckDB file into a warehouse, and read every row back",
        (_warehouse, _database, _quiet),
    ),
    "views": (
        commands.views,
        "print the SQL of the views for a database that a run makes none in",
        (_dialect,),
    ),
    "restore": (
        commands.restore,
        "list what the last runs replaced, or go back to one of them",
        (_database, _generation),
    ),
    "verify": (
        commands.verify,
        "read Kore again and compare every field with the views; writes nothing",
        (_destination, _database, _connection, _budget, _quiet),
    ),
    "rebuild": (
        commands.rebuild,
        "derive the columns of all versions anew from what was received; asks nothing",
        (_destination, _database, _quiet),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = parser().parse_args(arguments)
    if options.project_dir:
        # dlt finds `.dlt/` by this; it must be set before dlt is imported
        os.environ["DLT_PROJECT_DIR"] = os.path.abspath(options.project_dir)  # noqa: PTH100
    as_json = getattr(options, "log_format", "text") == "json"
    with log_to_stderr(as_json=as_json, is_quiet=getattr(options, "quiet", False)):
        try:
            _check_project(options.project_dir)
            code: int = options.command(options)
        except (Exception, KeyboardInterrupt) as failed:
            ending = ending_of(failed)
            if options.debug and ending.code == UNEXPECTED:
                raise
            log_event(
                logger, "run_failed", ending.message, code=ending.code, exit_code=ending.exit_code
            )
            return ending.exit_code
        return code


def _check_project(project_dir: str | None) -> None:
    if project_dir and not os.path.isdir(project_dir):  # noqa: PTH112  # pathlib is not needed yet
        raise SettingInvalid(key="project-dir", value=project_dir, expected="a folder that exists")
