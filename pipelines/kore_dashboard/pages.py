"""Pages of the dashboard: a title, and tables and charts below headings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pandas as pd
import streamlit as st

from kore_campaigns.views import SEVERITIES
from kore_dashboard import queries
from kore_dashboard.charts import bars, heat_map, timeline
from kore_dashboard.hours import cells, of_week, spans_of
from kore_dashboard.parts import page, table
from kore_dashboard.source import rows

MOST_CAMPAIGNS: Final = 100
VERSION_COLUMNS: Final = (
    *("version", "valid_from", "change_summary"),
    *("is_risky", "is_deleted", "valid_to"),
)
RULE_COLUMNS: Final = (
    *("version", "name", "status", "priority", "dialing_mode", "caller_id", "timezone"),
    *("max_attempts_per_record", "retry_period_minutes", "max_ring_seconds", "is_deleted"),
)


@page("Overview")
def overview() -> None:
    numbers, last = rows(queries.NUMBERS).iloc[0], rows(queries.LAST_RUN)
    shown = st.columns(4)
    shown[0].metric("live campaigns", f"{numbers['live']:,}")
    shown[1].metric("stale campaigns", f"{numbers['stale']:,}")
    shown[2].metric("findings of high severity", f"{rows(queries.HIGH).iloc[0]['findings']:,}")
    shown[3].metric("last run", "none" if last.empty else str(last.iloc[0]["state"]))
    st.subheader("Campaigns by status")
    bars(rows(queries.STATUSES), category="status", number="campaigns")
    st.subheader("Stale campaigns")
    table(
        rows(queries.STALE), "stale", nothing="All campaigns were confirmed recently.", is_good=True
    )
    st.subheader("Recent runs")
    table(rows(queries.RUNS), "runs")


@page("Calling hours")
def calling_hours() -> None:
    clock = st.radio("Clock", ["the campaign's own", "UTC"], horizontal=True, key="clock")
    text = st.text_input("Campaigns whose name contains", key="name")
    if clock == "UTC":
        since_1970 = spans_of(rows(queries.UTC_HOURS, text.lower()))
        spans = [
            (name, of_week(opens), of_week(opens) + closes - opens)
            for name, opens, closes in since_1970
        ]
    else:
        spans = spans_of(rows(queries.LOCAL_HOURS, text.lower()))
    names = sorted({name for name, *_ in spans})
    if not names:
        st.info("No campaign of such a name has calling hours.")
        return
    if len(names) > MOST_CAMPAIGNS:
        st.caption(f"The first {MOST_CAMPAIGNS} of {len(names):,} campaigns; narrow the name.")
    shown = set(names[:MOST_CAMPAIGNS])
    week = cells(span for span in spans if span[0] in shown)
    st.subheader("Hours of the week")
    st.altair_chart(heat_map(week), width="stretch")
    table(week, "calling_hours")


@page("Findings")
def findings() -> None:
    found = rows(queries.FINDINGS)
    columns = st.columns(3)
    severities = columns[0].multiselect("Severity", SEVERITIES, key="severity")
    kinds = columns[1].multiselect("Finding", sorted(found["finding"].unique()), key="finding")
    text = columns[2].text_input("Campaign", key="campaign")
    if severities:
        found = found[found["severity"].isin(severities)]
    if kinds:
        found = found[found["finding"].isin(kinds)]
    if text:
        found = found[found["campaign_name"].str.contains(text, case=False, regex=False, na=False)]
    order = {name: place for place, name in enumerate(SEVERITIES)}
    found = found.sort_values("severity", key=lambda names: names.map(order), kind="stable")
    st.subheader(f"{len(found):,} findings, most severe first")
    table(found, "findings", nothing="No finding.", is_good=True)


@page("Version history")
def changes() -> None:
    campaigns = rows(queries.CAMPAIGNS)
    names = {
        str(key): str(name) if count == 1 else f"{name} ({key})"
        for key, name, count in zip(
            campaigns["campaign_id"], campaigns["name"], campaigns["same_name"], strict=True
        )
    }
    campaign_id = st.selectbox(
        "Campaign, last changed first",
        list(names),
        format_func=names.__getitem__,
        key="changes-campaign",
    )
    versions = rows(queries.VERSIONS, campaign_id)
    st.subheader("Versions")
    instant = _instant(versions)
    st.altair_chart(timeline(versions, instant), width="stretch")
    table(versions[list(VERSION_COLUMNS)], "versions")
    given = (campaign_id, instant, instant)
    st.subheader(f"Rules in force on {instant:%d %B %Y, %H:%M} UTC")
    ended = versions["valid_to"].isna() | (versions["valid_to"] > instant)
    in_force = versions[(versions["valid_from"] <= instant) & ended & ~versions["is_deleted"]]
    table(in_force[list(RULE_COLUMNS)], "rules", nothing="None: the campaign was not there.")
    hours, lists = st.columns(2)
    with hours:
        st.caption("Calling hours")
        table(rows(queries.HOURS_IN_FORCE, *given), "hours_in_force", nothing="None.")
    with lists:
        st.caption("DNC lists of its own")
        table(rows(queries.DNC_IN_FORCE, *given), "dnc_in_force", nothing="None.")
    st.subheader("Changed fields")
    table(rows(queries.CHANGES, campaign_id), "changes", nothing="It never changed.")


def _instant(versions: pd.DataFrame) -> datetime:
    """Let the user choose a time from the first version on; at first it is now."""
    first = pd.Timestamp(versions["valid_from"].min()).tz_convert("UTC").to_pydatetime()
    # the minute that is about to end: it shows a version of a second ago
    now = (datetime.now(UTC) + timedelta(minutes=1)).replace(tzinfo=None, second=0, microsecond=0)
    # sliders have no time zones and no fractions of a second; start in the first full second
    begin = (first + timedelta(seconds=1)).replace(tzinfo=None, microsecond=0)
    # a limit that moves with each second would make a new slider at each click, and reset it
    end = max(begin, now.replace(minute=0)) + timedelta(hours=1)
    state = st.session_state
    if state.get("as-of") in (None, state.get("now")):  # not moved: it stays at the present
        state["as-of"] = state["now"] = now
    state["as-of"] = min(max(state["as-of"], begin), end)
    chosen: Any = st.slider(
        "As of (UTC)",
        begin,
        end,
        step=timedelta(minutes=1),
        format="YYYY-MM-DD HH:mm",
        key="as-of",
    )
    return datetime.fromisoformat(str(chosen)).replace(tzinfo=UTC)


@page("DNC list coverage")
def dnc_lists() -> None:
    st.caption(
        "The API does not show the account's global list, which Kore applies to voice campaigns."
    )
    st.subheader("Campaigns per DNC list")
    bars(rows(queries.DNC_COVERAGE), category="dnc_list", number="campaigns")
    st.subheader("Covered campaigns")
    covers = rows(queries.DNC_COVERS)
    wanted = st.multiselect("Lists", covers["dnc_list"].unique(), key="dnc-list")
    if wanted:
        covers = covers[covers["dnc_list"].isin(wanted)]
    table(covers, "covers", nothing="No campaign has a list of its own.")
    st.subheader("Campaigns without a DNC list of their own")
    table(rows(queries.WITHOUT_DNC), "without_dnc_list", nothing="All have one.", is_good=True)
    st.subheader("Lists added or removed")
    table(rows(queries.DNC_CHANGES), "dnc_changes", nothing="No list was added or removed.")


@page("Contact lists")
def contact_lists() -> None:
    st.subheader("Shared lists, caller ids and queues")
    table(rows(queries.SHARED), "shared", nothing="No list, caller id or queue is shared.")
    st.subheader("Overlapping calling hours this week")
    table(rows(queries.OVERLAPS), "overlaps", nothing="None.")
    st.subheader("Campaigns per contact list")
    table(rows(queries.LISTS), "contact_lists", nothing="No contact lists are stored.")
