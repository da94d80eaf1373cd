"""Parts of every page: the title, tables with a download button, messages about missing data."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import pandas as pd
import streamlit as st

from kore_dashboard import queries, source

# each row is sent to the browser, and more rows cannot be read on a screen
MOST_ROWS: Final = 1_000
SENTENCES: Final = ("change_summary", "sentence")
TO_THE_SECOND: Final = "YYYY-MM-DD HH:mm:ss"
# full-width forms, too
FORMULA_SIGNS: Final = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
Page = Callable[[], None]


def page(title: str) -> Callable[[Page], Page]:
    """Show a page under its title; if there is no data, say what to do next."""

    def decorated(show: Page) -> Page:
        @wraps(show)
        def shown() -> None:
            st.header(title)
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
                        f"Campaigns whose data may be out of date: {numbers['stale']:,}. "
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
    """Show the rows and a button to download them; `is_good` if no rows is good news."""
    if found.empty:
        (st.success if is_good else st.caption)(nothing)
        return
    shown = {
        column: st.column_config.DatetimeColumn(f"{column} (UTC)", format=TO_THE_SECOND)
        for column in found.select_dtypes(["datetime", "datetimetz"]).columns
    }
    shown |= {column: st.column_config.TextColumn(width="large") for column in SENTENCES}
    if len(found) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {len(found):,} rows; the CSV has all of them.")
    head = found.head(MOST_ROWS)
    st.dataframe(head, hide_index=True, width="stretch", column_config=shown)
    st.download_button("CSV", _csv(found), f"{name}.csv", "text/csv", key=f"csv-{name}")


def _csv(found: pd.DataFrame) -> bytes | Callable[[], bytes]:
    """CSV text, or for many rows a function that makes it on request."""

    def text() -> bytes:
        # Excel takes a file without a byte-order mark for one of its own code page
        return found.map(_as_text).to_csv(index=False).encode("utf-8-sig")

    return text if len(found) > MOST_ROWS else text()


def _as_text(cell: Any) -> Any:
    """The cell; a text that a spreadsheet would take for a formula is quoted."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_SIGNS) else cell
