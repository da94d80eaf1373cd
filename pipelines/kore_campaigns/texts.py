"""What the commands print, as lines made from plain facts. Nothing is read or printed here."""

from __future__ import annotations

from collections.abc import Sequence

from kore_campaigns.campaign_errors import Interrupted, NotAsked
from kore_campaigns.check import Leg
from kore_campaigns.copy_history import Copied
from kore_campaigns.export import Export
from kore_campaigns.file_errors import in_bytes
from kore_campaigns.problems import duration, problems
from kore_campaigns.report import RunReport
from kore_campaigns.restore import Kept, Restored, State
from kore_campaigns.runs import ConnectionRun

PROBLEMS_SHOWN = 10
# the run's reason, not the campaign's: one sentence says it for however many
NOT_REACHED = (NotAsked.code, Interrupted.code)


def run_summary(report: RunReport) -> list[str]:
    """The run in three lines, the outcome first."""
    outcome = "complete" if report.is_complete else "NOT complete"
    return [
        f"run {report.run_id}: {outcome}, in {duration(report.seconds)}",
        f"  sweep      {report.sweep}: {report.sweep_reason}",
        f"  campaigns  {report.planned} planned: {report.new_versions} new versions, "
        f"{report.unchanged} unchanged, {report.vanished} vanished, {report.failed} failed",
        f"  requests   {report.requests} sent, {report.retries} of them retries, "
        f"{report.rate_limited} answered `call limit reached`",
        f"  database   {report.database}",
    ]


def runs_summary(parts: Sequence[ConnectionRun]) -> list[str]:
    """The run of each connection, below its name where there are several."""
    lines: list[str] = []
    for part in parts:
        if len(parts) > 1:
            lines.append(f"connection {part.connection}")
        if part.report is not None:
            lines += run_summary(part.report)
        elif part.ending is not None:
            lines.append(f"  NOT run: exit code {part.ending.exit_code}, {part.ending.code}")
    return lines


def run_problems(report: RunReport) -> list[str]:
    """What the operator must know, worst first, one line each."""
    lines = [problem.message for problem in problems(report)]
    asked = [failed for failed in report.failures if failed.code not in NOT_REACHED]
    lines += [str(failed) for failed in asked[:PROBLEMS_SHOWN]]
    if len(asked) > PROBLEMS_SHOWN:
        more = len(asked) - PROBLEMS_SHOWN
        lines.append(f"and {more} more failed campaigns: table kore_raw.extraction_errors")
    return lines


def run_drift(report: RunReport) -> list[str]:
    """What nobody knows, as a note: nothing failed for it."""
    drift = report.drift
    lines = [
        f"drift: `{found['path']}` ({found['example_type']}) of {found['count']} campaign(s) is "
        "unknown to this version; it is kept in `raw`"
        for found in drift[:PROBLEMS_SHOWN]
    ]
    if len(drift) > PROBLEMS_SHOWN:
        more = len(drift) - PROBLEMS_SHOWN
        lines.append(f"and {more} more kinds of drift: table kore_raw.extraction_drift")
    return lines


def check_line(leg: Leg) -> str:
    return f"{leg.state:<7} {leg.name:<12} {leg.message}"


def kept_summary(kept: Kept) -> list[str]:
    """What there is to go back to, below what is published now."""
    lines = [f"database   {kept.database}"]
    if not kept.generations:
        return [*lines, "nothing is kept yet: each run keeps what it replaces"]
    now = [] if kept.published is None else [("now", kept.published)]
    rows = [*now, *[(str(state.number), state) for state in kept.generations]]
    names = ("", "published (UTC)", "size", "run", "exit", "campaigns", "versions")
    lines += ["", *table(names, [_state(label, state) for label, state in rows]), ""]
    lines += [
        f"{label:<10} {state.name} cannot be read: {state.problem}"
        for label, state in rows
        if state.problem
    ]
    return [*lines, "next       kore-campaigns restore --generation N"]


def restored_summary(done: Restored) -> list[str]:
    """What is published now, and how to take it back."""
    state = done.restored
    run = "" if state.run_id is None else f" by run {state.run_id}"
    lines = [
        f"database   {done.database}",
        f"restored   what was published {state.published_at:%Y-%m-%d %H:%M:%S} UTC{run}: "
        f"{state.campaigns} campaigns, {state.versions} versions",
    ]
    if done.replaced is not None:
        lines.append(
            f"replaced   kept as {done.replaced.name}; to take this back: kore-campaigns restore "
            "--generation 1"
        )
    return [*lines, "next       kore-campaigns run goes on from here"]


def copy_summary(copied: Copied) -> list[str]:
    """Each table with its rows, and what comes next."""
    kind = copied.destination.partition(",")[0]
    return [
        *table(("table", "rows"), [*copied.rows.items()]),
        f"copied     {sum(copied.rows.values()):,} rows of {copied.database} into "
        f"{copied.destination}, each read back and equal, in {duration(copied.seconds)}",
        f"next       kore-campaigns run --destination {kind} goes on from here",
    ]


def export_summary(exported: Export) -> list[str]:
    """Each file with its rows and size."""
    cells = [(each.file, each.rows, in_bytes(each.bytes_written)) for each in exported.files]
    moment = f"{exported.exported_at:%Y-%m-%d %H:%M:%S} UTC"
    return [
        *table(("file", "rows", "size"), cells),
        f"{len(cells)} files in {exported.directory}, of {exported.database} at {moment}",
    ]


def _state(label: str, state: State) -> tuple[object, ...]:
    return (
        label,
        f"{state.published_at:%Y-%m-%d %H:%M:%S}",
        in_bytes(state.size_bytes),
        state.run_id,
        state.exit_code,
        state.campaigns,
        state.versions,
    )


def table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows in aligned columns below their names; nothing, where there is no value."""
    cells = [list(names), *[["" if cell is None else str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
