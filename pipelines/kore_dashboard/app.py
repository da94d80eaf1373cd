"""Pages of the dashboard; `kore-campaigns dashboard` runs this file with Streamlit."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from kore_dashboard import pages, parts

HERE = Path(__file__).parent

# Streamlit would load an icon of its own from another host
st.set_page_config(page_title="Kore.ai campaigns", page_icon=str(HERE / "icon.svg"), layout="wide")
st.html(HERE / "style.css")
st.logo(str(HERE / "logo.svg"), size="large", icon_image=str(HERE / "icon.svg"))
shown = st.navigation(
    [
        # the default page is at `/` alone: no other may have its path
        st.Page(
            pages.overview,
            title="Overview",
            icon=":material/monitor_heart:",
            url_path="start",
            default=True,
        ),
        st.Page(pages.overview, title="Overview", url_path="overview", visibility="hidden"),
        st.Page(
            pages.calling_hours,
            title="Calling hours",
            icon=":material/schedule:",
            url_path="calling-hours",
        ),
        st.Page(pages.findings, title="Findings", icon=":material/rule:", url_path="findings"),
        st.Page(pages.changes, title="Changes", icon=":material/history:", url_path="changes"),
        st.Page(
            pages.one_campaign, title="Campaign", icon=":material/campaign:", url_path="campaign"
        ),
        st.Page(
            pages.dnc_lists,
            title="DNC lists",
            icon=":material/phone_disabled:",
            url_path="dnc-lists",
        ),
        st.Page(
            pages.contact_lists,
            title="Contact lists",
            icon=":material/contacts:",
            url_path="contact-lists",
        ),
        st.Page(pages.runs, title="Runs", icon=":material/sync:", url_path="runs"),
    ]
)
parts.filters()
shown.run()
