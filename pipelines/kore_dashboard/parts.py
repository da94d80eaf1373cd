"""Parts of every page: filters, the moment, lists, tables with a download button, messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from html import escape
from typing import Any, Final
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from kore_dashboard import source

# each row is sent to the browser, and more rows cannot be read on a screen
MOST_ROWS: Final = 1_000
SHAPES: Final = {"high": "◆", "medium": "▲", "low": "●", "info": "○"}
"""Severities, the worst first: a shape each, for readers who see no colours."""
# variable of the queries, name in the address, label
FILTERS: Final = (
    ("apps", "app", "App"),
    ("types", "type", "Type"),
    ("statuses", "status", "Status"),
    ("zones", "zone", "Time zone"),
    ("dnc", "dnc", "DNC list"),
)
# full-width forms, too
FORMULA_SIGNS: Final = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
Page = Callable[[], None]
Scope = dict[str, Any]


def filters() -> None:
    """Draw the filters of every page; they and the moment are in the address, too."""
    with st.sidebar:
        try:
            offered = source.rows("options")
            st.datetime_input(
                "As of (UTC)",
                value=None,
                max_value=datetime.now(UTC).replace(tzinfo=None, hour=23, minute=59),
                key="as_of",
                bind="query-params",
                help="Show the state at this moment. Empty: now.",
            )
            st.text_input(
                "Campaign",
                key="name",
                bind="query-params",
                placeholder="part of its name",
            )
            for variable, key, label in FILTERS:
                options = offered.loc[offered["filter"] == variable, "option"].dropna().tolist()
                if len(options) > 1 or key in st.query_params:
                    st.multiselect(label, options, key=key, bind="query-params", placeholder="All")
        except source.SourceError:
            return  # the page says it


def moment() -> datetime | None:
    """The chosen moment; None is now."""
    chosen: datetime | None = st.session_state.get("as_of")
    return chosen.replace(tzinfo=UTC) if chosen else None


def scope() -> Scope:
    """The filters as variables of the queries."""
    state = st.session_state
    chosen = {variable: state.get(key) or None for variable, key, _ in FILTERS}
    chosen["name"] = state.get("name") or None
    is_filtered = any(value is not None for value in chosen.values())
    return {**chosen, "moment": moment(), "is_filtered": is_filtered}


def rows(name: str, **parameters: Any) -> pd.DataFrame:
    """Run a query under the filters."""
    return source.rows(name, scope(), **parameters)


def page(title: str) -> Callable[[Page], Page]:
    """Show a page under its title; if there is no data, say what to do next."""

    def decorated(show: Page) -> Page:
        @wraps(show)
        def shown() -> None:
            st.header(title)
            try:
                health = rows("health").iloc[0]
                if health["live"] == 0:
                    st.info(
                        "No live campaign is in this database. Next: `kore-campaigns run`, then "
                        "`kore-campaigns status`."
                    )
                    return
                _show_scope(health["first_version_at"], health["first_policy_at"])
                if health["stale"]:
                    st.warning(
                        f"Campaigns whose data may be out of date: {health['stale']:,}. "
                        "Next: `kore-campaigns status`."
                    )
                show()
            except source.SourceError as failed:
                st.error(str(failed))

        return shown

    return decorated


def _show_scope(first: pd.Timestamp, first_policy: pd.Timestamp) -> None:
    """Say which moment and which campaigns the page shows, unless it is all of them now."""
    at, state = moment(), st.session_state
    said = []
    if at:
        kept = {each: st.query_params.get_all(each) for each in st.query_params if each != "as_of"}
        said.append(
            f'<span class="past">As of {at:%A, %d %B %Y, %H:%M} UTC</span>'
            f'<a href="?{escape(urlencode(kept, doseq=True))}" target="_self">Back to now</a> '
        )
    if text := state.get("name"):
        said.append(f"<span>Campaign: {escape(text)}</span>")
    said += [
        f"<span>{label}: {escape(', '.join(state[key]))}</span>"
        for _, key, label in FILTERS
        if state.get(key)
    ]
    if said:
        html(f'<div class="scope">{"".join(said)}</div>')
    if at and at < first:
        st.info(f"The first stored version is of {utc(first)}: nothing is known before it.")
    elif at and at < first_policy:
        st.info(
            f"Policies are stored since {utc(first_policy)}: "
            "before that, no finding compares campaigns with them."
        )


def html(body: str) -> None:
    st.html(f'<div class="kore">{body}</div>')


def each(found: pd.DataFrame) -> Iterator[Any]:
    """The rows, with an attribute for each column."""
    return iter(found.itertuples())


def text(value: Any) -> str:
    """The value as HTML; nothing if there is none."""
    return "" if pd.isna(value) else escape(str(value))


def utc(at: Any) -> str:
    return "" if pd.isna(at) else f"{pd.Timestamp(at):%Y-%m-%d %H:%M} UTC"


def severity(name: str) -> str:
    return f'<span class="badge {name}">{SHAPES[name]} {name}</span>'


def risk(is_risky: Any) -> str:
    return f'<span class="badge risky">{SHAPES["high"]} risky</span>' if is_risky else ""


def link(page_name: str, inside: str, **parameters: Any) -> str:
    """A link around some HTML to another page, with the same filters."""
    names = ("as_of", "name", *(key for _, key, _ in FILTERS))
    kept = {name: st.query_params.get_all(name) for name in names}
    query = escape(urlencode({**kept, **parameters}, doseq=True))
    return f'<a href="{page_name}?{query}" target="_self">{inside}</a>'


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list: its heading, the HTML of a row, a class of the style sheet."""

    heading: str
    cell: Callable[[Any], str]
    style: str = ""


