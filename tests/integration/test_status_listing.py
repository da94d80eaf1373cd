"""`status` names what is configured but not listed, and listed but not configured."""

from __future__ import annotations

from conftest import BOTH, Emulate
from integration.test_listing import swept
from kore_emulator import Fault
from support.project import Project

DESTINATIONS = BOTH


def listing_lines(project: Project) -> list[str]:
    lines = project.cli("status").out.splitlines()
    return [line for line in lines if line.startswith("listing ")]


def test_status_compares_the_configured_ids_with_the_listing_last_read(
    emulate: Emulate, project: Project
) -> None:
    kore = swept(emulate, project, 12)
    assert listing_lines(project) == []  # it was not read yet
    ids = sorted(kore.campaign_ids())
    project.configure(ids[5:])
    hidden = ids[6]
    kore.fault(Fault.LYING_LISTING, hide=hidden, total_results=11)

    project.run()

    assert listing_lines(project) == [
        f"listing    1 configured, but not in the account listing: {hidden}",
        f"listing    5 in the account listing, but not configured: {', '.join(ids[:3])} and 2 more",
    ]
    found = project.cli("status", "--json").json
    assert (found["not_listed"], found["listed_only"]) == ([hidden], ids[:5])
    kore.clear_faults()
    kore.delete(hidden)
    project.run()
    assert project.cli("status", "--json").json["not_listed"] == []  # known to be deleted
