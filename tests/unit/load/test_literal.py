"""A value written into SQL is the value that a parameter would be."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kore_campaigns.load.duckdb_file import DuckDBReader, literal

YEARS = (datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2200-01-01"))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.text(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.datetimes(*YEARS),
    st.datetimes(*YEARS, timezones=st.timezones(), allow_imaginary=False),
    st.dates(date(1, 1, 1), date(9999, 12, 31)),
    st.times(),
)


@pytest.fixture(scope="module")
def reader() -> DuckDBReader:
    return DuckDBReader(duckdb.connect())


@example(values=[datetime(1951, 9, 8, 23, tzinfo=ZoneInfo("Asia/Seoul"))])
@given(values=st.lists(VALUES, min_size=1, max_size=5))
def test_what_is_read_is_what_was_written(reader: DuckDBReader, values: list[Any]) -> None:
    (row,) = reader.rows(f"select {', '.join('?' * len(values))}", values)

    for found, value in zip(row, values, strict=True):
        assert found == (in_utc(value) if isinstance(value, datetime) else value)
        assert isinstance(found, type(value)) or isinstance(value, time)


def in_utc(moment: datetime) -> datetime:
    """To Python, an hour that a zone has twice equals none of another zone."""
    # the reader takes a moment without a zone for one in UTC
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["'); drop table x", "\\'", "''", "a\0'b", "?", "$1", "E'\\n'"])
def test_a_text_stays_a_text(reader: DuckDBReader, text: str) -> None:
    assert reader.rows("select ?, length(?)", [text, text]) == [(text, len(text))]


def test_a_type_without_a_literal_is_refused() -> None:
    with pytest.raises(KeyError):
        literal(object())
