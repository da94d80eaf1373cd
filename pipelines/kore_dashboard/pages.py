"""Pages of the dashboard: a title, and lists, tables and charts below headings."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import pandas as pd
import streamlit as st

from kore_dashboard import charts
from kore_dashboard.parts import (
    SHAPES,
    Column,
    download,
    each,
    heading,
    html,
    link,
    listing,
    moment,
    page,
    risk,
    rows,
    severity,
    table,
    text,
    utc,
)

PER_PAGE: Final = 25
PERIODS: Final = {"24 hours": 1, "7 days": 7, "30 days": 30, "All": None}
# shape and style of the state of a run; others need attention
STATES: Final = {
    "complete": ("✓", "good"),
    "running": ("○", "info"),
    "partial": (SHAPES["medium"], "medium"),
    "interrupted": (SHAPES["medium"], "medium"),
}
CLOSED: Final = "dials on closed date"
LOCAL, UTC_CLOCK = "Each campaign's own time", "UTC"
CLOCKS: Final = {LOCAL: "local", UTC_CLOCK: "UTC"}


def campaign(row: Any) -> str:
    """Name of a campaign, as a link to all about it."""
    name = row.campaign_key if pd.isna(row.campaign_name) else row.campaign_name
    return link("campaign", text(name), id=row.campaign_key)


def prose(sentence: Any) -> str:
    """A sentence as HTML: quoted names in italics, arrows as arrows."""
    return re.sub("`([^`]*)`", r"<em>\1</em>", text(sentence)).replace("-&gt;", "→")


def since(row: Any) -> str:
    if pd.isna(row.open_since):
        return ""
    days = int(row.open_days)
    ago = "today" if days == 0 else "1 day" if days == 1 else f"{days:,} days"
    return f'{pd.Timestamp(row.open_since):%d %b %Y} <span class="faint">({ago})</span>'


def kind(name: str) -> str:
    """`no_dnc_list` as text for readers."""
    return text(name.replace("_", " ").replace("dnc", "DNC"))


SEVERITY: Final = Column("", lambda row: severity(row.severity))
# the sentence follows the name
SENTENCE: Final = Column("", lambda row: f"<b>{campaign(row)}</b> {prose(row.sentence)}", "main")
SINCE: Final = Column("Open since", since, "when")
SINCE_THEN: Final = Column("since", since, "when")
CHANGE: Final = Column(
    "", lambda row: f"<b>{campaign(row)}</b> {prose(row.change_summary)}", "main"
)
WHEN: Final = Column("", lambda row: f'<span class="faint">{utc(row.valid_from)}</span>', "when")
RISK: Final = Column("", lambda row: risk(row.is_risky))


@page("Overview")
def overview() -> None:
    numbers, last, by_age = rows("numbers").iloc[0], rows("last_run"), rows("findings_by_age")
    high = by_age.loc[by_age["severity"] == "high", "All"].sum()
    state, began = ("none", None) if last.empty else tuple(last.iloc[0][["state", "started_at"]])
    cards = [
        link("calling-hours", f"<b>{numbers['campaigns']:,}</b>campaigns in force"),
        link("findings", f"<b>{high:,}</b>high findings", severity="high"),
        link("changes", f"<b>{numbers['risky_7']:,}</b>risky changes in 7 days", period="7 days"),
        link(
            "changes", f"<b>{numbers['risky_30']:,}</b>risky changes in 30 days", period="30 days"
        ),
        link("dnc-lists", f"<b>{numbers['without_dnc']:,}</b>campaigns without a DNC list"),
        link("runs", f"<b>{text(state)}</b>last run <small>{utc(began)}</small>"),
    ]
    html(f'<div class="numbers">{"".join(cards)}</div>')
    closed = rows("closed_dates")
    if not closed.empty:
        _next_closed(next(each(closed)))
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("What is wrong, and since when")
        worst = rows("worst_findings")
        if worst.empty:
            st.success("No finding of high or medium severity.")
        else:
            listing(worst, [SEVERITY, SENTENCE, SINCE_THEN], style="compact")
        html(link("findings", "All findings"))
    with right:
        st.subheader("What changed last")
        changed = rows("last_changes")
        if changed.empty:
            st.caption("Nothing changed.")
        else:
            listing(changed, [RISK, CHANGE, WHEN], style="compact")
        html(link("changes", "All changes"))
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Open findings by severity and age")
        _ages(by_age)
    with right:
        st.subheader("Changes of 30 days")
        by_day = rows("changes_by_day")
        if by_day["changes"].any():
            charts.changes_by_day(by_day)
        else:
            st.caption("Nothing changed.")
    st.subheader("Campaigns per DNC list")
    charts.bars(rows("dnc_coverage"), category="dnc_list", number="campaigns")


def _next_closed(row: Any) -> None:
    """Say what happens on the next closed date."""
    day = f"{pd.Timestamp(row.closed_date):%A, %d %B %Y}"
    said = (
        f"{row.dialing:,} of {row.campaigns:,} campaigns may dial"
        if row.dialing
        else f"none of {row.campaigns:,} campaigns dials"
    )
    style, shape = ("high", SHAPES["high"]) if row.dialing else ("good", "✓")
    where = link("findings", "Show them", finding=CLOSED) if row.dialing else ""
    html(
        f'<div class="scope">Next closed date: <b>{day}</b> ({text(row.policy_names)}) '
        f'<b class="{style}">{shape} {said}</b> {where}</div>'
    )


def _ages(found: pd.DataFrame) -> None:
    """Draw a table of counts; a darker cell has more."""
    if found.empty:
        st.success("No finding.")
        return
    ages = [name for name in found.columns if name != "severity"]
    most = max(int(found[ages[:-1]].max().max()), 1)
    head = "".join(f'<th class="number">{name}</th>' for name in ages)
    body = ""
    for row in found.to_dict("records"):
        name = str(row["severity"])
        body += f"<tr><td>{severity(name)}</td>"
        for age in ages:
            count = int(row[age])
            style = "number some" if count and age != ages[-1] else "number"
            heat = f"--tone: var(--{name}); --heat: {12 + 48 * count // most}%"
            body += f'<td class="{style}" style="{heat}">{count if count else "·"}</td>'
        body += "</tr>"
    html(f'<table class="age"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>')


@page("Calling hours")
def calling_hours() -> None:
    chosen = st.segmented_control(
        "Clock",
        list(CLOCKS),
        default=LOCAL,
        required=True,
        key="clock",
        bind="query-params",
        label_visibility="collapsed",
    )
    clock = CLOCKS[str(chosen)]
    campaigns = rows("hours_campaigns")
    if campaigns.empty:
        st.info("No campaign is in force here and now. Next: change the filters.")
        return
    st.subheader("Campaigns that may dial, by weekday and hour")
    charts.hours_heat(rows("hours_heat", clock=clock))
    html(
        '<span class="faint">Darker: more campaigns. <span class="high">◆</span> some dial '
        "outside the hours of a policy.</span>"
    )
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.subheader("Each campaign")
    with right:
        download(campaigns, "calling_hours")
    some = _some(campaigns)
    names = {
        str(row.campaign_key): f"{row.campaign_name}  ·  {row.time_zone}" for row in each(some)
    }
    charts.weeks(rows("hours_spans", clock=clock, campaign_keys=list(names)), names)
    html(
        '<span class="faint">Pale: permitted by the policies. Dark: may dial. '
        '<span class="high">◆ red</span>: outside the permitted hours.</span>'
    )
    st.subheader("The next four weeks")
    _calendar(rows("calendar"))


def _calendar(found: pd.DataFrame) -> None:
    """Draw four weeks of days, with closed dates and clock changes."""
    head = "".join(f"<th>{name}</th>" for name in charts.DAY_NAMES)
    first = int(found.iloc[0]["day_of_week"])
    cells = ["<td></td>"] * (first - 1)
    for row in each(found):
        day = pd.Timestamp(row.day)
        notes = ""
        if not pd.isna(row.policy_names):
            style = "high" if row.dialing else "good"
            notes += f'<div class="{style}">{_closed(row)}</div>'
        if not pd.isna(row.clock_changes):
            notes += f'<div class="medium">▲ clock: {text(row.clock_changes)}</div>'
        cells.append(
            f'<td><b>{day:%d}</b> <span class="faint">{day:%b}</span>'
            f"<div>{row.campaigns:,} dial</div>{notes}</td>"
        )
    weeks = ["".join(cells[place : place + 7]) for place in range(0, len(cells), 7)]
    body = "".join(f"<tr>{week}</tr>" for week in weeks)
    html(f'<table class="calendar"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _closed(row: Any) -> str:
    """What a closed date is, and how many dial on it all the same."""
    dialing = f"{SHAPES['high']} {row.dialing:,} dial" if row.dialing else "✓ none dials"
    return f"■ closed ({text(row.policy_names)}): {dialing}"


@page("Findings")
def findings() -> None:
    columns = st.columns(2)
    severities = columns[0].multiselect(
        "Severity", list(SHAPES), key="severity", bind="query-params", placeholder="All"
    )
    kinds = columns[1].multiselect(
        "Finding",
        rows("finding_kinds")["finding"].tolist(),
        format_func=lambda name: name.replace("_", " "),
        key="finding",
        bind="query-params",
        placeholder="All",
    )
    found = rows("findings", severities=severities or None, kinds=kinds or None)
    if found.empty:
        st.success("No finding.")
        return
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.subheader(f"{len(found):,} findings, most severe first")
    with right:
        download(found, "findings")
    some = _some(found)
    listing(
        some,
        [
            SEVERITY,
            SENTENCE,
            Column("Kind", lambda row: kind(row.finding)),
            Column("Policy", lambda row: text(row.policy_name)),
            SINCE,
        ],
    )
    _finding_history(some)


def _some(found: pd.DataFrame) -> pd.DataFrame:
    """The rows of one page, which the user turns."""
    pages = (len(found) - 1) // PER_PAGE + 1
    number = 1
    if pages > 1:
        number = st.number_input(f"Page, of {pages:,}", 1, pages, key="page", width=160)
    return found.iloc[(number - 1) * PER_PAGE :][:PER_PAGE]


def _finding_history(found: pd.DataFrame) -> None:
    """Draw when one finding was open."""
    st.subheader("History of one finding")
    titles = [f"{row.campaign_name}: {row.finding.replace('_', ' ')}" for row in each(found)]
    chosen: int = st.selectbox(
        "Finding to show",
        range(len(found)),
        format_func=titles.__getitem__,
        key="one",
        label_visibility="collapsed",
    )
    one = found.iloc[chosen]
    policy = None if pd.isna(one["policy_name"]) else one["policy_name"]
    periods = rows(
        "finding_history",
        campaign_key=one["campaign_key"],
        finding=one["finding"],
        policy_name=policy,
    )
    charts.periods(periods, periods["part"].drop_duplicates().tolist())
    table(periods.drop(columns=["until"]), "finding_history")


@page("Changes")
def changes() -> None:
    columns = st.columns([2, 2, 1], vertical_alignment="bottom")
    period = columns[0].segmented_control(
        "Period", list(PERIODS), default="All", required=True, key="period", bind="query-params"
    )
    kinds = columns[1].multiselect(
        "Kind",
        rows("change_kinds")["kind"].tolist(),
        format_func=lambda name: name.replace("_", " "),
        key="kind",
        bind="query-params",
        placeholder="All",
    )
    risky = columns[2].toggle("Risky only", key="risky", bind="query-params")
    found = rows("changes", since_days=PERIODS[str(period)], kinds=kinds or None, risky=risky)
    st.subheader("Half a year")
    charts.change_calendar(rows("change_calendar"))
    if found.empty:
        st.caption("Nothing changed.")
        return
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.subheader(f"{len(found):,} changes, newest first")
    with right:
        download(found, "changes")
    _feed(_some(found))


def _feed(some: pd.DataFrame) -> None:
    """Show changes; each opens to the fields before and after."""
    fields = rows("changed_fields", version_keys=some["version_key"].tolist())
    body = ""
    for place, row in enumerate(each(some)):
        of_it = fields[fields["version_key"] == row.version_key]
        body += (
            f"<details{' open' if place == 0 else ''}><summary>"
            f'<span class="when">{utc(row.valid_from)}</span>{risk(row.is_risky)}'
            f"<b>{campaign(row)}</b> {prose(row.change_summary)}</summary>"
            f"{_before_after(of_it)}</details>"
        )
    html(body)


def _before_after(fields: pd.DataFrame) -> str:
    lines = "".join(
        f'<tr><td class="faint">{text(row.path)}</td><td class="was">{text(row.old_value)}</td>'
        f'<td class="now">{text(row.new_value)}</td></tr>'
        for row in each(fields)
    )
    return _fields_table(lines)


def _fields_table(lines: str) -> str:
    return (
        '<table class="fields"><thead><tr><th>Field</th><th>Before</th><th>After</th></tr></thead>'
        f"<tbody>{lines}</tbody></table>"
    )


@page("Campaign")
def one_campaign() -> None:
    key = _chosen_campaign()
    if key is None:
        st.info("No campaign has such a name. Next: change the filters.")
        return
    instant = moment() or datetime.now(UTC)
    versions = rows("campaign_versions", campaign_key=key)
    in_force = versions[versions["is_in_force"]]
    facts = rows("campaign_facts", campaign_key=key)
    if in_force.empty:
        st.warning("It was not known at this moment: no version is as old.")
    elif in_force.iloc[0]["is_deleted"]:
        st.warning(f"Deleted in Kore on {utc(in_force.iloc[0]['valid_from'])}: not in force.")
    else:
        _in_force(key, facts.iloc[0])
    st.subheader("Versions")
    charts.timeline(versions, instant)
    if len(versions) > 1:
        _compare(versions)
    st.subheader("Changed fields")
    table(
        rows("campaign_changes", campaign_key=key), "campaign_changes", nothing="It never changed."
    )


def _chosen_campaign() -> str | None:
    """Let the user choose a campaign, which is in the address, too."""
    offered = rows("campaign_names")
    wanted = st.query_params.get("id") or st.session_state.get("campaign_id")
    if wanted and wanted not in set(offered["campaign_key"]):
        offered = pd.concat([rows("campaign_name", campaign_key=wanted), offered])
    if offered.empty:
        return None
    keys = offered["campaign_key"].tolist()
    titles = {
        row.campaign_key: f"{row.campaign_name}{' (deleted)' if row.is_deleted else ''}"
        for row in each(offered)
    }
    chosen: str = st.selectbox(
        "Campaign",
        keys,
        index=keys.index(wanted) if wanted in keys else 0,
        format_func=titles.__getitem__,
        label_visibility="collapsed",
        help="The filter Campaign finds others.",
    )
    st.session_state["campaign_id"] = st.query_params["id"] = chosen
    return chosen


def _in_force(key: str, facts: pd.Series[Any]) -> None:
    """Show the rules in force at the moment."""
    lists = rows("campaign_lists", version_key=facts["version_key"])["dnc_list"].tolist()
    shown = {
        "Status": facts["status"],
        "Type": facts["campaign_type"],
        "Dialing mode": facts["dialing_mode"],
        "Time zone": facts["timezone"],
        "DNC lists": ", ".join(lists) or "none of its own",
        "Attempts per contact": facts["max_attempts_per_record"],
        "Minutes between attempts": facts["retry_period_minutes"],
        "Ring seconds": facts["max_ring_seconds"],
        "Priority": facts["priority"],
        "Caller ID": facts["caller_id"],
        "In force since": utc(facts["valid_from"]),
    }
    pairs = "".join(
        f"<div><small>{name}</small>{text(value) or '-'}</div>" for name, value in shown.items()
    )
    html(f'<div class="facts">{pairs}</div>')
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Calling hours and permitted hours")
        spans = rows("hours_spans", clock="local", campaign_keys=[key])
        if spans.empty:
            st.caption("No hours could be read.")
        else:
            charts.week_of(spans)
    with right:
        st.subheader("Findings")
        found = rows("campaign_findings", campaign_key=key)
        if found.empty:
            st.success("No finding.")
        else:
            listing(
                found,
                [SEVERITY, Column("", lambda row: prose(row.sentence), "main"), SINCE_THEN],
                style="compact",
            )


def _compare(versions: pd.DataFrame) -> None:
    """Show two versions side by side."""
    keys = versions["version_key"].tolist()
    titles = {
        row.version_key: f"Version {row.version}, from {utc(row.valid_from)}"
        for row in each(versions)
    }
    columns = st.columns(2)
    before = columns[0].selectbox(
        "Compare", keys, index=1, format_func=titles.__getitem__, key="before"
    )
    after = columns[1].selectbox("with", keys, format_func=titles.__getitem__, key="after")
    found = rows("compare", before=before, after=after)
    lines = "".join(
        f'<tr><td class="{"main" if row.differs else "faint"}">{text(row.field)}</td>'
        f'<td class="{"was" if row.differs else ""}">{text(row.before)}</td>'
        f'<td class="{"now" if row.differs else ""}">{text(row.after)}</td></tr>'
        for row in each(found)
    )
    html(_fields_table(lines))


@page("DNC lists")
def dnc_lists() -> None:
    st.caption(
        "The API does not show the account's global list, which Kore applies to voice campaigns."
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Campaigns per DNC list")
        charts.bars(rows("dnc_coverage"), category="dnc_list", number="campaigns")
    with right:
        st.subheader("Findings about DNC lists")
        found = rows("dnc_without")
        if found.empty:
            st.success("No finding.")
        else:
            listing(_some(found), [SEVERITY, SENTENCE, SINCE_THEN], style="compact")
    st.subheader("State of the lists")
    states = rows("dnc_states")
    if states.empty:
        st.caption("No campaign in force names a list.")
    else:
        listing(
            states,
            [
                Column("List", lambda row: f"<b>{text(row.dnc_list)}</b>", "main"),
                Column("Campaigns", lambda row: f"{row.campaigns:,}", "number"),
                Column("Records", _records, "number"),
                Column("Status", lambda row: text(row.status)),
                Column("Updated", lambda row: utc(row.updated_at), "when"),
                Column("Checked", lambda row: utc(row.checked_at), "when"),
            ],
        )
        download(states, "dnc_lists")
    st.subheader("Lists added or removed")
    changed = rows("dnc_changes")
    if changed.empty:
        st.caption("No list was added or removed.")
    else:
        listing(
            changed.head(PER_PAGE),
            [
                WHEN,
                RISK,
                Column("Campaign", campaign, "main"),
                Column("Removed", lambda row: text(row.removed)),
                Column("Added", lambda row: text(row.added)),
            ],
        )
        download(changed.drop(columns="campaign_key"), "dnc_changes")
    st.subheader("Covered campaigns")
    table(rows("dnc_covers"), "covers", nothing="No campaign is in force here.")


def _records(row: Any) -> str:
    if not pd.isna(row.error_code):
        return f'<span class="faint">unknown ({text(row.error_code)})</span>'
    if pd.isna(row.record_count):
        return ""
    mark = f'<span class="high">{SHAPES["high"]}</span> ' if row.record_count == 0 else ""
    return f"{mark}{int(row.record_count):,}"


@page("Contact lists")
def contact_lists() -> None:
    if moment():
        st.info("Contact lists have no history: this page shows the present.")
    st.subheader("Shared lists, caller ids and queues")
    table(rows("shared"), "shared", nothing="No list, caller id or queue is shared.")
    st.subheader("Overlapping calling hours this week")
    table(rows("overlaps"), "overlaps", nothing="None.")
    st.subheader("Campaigns per contact list")
    table(rows("contact_lists"), "contact_lists", nothing="No contact lists are stored.")


@page("Runs")
def runs() -> None:
    st.subheader("Stale campaigns")
    table(rows("stale"), "stale", nothing="All campaigns were confirmed recently.", is_good=True)
    st.subheader("Newest runs")
    found = rows("runs")
    if found.empty:
        st.caption("No run is stored.")
        return
    listing(
        found.head(PER_PAGE),
        [
            Column("Began", lambda row: utc(row.started_at), "when"),
            Column("State", lambda row: _state(row.state)),
            *(
                Column(heading(name), partial(_count, name), "number")
                for name in (
                    *("duration_seconds", "planned", "new_versions", "unchanged", "vanished"),
                    *("failed", "requests"),
                )
            ),
        ],
    )
    download(found, "runs")


def _state(state: str) -> str:
    shape, style = STATES.get(state, (SHAPES["high"], "high"))
    return f'<span class="badge {style}">{shape} {state}</span>'


def _count(name: str, row: Any) -> str:
    value = getattr(row, name)
    return "" if pd.isna(value) else f"{int(value):,}"
