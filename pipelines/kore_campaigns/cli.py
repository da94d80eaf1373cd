"""`kore-campaigns`: arguments in, text out, an exit code for the scheduler. Only this prints."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from kore_campaigns.errors import KoreCampaignsError, SettingInvalid
from kore_campaigns.lean import make_lean

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
  kore-campaigns run --database campaigns.duckdb
  kore-campaigns status

"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    if arguments is None:  # started as a program, so this process is ours alone
        make_lean()
    options = _parser().parse_args(arguments)
    if options.project_dir:
        # dlt finds `.dlt/` by this; it must be set before dlt is imported
        os.environ["DLT_PROJECT_DIR"] = os.path.abspath(options.project_dir)  # noqa: PTH100
    try:
        _check_project(options.project_dir)
        code: int = options.command(options)
    except KoreCampaignsError as failed:
        _say(str(failed))
        return failed.exit_code
    except KeyboardInterrupt:
        _say("stopped at once; the next run goes on from the last durable step.")
        return 75
    except Exception as unexpected:
        if options.debug:
            raise
        _say(
            f"unexpected: {type(unexpected).__name__}: {_first_line(unexpected)}. "
            "Next: run the same command with --debug and report what it prints."
        )
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kore-campaigns",
        description="A queryable history of every Kore.ai campaign, in DuckDB.",
        epilog=EXAMPLES + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, help_text in (
        ("demo", _demo, "two runs against an emulator on this machine, and what SQL answers"),
        ("check", _check, "name the failing leg, from settings to database"),
        ("run", _run, "bring the database up to date"),
        ("status", _status, "when it last worked, what is stale, what failed and why"),
    ):
        one = commands.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
        one.set_defaults(command=command)
        one.add_argument("--json", action="store_true", help="print one JSON object on stdout")
        one.add_argument("--project-dir", metavar="DIR", help="folder of .dlt/ and the csv")
        one.add_argument("--debug", action="store_true", help="full tracebacks")
        if name == "demo":
            one.add_argument("--directory", default="demo", metavar="DIR", help="where to work")
        else:
            one.add_argument("--database", metavar="FILE", help="DuckDB file to write or read")
        if name in ("run", "check"):
            _add_connection(one)
        if name == "run":
            _add_run(one)
    return parser


def _add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--campaign-ids", metavar="FILE", help="csv with header campaign_id")
    parser.add_argument("--connection", metavar="NAME", help="one of the configured connections")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--destination", default="duckdb", metavar="NAME", help="duckdb")
    parser.add_argument("--sweep", choices=("auto", "full", "listing"), help="what to ask for")
    parser.add_argument("--requests-per-minute", type=int, metavar="N", help="0 = no limit")
    parser.add_argument("--quiet", action="store_true", help="silent unless something failed")
    parser.add_argument(
        "--accept-vanished",
        action="store_true",
        help="believe that campaigns were deleted, however many",
    )


def _check_project(project_dir: str | None) -> None:
    if project_dir and not os.path.isdir(project_dir):  # noqa: PTH112  # pathlib is not needed yet
        raise SettingInvalid(key="project-dir", value=project_dir, expected="a folder that exists")


def _run(options: argparse.Namespace) -> int:
    from kore_campaigns.progress import show_progress
    from kore_campaigns.run import run_pipeline
    from kore_campaigns.texts import run_problems, run_summary

    if options.destination != "duckdb":
        expected = "`duckdb`; for others use the plain dlt source, see docs/operations.md"
        raise SettingInvalid(key="destination", value=options.destination, expected=expected)
    stop = _stop_on_signals()
    with show_progress(quiet=options.quiet or options.json) as progress:
        report = run_pipeline(
            database=_from_here(options.database),
            connection=options.connection,
            accept_vanished=options.accept_vanished,
            stop=stop,
            progress=progress,
            campaign_ids=_from_here(options.campaign_ids),
            sweep=options.sweep,
            requests_per_minute=options.requests_per_minute,
        )
    for line in run_problems(report):
        _say(line)
    _print_result(options, report.as_json(), run_summary(report), quiet=options.quiet)
    return report.exit_code


def _status(options: argparse.Namespace) -> int:
    from kore_campaigns.project import project_folder
    from kore_campaigns.publish import workspace_for
    from kore_campaigns.status import read_status
    from kore_campaigns.texts import status_summary

    status = read_status(workspace_for(_from_here(options.database), project_folder()))
    _print_result(options, status.as_json(), status_summary(status))
    return 0


def _check(options: argparse.Namespace) -> int:
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
            _show(check_line(leg))
    if options.json:
        _show(json.dumps({"ok": code == 0, "legs": legs}, default=str))
    return code


def _demo(options: argparse.Namespace) -> int:
    from kore_campaigns.demo import play_demo

    result = play_demo(options.directory, say=_ignore if options.json else _show)
    if options.json:
        _show(json.dumps(result, default=str))
    return 0


def _stop_on_signals() -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; a second one ends the program at once."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _say("stopping: what was fetched is being stored; press Ctrl-C again to stop at once.")

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
        _show(json.dumps(as_json, default=str))
    elif not quiet:
        _show("\n".join(summary))


def _say(line: str) -> None:
    print(f"kore-campaigns: {line}", file=sys.stderr, flush=True)


def _show(text: str = "") -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader has seen enough; the exit code still counts
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _ignore(text: str = "") -> None:
    """Nobody reads along."""


if __name__ == "__main__":  # pragma: no cover
    sys.exit(main())
