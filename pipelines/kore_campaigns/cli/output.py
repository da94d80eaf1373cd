"""What `verify` and `rebuild` print, as lines made from plain facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from kore_campaigns.errors import Interrupted, NotAsked, in_bytes
from kore_campaigns.extract.planner import Preview
from kore_campaigns.extract.report import RunReport, duration, problems
from kore_campaigns.maintenance.check import Leg
from kore_campaigns.maintenance.copy import Copied
from kore_campaigns.maintenance.rebuild import Rebuilt
from kore_campaigns.maintenance.restore import Kept, Restored, State
from kore_campaigns.maintenance.verify import Verification
from kore_campaigns.pipeline import ConnectionRun
from kore_campaigns.reports.export import Export
from kore_campaigns.reports.status import App, DriftSeen, Failure, Stale, Status

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


NOT_CONFIGURED_SHOWN = 10


def plan_lines(preview: Preview) -> list[str]:
    """The kind of sweep and its cost first, then a line for each campaign to ask for."""
    plan = preview.plan
    to_request, confirmed = len(plan.requests), len(plan.confirmed)
    lists = ", 1 for the contact lists" if preview.contact_list_calls else ""
    lines = [
        f"sweep      {plan.sweep}: {plan.reason}",
        f"calls      {preview.calls}: {preview.listing_calls} for the listing, {to_request} for "
        f"campaigns{lists}; about {duration(preview.eta_seconds)} under the budget",
        f"campaigns  {len(plan)} configured: {to_request} to request, {confirmed} "
        "confirmed without a request",
    ]
    lines += [f"note       {note}" for note in preview.run.notes]
    lines += _gone(preview)
    lines += _not_configured(preview)
    width = max((len(step.campaign_id) for step in plan.requests), default=0)
    for step in plan.requests:
        fields = f": {', '.join(step.fields)}" if step.fields else ""
        lines.append(f"ask        {step.campaign_id:<{width}}  {step.reason}{fields}")
    return lines


def _gone(preview: Preview) -> list[str]:
    gone, allowed = len(preview.maybe_gone), preview.vanished_allowed
    if not gone:
        return []
    if gone > allowed:
        return [
            f"gone       {gone} are not in the listing, and at most {allowed} are believed in one "
            "run (`max_vanished`): a run asks for a few and marks none, unless it is given "
            "--accept-vanished"
        ]
    return [f"gone       {gone} would be marked gone, if a call for each confirms it"]


def _not_configured(preview: Preview) -> list[str]:
    others = preview.run.not_configured
    if not others:
        return []
    shown = ", ".join(others[:NOT_CONFIGURED_SHOWN])
    more = len(others) - NOT_CONFIGURED_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return [f"others     {len(others)} listed, and not configured: {shown}{rest}"]


IDS_SHOWN: Final = 3
DRIFT_SHOWN: Final = 5


def status_summary(status: Status, *, now: datetime | None = None) -> list[str]:
    """The screen, the state in its first line, the next command in its last."""
    return _Screen(status, now or datetime.now(UTC)).lines()


@dataclass(frozen=True, slots=True)
class _Screen:
    status: Status
    now: datetime

    def lines(self) -> list[str]:
        status = self.status
        size = f", {in_bytes(status.database_bytes)}" if status.database_bytes else ""
        lines = [f"state      {self._state()}", f"database   {status.database}{size}"]
        for app in status.apps:
            if len(status.apps) > 1:
                lines.append(f"app        {app.stream_id}")
            lines += self._app(app)
        lines += self._stale()
        lines += _failures(status.failures)
        lines += _drift(status.drift)
        lines += _ids("configured, but not in the account listing", status.not_listed)
        lines += _ids("in the account listing, but not configured", status.listed_only)
        return [*lines, f"next       {status.advice}"]

    def _state(self) -> str:
        status, apps = self.status, self.status.apps
        worst = next((app for app in apps if app.state == status.state), App(""))
        last = worst.last_run
        planned, failed = (last.planned, last.failed) if last else (0, 0)
        exit_code = last.exit_code if last else None
        configured = sum(app.configured for app in apps)
        return {
            "none": "no run yet",
            "ok": "ok: the last run confirmed every configured campaign",
            "stale": f"STALE: {status.stale:,} of {configured:,} configured campaigns were last "
            "confirmed too long ago",
            "partial": f"NOT complete: {failed:,} of {planned:,} campaigns failed",
            "failed": f"FAILED: no campaign was answered, exit code {exit_code}",
            "interrupted": "INTERRUPTED: the last run was asked to stop",
            "killed": "KILLED: the last run ended without a word (kill -9, a crash, no power)",
            "running": f"running: process {status.running_pid}, since {status.running_since}",
            "older": "unknown: the last run was of an older version, whose views say less. The "
            "next run makes them",
        }[status.state]

    def _app(self, app: App) -> list[str]:
        last = app.last_run
        if last is None:
            return ["last run   none has ended yet"]
        took = "" if last.duration_seconds is None else f", in {duration(last.duration_seconds)}"
        code = "" if last.exit_code is None else f", exit code {last.exit_code}"
        outcome = "complete" if last.is_complete else f"NOT complete{code}"
        lines = [
            f"last run   {self._when(last.started_at)}, {last.sweep} sweep{took}, {outcome}",
            f"           {last.planned} planned: {last.new_versions} new versions, "
            f"{last.unchanged} unchanged, {last.vanished} vanished, {last.failed} failed",
        ]
        if self.status.is_older:
            return lines
        lines += [
            f"complete   {self._when(app.last_complete_at)}",
            f"full sweep {self._when(app.last_full_sweep_at)}",
            f"campaigns  {app.configured} configured, {app.live} live, {app.deleted} deleted",
        ]
        if app.not_configured:
            lines.append(
                f"           {app.not_configured} of the live are not configured: nobody asks for "
                "them any more"
            )
        return lines

    def _when(self, moment: datetime | None) -> str:
        if moment is None:
            return "never yet"
        return f"{moment:%Y-%m-%d %H:%M} UTC ({self._ago(moment)})"

    def _ago(self, moment: datetime) -> str:
        return f"{duration((self.now - moment).total_seconds())} ago"

    def _stale(self) -> list[str]:
        status = self.status
        if not status.stale:
            return []
        lines = [f"stale      {status.stale:,} configured campaigns, the longest first:"]
        lines += [f"           {self._stale_campaign(one)}" for one in status.stale_campaigns]
        if status.stale > len(status.stale_campaigns):
            more = status.stale - len(status.stale_campaigns)
            lines.append(f"           and {more:,} more: kore.campaign_freshness, is_stale")
        return lines

    def _stale_campaign(self, one: Stale) -> str:
        name = "" if one.campaign_name is None else f" ({one.campaign_name})"
        at = one.last_confirmed_at
        confirmed = "never confirmed" if at is None else f"confirmed {self._ago(at)}"
        error = "" if one.last_error_code is None else f", last error {one.last_error_code}"
        return f"{one.campaign_id}{name}: {confirmed}{error}"


def _failures(failures: Sequence[Failure]) -> list[str]:
    """Campaigns that failed by reason, those that were not reached by number and reason."""
    by_code: dict[str, list[Failure]] = {}
    for failure in failures:
        if failure.error_code not in NOT_REACHED:
            by_code.setdefault(failure.error_code, []).append(failure)
    shown = []
    for code, alike in sorted(by_code.items(), key=lambda found: -len(found[1])):
        ids = ", ".join(failure.campaign_id for failure in alike[:IDS_SHOWN])
        if len(alike) == 1:
            shown.append(f"failed     {ids}: {alike[0].message}")
            continue
        more = len(alike) - IDS_SHOWN
        and_more = f" and {more:,} more" if more > 0 else ""
        shown.append(f"failed     {len(alike):,} {code}: {ids}{and_more}")
        shown.append(f"           {alike[0].message}")
    unreached = Counter(each.message for each in failures if each.error_code in NOT_REACHED)
    for message, count in unreached.items():
        were = "1 campaign was" if count == 1 else f"{count:,} campaigns were"
        shown.append(f"failed     {were} {message}")
    return shown


def _ids(what: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    more = len(ids) - IDS_SHOWN
    and_more = f" and {more:,} more" if more > 0 else ""
    return [f"listing    {len(ids):,} {what}: {', '.join(ids[:IDS_SHOWN])}{and_more}"]


def _drift(drift: Sequence[DriftSeen]) -> list[str]:
    if not drift:
        return []
    lines = [
        f"{one.path} ({one.example_type}): {one.campaign_count:,} campaigns, "
        f"since {one.first_seen_at:%Y-%m-%d}"
        for one in drift[:DRIFT_SHOWN]
    ]
    if len(drift) > DRIFT_SHOWN:
        lines.append(f"and {len(drift) - DRIFT_SHOWN} more: kore_raw.extraction_drift")
    lines.append(
        "nothing broke: column `raw` has it. Next: once a later version knows it, "
        "kore-campaigns rebuild"
    )
    return [f"drift      {lines[0]}", *(f"           {line}" for line in lines[1:])]


VALUE_SHOWN = 200  # characters; `--json` has all of them


def verify_problems(found: Verification) -> list[str]:
    """What kept it from comparing everything, worst first, one line each."""
    report = found.report
    compared = f"{report.done - report.failed} of {report.planned} campaigns were compared"
    lines = []
    if report.access_refused is not None:
        lines.append(str(report.access_refused))
    if report.stopped is not None:
        lines.append(
            f"stopped asking: {report.stopped}; {compared}. Next: mend what the first failures "
            "name, then verify again."
        )
    if report.cannot_enumerate is not None:
        lines.append(
            "the file of campaign ids says `*`, and the account listing that names the campaigns "
            f"could not be read: {report.cannot_enumerate} What the database has was compared. "
            "Next: verify again; if it stays, name the ids in the file."
        )
    if report.interrupted:
        lines.append(f"interrupted; {compared}. Next: verify again, it begins anew.")
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
        yield f"{campaign_id}: {_counted(len(differences), 'difference')}"
        for name, held, expected in differences:
            yield f"  {name}: database {_shown(held)}, Kore {_shown(expected)}"


def verify_summary(found: Verification) -> list[str]:
    """The outcome, the numbers, and what to do next."""
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
            f"  not asked  {_counted(count, 'campaign')} live in the database, and not in the file "
            f"of campaign ids: {_some(found.not_configured)}"
        )
    return [*lines, *_next_steps(found)]


def _next_steps(found: Verification) -> Iterator[str]:
    if found.published_meanwhile and found.different:
        yield (
            "A run published meanwhile; this compared with what was there before. "
            "Next: verify again."
        )
    elif found.different > len(found.misshapen):
        yield (
            "A difference may be a change made since the last run. Next: `kore-campaigns run`, "
            "then verify again. One that stays after a complete run is a fault of this program "
            "or a damaged database: report it with these lines."
        )
    if found.misshapen:
        yield (
            f"{_counted(len(found.misshapen), 'campaign')} with the content that was loaded, and "
            f"other columns or rows: {_some(found.misshapen)}. Likely another version of this "
            "program wrote them, or they were altered by hand. Next: `kore-campaigns rebuild`."
        )


def rebuild_summary(rebuilt: Rebuilt) -> list[str]:
    """What was derived anew, and what came out different."""
    done = f"rebuild: {rebuilt.different} of {_counted(rebuilt.versions, 'version')} came out"
    lines = [
        f"{done} different, in {duration(rebuilt.seconds)}",
        f"  kept       all {rebuilt.versions:,}: same keys, hashes, moments, `raw`",
    ]
    for name, count in sorted(rebuilt.columns.items(), key=lambda each: (-each[1], each[0])):
        lines.append(f"  different  {name}: {_counted(count, 'version')}")
    for name, before in rebuilt.rows_before.items():
        lines.append(f"  rows       {name}: {before:,} before, {rebuilt.rows_after[name]:,} after")
    return [*lines, f"  database   {rebuilt.database}"]


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


def _some(campaign_ids: Sequence[str]) -> str:
    named = ", ".join(campaign_ids[:PROBLEMS_SHOWN])
    more = len(campaign_ids) - PROBLEMS_SHOWN
    return f"{named} and {more} more" if more > 0 else named


def _shown(value: str | None) -> str:
    if value is None:
        return "nothing"
    return f"`{value}`" if len(value) <= VALUE_SHOWN else f"`{value[:VALUE_SHOWN]}…`"
