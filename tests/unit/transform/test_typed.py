from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kore_campaigns.transform import values
from support.strategies import json_values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (" as sent ", " as sent "),
        ("", ""),
        (5, "5"),
        (5.0, "5.0"),
        (True, "true"),
        ({"b": 1, "a": "ü"}, '{"a":"ü","b":1}'),
        (["x"], '["x"]'),
    ],
)
def test_text(value: Any, text: str | None) -> None:
    assert values.text(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((5, 5), (5.0, 5), ("5", 5), (" 5 ", 5), ("5.0", 5), ("+5", 5), ("-05", -5), (0, 0)),
        *((2**63 - 1, 2**63 - 1), (2**63, None), (str(2**63), None), (-(2**63), -(2**63))),
        *((5.5, None), ("5.5", None), ("", None), ("five", None), ("5_0", None), ("1e3", None)),
        *((1e300, None), (float("nan"), None), (float("inf"), None), ("9" * 5000, None)),
        *((True, None), (None, None), ([5], None), ({}, None), ("\u0665", None)),
    ],
)
def test_integer(value: Any, number: int | None) -> None:
    assert values.integer(value) == number


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        *((True, True), (False, False), (1, True), (0, False), (1.0, True), (" YES ", True)),
        *(("on", True), ("1", True), ("True", True), ("no", False), ("OFF", False), ("0", False)),
        *((2, None), ("maybe", None), ("", None), (None, None), ([], None), ({"a": 1}, None)),
    ],
)
def test_boolean(value: Any, truth: bool | None) -> None:
    assert values.boolean(value) is truth


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2025-12-08T05:29:38.298Z", datetime(2025, 12, 8, 5, 29, 38, 298000, tzinfo=UTC)),
        ("2025-12-08T05:29:38Z", datetime(2025, 12, 8, 5, 29, 38, tzinfo=UTC)),
        (" 2025-12-08t05:29:38z ", datetime(2025, 12, 8, 5, 29, 38, tzinfo=UTC)),
        ("2025-12-08 05:29:38", datetime(2025, 12, 8, 5, 29, 38, tzinfo=UTC)),
        ("2025-12-08T05:29:38+05:30", datetime(2025, 12, 7, 23, 59, 38, tzinfo=UTC)),
        ("2025-12-08", datetime(2025, 12, 8, tzinfo=UTC)),
        (1765171778298, datetime(2025, 12, 8, 5, 29, 38, 298000, tzinfo=UTC)),
        (1765171778298.0, datetime(2025, 12, 8, 5, 29, 38, 298000, tzinfo=UTC)),
        ("0001-01-01T00:00:00+05:30", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("2025-02-30T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
        (1765171778, None),  # seconds? never guessed
        (253402300799999, datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
        (253402300800000, None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_timestamp(value: Any, moment: datetime | None) -> None:
    assert values.timestamp(value) == moment


within_the_calendar = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001  # hypothesis puts the zone on
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.timezones(),
)


@given(within_the_calendar)
def test_a_timestamp_survives_its_text_in_any_zone(moment: datetime) -> None:
    assert values.timestamp(moment.isoformat()) == moment.astimezone(UTC)


@given(json_values)
def test_each_reader_gives_its_type_or_none(value: Any) -> None:
    assert isinstance(values.text(value), str | None)
    assert type(values.integer(value)) in (int, type(None))
    assert type(values.boolean(value)) in (bool, type(None))
    moment = values.timestamp(value)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "name"),
    [
        *((None, "null"), (False, "boolean"), (1, "number"), (1.5, "number"), ("", "string")),
        *(([], "array"), ({}, "object")),
    ],
)
def test_json_types_by_name(value: Any, name: str) -> None:
    assert values.json_type(value) == name


@pytest.mark.parametrize(
    ("value", "blank"),
    [(None, True), ("", True), ({}, True), ([], True), (0, False), (False, False), (" ", False)],
)
def test_blank_is_what_says_nothing(value: Any, blank: bool) -> None:
    assert values.is_blank(value) is blank
