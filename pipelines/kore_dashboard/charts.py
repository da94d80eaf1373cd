"""Charts of the dashboard: bars, hours of a week, versions of a campaign."""

from __future__ import annotations

from datetime import datetime

import altair as alt
import pandas as pd
import streamlit as st

from kore_dashboard.hours import DAY_NAMES

MEANINGS = ["may not do more than before", "may do more than before", "deleted"]


def bars(found: pd.DataFrame, *, category: str, number: str) -> None:
    """Draw one bar per row, longest first."""
    chart = (
        alt.Chart(found)
        .mark_bar()
        .encode(
            x=alt.X(number, title=None, axis=alt.Axis(tickMinStep=1)),
            y=alt.Y(category, sort="-x", title=None, axis=alt.Axis(labelLimit=300)),
            tooltip=[category, number],
        )
    )
    st.altair_chart(chart, width="stretch")


def heat_map(week: pd.DataFrame) -> alt.Chart:
    """Heat map of campaigns by hour of the week; darker cells have more open minutes."""
    ticks = [day * 24 for day in range(7)]
    names = " : ".join(
        f"datum.value == {tick} ? '{name}'" for tick, name in zip(ticks, DAY_NAMES, strict=True)
    )
    days = alt.Axis(
        values=ticks, labelExpr=f"{names} : ''", title=None, labelAlign="left", labelAngle=0
    )
    named = alt.Axis(labelLimit=260, labelOverlap=False)
    chart: alt.Chart = (
        alt.Chart(week)
        .mark_rect()
        .encode(
            x=alt.X("hour:O", axis=days, scale=alt.Scale(domain=[*range(168)])),
            y=alt.Y("campaign:N", title=None, axis=named, scale=alt.Scale(paddingInner=0.2)),
            color=alt.Color("minutes:Q", title="minutes", scale=alt.Scale(domain=[0, 60])),
            tooltip=["campaign", "when", "minutes"],
        )
        .properties(height=alt.Step(18))
    )
    return chart


def timeline(versions: pd.DataFrame, instant: datetime) -> alt.LayerChart | alt.FacetChart:
    """Timeline with one bar per version, while it is valid, and a line at the instant.

    A dot marks the start of each version: a version of minutes has no width on a scale of months.
    """
    shown = versions.assign(
        until=pd.to_datetime(versions["valid_to"], utc=True).fillna(pd.Timestamp.now("UTC")),
        label="v" + versions["version"].astype(str),
        meaning=[
            MEANINGS[2] if is_deleted else MEANINGS[1] if is_risky else MEANINGS[0]
            for is_risky, is_deleted in zip(
                versions["is_risky"], versions["is_deleted"], strict=True
            )
        ],
    )
    base = alt.Chart(shown).encode(
        x=alt.X("valid_from:T", title=None, scale=alt.Scale(type="utc")),
        y=alt.Y("label:N", title=None, sort=list(shown["label"])),
        color=alt.Color(
            "meaning:N",
            title=None,
            scale=alt.Scale(domain=MEANINGS, range=["#4c78a8", "#e4572e", "#9a9a9a"]),
            legend=alt.Legend(orient="top", labelLimit=0),
        ),
        tooltip=["version", "valid_from", "until", "change_summary"],
    )
    chosen = pd.DataFrame({"valid_from": [instant]})
    line = alt.Chart(chosen).mark_rule(strokeDash=[4, 4], color="#888888", size=2)
    return alt.layer(
        base.mark_bar(size=6).encode(x2="until:T"),
        base.mark_circle(size=120, opacity=1),
        line.encode(x="valid_from:T"),
    ).properties(height=alt.Step(24))
