"""What `verify` and `rebuild` print, as lines made from plain facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kore_campaigns.problems import duration
from kore_campaigns.rebuild import Rebuilt
from kore_campaigns.texts import NOT_REACHED, PROBLEMS_SHOWN
from kore_campaigns.verification import Verification

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
