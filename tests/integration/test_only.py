"""`run --only`: these campaigns and no other; the next run does what it would have done anyway."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import BOTH, Emulate
from integration.test_peek import calls, voice_campaigns
from kore_emulator import Emulator, Fault
from support.metrics_file import of, parsed
from support.project import Project
from support.stored_tables import kores_campaigns, live_campaigns

DESTINATIONS = BOTH
COUNT = 30
# what a run with `--only` may not touch
TABLES = ("configured_campaigns", "campaign_listings", "policies", "contact_lists")


def swept(emulate: Emulate, project: Project, **settings: Any) -> tuple[Emulator, list[str]]:
    """A project after a full sweep that read the listing, too, and its ids in order."""
    kore = emulate(voice_campaigns(COUNT))
    project.use(kore, sweep="auto", vanish_confirm_seconds=0.01, **settings)
    assert project.run().sweep == "full"
    kore.reset_counters()
    return kore, sorted(kore.campaign_ids())


def freshness(project: Project) -> dict[str, tuple[Any, ...]]:
    query = (
        "select campaign_id, is_configured, is_stale, last_confirmed_at, last_error_code"
        " from kore.campaign_freshness"
    )
    return {campaign_id: tuple(rest) for campaign_id, *rest in project.sql(query)}


def everything_but(project: Project, campaign_ids: list[str]) -> dict[str, Any]:
    """What the database says of all other campaigns, and what `status` says of the app."""
    found: dict[str, Any] = {
        table: sorted(project.sql(f"select * from kore_raw.{table}"), key=repr) for table in TABLES
    }
    status = project.cli("status", "--json").json
    del status["database_bytes"], status["versions"]
    others = {key: row for key, row in freshness(project).items() if key not in campaign_ids}
    return found | {"status": status, "others": others}


def test_it_requests_the_named_campaigns_alone_and_leaves_the_others_as_they_are(
    emulate: Emulate, project: Project
) -> None:
    kore, ids = swept(emulate, project, contact_lists="true")
    kore.edit(ids[3], {"status": "Rescheduled"})
    kore.edit(ids[4], {"status": "Rescheduled"})
    before, confirmed = everything_but(project, ids[3:6:2]), freshness(project)

    ended = project.cli("run", "--json", "--only", ids[3], "--only", ids[5], "--only", ids[3])

    assert ended.code == 0, ended.err
    assert kore.counters.by_campaign == {ids[3]: 1, ids[5]: 1}
    assert calls(kore) == (0, 2)
    said = {key: ended.json[key] for key in ("sweep", "planned", "new_versions", "unchanged")}
    assert said == {"sweep": "only", "planned": 2, "new_versions": 1, "unchanged": 1}
    assert everything_but(project, ids[3:6:2]) == before
    now = freshness(project)
    assert all(now[each][2] > confirmed[each][2] for each in (ids[3], ids[5]))
    assert live_campaigns(project)[ids[3]] == kores_campaigns(kore)[ids[3]]
    assert project.sql("select sweep, state from kore.runs order by run_number desc limit 1") == [
        ("only", "complete")
    ]


@pytest.mark.parametrize("with_only", [False, True])
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("peek", 1, 1)),
        ({"full_listing_every_minutes": 0}, ("listing", 1, 1)),
        ({"sweep": "full"}, ("full", 0, COUNT)),
    ],
)
def test_the_next_run_makes_the_same_calls(
    emulate: Emulate,
    project: Project,
    settings: dict[str, Any],
    expected: tuple[str, int, int],
    *,
    with_only: bool,
) -> None:
    kore, ids = swept(emulate, project)
    for name, value in settings.items():
        project.set(name, value)
    kore.edit(ids[3], {"status": "Rescheduled"})
    if with_only:
        kore.edit(ids[7], {"status": "Rescheduled"})  # stored by it, so it is no call more
        assert project.run(only=[ids[7], ids[8]]).new_versions == 1
        kore.reset_counters()

    report = project.run()

    assert (report.sweep, *calls(kore)) == expected
    assert (report.new_versions, report.exit_code) == (1, 0)
    assert live_campaigns(project) == kores_campaigns(kore)
    assert project.run().new_versions == 0


@pytest.mark.parametrize("with_only", [False, True])
def test_a_full_sweep_that_was_cut_short_goes_on_where_it_was(
    emulate: Emulate, project: Project, *, with_only: bool
) -> None:
    kore, ids = swept(emulate, project, chunk_size=5, workers=1)
    project.set("sweep", "full")
    kore.fault(Fault.SERVER_ERROR, after=12, status=503)
    project.set("error_budget", 0.01)
    project.set("max_attempts", 1)
    assert project.run().stopped
    kore.clear_faults()
    kore.reset_counters()
    if with_only:
        assert project.run(only=[ids[0]]).unchanged == 1
        kore.reset_counters()

    report = project.run()

    assert "continues the sweep that began" in report.sweep_reason
    assert calls(kore) == (0, COUNT - 12)


def test_only_failed_requests_those_that_failed_and_no_run_has_fetched_since(
    emulate: Emulate, project: Project
) -> None:
    kore, ids = swept(emulate, project)
    kore.fault(Fault.STATUS_FAILURE, ids[1])
    kore.fault(Fault.STATUS_FAILURE, ids[2])
    assert project.run(sweep="full", error_budget=1).failed == 2
    assert [freshness(project)[each][1] for each in ids[:3]] == [False, True, True]
    kore.clear_faults()
    kore.fault(Fault.STATUS_FAILURE, ids[2])
    kore.reset_counters()

    report = project.run(only_failed=True, error_budget=1)

    assert kore.counters.by_campaign.keys() == {ids[1], ids[2]}
    assert (report.planned, report.unchanged, report.failed) == (2, 1, 1)
    assert [freshness(project)[each][1] for each in ids[:3]] == [False, False, True]
    status = project.cli("status", "--json").json
    assert [row["campaign_id"] for row in status["failures"]] == [ids[2]]
    kore.clear_faults()
    kore.reset_counters()
    assert project.run(only_failed=True).unchanged == 1
    assert kore.counters.by_campaign == {ids[2]: 1}
    assert [freshness(project)[each][1] for each in ids[:3]] == [False, False, False]

    ended = project.cli("run", "--only-failed")

    assert (ended.code, calls(kore)) == (0, (0, 1))
    assert "only: no campaign has failed" in ended.out
    assert project.run().planned == COUNT
    assert calls(kore) == (1, 0)  # none of them is requested again


def test_campaigns_that_do_not_exist_do_not_keep_it_from_the_others(
    emulate: Emulate, project: Project
) -> None:
    kore, ids = swept(emulate, project)
    project.configure([*ids, *(f"cd-0{number}" for number in range(4))])
    kore.fault(Fault.STATUS_FAILURE, ids[-1])
    assert project.run(sweep="full").failed == 5
    kore.clear_faults()

    report = project.run(only_failed=True)

    assert (report.stopped, report.failed, report.unchanged) == (None, 4, 1)


def test_what_fails_with_only_is_stale_until_it_is_fetched(
    emulate: Emulate, project: Project
) -> None:
    kore, ids = swept(emulate, project)
    kore.fault(Fault.STATUS_FAILURE, ids[1])

    assert project.run(only=[ids[1]]).exit_code == 5

    assert [freshness(project)[each][1] for each in ids[:2]] == [False, True]
    kore.clear_faults()
    kore.reset_counters()
    project.run()
    assert kore.counters.by_campaign == {ids[1]: 1}
    assert not freshness(project)[ids[1]][1]


def test_a_run_that_was_killed_changes_nothing_for_the_others(
    emulate: Emulate, project: Project
) -> None:
    kore, ids = swept(emulate, project)
    project.run(only=[ids[1]])
    project.alter(
        "update extraction_runs set finished_at = null, exit_code = null where sweep = 'only'"
    )
    kore.reset_counters()

    assert project.run().sweep == "peek"

    assert calls(kore) == (1, 0)


def test_a_campaign_that_is_not_configured_is_fetched_if_it_is_stored(
    emulate: Emulate, project: Project
) -> None:
    kore, ids = swept(emulate, project)
    project.configure(ids[1:])
    project.run()
    kore.edit(ids[0], {"status": "Rescheduled"})
    kore.reset_counters()

    assert project.run(only=[ids[0]]).new_versions == 1

    assert not freshness(project)[ids[0]][0]
    runs = project.sql("select count(*) from kore.runs")
    ended = project.cli("run", "--only", "cd-nobody")
    assert ended.code == 2
    assert "flag `--only` is `cd-nobody`" in ended.err
    assert "`kore-campaigns run` fetches it" in ended.err
    assert project.cli("plan", "--only", "cd-nobody").code == 2
    project.configure(["*"])
    for no_id in ("cd-1/2", "cd-1\u202a", "https://user:geheim@example.com/cd-1"):
        ended = project.cli("run", "--only", no_id)
        assert (ended.code, "flag `--only` is " in ended.err) == (2, True)
        assert "geheim" not in ended.err
    assert project.sql("select count(*) from kore.runs") == runs
    assert calls(kore) == (0, 1)


def test_a_campaign_may_be_fetched_before_any_other(emulate: Emulate, project: Project) -> None:
    kore = emulate(voice_campaigns(COUNT))
    project.use(kore, sweep="auto")
    (one, *_) = sorted(kore.campaign_ids())

    assert project.run(only=[one]).new_versions == 1

    assert freshness(project)[one][:2] == (True, False)
    report = project.run()
    assert (report.sweep, report.new_versions) == ("full", COUNT - 1)


def test_the_plan_of_it_agrees(emulate: Emulate, project: Project) -> None:
    kore, ids = swept(emulate, project)

    plan = project.cli("plan", "--json", "--only", ids[2]).json

    assert plan["campaigns"] == [{"campaign_id": ids[2], "reason": "named by --only", "fields": []}]
    assert (plan["sweep"], plan["calls"], calls(kore)) == ("only", 1, (0, 0))


def test_a_kind_of_sweep_and_several_connections_contradict_it(
    emulate: Emulate, project: Project
) -> None:
    _, ids = swept(emulate, project)

    ended = project.cli("run", "--only", ids[0], "--sweep", "full")
    assert (ended.code, "no kind of sweep with `--only`" in ended.err) == (2, True)

    ended = project.cli("run", "--only", ids[0], "-c", "one", "-c", "two")
    assert (ended.code, "`--connection` with the name of one" in ended.err) == (2, True)


def test_metrics_stay_those_of_the_last_run_for_all(emulate: Emulate, project: Project) -> None:
    kore, ids = swept(emulate, project)
    file = project.folder / "kore.prom"
    kore.fault(Fault.STATUS_FAILURE, ids[1])
    project.cli("run", "--sweep", "full", "--metrics-file", "kore.prom")
    before = of(parsed(file.read_text(encoding="utf-8")), kore.stream_id)
    kore.clear_faults()

    assert project.cli("run", "--only", ids[1], "--metrics-file", "kore.prom").code == 0

    now = of(parsed(file.read_text(encoding="utf-8")), kore.stream_id)
    assert now.pop("stale") == before.pop("stale") - 1
    assert now | {"database_bytes": 0} == before | {"database_bytes": 0}
