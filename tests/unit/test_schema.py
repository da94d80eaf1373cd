"""`schema.sql` is read whole: no line of it is passed over."""

from __future__ import annotations

import re
from typing import get_args

from kore_campaigns import schema


def test_each_declared_column_is_read() -> None:
    text = schema._file_text("kore_campaigns", "schema")
    declared = re.findall(r"^    (?!--|primary key)(\S+)", text, re.MULTILINE)
    read = [column.name for table in schema.ALL_TABLES.values() for column in table.columns]

    assert read == declared
    assert [*schema.ALL_TABLES] == re.findall("create table (.+) ", text)


def test_types_keys_and_descriptions_are_those_of_the_product() -> None:
    for name, table in schema.ALL_TABLES.items():
        assert {*table.key} <= {*table.column_names()}, name
        assert table.description.endswith("."), name
        for column in table.columns:
            assert column.data_type in get_args(schema.DataType), (name, column)
            assert column.description.endswith("."), (name, column)
            assert not re.search(r"\n|--|  ", column.description), (name, column)
