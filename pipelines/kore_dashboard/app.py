"""Pages of the dashboard; `kore-campaigns dashboard` runs this file with Streamlit."""

from __future__ import annotations

import streamlit as st

from kore_dashboard import pages

st.set_page_config(page_title="Kore.ai campaigns", layout="wide")
# the table's own download leaves formulas as they are; the button below each table quotes them
st.html("<style>[aria-label^='Download as CSV'] {display: none}</style>")
st.navigation(
    [
        # the default page is at `/` alone: no other may have its path
        st.Page(pages.overview, title="Overview", url_path="start", default=True),
        st.Page(pages.overview, title="Overview", url_path="overview", visibility="hidden"),
        st.Page(pages.calling_hours, title="Calling hours", url_path="calling-hours"),
        st.Page(pages.findings, title="Findings", url_path="findings"),
        st.Page(pages.changes, title="Changes", url_path="changes"),
        st.Page(pages.dnc_lists, title="DNC lists", url_path="dnc-lists"),
        st.Page(pages.contact_lists, title="Contact lists", url_path="contact-lists"),
    ]
).run()
