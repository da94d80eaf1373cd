from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kore_campaigns.schema import CALLING_HOURS, CHILD_KEY
from kore_campaigns.transform.calling_hours import (
    MINUTES_A_DAY,
    clock_text,
    parse_clock,
    windows_of,
)
from kore_campaigns.transform.values import is_blank
from support.strategies import window_lists

ROW_KEYS = {*CALLING_HOURS.column_names()} - {*CHILD_KEY} | {"position"}


@pytest.mark.parametrize(
    ("clock", "minute"),
    [
        ("9:00 AM", 540),
        ("09:00 AM", 540),
        ("9:00 am", 540),
        ("9:00AM", 540),
        ("9:00 a.m.", 540),
        ("9:00 A. M.", 540),
        ("9 AM", 540),
        ("9:00:00 AM", 540),
        ("9:00:59.999 PM", 1260),
        (" 9 : 00\u202fAM\n", 540),
        ("9:00\u00a0PM", 1260),
        ("12:00 AM", 0),
        ("12:30 am", 30),
        ("12:00 PM", 720),
        ("11:59 PM", 1439),
        ("21:00", 1260),
        ("09:00", 540),
        ("9:00", 540),
        ("0:00", 0),
        ("23:59:59", 1439),
        ("24:00", 1440),
        ("24:00:00", 1440),
    ],
)
def test_times_of_day_are_read_however_they_are_written(clock: str, minute: int) -> None:
    assert parse_clock(clock) == minute


@pytest.mark.parametrize(
    "clock",
    [
        *("", " ", "AM", "nine", "9", "900", "9:0", "9:60 AM", "9:00:60", "25:00", "24:01"),
        *("24:00:01", "13:00 PM", "0:30 AM", "24:00 AM", "-9:00", "9:00 XM", "9:00 AMPM"),
        *("1 2:00", "9.00 AM", "9:00 AM - 5:00 PM", "\u0669:00 AM", "\uff19:00"),
    ],
)
def test_what_is_no_time_of_day_is_not_guessed_at(clock: str) -> None:
    assert parse_clock(clock) is None


@given(st.integers(0, MINUTES_A_DAY - 1))
def test_every_minute_of_the_day_survives_both_notations(minute: int) -> None:
    hour, rest = divmod(minute, 60)
    half = "AM" if hour < 12 else "PM"
    assert parse_clock(clock_text(minute)) == minute
    assert parse_clock(f"{hour % 12 or 12}:{rest:02} {half}") == minute


@given(st.text())
def test_reading_a_clock_never_fails(clock: str) -> None:
    minute = parse_clock(clock)
    assert minute is None or 0 <= minute <= MINUTES_A_DAY


def row(
    position: int = 1,
    *,
    day: str | None = "MO",
    number: int | None = 1,
    texts: tuple[str | None, str | None],
    times: tuple[str | None, str | None],
    minutes: tuple[int | None, int | None],
    overnight: bool | None = False,
) -> dict[str, Any]:
    return {
        "position": position,
        "day": day,
        "day_of_week": number,
        "start_text": texts[0],
        "end_text": texts[1],
        "start_time": times[0],
        "end_time": times[1],
        "start_minute": minutes[0],
        "end_minute": minutes[1],
        "crosses_midnight": overnight,
        "is_parsed": minutes[1] is not None,
    }


def window(start: Any, end: Any, day: Any = "MO") -> dict[str, Any]:
    return {"start": start, "end": end, "day": day}


def rows(calling_hours: Any) -> list[dict[str, Any]]:
    received = {"dialingStrategy": {"callingHours": calling_hours}}
    return [found._asdict() for found in windows_of(received)]


def only_row(*days: Any) -> dict[str, Any]:
    (found,) = rows({"frequency": "WEEKLY", "days": list(days)})
    return found


@pytest.mark.parametrize(
    ("start", "end", "times", "minutes", "overnight"),
    [
        ("9:00 AM", "6:00 PM", ("09:00:00", "18:00:00"), (540, 1080), False),
        ("10:00 PM", "2:00 AM", ("22:00:00", "02:00:00"), (1320, 1560), True),
        ("9:00 AM", "12:00 AM", ("09:00:00", "00:00:00"), (540, 1440), False),
        ("9:00 AM", "24:00", ("09:00:00", "00:00:00"), (540, 1440), False),
        ("12:00 AM", "12:00 AM", ("00:00:00", "00:00:00"), (0, 1440), False),
        ("9:00 AM", "9:00 AM", ("09:00:00", "09:00:00"), (540, 1980), True),
        ("11:59 PM", "11:59 PM", ("23:59:00", "23:59:00"), (1439, 2879), True),
    ],
    ids=["day", "overnight", "to midnight", "to 24:00", "whole day", "24 hours", "latest"],
)
def test_a_window_ends_after_it_starts(
    start: str, end: str, times: tuple[str, str], minutes: tuple[int, int], overnight: bool
) -> None:
    expected = row(texts=(start, end), times=times, minutes=minutes, overnight=overnight)
    assert only_row(window(start, end)) == expected


