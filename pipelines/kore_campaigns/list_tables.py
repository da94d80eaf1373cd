"""The raw tables of the app's contact lists, as Kore has them now."""

from __future__ import annotations

from typing import Final

from kore_campaigns.columns import Table, at_column, int_column, text_column
from kore_campaigns.run_tables import CAMPAIGN_ID, STREAM_ID

_ACCOUNT_ID = text_column("account_id", "The Kore.ai account.")
_CONTACT_LIST_ID = text_column("contact_list_id", "The list's id, `cl-...`.")
_SEEN_AT = at_column("seen_at", "When a run first saw it as it is now (UTC).")

LISTS: Final = Table(
    "contact_lists",
    "One row per contact list of the app, as the last run that could read them found it. Without "
    "contacts, and without the settings of where they come from.",
    ("stream_id", "contact_list_id"),
    (
        _ACCOUNT_ID,
        STREAM_ID,
        _CONTACT_LIST_ID,
        text_column("contact_list_name", "The list's name."),
        text_column("list_type", "What it is for, as Kore says: `call`."),
        int_column("record_count", "Contacts in the list, as Kore counts them."),
        text_column("status", "Of the list: Ready, Validated ...; an open set."),
        text_column(
            "source",
            "Where its contacts come from: localDrive, apiIntegration, passiveApi, "
            "passiveApiIntegration; an open set.",
        ),
        text_column(
            "list_timezone",
            "Field of the list that holds each contact's own zone; empty: the zone of the campaign "
            "counts for all.",
        ),
        at_column("updated_at", "Last write to the list according to Kore (UTC)."),
        _SEEN_AT,
    ),
)

LIST_CAMPAIGNS: Final = Table(
    "contact_list_campaigns",
    "One row per contact list and campaign that uses it, as the list says.",
    ("stream_id", "contact_list_id", "campaign_id"),
    (
        _ACCOUNT_ID,
        STREAM_ID,
        _CONTACT_LIST_ID,
        CAMPAIGN_ID,
        text_column(
            "campaign_name", "Name of the campaign in the list's own copy, which Kore lets age."
        ),
        _SEEN_AT,
    ),
)