def listing(found: pd.DataFrame, columns: Sequence[Column], *, style: str = "cards") -> None:
    """Show rows as a table of text; style `cards` has a card for each on a phone, `compact` two
    lines for each everywhere.
    """
    head = "".join(f'<th class="{column.style}">{column.heading}</th>' for column in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{column.style}" data-name="{column.heading}">{column.cell(row)}</td>'
            if column.heading
            else f'<td class="{column.style}">{column.cell(row)}</td>'
            for column in columns
        )
        + "</tr>"
        for row in each(found)
    )
    html(f'<table class="{style}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def table(
    found: pd.DataFrame,
    name: str,
    *,
    nothing: str = "Nothing.",
    is_good: bool = False,
    headings: Mapping[str, str] | None = None,
) -> None:
    """Show the rows and a button to download them; `is_good` if no rows is good news."""
    if found.empty:
        (st.success if is_good else st.caption)(nothing)
        return
    named = {column: heading(column) for column in found.columns} | dict(headings or {})
    dates = found.select_dtypes(["datetime", "datetimetz"]).columns
    shown = {
        column: st.column_config.DatetimeColumn(f"{title} (UTC)", format="YYYY-MM-DD HH:mm")
        if column in dates
        else st.column_config.Column(title)
        for column, title in named.items()
    }
    if len(found) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {len(found):,} rows; the CSV has all of them.")
    st.dataframe(
        found.head(MOST_ROWS), hide_index=True, width="stretch", column_config=shown, alt=name
    )
    download(found, name)


def heading(column: str) -> str:
    """`max_attempts_per_record` as `Max attempts per record`."""
    words = column.removesuffix("_at").replace("_", " ").split()
    text = " ".join({"id": "ID", "dnc": "DNC", "utc": "UTC"}.get(word, word) for word in words)
    return text[:1].upper() + text[1:]


def download(found: pd.DataFrame, name: str) -> None:
    st.download_button(
        "CSV",
        _csv(found),
        f"{name}.csv",
        "text/csv",
        key=f"csv-{name}",
        icon=":material/download:",
        type="tertiary",
    )


def _csv(found: pd.DataFrame) -> bytes | Callable[[], bytes]:
    """CSV text, or for many rows a function that makes it on request."""

    def text() -> bytes:
        # Excel takes a file without a byte-order mark for one of its own code page
        return found.map(_as_text).to_csv(index=False).encode("utf-8-sig")

    return text if len(found) > MOST_ROWS else text()


def _as_text(cell: Any) -> Any:
    """The cell; a text that a spreadsheet would take for a formula is quoted."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_SIGNS) else cell
