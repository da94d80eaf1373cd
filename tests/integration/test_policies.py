"""The file of policies: what it may hold, what is refused and how, and what a run makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.config.csv_files import POLICIES_HEADER, like, read_policies
from kore_campaigns.errors import PoliciesInvalid
from kore_emulator import demo_campaigns
from support.project import Project

DESTINATIONS = BOTH

US = "US federal,,US,,,8:00 AM,9:00 PM,,15"


def read(
    tmp_path: Path, *lines: str, header: str = ",".join(POLICIES_HEADER)
) -> list[dict[str, Any]]:
    path = tmp_path / "policies.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return read_policies(path)


def test_a_line_is_a_row_for_each_weekday_it_applies_to(tmp_path: Path) -> None:
    rows = read(tmp_path, "# limits of ours", US, "Sundays,America/*,,*[Care]_%,SU,closed,,3,")

    assert [row["day_of_week"] for row in rows] == [1, 2, 3, 4, 5, 6, 7, 7]
    assert rows[0] == {
        "policy_name": "US federal",
        "position": 1,
        "day_of_week": 1,
        "zone_pattern": None,
        "zone_like": None,
        "country_code": "US",
        "campaign_pattern": None,
        "campaign_like": None,
        "earliest_minute": 8 * 60,
        "latest_minute": 21 * 60,
        "max_attempts_per_24h": None,
        "min_ring_seconds": 15,
        "max_dnc_age_days": None,
        "closed_date": None,
    }
    assert rows[7] == {
        "policy_name": "Sundays",
        "position": 2,
        "day_of_week": 7,
        "zone_pattern": "America/*",
        "zone_like": "america/%",
        "country_code": None,
        "campaign_pattern": "*[Care]_%",
        "campaign_like": "%[care]!_!%",
        "earliest_minute": 0,
        "latest_minute": 0,
        "max_attempts_per_24h": 3,
        "min_ring_seconds": None,
        "max_dnc_age_days": None,
        "closed_date": None,
    }


@pytest.mark.parametrize(
    ("weekday", "days"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7]),
        ("*", [1, 2, 3, 4, 5, 6, 7]),
        ("we", [3]),
        ("MO-FR", [1, 2, 3, 4, 5]),
        ("SA-MO", [1, 6, 7]),
        ("SA SU", [6, 7]),
        ("MO+WE-TH", [1, 3, 4]),
        ("SU-SU", [7]),
    ],
)
def test_weekdays_are_one_several_a_span_or_all(
    tmp_path: Path, weekday: str, days: list[int]
) -> None:
    rows = read(tmp_path, f"p,{weekday}", header="name,weekday")

    assert [row["day_of_week"] for row in rows] == days


def test_times_may_be_written_as_in_kore_and_midnight_ends_the_day(tmp_path: Path) -> None:
    rows = read(
        tmp_path, "p,10:00,12:00 AM", "q,,24:00", "r,9:00 pm,", header="name,earliest,latest"
    )

    hours = {row["policy_name"]: (row["earliest_minute"], row["latest_minute"]) for row in rows}
    assert hours == {"p": (600, 1440), "q": (None, 1440), "r": (1260, None)}


@pytest.mark.parametrize(
    ("line", "value", "expected"),
    [
        (",,US,,,,,,", "name = ", "a name for the policy"),
        ("p,,USA,,,,,,", "country = USA", "two letters"),
        ("p,,,,XX,,,,", "weekday = XX", "`MO-FR`"),
        ("p,,,,MO-,,,,", None, ""),
        ("p,,,,,8 o'clock,,,", "earliest = 8 o'clock", "`8:00 AM`"),
        ("p,,,,,9:00 PM,8:00 AM,,", "latest = 8:00 AM", "after `earliest`"),
        ("p,,,,,,,-1,", "max_attempts_per_24h = -1", "a whole number"),
        ("p,,,,,,,,1.5", "min_ring_seconds = 1.5", "a whole number"),
        ("p\0q,,,,,,,,,,2026-12-25", "name = p<U+0000>q", "without NUL signs"),
        ("p,,,,,,,,,,2026-12-25\u200b", "date = 2026-12-25<U+200B>", "a date such as"),
        ("p,,,,,,,,,a month", "max_dnc_age_days = a month", "a whole number"),
        ("p,,,,,,,,,,,x", "p,,,,,,,,,,,x", "11 values"),
    ],
)
def test_what_cannot_be_right_is_named_with_its_line(
    tmp_path: Path, line: str, value: str | None, expected: str
) -> None:
    if value is None:  # a span without an end is its first day
        assert len(read(tmp_path, line)) == 1
        return
    with pytest.raises(PoliciesInvalid) as refused:
        read(tmp_path, US, line)

    assert (refused.value.line, refused.value.value) == (3, value)
    assert expected in refused.value.expected
    assert str(refused.value).startswith(f"{tmp_path / 'policies.csv'}, line 3:")


@pytest.mark.parametrize("header", ["zone,earliest", "name,name", "name,opening", "name;zone"])
def test_another_header_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(PoliciesInvalid, match="line 1: found"):
        read(tmp_path, header=header)


def test_an_empty_file_is_refused_and_one_with_a_header_alone_is_none(tmp_path: Path) -> None:
    assert read(tmp_path) == []
    (tmp_path / "policies.csv").write_text("# nothing yet\n", encoding="utf-8")
    with pytest.raises(PoliciesInvalid, match="the file is empty"):
        read_policies(tmp_path / "policies.csv")


def test_a_pattern_says_to_sql_what_it_says_to_a_person() -> None:
    assert like("") is None
    assert like("US_50%!*?") == "us!_50!%!!%_"


def test_a_run_holds_the_policies_of_its_file_and_no_others(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(demo_campaigns()[:1]))
    path = project.folder / "policies.csv"

    def run(*lines: str) -> list[tuple[Any, ...]]:
        path.write_text("\n".join([",".join(POLICIES_HEADER), *lines]), encoding="utf-8")
        assert project.run().exit_code == 0
        return project.sql(
            "select policy_name, count(*), min(earliest_minute) from kore_raw.policies "
            "group by 1 order by 1"
        )

    assert run(US, "Quiet,,,,SU,closed,,,") == [("Quiet", 1, 0), ("US federal", 7, 480)]
    assert run(US.replace("8:00", "9:00")) == [("US federal", 7, 540)]
    path.unlink()
    assert project.run().exit_code == 0
    assert project.sql("select count(*) from kore_raw.policies") == [(0,)]


def test_a_file_that_is_named_must_be_there_before_anything_is_asked(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(demo_campaigns()[:1])
    project.use(kore, policies="limits.csv")

    ended = project.cli("run")

    assert ended.code == 2
    assert "limits.csv" in ended.err
    assert "it does not exist" in ended.err
    assert kore.counters.requests == 0


def test_a_limit_counts_from_the_run_that_found_it_to_the_run_that_missed_it(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(demo_campaigns()[:2]))
    rows = (
        "select policy_name, valid_from = {0}, valid_to = {1} from kore.policy_history "
        "where day_of_week = 1 order by policy_name, valid_from"
    )
    start = "(select started_at from kore.runs where run_number = {})"
    first, second = start.format(1), start.format(2)
    write(project, "A,9:00,17:00", "B,,18:00")
    project.run()
    assert project.sql(rows.format(first, first)) == [("A", True, None), ("B", True, None)]

    # another place in the file is another row, and no other limit
    write(project, "B,,18:00", "C,,19:00")
    project.run()
    found = project.sql(rows.format(first, second))
    assert found == [("A", True, True), ("B", True, True), ("B", False, None), ("C", False, None)]

    project.run()
    write(project)
    project.run()
    ends = "select count(*) from kore.policy_history where valid_to is null"
    assert project.sql(ends) == [(0,)]
    assert project.sql("select count(*) from kore.policies") == [(0,)]
    last = rows.format(second, start.format(4))
    assert project.sql(last)[2:] == [("B", True, True), ("C", True, True)]


def test_policies_of_an_earlier_program_count_from_the_first_run(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(demo_campaigns()[:2]))
    write(project, "A,9:00,17:00")
    project.run()
    project.run()
    # as an earlier program left it
    project.alter("delete from policy_history")
    write(project, "A,9:00,17:00", "B,,18:00")

    project.run()

    found = project.sql(
        "select policy_name, valid_from, valid_to from kore.policy_history "
        "where day_of_week = 1 order by 1"
    )
    starts = [at for (at,) in project.sql("select started_at from kore.runs order by run_number")]
    assert found == [("A", starts[0], None), ("B", starts[2], None)]


def test_a_clock_that_went_back_makes_no_period_that_ends_before_it_begins(
    emulate: Emulate, project: Project
) -> None:
    project.use(emulate(demo_campaigns()[:2]))
    write(project, "A,9:00,17:00")
    project.run()
    project.alter("update policy_history set valid_from = valid_from + interval '2 days'")
    write(project, "B,,18:00")

    project.run()

    periods = "select policy_name, valid_to from kore.policy_history where day_of_week = 1"
    assert project.sql(periods) == [("B", None)]


def write(project: Project, *lines: str) -> None:
    text = "\n".join(["name,earliest,latest", *lines]) + "\n"
    (project.folder / "policies.csv").write_text(text, encoding="utf-8")
