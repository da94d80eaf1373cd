"""What the operator must know of a run as a whole: sentences, each with the name of its event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kore_campaigns.report import RunReport


class Problem(NamedTuple):
    event: str
    message: str


def duration(seconds: float) -> str:
    """`45 s`, `16 min`, `3 h 20 min`, `2 days`."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def problems(report: RunReport) -> Iterator[Problem]:
    """Worst first; single campaigns that failed are left out."""
    if report.access_refused is not None:
        yield Problem("access_refused", str(report.access_refused))
    if report.stopped is not None:
        yield Problem(
            "run_stopped",
            f"stopped asking: {report.stopped}. What was answered is stored. Next: mend what the "
            "first failures name, or raise `error_budget`, then run again.",
        )
    if report.cannot_enumerate is not None:
        yield Problem(
            "listing_unreadable",
            "the file of campaign ids says `*`, and the account listing that names the campaigns "
            f"could not be read: {report.cannot_enumerate} What is known was read; new campaigns "
            "may be missing. Next: run again; if it stays, name the ids in the file.",
        )
    elif report.notes and report.sweep == "listing":
        yield Problem(
            "listing_doubted",
            f"{'; '.join(report.notes)}. So it proved no campaign gone, and those it did not show "
            "were asked for one by one. Next: nothing, if it does not happen every time.",
        )
    for note in report.list_notes:
        yield Problem("contact_lists_unread", f"{note}.")
    if report.deadline_seconds is not None and report.interrupted:
        yield Problem(
            "deadline_reached",
            f"the deadline of {duration(report.deadline_seconds)} was reached; what was fetched "
            "is stored. Next: run again, it goes on from here.",
        )
    elif report.interrupted:
        yield Problem(
            "run_interrupted",
            "interrupted; what was fetched is stored. Next: run again, it goes on from here.",
        )


def in_one_line(report: RunReport) -> str:
    """The run as a monitor or a log wants it."""
    outcome = "complete" if report.is_complete else f"NOT complete, exit code {report.exit_code}"
    return (
        f"run {report.run_id}: {outcome}, in {duration(report.seconds)}; {report.planned} planned: "
        f"{report.new_versions} new versions, {report.unchanged} unchanged, "
        f"{report.vanished} vanished, {report.failed} failed"
    )
