"""What somebody who answers for the rules should look at, campaign by campaign."""

from __future__ import annotations

import random
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.config.csv_files import POLICIES_HEADER
from kore_emulator import Fault, demo_campaigns, sample_campaigns
from support.calling_minutes import DAYS, open_minutes, window
from support.project import Project

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

EAST = "cd-4f1c2a9-6b3e-4d17-9a52-0c8e7f1b2d34"
FINDINGS = """
select finding, severity, policy_name, day_of_week, value, limit_value, minutes, sentence
from kore.findings where campaign_id = ? order by all
"""


def policies(project: Project, *lines: str) -> None:
    text = "\n".join([",".join(POLICIES_HEADER), *lines]) + "\n"
    (project.folder / "policies.csv").write_text(text, encoding="utf-8")


def campaign(*days: dict[str, Any], zone: str | None = "America/Chicago", **strategy: Any) -> Any:
    """A campaign without findings, but for what is given."""
    (found,) = sample_campaigns(1)
    found |= {"priority": "3", "dncLists": {"id": "cl-1", "name": "DNC"}}
    found["dialingStrategy"] = {
        "callingHours": {"frequency": "WEEKLY", "timezone": zone, "days": list(days)},
        "maxAttemptsPerRecord": 2,
        "defaultRetryPeriod": 600,
        "maxRingTime": 30,
        **strategy,
    }
    return found


def findings(emulate: Emulate, project: Project, found: dict[str, Any]) -> list[tuple[Any, ...]]:
    project.use(emulate([found]))
    assert project.run().exit_code == 0
    return project.sql(FINDINGS, found["_id"])


MONDAY = window("MO", "9:00 AM", "5:00 PM")


def test_a_campaign_within_all_limits_has_none(emulate: Emulate, project: Project) -> None:
    policies(project, "US,America/*,US,*,MO-FR,8:00 AM,9:00 PM,3,15")

    assert findings(emulate, project, campaign(MONDAY)) == []


def test_hours_outside_a_policy_are_told_by_weekday_with_minutes(
    emulate: Emulate, project: Project
) -> None:
    policies(
        project,
        "US,,US,,,8:00 AM,9:00 PM,,",
        "No Sundays,America/Ch*,,,SU,closed,,,",
        "Elsewhere,,IN,,,12:00,13:00,,",
        "Others,,,*nobody*,,12:00,13:00,,",
    )
    days = [
        window("MO", "7:30 AM", "12:00 PM"),
        window("MO", "11:00 AM", "9:30 PM"),
        window("SA", "10:00 PM", "2:00 AM"),
    ]

    found = findings(emulate, project, campaign(*days))

    outside = "outside_permitted_hours"
    assert [row for row in found if row[0] == outside] == [
        (
            *(outside, "high", "No Sundays", 7, "00:00-02:00", "closed", 120),
            "may dial on Sunday 00:00-02:00, 120 minutes outside `No Sundays` (closed)",
        ),
        (
            *(outside, "high", "US", 1, "07:30-21:30", "08:00-21:00", 60),
            "may dial on Monday 07:30-21:30, 60 minutes outside `US` (08:00-21:00)",
        ),
        (
            *(outside, "high", "US", 6, "22:00-24:00", "08:00-21:00", 120),
            "may dial on Saturday 22:00-24:00, 120 minutes outside `US` (08:00-21:00)",
        ),
        (
            *(outside, "high", "US", 7, "00:00-02:00", "08:00-21:00", 120),
            "may dial on Sunday 00:00-02:00, 120 minutes outside `US` (08:00-21:00)",
        ),
    ]


def test_seconds_of_dialling_outside_are_found(emulate: Emulate, project: Project) -> None:
    policies(project, "US,,US,,,8:00:30,18:00,,")

    found = findings(emulate, project, campaign(window("MO", "08:00:29", "18:00:59")))

    assert [(row[4], row[5], row[6]) for row in found] == [("08:00-18:01", "08:01-18:00", 2)]


def test_of_several_lines_of_one_policy_the_strictest_counts(
    emulate: Emulate, project: Project
) -> None:
    policies(
        project,
        "P,,,,,8:00,20:00,5,10",
        "P,,,cd-*,MO,10:00,22:00,,",
        "P,,,,TU,,,1,40",
    )

    found = findings(emulate, project, campaign(MONDAY))

    assert [row[:7] for row in found] == [
        ("attempts_over_limit", "medium", "P", None, "2", "1", None),
        ("outside_permitted_hours", "high", "P", 1, "09:00-17:00", "10:00-20:00", 60),
        ("ring_time_under_limit", "medium", "P", None, "30", "40", None),
    ]


