"""Every raw table and its columns, as `schema.sql` declares them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Final, Literal

RAW_SCHEMA: Final = "kore_raw"
VIEW_SCHEMA: Final = "kore"

DataType = Literal["text", "bigint", "bool", "timestamp", "time", "date", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    description: str
    data_type: DataType = "text"
    path: str = ""
    """Path of the field in Kore's response, `dialingStrategy.maxRingTime`; empty if the column is
    not one field.
    """


@dataclass(frozen=True, slots=True)
class Table:
    """A raw table. dlt names its `children` `<parent>__<name>`."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    children: tuple[Table, ...] = ()

    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def nested_name(table: Table, child: Table) -> str:
    """The name of a nested table in the database, as dlt names it."""
    return f"{table.name}__{child.name}"


def _file_text(package: str, name: str) -> str:
    return resources.files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def queries(module: str) -> dict[str, str]:
    """The queries of the `.sql` file next to a module, by the name that stands above each."""
    package, _, name = module.rpartition(".")
    named = (query.partition("\n") for query in _file_text(package, name).split("-- name: ")[1:])
    return {name: sql for name, _, sql in named}


# comment, name, columns, key
_TABLE: Final = re.compile(
    r"((?:-- .+\n)+)create table (\w+) \(\n((?:    .+\n)+)    primary key \((.+)\)\n\);"
)
# comment, name, type, path
_COLUMN: Final = re.compile(r"((?:    -- .+\n)*)    (\w+) (\w+),(?: -- (.+))?\n")


def _declared_tables() -> dict[str, Table]:
    """By the name in the database, each nested table after its parent."""
    descriptions: dict[str, str] = {}
    found: dict[str, Table] = {}
    for about, name, body, key in _TABLE.findall(_file_text(__package__, "schema")):
        columns = []
        for comment, column, data_type, path in _COLUMN.findall(body):
            description = _sentences(comment) or descriptions[column]
            descriptions.setdefault(column, description)
            columns.append(Column(column, description, data_type, path))
        parent, _, child = name.partition("__")
        table = Table(child or name, _sentences(about), tuple(key.split(", ")), tuple(columns))
        found[name] = table
        if child:
            found[parent] = replace(found[parent], children=(*found[parent].children, table))
    return found


def _sentences(comment: str) -> str:
    return " ".join(line.strip().removeprefix("-- ") for line in comment.splitlines())


ALL_TABLES: Final[Mapping[str, Table]] = _declared_tables()
"""By the name in the database, each nested table after its parent."""
TABLES: Final = tuple(table for name, table in ALL_TABLES.items() if name == table.name)

CAMPAIGN_VERSIONS: Final = ALL_TABLES["campaign_versions"]
CALLING_HOURS, DNC_LISTS, *_ = CAMPAIGN_VERSIONS.children
CHILD_KEY: Final = CALLING_HOURS.key
CAMPAIGN_LISTINGS: Final = ALL_TABLES["campaign_listings"]
CONFIGURED_CAMPAIGNS: Final = ALL_TABLES["configured_campaigns"]
APPS: Final = ALL_TABLES["apps"]
EXTRACTION_RUNS: Final = ALL_TABLES["extraction_runs"]
EXTRACTION_ERRORS: Final = ALL_TABLES["extraction_errors"]
EXTRACTION_DRIFT: Final = ALL_TABLES["extraction_drift"]
NOTIFICATIONS: Final = ALL_TABLES["notifications"]
NOTIFIED_CAMPAIGNS: Final = ALL_TABLES["notified_campaigns"]
NOTIFIED_FINDINGS: Final = ALL_TABLES["notified_findings"]
REQUESTED_CAMPAIGNS: Final = ALL_TABLES["requested_campaigns"]
LISTS: Final = ALL_TABLES["contact_lists"]
LIST_CAMPAIGNS: Final = ALL_TABLES["contact_list_campaigns"]
DNC_LIST_STATES: Final = ALL_TABLES["dnc_list_states"]
POLICIES: Final = ALL_TABLES["policies"]
POLICY_HISTORY: Final = ALL_TABLES["policy_history"]
TIME_ZONES: Final = ALL_TABLES["time_zones"]
ZONE_OFFSETS: Final = ALL_TABLES["zone_offsets"]
