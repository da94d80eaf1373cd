"""`kore-campaigns`: arguments in, text out, an exit code for the scheduler."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from kore_campaigns.arguments import parser
from kore_campaigns.errors import KoreCampaignsError, SettingInvalid
from kore_campaigns.lean import make_lean
from kore_campaigns.terminal import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    if arguments is None:  # started as a program, so this process is ours alone
        make_lean()
    options = parser().parse_args(arguments)
    if options.project_dir:
        # dlt finds `.dlt/` by this; it must be set before dlt is imported
        os.environ["DLT_PROJECT_DIR"] = os.path.abspath(options.project_dir)  # noqa: PTH100
    try:
        _check_project(options.project_dir)
        code: int = options.command(options)
    except KoreCampaignsError as failed:
        say(str(failed))
        return failed.exit_code
    except KeyboardInterrupt:
        say("stopped at once; the next run goes on from the last durable step.")
        return 75
    except Exception as unexpected:
        if options.debug:
            raise
        say(
            f"unexpected: {type(unexpected).__name__}: {_first_line(unexpected)}. "
            "Next: run the same command with --debug and report what it prints."
        )
        return 1
    return code


def _check_project(project_dir: str | None) -> None:
    if project_dir and not os.path.isdir(project_dir):  # noqa: PTH112  # pathlib is not needed yet
        raise SettingInvalid(key="project-dir", value=project_dir, expected="a folder that exists")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


if __name__ == "__main__":  # pragma: no cover
    sys.exit(main())