def test_attempts_in_a_day_are_bounded_by_the_pause_between_them(
    emulate: Emulate, project: Project
) -> None:
    policies(project, "Florida,,,,,,,3,")
    kore = emulate([campaign(MONDAY, maxAttemptsPerRecord=10, defaultRetryPeriod=400)])
    project.use(kore)

    def attempts() -> list[tuple[Any, ...]]:
        project.run()
        return project.sql(
            "select value, limit_value, sentence from kore.findings"
            " where finding = 'attempts_over_limit'"
        )

    sentence = "may try one contact 4 times in 24 hours, more than the 3 of `Florida`"
    assert attempts() == [("4", "3", sentence)]
    (campaign_id,) = kore.campaign_ids()
    kore.edit(campaign_id, {"dialingStrategy.defaultRetryPeriod": 480})
    assert attempts() == []
    kore.edit(campaign_id, {"dialingStrategy.maxAttemptsPerRecord": 3})
    kore.edit(campaign_id, {"dialingStrategy.defaultRetryPeriod": 1})
    assert attempts() == []
    kore.edit(campaign_id, {"dialingStrategy.maxAttemptsPerRecord": 7})
    kore.edit(campaign_id, {"dialingStrategy.defaultRetryPeriod": None})
    assert attempts()[0][:2] == ("7", "3")


def test_what_cannot_be_judged_is_a_finding_itself(emulate: Emulate, project: Project) -> None:
    kinds = {
        "unknown_timezone": campaign(MONDAY, zone="Mars/Olympus"),
        "no zone": campaign(MONDAY, zone=None),
        "legacy_timezone": campaign(MONDAY, zone="US/Central"),
        "no_calling_hours": campaign(),
        "unparsed_time": campaign(MONDAY, window("TU", "nine", "5:00 PM")),
        "zero_length_window": campaign(window("MO", "9:00 AM", "9:00 AM")),
        "duplicate_window": campaign(MONDAY, MONDAY),
        "overlapping_windows": campaign(MONDAY, window("MO", "4:00 PM", "6:00 PM")),
        "priority_out_of_range": campaign(MONDAY) | {"priority": "7"},
        "no_dnc_list": campaign(MONDAY) | {"dncLists": {}},
        "weekend_calling": campaign(window("SU", "9:00 AM", "10:00 AM")),
    }
    for (name, found), sample in zip(kinds.items(), sample_campaigns(len(kinds)), strict=True):
        found |= {"_id": sample["_id"], "name": name}
    project.use(emulate([*kinds.values()]))
    assert project.run().exit_code == 0

    rows = project.sql(
        "select campaign_name, finding, severity, value, limit_value, minutes, sentence"
        " from kore.findings order by all"
    )

    again = "uses the time zone `US/Central`, an old name of `America/Chicago`"
    api = "the API does not show whether the account's global list covers it"
    unplaced = "its hours cannot be converted to UTC"
    assert rows == [
        (
            *("duplicate_window", "duplicate_window", "low", "window 2", None, 480),
            "window 2 exists twice",
        ),
        (
            *("legacy_timezone", "legacy_timezone", "low", "US/Central", "America/Chicago", None),
            again,
        ),
        ("no zone", "unknown_timezone", "high", None, None, None, f"has no time zone: {unplaced}"),
        (
            *("no_calling_hours", "no_calling_hours", "high", None, None, None),
            "has no calling hours that could be read; nothing shows when it must not dial",
        ),
        (
            *("no_dnc_list", "no_dnc_list", "medium", None, None, None),
            f"has no do-not-call list of its own, which Kore requires since v11.20; {api}",
        ),
        (
            *("overlapping_windows", "overlapping_windows", "low", "window 2", None, 60),
            "window 2 overlaps another window of the same campaign",
        ),
        (
            *("priority_out_of_range", "priority_out_of_range", "low", "7", "1-5", None),
            "has priority 7; Kore documents 1 to 5",
        ),
        (
            *("unknown_timezone", "unknown_timezone", "high", "Mars/Olympus", None, None),
            f"has the time zone `Mars/Olympus`, which is not an IANA name: {unplaced}",
        ),
        (
            *("unparsed_time", "unparsed_time", "high", "window 2", None, None),
            "window 2 has a weekday or a time that could not be read",
        ),
        (
            *("weekend_calling", "weekend_calling", "info", "60", None, 60),
            "may dial 60 minutes on Saturday and Sunday",
        ),
        (
            *("zero_length_window", "zero_length_window", "medium", "window 1", None, 1440),
            "window 1 ends at its start time; it counts as 24 hours",
        ),
    ]


def test_campaigns_without_readable_windows_have_no_calling_hours(
    emulate: Emulate, project: Project
) -> None:
    found = findings(emulate, project, campaign(window("MO", "nine", "five")))

    assert [row[0] for row in found] == ["no_calling_hours", "unparsed_time"]


