"""What is known of time zones, and when the tables of them are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.transform.time_zones import (
    OffsetSpan,
    ZoneFacts,
    offset_spans,
    tzdata_version,
    zone_facts,
)
from kore_emulator import Emulator, sample_campaigns
from support.project import Project

DESTINATIONS = BOTH


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("Asia/Kolkata", ZoneFacts(True, False, "Asia/Kolkata", "IN")),
        ("Asia/Calcutta", ZoneFacts(True, True, "Asia/Kolkata", "IN")),
        ("Europe/Kyiv", ZoneFacts(True, False, "Europe/Kyiv", "UA")),
        ("Europe/Kiev", ZoneFacts(True, True, "Europe/Kyiv", "UA")),
        # keeps Berlin's time, and is a place of its own all the same
        ("Europe/Stockholm", ZoneFacts(True, False, "Europe/Stockholm", "SE")),
        # leads to another country's zone
        ("Iceland", ZoneFacts(True, True, "Africa/Abidjan", "IS")),
        ("GB", ZoneFacts(True, True, "Europe/London", "GB")),
        ("US/Pacific", ZoneFacts(True, True, "America/Los_Angeles", "US")),
        ("Canada/Eastern", ZoneFacts(True, True, "America/Toronto", "CA")),
        ("Asia/Saigon", ZoneFacts(True, True, "Asia/Ho_Chi_Minh", "VN")),
        ("EST", ZoneFacts(True, True, "America/Panama", None)),
        ("UTC", ZoneFacts(True, False, "UTC", None)),
        ("Etc/GMT+5", ZoneFacts(True, False, "Etc/GMT+5", None)),
        ("Factory", ZoneFacts(False)),
        ("asia/kolkata", ZoneFacts(False)),
        ("IST", ZoneFacts(False)),
        ("../../etc/passwd", ZoneFacts(False)),
        ("", ZoneFacts(False)),
    ],
)
def test_a_name_is_known_by_the_iana_database_to_the_letter(name: str, facts: ZoneFacts) -> None:
    assert zone_facts(name) == facts


def test_every_zone_that_python_has_is_one_and_its_offsets_are_pythons() -> None:
    begin, end = datetime(2021, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    names = sorted(available_timezones() - {"Factory", "localtime"})
    assert len(names) > 500

    for name in names[::7]:
        assert zone_facts(name).is_iana, name
        spans = [*offset_spans(name, begin, end)]
        assert (spans[0].starts_at, spans[-1].ends_at) == (begin, end)
        for one, following in pairwise(spans):
            assert one.ends_at == following.starts_at
            assert one.utc_offset_minutes != following.utc_offset_minutes
        for span in spans:
            for moment in (span.starts_at, span.ends_at - timedelta(minutes=1)):
                offset = moment.astimezone(ZoneInfo(name)).utcoffset()
                assert offset == timedelta(minutes=span.utc_offset_minutes), (name, moment)


def test_a_span_ends_at_the_minute_at_which_the_clock_changes() -> None:
    begin, end = datetime(2022, 1, 1, tzinfo=UTC), datetime(2023, 1, 1, tzinfo=UTC)

    assert [*offset_spans("Europe/Berlin", begin, end)] == [
        OffsetSpan(begin, datetime(2022, 3, 27, 1, tzinfo=UTC), 60),
        OffsetSpan(
            datetime(2022, 3, 27, 1, tzinfo=UTC), datetime(2022, 10, 30, 1, tzinfo=UTC), 120
        ),
        OffsetSpan(datetime(2022, 10, 30, 1, tzinfo=UTC), end, 60),
    ]


ZONE = "dialingStrategy.callingHours.timezone"


def loaded(emulate: Emulate, project: Project, *zones: str) -> Emulator:
    campaigns = sample_campaigns(len(zones))
    for campaign, zone in zip(campaigns, zones, strict=True):
        campaign["dialingStrategy"]["callingHours"] = {
            "frequency": "WEEKLY",
            "timezone": zone,
            "days": [{"day": "MO", "start": "9:00 AM", "end": "5:00 PM"}],
        }
    kore = emulate(campaigns)
    project.use(kore)
    assert project.run().exit_code == 0
    return kore


def rows(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: project.sql(f"select * from kore_raw.{name} order by all")
        for name in ("time_zones", "zone_offsets")
    }


def test_the_tables_have_the_zones_that_any_version_names(
    emulate: Emulate, project: Project
) -> None:
    kore = loaded(emulate, project, "Europe/Berlin", "Asia/Calcutta", "Mars/Olympus")
    zones = (
        "select timezone, is_iana, is_legacy, canonical_timezone, country_code"
        " from kore.time_zones order by 1"
    )
    assert project.sql(zones) == [
        ("Asia/Calcutta", True, True, "Asia/Kolkata", "IN"),
        ("Europe/Berlin", True, False, "Europe/Berlin", "DE"),
        ("Mars/Olympus", False, False, None, None),
    ]
    offsets = "select timezone, count(*) > 1 from kore.zone_offsets group by 1 order by 1"
    assert project.sql(offsets) == [("Asia/Calcutta", False), ("Europe/Berlin", True)]
    placed = "select distinct timezone from kore.calling_windows_utc order by 1"
    assert project.sql(placed) == [("Asia/Calcutta",), ("Europe/Berlin",)]

    kore.edit(kore.campaign_ids()[2], {ZONE: "UTC"})
    project.run()

    assert [row[0] for row in project.sql(zones)] == [
        *("Asia/Calcutta", "Europe/Berlin", "Mars/Olympus", "UTC")
    ]


def test_they_are_written_where_something_differs_and_not_otherwise(
    emulate: Emulate, project: Project
) -> None:
    loaded(emulate, project, "Europe/Berlin", "Asia/Kolkata")
    before = rows(project)

    project.run()
    assert rows(project) == before

    project.alter("update kore_raw.time_zones set tzdata_version = '2020.1'")
    project.alter("update kore_raw.zone_offsets set utc_offset_minutes = 0")
    project.run()
    versions = project.sql("select distinct tzdata_version from kore_raw.time_zones")
    assert versions == [(tzdata_version(),)]
    berlin = "select distinct utc_offset_minutes from kore.zone_offsets where timezone like '%B%'"
    assert sorted(project.sql(berlin)) == [(60,), (120,)]

    project.alter("update kore_raw.time_zones set covered_until = now() + interval '100' day")
    project.alter("delete from kore_raw.zone_offsets where ends_at > now()")
    project.run()
    reaches = "select min(last) > now() + interval '700' day from (select max(ends_at) as last"
    assert project.sql(f"{reaches} from kore.zone_offsets group by timezone) as zones") == [(True,)]
