"""What a table and a column are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DataType = Literal["text", "bigint", "bool", "timestamp", "time", "date", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    data_type: DataType
    description: str


@dataclass(frozen=True, slots=True)
class Table:
    """A raw table. `children` are named as dlt names them: `<parent>__<name>`."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    children: tuple[Table, ...] = ()

    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def text_column(name: str, description: str) -> Column:
    return Column(name, "text", description)


def int_column(name: str, description: str) -> Column:
    return Column(name, "bigint", description)


def bool_column(name: str, description: str) -> Column:
    return Column(name, "bool", description)


def at_column(name: str, description: str) -> Column:
    return Column(name, "timestamp", description)


def json_column(name: str, description: str) -> Column:
    return Column(name, "json", description)