def test_what_was_not_confirmed_is_stale_or_failing_with_its_reason(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(demo_campaigns()[:3])
    ids = kore.campaign_ids()
    project.use(kore, max_attempts=1, error_budget=1)
    project.run()
    findings_of = (
        "select campaign_id, finding, severity, value, sentence from kore.findings"
        " where finding in ('stale', 'failing') order by campaign_id"
    )
    assert project.sql(findings_of) == []

    kore.fault(Fault.SERVER_ERROR, ids[0])
    project.configure([ids[0], ids[2]])
    project.run()
    today, message = project.sql(
        "select cast(max(started_at) at time zone 'UTC' as date)::varchar,"
        " (select message from kore_raw.extraction_errors) from kore.runs"
    )[0]

    assert sorted(project.sql(findings_of)) == sorted(
        [
            (
                *(ids[0], "failing", "high", "server_unavailable"),
                f"was not confirmed since {today}: {message}",
            ),
            (
                *(ids[1], "stale", "medium", today),
                f"was not confirmed since {today}: it is not configured any more",
            ),
        ]
    )


def test_a_list_whose_contacts_have_no_zone_of_their_own_is_told(
    emulate: Emulate, project: Project
) -> None:
    many = [campaign(MONDAY) | {"contactLists": [f"List {number}"]} for number in (1, 2, 3)]
    for one, sample in zip(many, sample_campaigns(3), strict=True):
        one["_id"] = sample["_id"]
    project.use(emulate(many), contact_lists=True)
    project.run()

    found = project.sql(
        "select campaign_id, value, severity, sentence from kore.findings"
        " where finding = 'list_without_timezone' order by value"
    )

    without = project.sql(
        "select contact_list_name from kore.contact_lists where list_timezone is null"
        " or list_timezone = '' order by 1"
    )
    assert [value for _, value, *_ in found] == [name for (name,) in without]
    assert 0 < len(found) < 3
    first = int(found[0][1].removeprefix("List ")) - 1
    assert found[0] == (
        many[first]["_id"],
        f"List {first + 1}",
        "low",
        f"dials the list `List {first + 1}`, whose contacts have no time zone of their own: the "
        "campaign's time zone applies",
    )


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def test_minutes_outside_are_those_that_counting_one_by_one_finds(
    emulate: Emulate, project: Project
) -> None:
    rng = random.Random(5)
    limits = {day: sorted(rng.sample(range(0, 1441, 30), 2)) for day in DAYS}
    policies(
        project,
        *(
            f"P,,,,{day},{clock(earliest)},{clock(latest)},,"
            for day, (earliest, latest) in limits.items()
        ),
    )
    campaigns = [
        campaign(
            *(
                window(rng.choice(DAYS), clock(rng.randrange(1440)), clock(rng.randrange(1440)))
                for _ in range(rng.randint(1, 6))
            )
        )
        | {"_id": sample["_id"]}
        for sample in sample_campaigns(60)
    ]
    project.use(emulate(campaigns))
    project.run()

    found = {
        (campaign_id, day): minutes
        for campaign_id, day, minutes in project.sql(
            "select campaign_id, day_of_week, minutes from kore.findings"
            " where finding = 'outside_permitted_hours'"
        )
    }

    expected: dict[tuple[str, int], int] = {}
    for each in campaigns:
        for minute in open_minutes(each["dialingStrategy"]["callingHours"]["days"]):
            day, of_day = divmod(minute, 1440)
            earliest, latest = limits[DAYS[day]]
            if not earliest <= of_day < latest:
                key = (each["_id"], day + 1)
                expected[key] = expected.get(key, 0) + 1
    assert found == expected
    assert len(expected) > 60


def test_a_database_without_policies_or_zones_has_findings_all_the_same(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(demo_campaigns()))
    project.run()
    project.alter("delete from time_zones", "delete from zone_offsets")

    rows = project.sql("select distinct finding from kore.findings where severity = 'high'")

    assert rows == [("unknown_timezone",)]


def test_an_emergency_run_stays_a_finding_once_it_was_seen(
    emulate: Emulate, project: Project
) -> None:
    sms = campaign(MONDAY) | {"name": "Text"}
    del sms["dialingMode"]
    kore = emulate([sms, *sample_campaigns(30)[1:]])
    project.use(kore, sweep="auto")
    listed = (
        "select execution_type, execution_type_since, total_messages_sent "
        "from kore.campaigns where campaign_id = ?"
    )
    found = "select severity, value from kore.findings where finding = 'emergency_run'"

    project.run()
    ((kind, since_start, sent),) = project.sql(listed, sms["_id"])
    assert (kind, sent) == ("NORMAL", 0)
    assert project.sql(found) == []

    kore.send(sms["_id"], 120, execution_type="EMERGENCY")
    project.run()
    ((kind, since, sent),) = project.sql(listed, sms["_id"])
    assert (kind, sent) == ("EMERGENCY", 120)
    assert since > since_start
    assert project.sql(found) == [("high", "EMERGENCY")]

    kore.send(sms["_id"], 30)
    assert project.run().new_versions == 0
    assert project.sql(listed, sms["_id"]) == [("EMERGENCY", since, 150)]
    assert project.sql(found) == [("high", "EMERGENCY")]


def test_an_sms_campaign_without_a_dnc_list_has_no_suppression_at_all(
    emulate: Emulate, project: Project
) -> None:
    sms = campaign(MONDAY) | {"dncLists": {}}
    del sms["dialingMode"]

    rows = findings(emulate, project, sms)

    assert [row[:2] for row in rows] == [("no_dnc_list", "high")]
    assert "covers voice alone" in rows[0][-1]
