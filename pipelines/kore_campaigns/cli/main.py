"""Entry point of `kore-campaigns`: the list of commands, and exit code 2 for wrong usage."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click

from kore_campaigns.cli import commands
from kore_campaigns.cli.console import give_up_stdout, use_streams
from kore_campaigns.errors import UsageInvalid, error_summary

PROGRAM: Final = "kore-campaigns"
EPILOG = """\
\b
Examples:
  kore-campaigns demo                        no credentials needed
  kore-campaigns init                        make a project in this folder
  kore-campaigns check                       test settings, network, token, ...
  kore-campaigns plan                        what a run would fetch, and why
  kore-campaigns run --database campaigns.duckdb
  kore-campaigns status

\b
Exit codes:
  0 ok   1 unexpected   2 usage or settings   3 authentication or permission
  4 partial: some campaigns failed, the rest are loaded
  5 the answer breaks the contract   6 database locked or unavailable
  75 temporary, try later
"""


class InOrder(click.Group):
    """Lists the commands in the order in which they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=InOrder,
    commands=[
        *(commands.demo, commands.init, commands.check, commands.plan, commands.run),
        *(commands.status, commands.findings, commands.changes, commands.report),
        *(commands.dashboard, commands.export),
        *(commands.copy, commands.views, commands.restore, commands.verify, commands.rebuild),
    ],
    params=[*commands.COMMON],
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="kore-campaigns")
def cli(**of_every_command: object) -> None:
    """Store the history of every Kore.ai campaign in DuckDB or Postgres."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    use_streams()
    try:
        code: int = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as wrong_usage:
        wrong_usage.show()
        if "--json" in (sys.argv if arguments is None else arguments):
            context = getattr(wrong_usage, "ctx", None) or click.Context(cli, info_name=PROGRAM)
            error = UsageInvalid(wrong_usage.format_message(), f"{context.command_path} --help")
            commands.Output(as_json=True, quiet=True, log_as_json=False).json(
                error_summary(error).as_json()
            )
        return wrong_usage.exit_code
    except OSError as failed:  # of a help text: commands handle their own
        give_up_stdout(failed)
        return 0
    return code
