"""Recompute the columns and nested rows of all versions from `raw`: no request, no new version.

For rows that another version of this program wrote. History does not change: keys, `content_hash`,
`observed_at`, `valid_from` (but none stays after `observed_at`), `is_deleted`, `raw`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kore_campaigns.api.responses import json_object
from kore_campaigns.config.project import project_folder
from kore_campaigns.config.settings import settings_of_the_file
from kore_campaigns.errors import HistoryDamaged, shorten
from kore_campaigns.extract.state import stored_versions
from kore_campaigns.load import DUCKDB, destination_for
from kore_campaigns.load.destination import Destination
from kore_campaigns.load.dlt_load import load
from kore_campaigns.load.reader import Reader
from kore_campaigns.schema import CAMPAIGN_VERSIONS, RAW_SCHEMA, nested_name, queries
from kore_campaigns.transform.campaign import StoredVersion, deletion_row, shape, version_row
from kore_campaigns.transform.row_diff import Difference, differences

Row = dict[str, Any]

# rows in memory, and in one load package
PACKAGE: Final = 2_000
SQL: Final = queries(__name__)
HISTORY: Final = SQL["history"]
NAMED: Final = 5  # versions that are listed for one kind of fault
CHILDREN: Final = tuple(child.name for child in CAMPAIGN_VERSIONS.children)
# not derived: the received payload, and when it was seen
_KEPT: Final = ("account_id", "content_hash", "observed_at", "valid_from", "is_deleted", "raw")


@dataclass(slots=True)
class Rebuilt:
    """The result. `columns` has the number of versions in which a column was different."""

    database: str
    versions: int = 0
    different: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    rows_before: dict[str, int] = field(default_factory=dict)
    rows_after: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, found: list[Difference]) -> None:
        self.different += 1
        # `calling_hours[3].end_text` is the column `calling_hours.end_text`
        for name in {re.sub(r"\[[^]]*]", "", each.field) for each in found}:
            self.columns[name] = self.columns.get(name, 0) + 1


def rebuild_database(
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
) -> Rebuilt:
    """Recompute all versions of all apps, and publish them after the proof that none is lost.

    Raises `DestinationUnavailable` if there is no database or a run writes it, `HistoryDamaged` if
    a version would be lost; nothing is published then.
    """
    target = destination_for(
        destination,
        database=database,
        folder=project_folder(),
        chunk=PACKAGE,
        **settings_of_the_file(),
    )
    rebuilt = Rebuilt(target.name)
    began = datetime.now(UTC)
    with target.rebuild_lock():
        derived_rows = _load_different(target, rebuilt)
        with target.exchange(HISTORY) as (reader, before, after):
            rebuilt.rows_after = nested_rows(reader, after)
            found = [*faults(reader, before=before, after=after)]
            for name in CHILDREN:
                count, derived = rebuilt.rows_after[name], derived_rows[name]
                if count != derived:
                    found.append(f"`{name}` has {count} rows, but {derived} were computed")
            _refuse(target, found)
    rebuilt.seconds = round((datetime.now(UTC) - began).total_seconds(), 3)
    return rebuilt


def _load_different(target: Destination, rebuilt: Rebuilt) -> Counter[str]:
    """Load the versions that this program would write differently; nested rows of all versions."""
    derived_rows: Counter[str] = Counter()
    with target.rebuild_pipeline() as pipeline, target.read() as reader:
        rebuilt.rows_before = nested_rows(reader, RAW_SCHEMA)
        waiting: list[Row] = []
        for stored, derived in _derived(target, reader):
            rebuilt.versions += 1
            derived_rows.update({name: len(derived[name]) for name in CHILDREN})
            if found := differences(derived, stored):
                rebuilt.add(found)
                waiting.append(derived)
            if len(waiting) == PACKAGE:
                load(pipeline, waiting)
                waiting.clear()
        if waiting:
            load(pipeline, waiting)
    return derived_rows


def _derived(target: Destination, reader: Reader) -> Iterator[tuple[Row, Row]]:
    """Each version as it is stored, and as this version of the program would write it.

    Raises `HistoryDamaged` if `raw` does not have the stored hash.
    """
    damaged: list[str] = []
    before: Row = {}
    before_data: Mapping[str, Any] | None = None
    for stored in stored_versions(reader):
        step = None  # how many versions after the last one; None for another campaign
        if before and all(stored[key] == before[key] for key in ("stream_id", "campaign_id")):
            step = int(stored["version"]) - int(before["version"])
        data = json_object((stored["raw"] or "").encode())
        derived = _derive(stored, data or {}, *((before, before_data) if step == 1 else ({}, None)))
        name = f"campaign `{stored['campaign_id']}` version {stored['version']}"
        if step == 0:
            damaged.append(f"{name} is stored twice")
        elif data is None or derived["content_hash"] != stored["content_hash"]:
            damaged.append(f"{name}: its `raw` does not match its `content_hash`")
        if not damaged:
            kept = {name: stored[name] for name in _KEPT}
            kept["valid_from"] = min(stored["valid_from"], stored["observed_at"])
            yield stored, derived | kept
        before, before_data = stored, data
    _refuse(target, damaged)


def _derive(
    stored: Row, data: Mapping[str, Any], before: Row, before_data: Mapping[str, Any] | None
) -> Row:
    last = None
    if stored["version"] > 1:
        last = StoredVersion(
            version=stored["version"] - 1,
            content_hash=stored["content_hash"],
            valid_from=stored["valid_from"],
            updated_at=None,
            is_deleted=bool(before.get("is_deleted")),
            observed_at=stored["observed_at"],
            campaign_type="",  # of no consequence for a row
        )
    where = {
        name: stored[name] for name in ("account_id", "stream_id", "campaign_id", "observed_at")
    }
    if last is not None and stored["is_deleted"]:
        return deletion_row(data, **where, stored=last)
    return version_row(shape(data), **where, stored=last, stored_raw=before_data)


def faults(reader: Reader, *, before: str, after: str) -> Iterator[str]:
    """What the schema `after` lost, added or doubled, compared with the select `before`.

    The columns and nested rows may differ, the history may not.
    """
    now = HISTORY.format(schema=after)
    found = {
        "is missing or different": SQL["missing"].format(some=before, others=now),
        "is new or different": SQL["missing"].format(some=now, others=before),
        "is stored twice": SQL["twice"].format(schema=after),
    }
    for child in CAMPAIGN_VERSIONS.children:
        names = {"child": f"{after}.{nested_name(CAMPAIGN_VERSIONS, child)}", "schema": after}
        orphans, doubles = (SQL[name].format(**names) for name in ("orphans", "doubles"))
        found[f"has rows of `{child.name}` that belong to no version"] = orphans
        found[f"has two rows of `{child.name}` for one position"] = doubles
    for words, query in found.items():
        rows = reader.rows(query)
        for _, campaign_id, version in rows[:NAMED]:
            yield f"campaign `{campaign_id}` version {version} {words}"
        if more := len(rows[NAMED:]):
            yield f"and {more} more that {words}"


def nested_rows(reader: Reader, schema: str) -> dict[str, int]:
    """Rows of each nested table; 0 if an older program did not have the table."""
    counts = {}
    for child in CAMPAIGN_VERSIONS.children:
        table = f"{schema}.{nested_name(CAMPAIGN_VERSIONS, child)}"
        rows = reader.rows_if_loaded(f"select count(*) from {table}")  # noqa: S608
        counts[child.name] = int(rows[0][0]) if rows else 0
    return counts


def _refuse(target: Destination, found: list[str]) -> None:
    """Raises `HistoryDamaged` if anything was found."""
    if found:
        places = shorten(found, NAMED, separator="; ")
        raise HistoryDamaged(target.name, places, way_back=target.way_back)
