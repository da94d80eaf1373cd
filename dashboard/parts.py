"""What every page is made of: a question as its title, tables to download, states in words."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import altair as alt
import pandas as pd
import streamlit as st

import queries
import source

Page = Callable[[], None]


def page(question: str) -> Callable[[Page], Page]:
    """A page under its question; without anything to read it says what to do next."""

    def decorated(show: Page) -> Page:
        @wraps(show)
        def shown() -> None:
            st.header(question)
            try:
                numbers = source.rows(queries.NUMBERS).iloc[0]
                if numbers["live"] == 0:
                    st.info(
                        "No live campaign is in this database. Next: `kore-campaigns run`, then "
                        "`kore-campaigns status`."
                    )
                    return
                if numbers["stale"]:
                    st.warning(
                        f"What is shown of {numbers['stale']:,} campaigns may be out of date. "
                        "Next: `kore-campaigns status`."
                    )
                show()
            except source.SourceError as failed:
                st.error(str(failed))

        return shown

    return decorated


def table(
    found: pd.DataFrame, name: str, *, nothing: str = "Nothing.", is_good: bool = False
) -> None:
    """The rows, and a button that downloads them; `is_good` if there had better be none."""
    if found.empty:
        (st.success if is_good else st.caption)(nothing)
        return
    st.dataframe(found, hide_index=True, width="stretch")
    st.download_button(
        "CSV", found.to_csv(index=False).encode(), f"{name}.csv", "text/csv", key=f"csv-{name}"
    )


def bars(found: pd.DataFrame, *, category: str, number: str) -> None:
    """A bar per row, the longest first."""
    chart = (
        alt.Chart(found)
        .mark_bar()
        .encode(
            x=alt.X(number, title=None),
            y=alt.Y(category, sort="-x", title=None, axis=alt.Axis(labelLimit=300)),
            tooltip=[category, number],
        )
    )
    st.altair_chart(chart, width="stretch")
