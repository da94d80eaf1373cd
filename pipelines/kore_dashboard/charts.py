"""Charts of the dashboard, and their colours."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import pandas as pd
import streamlit as st

DAY_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ACCENT: Final = "#14998c"
BAD: Final = "#d9472f"
CALM: Final = "#8fa3a0"
PERMITTED: Final = "#14998c"
KINDS: Final = alt.Color(
    "kind:N",
    title=None,
    scale=alt.Scale(domain=["inside", "outside"], range=[ACCENT, BAD]),
    legend=None,
)


def _labels(names: tuple[str, ...], of: str) -> str:
    """Expression that names the numbers 1, 2 and so on."""
    named = " : ".join(f"{of} == {place} ? '{name}'" for place, name in enumerate(names, start=1))
    return f"{named} : ''"


def _draw(chart: Any, **options: Any) -> None:
    st.altair_chart(chart.configure_view(stroke=None), width="stretch", **options)


def bars(found: pd.DataFrame, *, category: str, number: str) -> None:
    """Draw one bar per row, in the order of the rows."""
    base = alt.Chart(found).encode(
        x=alt.X(number, title=None, axis=None),
        y=alt.Y(category, sort=None, title=None, axis=alt.Axis(labelLimit=220, labelPadding=8)),
        tooltip=[category, number],
    )
    label = base.mark_text(align="left", dx=5, color=CALM).encode(text=alt.Text(number, format=","))
    bar = base.mark_bar(color=ACCENT, cornerRadiusEnd=3, height={"band": 0.7})
    _draw((bar + label).properties(height=alt.Step(26)))


def changes_by_day(found: pd.DataFrame) -> None:
    """Draw bars of changes by day; the risky ones are red, and below the others."""
    shown = found.assign(kind=found["is_risky"].map({True: "risky", False: "other"}))
    days = alt.Axis(format="%d %b", labelOverlap=True, labelAngle=0)
    chart = (
        alt.Chart(shown)
        .mark_bar()
        .encode(
            x=alt.X("utcyearmonthdate(day):O", title=None, axis=days),
            y=alt.Y("changes:Q", title=None, axis=alt.Axis(tickMinStep=1, format=",d")),
            order=alt.Order("is_risky:N", sort="descending"),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=["risky", "other"], range=[BAD, CALM]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("utcyearmonthdate(day):O", format="%d %b %Y", title="day"),
                "kind",
                "changes",
            ],
        )
        .properties(height=220)
    )
    _draw(chart)


def change_calendar(found: pd.DataFrame) -> None:
    """Draw a calendar: a column for each week; a diamond marks a day with a risky change."""
    base = alt.Chart(found).encode(
        x=alt.X(
            "utcyearmonthdate(week):O",
            title=None,
            axis=alt.Axis(format="%b %d", labelOverlap=True, labelAngle=0, ticks=False),
        ),
        y=alt.Y(
            "day_of_week:O",
            title=None,
            axis=alt.Axis(labelExpr=_labels(DAY_NAMES, "datum.value"), ticks=False, domain=False),
        ),
        tooltip=[
            alt.Tooltip("utcyearmonthdate(day):O", format="%A, %d %b %Y", title="day"),
            alt.Tooltip("changes:Q"),
            alt.Tooltip("risky:Q"),
        ],
    )
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.condition(
            "datum.changes > 0",
            alt.Color("changes:Q", legend=None, scale=alt.Scale(range=["#9fd8d1", "#0f766e"])),
            alt.value("#8fa3a026"),
        )
    )
    marks = (
        base.transform_filter("datum.risky > 0")
        .mark_point(shape="diamond", filled=True, size=70, opacity=1, color=BAD, stroke="white")
        .encode()
    )
    chart = (cells + marks).properties(height=alt.Step(20))
    _draw(chart.configure_scale(bandPaddingInner=0.15))


def hours_heat(found: pd.DataFrame, *, height: int = 26) -> None:
    """Draw campaigns by weekday and hour; a diamond marks hours outside the limits."""
    base = alt.Chart(found).encode(
        x=alt.X(
            "hour:O",
            title=None,
            scale=alt.Scale(domain=[*range(24)]),
            axis=alt.Axis(
                labelExpr="datum.value % 6 == 0 ? datum.value + ':00' : ''",
                labelAngle=0,
                ticks=False,
                labelOverlap=False,
                labelFlush=True,
            ),
        ),
        y=alt.Y(
            "day_of_week:O",
            title=None,
            scale=alt.Scale(domain=[*range(1, 8)]),
            axis=alt.Axis(labelExpr=_labels(DAY_NAMES, "datum.value"), ticks=False, domain=False),
        ),
        tooltip=[
            "hour",
            alt.Tooltip("campaigns:Q", title="campaigns that may dial"),
            alt.Tooltip("outside:Q", title="of them outside the limits"),
        ],
    )
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color("campaigns:Q", legend=None, scale=alt.Scale(range=["#d3ece8", "#0f766e"]))
    )
    marks = (
        base.transform_filter("datum.outside > 0")
        .mark_point(shape="diamond", filled=True, size=70, opacity=1, color=BAD, stroke="white")
        .encode()
    )
    _draw((cells + marks).properties(height=alt.Step(height)).configure_scale(bandPaddingInner=0.1))


def weeks(found: pd.DataFrame, names: dict[str, str]) -> None:
    """Draw the week of each campaign below its name.

    A pale band is permitted; what is outside of it is red, with a diamond.
    """
    lines = alt.Axis(
        values=[day * 1440 for day in range(8)],
        labelExpr=_labels(DAY_NAMES, "datum.value / 1440 + 1"),
        labelAlign="left",
        labelOffset=4,
        orient="top",
        title=None,
        ticks=False,
        domain=False,
    )
    base = alt.Chart(found.assign(campaign=found["campaign_key"].map(names))).encode(
        x=alt.X("week_opens:Q", axis=lines, scale=alt.Scale(domain=[0, 10080], nice=False)),
        x2="week_closes:Q",
        y=alt.Y(
            "campaign_key:N",
            title=None,
            axis=None,
            sort=list(names),
            scale=alt.Scale(domain=list(names)),
        ),
        tooltip=["campaign:N", "kind:N", "times:N"],
    )
    permitted = base.transform_filter("datum.kind == 'permitted'").mark_bar(
        color=PERMITTED, opacity=0.2, height={"band": 0.42}, yOffset=9
    )
    dialed = (
        base.transform_filter("datum.kind != 'permitted'")
        .mark_bar(height={"band": 0.26}, yOffset=9)
        .encode(color=KINDS)
    )
    marks = (
        base.transform_filter("datum.kind == 'outside'")
        .mark_point(shape="diamond", filled=True, size=44, opacity=1, color=BAD, yOffset=-3)
        .transform_calculate(middle="(datum.week_opens + datum.week_closes) / 2")
        .encode(x="middle:Q", x2=alt.Undefined)
    )
    titles = pd.DataFrame({"campaign_key": list(names), "name": list(names.values())})
    written = (
        alt.Chart(titles)
        .mark_text(align="left", baseline="middle", dx=2, dy=-13, fontWeight=600, color=CALM)
        .encode(
            x=alt.value(0),
            y=alt.Y("campaign_key:N", sort=list(names), axis=None),
            text="name:N",
        )
    )
    _draw(alt.layer(permitted, dialed, marks, written).properties(height=alt.Step(48)))


def week_of(found: pd.DataFrame) -> None:
    """Draw the week of one campaign: a row for each day, with the permitted hours behind it."""
    hours = alt.Axis(
        values=[hour * 60 for hour in range(0, 25, 3)],
        labelExpr="datum.value / 60 + ':00'",
        title=None,
        ticks=False,
        domain=False,
        labelFlush=True,
    )
    base = alt.Chart(found).encode(
        x=alt.X("opens:Q", axis=hours, scale=alt.Scale(domain=[0, 1440], nice=False)),
        x2="closes:Q",
        y=alt.Y(
            "day_of_week:O",
            title=None,
            scale=alt.Scale(domain=[*range(1, 8)]),
            axis=alt.Axis(labelExpr=_labels(DAY_NAMES, "datum.value"), ticks=False, domain=False),
        ),
        tooltip=["kind:N", "times:N"],
    )
    permitted = base.transform_filter("datum.kind == 'permitted'").mark_bar(
        color=PERMITTED, opacity=0.2, height={"band": 0.9}
    )
    dialed = (
        base.transform_filter("datum.kind != 'permitted'")
        .mark_bar(height={"band": 0.5})
        .encode(color=KINDS)
    )
    marks = (
        base.transform_filter("datum.kind == 'outside'")
        .mark_point(shape="diamond", filled=True, size=60, opacity=1, color=BAD, stroke="white")
        .transform_calculate(middle="(datum.opens + datum.closes) / 2")
        .encode(x="middle:Q", x2=alt.Undefined)
    )
    _draw(alt.layer(permitted, dialed, marks).properties(height=alt.Step(28)))


def timeline(versions: pd.DataFrame, instant: Any) -> None:
    """Draw the versions of a campaign, while each is valid, and a line at the moment.

    A shape marks the start of each version: a version of minutes has no width on a scale of months.
    """
    meanings = ["changed", "risky change", "deleted"]
    shown = versions.assign(
        label="v" + versions["version"].astype(str),
        meaning=versions["is_risky"].map({True: meanings[1], False: meanings[0]}),
    )
    shown.loc[shown["is_deleted"], "meaning"] = meanings[2]
    base = alt.Chart(shown).encode(
        x=alt.X("valid_from:T", title=None, scale=alt.Scale(type="utc")),
        y=alt.Y("label:N", title=None, sort=list(shown["label"])),
        color=alt.Color(
            "meaning:N",
            title=None,
            scale=alt.Scale(domain=meanings, range=[ACCENT, BAD, CALM]),
            legend=alt.Legend(orient="top"),
        ),
        tooltip=[
            "version",
            alt.Tooltip("valid_from:T", format="%d %b %Y %H:%M", title="valid from"),
            alt.Tooltip("until:T", format="%d %b %Y %H:%M"),
            alt.Tooltip("change_summary", title="change"),
        ],
    )
    marks = base.mark_point(size=90, filled=True, opacity=1).encode(
        shape=alt.Shape(
            "meaning:N",
            scale=alt.Scale(domain=meanings, range=["circle", "diamond", "cross"]),
        )
    )
    line = alt.Chart(pd.DataFrame({"at": [instant]})).mark_rule(
        strokeDash=[4, 4], color=CALM, size=2
    )
    layers = alt.layer(base.mark_bar(size=6).encode(x2="until:T"), marks, line.encode(x="at:T"))
    _draw(layers.properties(height=alt.Step(26)))


def periods(found: pd.DataFrame, names: list[str]) -> None:
    """Draw when each part of a finding was open."""
    chart = (
        alt.Chart(found)
        .mark_bar(color=BAD, height={"band": 0.6}, cornerRadius=3)
        .encode(
            x=alt.X("first_seen:T", title=None, scale=alt.Scale(type="utc")),
            x2="until:T",
            y=alt.Y("part:N", title=None, sort=names),
            tooltip=[
                "part",
                alt.Tooltip("first_seen:T", format="%d %b %Y %H:%M", title="from"),
                alt.Tooltip("until:T", format="%d %b %Y %H:%M"),
                "sentence",
            ],
        )
        .properties(height=alt.Step(24))
    )
    _draw(chart)