@pytest.mark.parametrize(
    ("start", "end", "texts", "times", "minute"),
    [
        ("soon", "6:00 PM", ("soon", "6:00 PM"), (None, "18:00:00"), None),
        ("9:00 AM", None, ("9:00 AM", None), ("09:00:00", None), 540),
        (900, True, ("900", "true"), (None, None), None),
        ({"h": 9}, ["ü"], ('{"h":9}', '["ü"]'), (None, None), None),
        ("24:00", "6:00 PM", ("24:00", "6:00 PM"), (None, "18:00:00"), None),
    ],
    ids=["start", "end", "numbers", "nested", "24:00 belongs to the next day"],
)
def test_an_unreadable_time_keeps_its_text_and_is_marked(
    start: Any, end: Any, texts: Any, times: Any, minute: int | None
) -> None:
    expected = row(texts=texts, times=times, minutes=(minute, None), overnight=None)
    assert only_row(window(start, end)) == expected


def test_several_windows_a_day_stay_apart_and_in_the_order_received() -> None:
    days = [
        window("2:00 PM", "6:00 PM", "TU"),
        window("9:00 AM", "12:00 PM"),
        window("21:00", "22:00"),
    ]
    found = [(r["position"], r["day"], r["start_minute"]) for r in rows({"days": days})]
    assert found == [(1, "TU", 840), (2, "MO", 540), (3, "MO", 1260)]


@pytest.mark.parametrize(
    ("day", "text", "number"),
    [
        *(("SU", "SU", 7), ("mo", "mo", 1), (" Monday ", " Monday ", 1), ("Thurs", "Thurs", 4)),
        *(("Feiertag", "Feiertag", None), ("m", "m", None), ("", "", None), (3, "3", None)),
        (None, None, None),
    ],
)
def test_the_day_stays_as_sent_and_its_number_is_found(
    day: Any, text: str | None, number: int | None
) -> None:
    found = only_row(window("9:00 AM", "6:00 PM", day))
    assert (found["day"], found["day_of_week"]) == (text, number)


def test_a_window_that_is_no_object_is_kept_as_text() -> None:
    expected = [
        row(
            position,
            day=None,
            number=None,
            texts=(text, None),
            times=(None, None),
            minutes=(None, None),
            overnight=None,
        )
        for position, text in enumerate(["always", "7", '["9:00 AM"]'], start=1)
    ]
    assert rows({"days": ["always", 7, ["9:00 AM"]]}) == expected


@pytest.mark.parametrize(
    "days",
    [
        window("9:00 AM", "6:00 PM"),
        {"MO": {"start": "9:00 AM", "end": "6:00 PM"}},
        {"MO": [{"start": "9:00 AM", "end": "6:00 PM"}], "TU": [], "WE": None},
    ],
    ids=["a single window", "one per weekday", "lists per weekday"],
)
def test_days_may_be_an_object(days: Any) -> None:
    expected = row(
        texts=("9:00 AM", "6:00 PM"), times=("09:00:00", "18:00:00"), minutes=(540, 1080)
    )
    assert rows({"days": days}) == [expected]


@pytest.mark.parametrize(
    "calling_hours",
    [None, {}, [], {"frequency": "DAILY"}, {"days": None}, {"days": []}, {"days": [None, {}, ""]}],
)
def test_no_window_sent_is_no_row(calling_hours: Any) -> None:
    assert rows(calling_hours) == []


def test_positions_count_the_elements_as_sent() -> None:
    assert [r["position"] for r in rows({"days": [None, window("9 AM", "5 PM")]})] == [2]


@given(window_lists)
def test_no_window_is_lost_and_no_column_is_missing(days: Any) -> None:
    found = rows({"days": days})
    assert all(r.keys() == ROW_KEYS for r in found)
    assert [r["position"] for r in found] == sorted({r["position"] for r in found})
    if isinstance(days, list):
        assert len(found) == sum(not is_blank(element) for element in days)


@given(window_lists)
def test_minutes_stay_in_their_ranges(days: Any) -> None:
    for found in rows({"days": days}):
        start, end = found["start_minute"], found["end_minute"]
        assert start is None or 0 <= start < MINUTES_A_DAY
        assert found["is_parsed"] == (end is not None)
        if end is not None:
            assert start < end <= start + MINUTES_A_DAY
            assert found["crosses_midnight"] == (end > MINUTES_A_DAY)
            assert parse_clock(found["end_time"]) == end % MINUTES_A_DAY
            assert parse_clock(found["start_time"]) == start


@pytest.mark.parametrize(
    ("start", "end", "minutes", "end_time"),
    [
        ("9:00:30 AM", "18:00:59", (540, 1081), "18:01:00"),
        ("9:00 AM", "6:00:00.001 PM", (540, 1081), "18:01:00"),
        ("9:00 AM", "18:00:00", (540, 1080), "18:00:00"),
        ("0:00", "23:59:59", (0, 1440), "00:00:00"),
        ("22:00", "06:00:01", (1320, 1440 + 361), "06:01:00"),
        ("18:00:10", "18:00:40", (1080, 1081), "18:01:00"),
        ("18:00:40", "18:00:10", (1080, 1440 + 1080), "18:00:00"),
        ("23:59:59", "23:59:59", (1439, 1440 + 1439), "23:59:00"),
        ("23:59:59", "24:00", (1439, 1440), "00:00:00"),
    ],
)
def test_seconds_hide_no_dialling(
    start: str, end: str, minutes: tuple[int, int], end_time: str
) -> None:
    found = only_row(window(start, end))

    assert (found["start_minute"], found["end_minute"]) == minutes
    assert (found["end_time"], found["is_parsed"]) == (end_time, True)


def test_a_time_may_be_rounded_up() -> None:
    assert [parse_clock(text, round_up=True) for text in ("8:00", "8:00:01", "23:59:59.9")] == [
        480,
        481,
        1440,
    ]
