"""Design of the Superset dashboard: datasets with metrics, and charts, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kore_campaigns.transform.calling_hours import DAY_NAMES

COUNT: Final = "COUNT(*)"
MINUTES: Final = "SUM(minutes)"


@dataclass(frozen=True)
class Metric:
    """A number that charts can show of a dataset."""

    name: str
    expression: str
    description: str


@dataclass(frozen=True)
class Chart:
    """A chart and its title; `params` are Superset's parameters for that kind of chart."""

    title: str
    dataset: str
    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    width: int = 12
    """A row has twelve columns."""
    height: int = 50


@dataclass(frozen=True)
class Calculated:
    """A column that Superset computes."""

    name: str
    kind: str
    expression: str
    description: str


# texts with a prefix or number to sort by: Superset has no other order
CALCULATED: Final[Mapping[str, Calculated]] = {
    "open_hours": Calculated(
        "weekday",
        "VARCHAR",
        "CASE day_of_week "
        + " ".join(f"WHEN {n} THEN '{n} {day}'" for n, day in enumerate(DAY_NAMES, start=1))
        + " END",
        "The weekday, with a number in front to sort by.",
    ),
    "findings": Calculated(
        "severity_order",
        "BIGINT",
        "CASE severity WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END",
        "1 for the most severe.",
    ),
}
# views of schema `kore`: the column for charts over time, and the metrics
DATASETS: Final[Mapping[str, tuple[str | None, tuple[Metric, ...]]]] = {
    "campaigns": (
        "updated_at",
        (
            Metric("campaigns", COUNT, "Live campaigns."),
            Metric(
                "active_campaigns",
                "SUM(CASE WHEN status = 'Active' THEN 1 ELSE 0 END)",
                "Live campaigns whose status is Active.",
            ),
        ),
    ),
    "campaign_freshness": (
        "last_confirmed_at",
        (
            Metric(
                "stale_campaigns",
                "SUM(CASE WHEN is_configured AND is_stale THEN 1 ELSE 0 END)",
                "Configured campaigns that were not confirmed recently.",
            ),
        ),
    ),
    "findings": (
        None,
        (
            Metric("findings", COUNT, "Findings."),
            Metric(
                "high_findings",
                "SUM(CASE WHEN severity = 'high' THEN 1 ELSE 0 END)",
                "Findings of severity high.",
            ),
            Metric("found_campaigns", "COUNT(DISTINCT campaign_id)", "Campaigns with a finding."),
            Metric("minutes_outside", MINUTES, "Minutes of a week outside the permitted hours."),
        ),
    ),
    "open_hours": (
        None,
        (Metric("open_minutes", MINUTES, "Minutes in which a campaign may dial."),),
    ),
    "weekly_minutes": (
        None,
        (Metric("open_hours_a_week", "SUM(weekly_minutes) / 60.0", "Hours of a week."),),
    ),
    "campaign_changes": (
        "changed_at",
        (
            Metric("changes", COUNT, "Changed fields."),
            Metric(
                "risky_changes",
                "SUM(CASE WHEN is_risky THEN 1 ELSE 0 END)",
                "Changed fields that let a campaign do more than before.",
            ),
        ),
    ),
    "campaign_dnc_lists": (
        None,
        (Metric("covered_campaigns", "COUNT(DISTINCT campaign_id)", "Campaigns with this list."),),
    ),
    "campaign_overlaps": (
        "first_overlap_at",
        (
            Metric("pairs", COUNT, "Pairs of campaigns."),
            Metric(
                "overlap_minutes",
                "SUM(overlap_minutes)",
                "Minutes in which both campaigns may dial.",
            ),
        ),
    ),
    "runs": (
        "started_at",
        (
            Metric("requests", "SUM(requests)", "Requests to Kore's API."),
            Metric("new_versions", "SUM(new_versions)", "Versions that were stored."),
            Metric("failed_campaigns", "SUM(failed)", "Campaigns that could not be read."),
        ),
    ),
}


