"""`kore-campaigns`: arguments in, text out, an exit code for the scheduler."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kore_campaigns.arguments import parser
from kore_campaigns.endings import UNEXPECTED, Ending, ending_of
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.lean import make_lean
from kore_campaigns.terminal import log_line, say

if TYPE_CHECKING:
    from kore_campaigns.log import JsonLog


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    if arguments is None:  # started as a program, so this process is ours alone
        make_lean()
    options = parser().parse_args(arguments)
    if options.project_dir:
        # dlt finds `.dlt/` by this; it must be set before dlt is imported
        os.environ["DLT_PROJECT_DIR"] = os.path.abspath(options.project_dir)  # noqa: PTH100
    options.log = _log(options)
    try:
        _check_project(options.project_dir)
        code: int = options.command(options)
    except (Exception, KeyboardInterrupt) as failed:
        ending = ending_of(failed)
        if options.debug and ending.code == UNEXPECTED:
            raise
        _tell(ending, options.log)
        return ending.exit_code
    return code


def _log(options: argparse.Namespace) -> JsonLog | None:
    """None where lines for people are wanted."""
    if getattr(options, "log_format", "text") == "text":
        return None
    from kore_campaigns.log import JsonLog

    return JsonLog(log_line, is_quiet=options.quiet)


def _tell(ending: Ending, log: JsonLog | None) -> None:
    if log is None:
        say(ending.message)
        return
    from kore_campaigns.events import run_failed

    log(run_failed(ending.message, code=ending.code, exit_code=ending.exit_code))


def _check_project(project_dir: str | None) -> None:
    if project_dir and not os.path.isdir(project_dir):  # noqa: PTH112  # pathlib is not needed yet
        raise SettingInvalid(key="project-dir", value=project_dir, expected="a folder that exists")


if __name__ == "__main__":  # pragma: no cover
    sys.exit(main())
