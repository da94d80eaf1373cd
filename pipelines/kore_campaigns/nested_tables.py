"""The tables nested in `campaign_versions`: each row belongs to one version of a campaign."""

from __future__ import annotations

from kore_campaigns.columns import Column, Table, bool_column, int_column, text_column
from kore_campaigns.run_tables import CAMPAIGN_ID, STREAM_ID

VERSION = int_column("version", "1 for the first state ever seen of the campaign, then 2, 3 ...")
POSITION = int_column("position", "Place of the row in its list as Kore sent it, from 1.")
CHILD_KEY = ("stream_id", "campaign_id", "version", "position")
CHILD_COLUMNS = (STREAM_ID, CAMPAIGN_ID, VERSION, POSITION)

CALLING_HOURS = Table(
    "calling_hours",
    "One row per calling window of a campaign version: when it may dial, in the "
    "campaign's own zone.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        text_column("day", "Weekday as sent: MO TU WE TH FR SA SU; empty if Kore named none."),
        int_column(
            "day_of_week",
            "ISO weekday, 1 = Monday to 7 = Sunday; empty if `day` is none of the seven.",
        ),
        text_column("start_text", "Start exactly as sent, e.g. `9:00 AM`."),
        text_column("end_text", "End exactly as sent, e.g. `6:00 PM`."),
        Column("start_time", "time", "Start as a time of day, local to the campaign's zone."),
        Column(
            "end_time",
            "time",
            "End as a time of day, local; 00:00 for a window that ends at midnight.",
        ),
        int_column("start_minute", "Start in minutes after midnight, 0 to 1439."),
        int_column(
            "end_minute",
            "End in minutes after the midnight before the start, 1 to 1440, or beyond "
            "for a window past midnight.",
        ),
        bool_column(
            "crosses_midnight", "True if the window goes on after midnight into the next day."
        ),
        bool_column(
            "is_parsed", "False if start or end could not be read as a time; the texts are kept."
        ),
    ),
)

DNC_LISTS = Table(
    "dnc_lists",
    "One row per do-not-call list attached to a campaign version. The account's global "
    "DNC list is never shown by the API.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        text_column(
            "dnc_list_id", "The list's id, `cl-...`; empty where Kore sends the name only (SMS)."
        ),
        text_column("dnc_list_name", "The list's name."),
    ),
)

CONTACT_LISTS = Table(
    "contact_lists",
    "One row per contact list a campaign version dials.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        text_column("contact_list_id", "The list's id; empty, as Kore sends names only."),
        text_column("contact_list_name", "The list's name."),
    ),
)

CHANGES = Table(
    "changes",
    "One row per field that differs from the version before. Version 1 has none.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        text_column("path", "Where, e.g. `dialingStrategy.callingHours.days[MO].start`."),
        text_column("old_value", "Value before; empty if the field was not there."),
        text_column("new_value", "Value after; empty if the field is no longer there."),
        text_column(
            "kind",
            "calling_hours, dnc, caller_id, retry, priority, status, schedule, lists, text or "
            "other; what it is about.",
        ),
        bool_column(
            "is_risky",
            "True if the campaign may do more than before: a window opened or a zone moved, a DNC "
            "list gone, more attempts, a shorter pause between them, a shorter ring.",
        ),
    ),
)
