"""A project after a few runs: odd campaigns, edits, deletions, failures, policies, lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kore_campaigns.config.csv_files import POLICIES_HEADER
from kore_emulator import Emulator, Fault, demo_campaigns
from support.odd_campaigns import odd_campaigns
from support.project import Project

HOURS = "dialingStrategy.callingHours.days"
POLICIES = ["US,,US,,,8:00 AM,9:00 PM,3,25", "Sundays,America/*,,*,SU,closed,,,"]


def eventful_campaigns() -> list[dict[str, Any]]:
    return [*demo_campaigns(), *odd_campaigns()]


def make_eventful(kore: Emulator, project: Project, **settings: Any) -> None:
    """Three runs over `eventful_campaigns`, after which every view has rows."""
    today = datetime.now(UTC).date()
    closed = [f"Closed,,,,,,,,,,{today + timedelta(day)}" for day in range(7)]
    text = "\n".join([",".join(POLICIES_HEADER), *POLICIES, *closed]) + "\n"
    (project.folder / "policies.csv").write_text(text, encoding="utf-8")
    settings = {"contact_lists": True, "dnc_lists_every_hours": 24, "max_attempts": 1, **settings}
    project.use(kore, sweep="auto", **settings)
    project.run()
    ids = kore.campaign_ids()
    kore.edit(ids[0], {HOURS: [{"day": "SA", "start": "10:00 PM", "end": "3:00 AM"}]})
    kore.edit(ids[1], {"dncLists": {}, "contactLists": ["A", "B"], "priority": "9"})
    kore.edit(ids[2], {"dialingStrategy.callingHours.timezone": "US/Pacific"})
    kore.edit(ids[5], {"campaignInstanceId": "cid-1", "status": "Active"})
    kore.delete(ids[3])
    kore.fault(Fault.SERVER_ERROR, ids[4])
    project.run(sweep="full")
    kore.clear_faults()
    kore.restore(ids[3])
    project.configure(ids[:-1])
    project.run()
