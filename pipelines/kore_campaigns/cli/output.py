"""Text that the commands print, made from their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from kore_campaigns.cli.console import table_width
from kore_campaigns.errors import (
    NOT_REACHED,
    KoreCampaignsError,
    counted,
    in_bytes,
    shorten,
)
from kore_campaigns.extract.report import (
    MOST_CLOCK_DIFFERENCE,
    ONLY,
    duration,
    problems,
    unreadable_listing,
)

if TYPE_CHECKING:
    from kore_campaigns.extract.plan import Preview
    from kore_campaigns.extract.report import RunReport
    from kore_campaigns.maintenance.check import Leg
    from kore_campaigns.maintenance.copy import Copied
    from kore_campaigns.maintenance.rebuild import Rebuilt
    from kore_campaigns.maintenance.restore import Kept, Restored, State
    from kore_campaigns.maintenance.verify import Verification
    from kore_campaigns.pipeline import ConnectionRun
    from kore_campaigns.reports.export import Export
    from kore_campaigns.reports.status import App, LastRun, Row, Status

PROBLEMS_SHOWN: Final = 10
IDS_SHOWN: Final = 3
DRIFT_SHOWN: Final = 3
STALE_SHOWN: Final = 5
REQUESTS_SHOWN: Final = 15
CHANGES_SHOWN: Final = 10
NARROWEST_COLUMN: Final = 12
VALUE_SHOWN: Final = 200  # characters; `--json` has all of them


def table(
    names: Sequence[str], rows: Sequence[Sequence[object]], *, width: int | None = None
) -> list[str]:
    """Rows in aligned columns below their names; a missing value is empty.

    If a row is longer than `width`, by default that of the terminal, the widest column is wrapped.
    Where that leaves too little room, each row is a list of its values.
    """
    width = width or table_width()
    cells = [list(names), *[["" if cell is None else str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    over = sum(widths) + 2 * (len(widths) - 1) - width
    if over > 0:
        widest = widths.index(max(widths))
        widths[widest] -= over
        if widths[widest] < NARROWEST_COLUMN:
            return [line for row in cells[1:] for line in _as_list(names, row)]
    lines = []
    for row in cells:
        wrapped = [wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
        lines += [
            "  ".join(map(str.ljust, parts, widths)).rstrip()
            for parts in zip_longest(*wrapped, fillvalue="")
        ]
    return [lines[0], "  ".join("-" * size for size in widths), *lines[1:]]


def _as_list(names: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    """The first value, and below it the others with their names."""
    width = max(map(len, names[1:]))
    yield row[0]
    for name, value in zip(names[1:], row[1:], strict=True):
        if value:
            yield f"  {name:<{width}}  {value}"


def first(lines: Sequence[str], shown: int, others: str, *, indent: int = 0) -> list[str]:
    """The first lines, then how many `others` there are."""
    more = len(lines) - shown
    return [*lines[:shown], *([f"{'':{indent}}and {more:,} more{others}"] if more > 0 else [])]


def run_summary(report: RunReport) -> list[str]:
    """The run, the outcome first."""
    outcome = "complete" if report.is_complete else "NOT complete"
    return [
        f"run {report.run_id}: {outcome}, in {duration(report.seconds)}",
        f"  sweep      {report.sweep}: {report.sweep_reason}",
        f"  campaigns  {report.planned} planned: {report.in_words}",
        f"  requests   {report.requests} sent, {counted(report.retries, 'retry', 'retries')}, "
        f"{counted(report.rate_limited, 'response')} `call limit reached`",
        f"  database   {report.database}",
    ]


def runs_summary(parts: Sequence[ConnectionRun]) -> list[str]:
    """The run of each connection, below its name if there are several."""
    lines: list[str] = []
    for part in parts:
        if len(parts) > 1:
            lines.append(f"connection {part.connection}")
        if part.report is not None:
            lines += run_summary(part.report)
        elif part.ending is not None:
            lines.append(f"  NOT run: exit code {part.ending.exit_code}, {part.ending.code}")
    return lines


def changes_lines(rows: Sequence[Row]) -> list[str]:
    """Campaigns that a run found changed, the riskier first, and how many are new."""
    changed = [row for row in rows if row["version"] > 1]
    changed.sort(key=lambda row: (not row["is_risky"], _named(row)))
    lines = first([*map(_change, changed)], CHANGES_SHOWN, ": kore.campaign_changes")
    added = len(rows) - len(changed)
    if added:
        lines.append(f"{counted(added, 'campaign')} stored for the first time")
    labels = ["changed", *[""] * len(lines)]
    return [f"  {label:<10} {line}" for label, line in zip(labels, lines, strict=False)]


def reviewed_changes(rows: Sequence[Row], since: datetime | int) -> list[str]:
    """Each version, with the time when a run first saw it."""
    lines = [f"{row['observed_at']:%Y-%m-%d %H:%M}  {_change(row)}" for row in rows]
    from_when = f"version {since}" if isinstance(since, int) else f"{since:%Y-%m-%d %H:%M} UTC"
    return [*lines, f"{counted(len(rows), 'change')} since {from_when}"]


def reviewed_findings(rows: Sequence[Row]) -> list[str]:
    """Each finding as a sentence, then how many there are of each severity."""
    lines = [f"{row['severity']:<7} {_named(row)} {row['sentence']}" for row in rows]
    counts = Counter(row["severity"] for row in rows)
    in_words = ", ".join(f"{count} {severity}" for severity, count in counts.items())
    return [*lines, f"{counted(len(rows), 'finding')}{f': {in_words}' if rows else ''}"]


def _change(row: Row) -> str:
    return f"{_named(row)}: {row['change_summary']}{' (riskier)' if row['is_risky'] else ''}"


def _named(row: Row) -> str:
    return str(row["campaign_name"] or row["campaign_id"])


def run_problems(report: RunReport) -> list[str]:
    """Problems that the operator must know, worst first, one line each."""
    failed = [str(each) for each in report.failures if each.code not in NOT_REACHED]
    others = " failed campaigns: table kore_raw.extraction_errors"
    return [
        *(problem.message for problem in problems(report)),
        *first(failed, PROBLEMS_SHOWN, others),
    ]


def run_drift(report: RunReport) -> list[str]:
    """Fields, values and types that this version does not know, as a note."""
    lines = [
        f"drift: `{found['path']}` ({found['example_type']}) of "
        f"{counted(found['count'], 'campaign')} is unknown to this version; it is stored in `raw`"
        for found in report.drift
    ]
    return first(lines, PROBLEMS_SHOWN, " kinds of drift: table kore_raw.extraction_drift")


def check_line(leg: Leg) -> str:
    return f"{leg.state:<7} {leg.name:<12} {leg.message}"


def kept_summary(kept: Kept) -> list[str]:
    """The states that can be restored, below the published one."""
    lines = [f"database   {kept.database}"]
    if not kept.generations:
        return [*lines, "no earlier state is stored yet: each run keeps the file that it replaces"]
    now = [] if kept.published is None else [("now", kept.published)]
    rows = [*now, *[(str(state.number), state) for state in kept.generations]]
    names = ("", "published (UTC)", "size", "run", "exit", "live", "versions")

    def cells(label: str, state: State) -> tuple[object, ...]:
        published = f"{state.published_at:%Y-%m-%d %H:%M}"
        of_run = state.run_id, state.exit_code, state.campaigns, state.versions
        return label, published, in_bytes(state.size_bytes), *of_run

    lines += ["", *table(names, [cells(label, state) for label, state in rows]), ""]
    lines += [
        f"{label:<10} {state.name} cannot be read: {state.problem}"
        for label, state in rows
        if state.problem
    ]
    return [*lines, "next       kore-campaigns restore --generation N"]


def restored_summary(done: Restored) -> list[str]:
    """The state that is published now, and how to undo the restore."""
    state = done.restored
    run = "" if state.run_id is None else f" by run {state.run_id}"
    lines = [
        f"database   {done.database}",
        f"restored   the state published {state.published_at:%Y-%m-%d %H:%M:%S} UTC{run}: "
        f"{state.campaigns} campaigns, {state.versions} versions",
    ]
    if done.replaced is not None:
        undo = "to undo: kore-campaigns restore --generation 1"
        lines.append(f"replaced   kept as {done.replaced.name}; {undo}")
    return [*lines, "next       kore-campaigns run continues from here"]


def copy_summary(copied: Copied) -> list[str]:
    """Each table with its rows, and the next step."""
    kind = copied.destination.partition(",")[0]
    return [
        *table(("table", "rows"), [*copied.rows.items()]),
        f"copied     {counted(sum(copied.rows.values()), 'row')} of {copied.database} into "
        f"{copied.destination}, each read back and equal, in {duration(copied.seconds)}",
        f"next       kore-campaigns run --destination {kind} continues from here",
    ]


def export_summary(exported: Export) -> list[str]:
    """Each file with its rows and size."""
    cells = [(each.file, each.rows, in_bytes(each.bytes_written)) for each in exported.files]
    moment = f"{exported.exported_at:%Y-%m-%d %H:%M:%S} UTC"
    return [
        *table(("file", "rows", "size"), cells),
        f"{counted(len(cells), 'file')} in {exported.directory}, of {exported.database} at "
        f"{moment}",
    ]


def plan_lines(preview: Preview) -> list[str]:
    """The kind of sweep and its cost first, then a line for each campaign to fetch."""
    plan, gone, allowed = preview.plan, len(preview.maybe_gone), preview.vanished_allowed
    lists = ", 1 for the contact lists" if preview.contact_list_calls else ""
    is_only = plan.sweep == ONLY
    if preview.dnc_list_calls:
        lists += f", {preview.dnc_list_calls} for DNC lists"
    lines = [
        f"sweep      {plan.sweep}: {plan.reason}",
        f"calls      {preview.calls}: {preview.listing_calls} for the listing, "
        f"{len(plan.requests)} for campaigns{lists}; about {duration(preview.eta_seconds)} under "
        "the budget",
        f"campaigns  {len(plan)} {'named' if is_only else 'configured'}: {len(plan.requests)} to "
        f"request, {len(plan.confirmed)} confirmed without a request",
    ]
    lines += [f"note       {note}" for note in plan.notes]
    if gone:
        lines.append(
            f"gone       {gone} are not in the listing, and at most {allowed} are believed in one "
            "run (`max_vanished`): if there are more, none is marked deleted, unless the run is "
            "given --accept-vanished"
        )
    others = plan.not_configured
    if others:
        where = "named" if is_only else "listed"
        lines.append(f"others     {len(others)} {where}, and not configured: {shorten(others)}")
    width = max((len(each.campaign_id) for each in plan.requests), default=0)
    requests = []
    for each in plan.requests:
        fields = f": {', '.join(each.fields)}" if each.fields else ""
        requests.append(f"request    {each.campaign_id:<{width}}  {each.reason}{fields}")
    return [*lines, *first(requests, REQUESTS_SHOWN, " requests: --json has all", indent=11)]


def status_summary(status: Status, *, now: datetime | None = None) -> list[str]:
    """The screen, the state in its first line, the next command in its last."""
    now = now or datetime.now(UTC)
    size = f", {in_bytes(status.database_bytes)}" if status.database_bytes else ""
    lines = [f"state      {_state(status)}", f"database   {status.database}{size}"]
    for app in status.apps:
        if len(status.apps) > 1:
            lines.append(f"app        {app.stream_id}")
        lines += _app(app, now, is_older=status.is_older)
    if status.stale:
        count = counted(status.stale, "configured campaign")
        lines.append(f"stale      {count}, the longest first:")
        shown = status.stale_campaigns[:STALE_SHOWN]
        lines += [f"           {_stale_campaign(each, now)}" for each in shown]
        more = status.stale - len(shown)
        if more > 0:
            lines.append(f"           and {more:,} more: kore.campaign_freshness, is_stale")
    if status.findings:
        counts = ", ".join(f"{count:,} {severity}" for severity, count in status.findings.items())
        lines.append(f"findings   {counts}: kore.findings")
    lines += _failures(status.failures)
    lines += _drift(status.drift)
    for about, ids in (
        ("configured, but not in the account listing", status.not_listed),
        ("in the account listing, but not configured", status.listed_only),
    ):
        if ids:
            lines.append(f"listing    {len(ids):,} {about}: {shorten(ids, IDS_SHOWN)}")
    if status.is_views_only:
        lines.append("not shown  drift and listing: this role may read schema kore alone")
    return [*lines, f"next       {status.advice}"]


def _state(status: Status) -> str:
    worst = next((app.last_run for app in status.apps if app.state == status.state), None)
    planned, failed = (worst.planned, worst.failed) if worst else (0, 0)
    if worst and worst.finished_at and worst.lacks_listing:
        return (
            "NOT complete: the account listing, which names the campaigns for `*`, could not be "
            f"read whole ({worst.listing_state})"
        )
    configured = sum(app.configured for app in status.apps)
    return {
        "none": "no run yet",
        "ok": "ok: the last run accounts for every configured campaign",
        "stale": f"STALE: {status.stale:,} of {configured:,} configured campaigns were last "
        "confirmed too long ago",
        "partial": f"NOT complete: {failed:,} of {planned:,} campaigns failed",
        "failed": f"FAILED: {_reason(worst)}, exit code {worst.exit_code if worst else None}",
        "interrupted": "INTERRUPTED: the last run was stopped before its end",
        "killed": "KILLED: the last run stopped without recording an end (kill -9, crash or power "
        "loss)",
        "running": f"running: process {status.running_pid}, since {status.running_since}",
        "older": "unknown: the last run was of an older version, whose views say less. The next "
        "run updates them",
    }[status.state]


def _reason(run: LastRun | None) -> str:
    is_unexpected = run is not None and run.exit_code == KoreCampaignsError.exit_code
    return (
        "an unexpected error ended the last run"
        if is_unexpected
        else "no campaign could be fetched"
    )


def _app(app: App, now: datetime, *, is_older: bool) -> list[str]:
    last = app.last_run
    if last is None:
        return ["last run   none has ended yet"]
    took = "" if last.duration_seconds is None else f", in {duration(last.duration_seconds)}"
    code = "" if last.exit_code is None else f", exit code {last.exit_code}"
    outcome = "complete" if last.is_complete else f"NOT complete{code}"
    lines = [
        f"last run   {_when(last.started_at, now)}, {last.sweep or 'no'} sweep{took}, {outcome}",
        f"           {last.planned} planned: {last.in_words}",
    ]
    if is_older:
        return lines
    lines += [
        f"complete   {_when(app.last_complete_at, now)}",
        f"full sweep {_when(app.last_full_sweep_at, now)}",
        f"campaigns  {app.configured} configured, {app.live} live, {app.deleted} deleted",
    ]
    if app.not_configured:
        them = "it" if app.not_configured == 1 else "them"
        lines.append(
            f"           live but not configured: {app.not_configured}; no run fetches {them} any "
            "more"
        )
    return lines


def _stale_campaign(row: Row, now: datetime) -> str:
    name = "" if row["campaign_name"] is None else f" ({row['campaign_name']})"
    at, code = row["last_confirmed_at"], row["last_error_code"]
    confirmed = "never confirmed" if at is None else f"confirmed {_ago(at, now)}"
    error = "" if code is None else f", last error {code}"
    return f"{row['campaign_id']}{name}: {confirmed}{error}"


def _when(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never yet"
    return f"{moment:%Y-%m-%d %H:%M} UTC ({_ago(moment, now)})"


def _ago(moment: datetime, now: datetime) -> str:
    if (moment - now).total_seconds() > MOST_CLOCK_DIFFERENCE:
        return "in the future: the clock was ahead then, or is behind now"
    return f"{duration((now - moment).total_seconds())} ago"


def _failures(failures: Sequence[Row]) -> list[str]:
    """Failed campaigns by reason, then the number of those that were not reached."""
    by_code: dict[str, list[Row]] = {}
    for failure in failures:
        if failure["error_code"] not in NOT_REACHED:
            by_code.setdefault(failure["error_code"], []).append(failure)
    lines = []
    for code, alike in sorted(by_code.items(), key=lambda found: -len(found[1])):
        message = alike[0]["message"]
        ids = shorten([failure["campaign_id"] for failure in alike], IDS_SHOWN)
        if len(alike) == 1:
            lines.append(f"failed     {ids}: {message}")
        else:
            lines += [f"failed     {len(alike):,} {code}: {ids}", f"           {message}"]
    unreached = Counter(each["message"] for each in failures if each["error_code"] in NOT_REACHED)
    for message, count in unreached.items():
        were = "was" if count == 1 else "were"
        lines.append(f"failed     {counted(count, 'campaign')} {were} {message}")
    return lines


def _drift(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    lines = [
        f"{row['path']} ({row['example_type']}): {counted(row['campaign_count'], 'campaign')}, "
        f"since {row['first_seen_at']:%Y-%m-%d}"
        for row in rows
    ]
    lines = first(lines, DRIFT_SHOWN, ": kore_raw.extraction_drift")
    lines.append(
        "nothing broke: column `raw` has it. Next: once a later version knows it, "
        "kore-campaigns rebuild"
    )
    return [f"drift      {lines[0]}", *(f"           {line}" for line in lines[1:])]


def verify_problems(found: Verification) -> list[str]:
    """Reasons why not everything was compared, worst first, one line each."""
    report = found.report
    compared = f"{report.done - report.failed} of {report.planned} campaigns were compared"
    lines = []
    if report.access_refused is not None:
        lines.append(str(report.access_refused))
    if report.stopped is not None:
        lines.append(
            f"stopped fetching: {report.stopped}; {compared}. Next: fix the first failures, then "
            "verify again."
        )
    if report.cannot_enumerate is not None:
        lines.append(
            unreadable_listing(
                report.cannot_enumerate,
                "The campaigns of the database were compared. Next: verify again; if it stays, "
                "name the ids in the file.",
                is_explained=report.access_refused is not None,
            )
        )
    if report.interrupted:
        lines.append(f"interrupted; {compared}. Next: verify again, it starts from the beginning.")
    lines += [str(failed) for failed in report.failures if failed.code not in NOT_REACHED]
    return lines


def verify_differences(found: Verification) -> Iterator[str]:
    """Every difference, campaign by campaign."""
    for campaign_id in found.not_loaded:
        yield f"{campaign_id}: Kore has it, the database does not: it was never loaded"
    for campaign_id in found.marked_deleted:
        yield f"{campaign_id}: Kore has it, the database has it as deleted"
    for campaign_id in found.gone:
        yield f"{campaign_id}: live in the database, Kore answers that there is no such campaign"
    for campaign_id, differences in found.differing.items():
        yield f"{campaign_id}: {counted(len(differences), 'difference')}"
        for name, stored, expected in differences:
            yield f"  {name}: database {_value(stored)}, Kore {_value(expected)}"


def _value(value: str | None) -> str:
    if value is None:
        return "nothing"
    return f"`{value}`" if len(value) <= VALUE_SHOWN else f"`{value[:VALUE_SHOWN]}…`"


def verify_summary(found: Verification) -> list[str]:
    """The outcome, the numbers, and the next step."""
    report = found.report
    outcome = "NOT alike" if found.different else "alike"
    last_run = "never" if found.last_run_at is None else f"{found.last_run_at:%Y-%m-%d %H:%M} UTC"
    is_whole = not report.failed and report.cannot_enumerate is None
    lines = [
        f"verify: {outcome if is_whole else 'NOT complete'}, in {duration(report.seconds)}",
        f"  campaigns  {report.planned} configured: {report.unchanged} alike, "
        f"{found.different} different, {report.failed} failed",
        f"  database   {report.database}, last run {last_run}",
    ]
    if found.not_configured:
        count = len(found.not_configured)
        lines.append(
            f"  left out   {counted(count, 'campaign')} live in the database, and not in the file "
            f"of campaign ids: {shorten(found.not_configured)}"
        )
    if found.published_meanwhile and found.different:
        lines.append(
            "A run published meanwhile; the comparison is with the file before it. "
            "Next: verify again."
        )
    elif found.different > len(found.misshapen):
        lines.append(
            "A difference may be a change made since the last run. Next: `kore-campaigns run`, "
            "then verify again. A difference that stays after a complete run is a fault of this "
            "program or a damaged database: report it with these lines."
        )
    if found.misshapen:
        lines.append(
            f"{counted(len(found.misshapen), 'campaign')} with the content that was loaded, and "
            f"other columns or rows: {shorten(found.misshapen)}. Likely another version of this "
            "program or manual SQL wrote them. Next: `kore-campaigns rebuild`."
        )
    return lines


def rebuild_summary(rebuilt: Rebuilt) -> list[str]:
    """The number of versions that came out different, and in which columns."""
    done = f"rebuild: {rebuilt.different} of {counted(rebuilt.versions, 'version')} came out"
    lines = [
        f"{done} different, in {duration(rebuilt.seconds)}",
        f"  kept       all {rebuilt.versions:,}: same keys, hashes, times, `raw`",
    ]
    for name, count in sorted(rebuilt.columns.items(), key=lambda each: (-each[1], each[0])):
        lines.append(f"  different  {name}: {counted(count, 'version')}")
    for name, before in rebuilt.rows_before.items():
        lines.append(f"  rows       {name}: {before:,} before, {rebuilt.rows_after[name]:,} after")
    return [*lines, f"  database   {rebuilt.database}"]