def _number(title: str, dataset: str, metric: str) -> Chart:
    params = {"metric": metric, "header_font_size": 0.4, "y_axis_format": "SMART_NUMBER"}
    return Chart(title, dataset, "big_number_total", params, width=3, height=22)


def _bars(title: str, dataset: str, metric: str, by: str, **others: Any) -> Chart:
    params = {
        "x_axis": by,
        "metrics": [metric],
        "groupby": [],
        "row_limit": 100,
        "orientation": "horizontal",
        "x_axis_sort": metric,
        "x_axis_sort_asc": True,
        "show_legend": False,
        **others,
    }
    return Chart(title, dataset, "echarts_timeseries_bar", params, width=6)


def _rows(title: str, dataset: str, *columns: str, order: str, **others: Any) -> Chart:
    params = {
        "query_mode": "raw",
        "all_columns": list(columns),
        "order_by_cols": [order],
        "row_limit": 1000,
        "server_page_length": 10,
        "table_timestamp_format": "smart_date",
        **others,
    }
    return Chart(title, dataset, "table", params)


ROWS: Final[tuple[tuple[Chart, ...], ...]] = (
    (
        _number("Live campaigns", "campaigns", "campaigns"),
        _number("Active campaigns", "campaigns", "active_campaigns"),
        _number("Stale campaigns", "campaign_freshness", "stale_campaigns"),
        _number("Findings of high severity", "findings", "high_findings"),
    ),
    (
        Chart(
            "Calling minutes by weekday",
            "open_hours",
            "heatmap_v2",
            {
                "x_axis": "weekday",
                "groupby": "campaign_name",
                "metric": "open_minutes",
                "normalize_across": "heatmap",
                "linear_color_scheme": "schemeBlues",
                "sort_x_axis": "alpha_asc",
                "sort_y_axis": "alpha_asc",
                "row_limit": 5000,
                "show_values": True,
                "show_legend": True,
                "left_margin": "auto",
            },
            height=70,
        ),
    ),
    (
        _bars("Campaigns by status", "campaigns", "campaigns", "status"),
        _bars(
            "Campaigns per DNC list",
            "campaign_dnc_lists",
            "covered_campaigns",
            "dnc_list_name",
        ),
    ),
    (
        _rows(
            "Findings",
            "findings",
            "severity",
            "campaign_name",
            "finding",
            "sentence",
            order='["severity_order", true]',
        ),
    ),
    (
        Chart(
            "Changed fields per day",
            "campaign_changes",
            "echarts_timeseries_bar",
            {
                "x_axis": "changed_at",
                "time_grain_sqla": "P1D",
                "metrics": ["changes"],
                "groupby": ["kind"],
                "stack": "Stack",
                "row_limit": 10000,
                "x_axis_time_format": "smart_date",
            },
            width=6,
        ),
        Chart(
            "Extraction health",
            "runs",
            "echarts_timeseries_bar",
            {
                "x_axis": "started_at",
                "time_grain_sqla": "P1D",
                "metrics": ["new_versions", "failed_campaigns", "requests"],
                "groupby": [],
                "row_limit": 10000,
                "x_axis_time_format": "smart_date",
            },
            width=6,
        ),
    ),
    (
        _rows(
            "Risky changes",
            "campaign_changes",
            "changed_at",
            "campaign_name",
            "kind",
            "path",
            "old_value",
            "new_value",
            order='["changed_at", false]',
            adhoc_filters=[
                {
                    "expressionType": "SQL",
                    "clause": "WHERE",
                    "sqlExpression": "is_risky",
                }
            ],
        ),
    ),
    (
        _rows(
            "Overlapping calling hours",
            "campaign_overlaps",
            "shared",
            "shared_name",
            "campaign_name",
            "other_campaign_name",
            "overlap_minutes",
            order='["overlap_minutes", false]',
        ),
    ),
)
CHARTS: Final = tuple(chart for row in ROWS for chart in row)
