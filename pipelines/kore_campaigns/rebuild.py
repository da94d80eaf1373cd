"""Derive columns and nested rows of every version anew from `raw`: no request, no new version.

For a database whose rows were written by another version of this program.  What is history stays
as it is: keys, `content_hash`, `observed_at`, `valid_from`, `is_deleted`, `raw`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import dlt

from kore_campaigns.compare import Difference, differences
from kore_campaigns.destinations import DUCKDB
from kore_campaigns.load import load, package
from kore_campaigns.project import project_folder
from kore_campaigns.proof import CHILDREN, nested_rows
from kore_campaigns.publish import workspace_for
from kore_campaigns.rebuild_places import FileRebuild, RebuildPlace, WarehouseRebuild
from kore_campaigns.settings import SECTION, KoreSettings
from kore_campaigns.shape import Held, deletion_row, shape, version_row
from kore_campaigns.stored import Connection, kept_versions
from kore_campaigns.warehouse import Warehouse

Row = dict[str, Any]

# rows in memory, and in one load package
PACKAGE: Final = 2_000
# never derived: what was received, and when it was seen
_KEPT: Final = ("account_id", "content_hash", "observed_at", "valid_from", "is_deleted", "raw")


@dataclass(slots=True)
class Rebuilt:
    """What was done. `columns` says how many versions came out different in which column."""

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

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return asdict(self)


def rebuild_database(
    *,
    destination: str = DUCKDB,
    database: str | Path | None = None,
    project_dir: str | Path | None = None,
) -> Rebuilt:
    """Derive all versions of all apps anew and publish them once it is proven that none is lost.

    Raises `DestinationUnavailable` if there is no database or a run holds it, `HistoryDamaged` if
    a version would not be kept; nothing is published then.
    """
    place = _place(destination, database, project_folder(project_dir))
    began = datetime.now(UTC)
    with place.held():
        rebuilt = _rebuild(place)
    rebuilt.seconds = round((datetime.now(UTC) - began).total_seconds(), 3)
    return rebuilt


def _place(kind: str, database: str | Path | None, folder: Path) -> RebuildPlace:
    if kind != DUCKDB:
        return WarehouseRebuild(Warehouse(kind, folder))
    keep = dlt.config.get(f"sources.{SECTION}.keep_generations", int)
    keep = KoreSettings.keep_generations if keep is None else max(0, keep)
    return FileRebuild(workspace_for(database, folder, keep_generations=keep, chunk=PACKAGE))


def _rebuild(place: RebuildPlace) -> Rebuilt:
    rebuilt = Rebuilt(place.name)
    derived_rows: Counter[str] = Counter(dict.fromkeys(CHILDREN, 0))
    with place.staging() as pipeline, place.stored() as connection:
        rebuilt.rows_before = nested_rows(connection)
        waiting: list[Row] = []
        for kept, derived in _derived(place, connection):
            rebuilt.versions += 1
            derived_rows.update({name: len(derived[name]) for name in CHILDREN})
            if found := differences(derived, kept):
                rebuilt.add(found)
                waiting.append(derived)
            if len(waiting) == PACKAGE:
                _load(pipeline, waiting, place.name)
        _load(pipeline, waiting, place.name)
    rebuilt.rows_after = place.publish(derived_rows)
    return rebuilt


def _load(pipeline: dlt.Pipeline, waiting: list[Row], database: str) -> None:
    if waiting:
        load(pipeline, package(versions=waiting), database=database)
        waiting.clear()


def _derived(place: RebuildPlace, connection: Connection) -> Iterator[tuple[Row, Row]]:
    """Each version as it is kept, and as this version of the program would write it.

    Raises `HistoryDamaged` if what was received is not what its hash says.
    """
    damaged: list[str] = []
    before: Row = {}
    before_data: Mapping[str, Any] | None = None
    for kept in kept_versions(connection):
        step = _step(before, kept)
        data = _received(kept)
        derived = _derive(kept, data or {}, *((before, before_data) if step == 1 else ({}, None)))
        name = f"campaign `{kept['campaign_id']}` version {kept['version']}"
        if step == 0:
            damaged.append(f"{name} is there twice")
        elif data is None or derived["content_hash"] != kept["content_hash"]:
            damaged.append(f"{name}: its `raw` is not what its `content_hash` says")
        if not damaged:
            yield kept, derived | {name: kept[name] for name in _KEPT}
        before, before_data = kept, data
    place.refuse(damaged)


def _step(before: Row, kept: Row) -> int | None:
    """How many versions further the next one of the same campaign is; None for another's."""
    key = ("stream_id", "campaign_id")
    if not before or any(kept[name] != before[name] for name in key):
        return None
    return int(kept["version"]) - int(before["version"])


def _received(kept: Row) -> Mapping[str, Any] | None:
    try:
        data = json.loads(kept["raw"])
    except (TypeError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _derive(
    kept: Row, data: Mapping[str, Any], before: Row, before_data: Mapping[str, Any] | None
) -> Row:
    held = None
    if kept["version"] > 1:
        held = Held(
            version=kept["version"] - 1,
            content_hash=kept["content_hash"],
            valid_from=kept["valid_from"],
            updated_at=None,
            is_deleted=bool(before.get("is_deleted")),
            observed_at=kept["observed_at"],
            campaign_type="",  # of no consequence for a row
        )
    where = {name: kept[name] for name in ("account_id", "stream_id", "campaign_id", "observed_at")}
    if held is not None and kept["is_deleted"]:
        return deletion_row(data, **where, held=held)
    return version_row(shape(data), **where, held=held, held_raw=before_data)
