"""What a database holds of campaigns, whole: to compare two moments, or with Kore."""

from __future__ import annotations

import json
from typing import Any

from kore_campaigns.schema import CAMPAIGN_VERSIONS, RAW_SCHEMA
from kore_emulator import Emulator
from support.project import Project

CAMPAIGN_TABLES = (
    CAMPAIGN_VERSIONS.name,
    *(f"{CAMPAIGN_VERSIONS.name}__{child.name}" for child in CAMPAIGN_VERSIONS.children),
)

# versions that start at 1 and miss none; a campaign is listed if its own do not
GAPS = """
select campaign_id, count(*), min(version), max(version), count(distinct version)
from kore_raw.campaign_versions
group by stream_id, campaign_id
having min(version) <> 1 or max(version) <> count(*) or count(distinct version) <> count(*)
"""


def campaign_rows(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every campaign table, dlt's own columns included."""
    return {
        name: sorted(project.sql(f"select * from {RAW_SCHEMA}.{name}"), key=repr)
        for name in CAMPAIGN_TABLES
    }


def columns_of(project: Project, name: str, *but: str) -> str:
    """The columns of a table or view in their order, but for those named, for a select."""
    schema, _, table = name.partition(".")
    found = project.sql(
        "select column_name from information_schema.columns"
        " where table_schema = ? and table_name = ? order by ordinal_position",
        schema,
        table,
    )
    return ", ".join(column for (column,) in found if column not in but)


def live_campaigns(project: Project) -> dict[str, Any]:
    """What analysts see of each live campaign, as the object it was received as."""
    rows = project.sql("select campaign_id, raw from kore.campaigns")
    found = {campaign_id: json.loads(raw) for campaign_id, raw in rows}
    assert len(found) == len(rows), "a campaign is live twice"
    return found


def kores_campaigns(kore: Emulator) -> dict[str, Any]:
    """The same of Kore."""
    return {campaign_id: kore.campaign(campaign_id) for campaign_id in kore.campaign_ids()}


def failures(project: Project, run_id: str) -> dict[str, tuple[str, int | None, str]]:
    """Error code, HTTP status and message of each campaign that failed in a run."""
    rows = project.sql(
        "select campaign_id, error_code, http_status, message from kore_raw.extraction_errors"
        " where run_id = ?",
        run_id,
    )
    found = {campaign_id: (code, status, message) for campaign_id, code, status, message in rows}
    assert len(found) == len(rows), "a campaign failed twice in one run"
    return found
