"""Superset assets of pipelines/kore_templates/superset/.

Ids derive from names, so that a second import replaces the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import yaml

from kore_campaigns.schema import VIEW_SCHEMA
from kore_campaigns.views.apply import view_columns, view_description
from superset_design import CALCULATED, CHARTS, DATASETS, ROWS, Chart

FOLDER = Path(__file__).parents[2] / "pipelines" / "kore_templates" / "superset" / "kore_campaigns"
TITLE: Final = "Kore.ai campaigns"
SLUG: Final = "kore-campaigns"
DATABASE: Final = "kore_campaigns"
# the reader changes this address: docs/how-to/bi-tools.md
URI: Final = "duckdb:////srv/kore_campaigns.duckdb?access_mode=READ_ONLY"
VERSION: Final = "1.0.0"
TYPES: Final = {
    "text": "VARCHAR",
    "json": "VARCHAR",
    "bigint": "BIGINT",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "time": "TIME",
}


def assets() -> dict[str, dict[str, Any]]:
    """Content of every file, by its path."""
    found: dict[str, dict[str, Any]] = {
        # a timestamp is required; a constant one makes the same files every time
        "metadata.yaml": {
            "version": VERSION,
            "type": "Dashboard",
            "timestamp": "2026-01-01T00:00:00+00:00",
        },
        f"databases/{DATABASE}.yaml": _database(),
        f"dashboards/{DATABASE}.yaml": _dashboard(),
    }
    for name in DATASETS:
        found[f"datasets/{DATABASE}/{name}.yaml"] = _dataset(name)
    for chart in CHARTS:
        found[f"charts/{_file_name(chart)}.yaml"] = _chart(chart)
    return found


def _id(kind: str, name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"kore-campaigns/superset/{kind}/{name}"))


def _file_name(chart: Chart) -> str:
    return re.sub(r"\W+", "_", chart.title).strip("_").lower()


def _database() -> dict[str, Any]:
    return {
        "database_name": TITLE,
        "sqlalchemy_uri": URI,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "extra": {"allows_virtual_table_explore": True},
        "uuid": _id("database", DATABASE),
        "version": VERSION,
    }


def _dataset(name: str) -> dict[str, Any]:
    time_column, metrics = DATASETS[name]
    return {
        "table_name": name,
        "main_dttm_col": time_column,
        "description": view_description(name),
        "schema": VIEW_SCHEMA,
        "sql": None,
        "filter_select_enabled": True,
        "metrics": [
            {
                "metric_name": metric.name,
                "verbose_name": metric.name.replace("_", " "),
                "expression": metric.expression,
                "description": metric.description,
            }
            for metric in metrics
        ],
        "columns": [*_columns(name)],
        "uuid": _id("dataset", name),
        "version": VERSION,
        "database_uuid": _id("database", DATABASE),
    }


def _columns(name: str) -> Iterator[dict[str, Any]]:
    for column in view_columns(name):
        yield _column(column.name, TYPES[column.data_type], column.description)
    if name in CALCULATED:
        more = CALCULATED[name]
        yield {
            **_column(more.name, more.kind, more.description),
            "expression": more.expression,
        }


def _column(name: str, kind: str, description: str) -> dict[str, Any]:
    return {
        "column_name": name,
        "type": kind,
        "is_dttm": kind.startswith("TIMESTAMP"),
        "is_active": True,
        "groupby": True,
        "filterable": True,
        "description": description,
    }


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "slice_name": chart.title,
        "viz_type": chart.kind,
        "params": {"viz_type": chart.kind, "adhoc_filters": [], **chart.params},
        "uuid": _id("chart", chart.title),
        "version": VERSION,
        "dataset_uuid": _id("dataset", chart.dataset),
    }


def _dashboard() -> dict[str, Any]:
    return {
        "dashboard_title": TITLE,
        "slug": SLUG,
        "published": True,
        "description": "Campaigns, their calling hours, changes, and findings that need attention.",
        "css": "",
        "position": dict(_position()),
        "metadata": {
            "color_scheme": "supersetColors",
            "refresh_frequency": 0,
            "native_filter_configuration": [
                _filter("Campaign", "weekly_minutes", "campaign_name"),
                _filter("Severity", "findings", "severity"),
            ],
        },
        "uuid": _id("dashboard", SLUG),
        "version": VERSION,
    }


def _position() -> Iterator[tuple[str, Any]]:
    yield "DASHBOARD_VERSION_KEY", "v2"
    yield "ROOT_ID", {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]}
    rows = [f"ROW-{number}" for number in range(len(ROWS))]
    yield "GRID_ID", _part("GRID_ID", "GRID", rows, ["ROOT_ID"])
    yield "HEADER_ID", {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": TITLE}}
    for name, charts in zip(rows, ROWS, strict=True):
        ids = [f"CHART-{_file_name(chart)}" for chart in charts]
        row = _part(name, "ROW", ids, ["ROOT_ID", "GRID_ID"])
        yield name, {**row, "meta": {"background": "BACKGROUND_TRANSPARENT"}}
        for chart_id, chart in zip(ids, charts, strict=True):
            cell = _part(chart_id, "CHART", [], ["ROOT_ID", "GRID_ID", name])
            yield chart_id, {**cell, "meta": _cell(chart)}


def _part(name: str, kind: str, children: list[str], parents: list[str]) -> Mapping[str, Any]:
    return {"id": name, "type": kind, "children": children, "parents": parents}


def _cell(chart: Chart) -> dict[str, Any]:
    return {
        # Superset needs a number here before it finds the chart by its uuid
        "chartId": 1 + CHARTS.index(chart),
        "width": chart.width,
        "height": chart.height,
        "uuid": _id("chart", chart.title),
        "sliceName": chart.title,
    }


def _filter(name: str, dataset: str, column: str) -> dict[str, Any]:
    return {
        "id": f"NATIVE_FILTER-{column}",
        "name": name,
        "filterType": "filter_select",
        "type": "NATIVE_FILTER",
        "targets": [{"datasetUuid": _id("dataset", dataset), "column": {"name": column}}],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "defaultDataMask": {"filterState": {}, "extraFormData": {}},
        "controlValues": {"multiSelect": True, "enableEmptyFilter": False},
        "cascadeParentIds": [],
    }


def texts() -> dict[Path, str]:
    """Text of every file, by its path."""
    return {
        FOLDER / name: yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
        for name, content in assets().items()
    }


def written() -> set[Path]:
    """Files that are there."""
    return {*FOLDER.rglob("*.yaml")}
