"""Every raw table, declared once: columns, types, keys and a sentence each.

dlt's hints, the comments in the database and docs/tables.md are all made from here.
"""

from __future__ import annotations

from kore_campaigns.columns import (
    Column,
    DataType,
    Table,
    at_column,
    bool_column,
    int_column,
    json_column,
    text_column,
)
from kore_campaigns.list_tables import LIST_CAMPAIGNS, LISTS
from kore_campaigns.nested_tables import (
    CALLING_HOURS,
    CHANGES,
    CHILD_KEY,
    CONTACT_LISTS,
    DNC_LISTS,
    VERSION,
)
from kore_campaigns.policy_tables import POLICIES
from kore_campaigns.run_tables import (
    CAMPAIGN_ID,
    CONFIGURED_CAMPAIGNS,
    EXTRACTION_DRIFT,
    EXTRACTION_ERRORS,
    EXTRACTION_RUNS,
    STREAM_ID,
)
from kore_campaigns.view_columns import OF_CAMPAIGN_LISTS, OF_LIST_CAMPAIGNS, VIEW_COLUMNS
from kore_campaigns.zone_tables import TIME_ZONES, ZONE_OFFSETS

__all__ = [
    "CALLING_HOURS",
    "CAMPAIGN_LISTINGS",
    "CAMPAIGN_VERSIONS",
    "CHANGES",
    "CHILD_KEY",
    "CONFIGURED_CAMPAIGNS",
    "CONTACT_LISTS",
    "DNC_LISTS",
    "EXTRACTION_DRIFT",
    "EXTRACTION_ERRORS",
    "EXTRACTION_RUNS",
    "LISTS",
    "LIST_CAMPAIGNS",
    "POLICIES",
    "RAW_SCHEMA",
    "TABLES",
    "TIME_ZONES",
    "VIEW_COLUMNS",
    "VIEW_SCHEMA",
    "ZONE_OFFSETS",
    "Column",
    "DataType",
    "Table",
    "columns_of",
]

RAW_SCHEMA = "kore_raw"
VIEW_SCHEMA = "kore"

CAMPAIGN_VERSIONS = Table(
    "campaign_versions",
    "One row per state of a campaign that was ever seen. Rows are added, never changed.",
    ("stream_id", "campaign_id", "version"),
    (
        text_column("account_id", "The Kore.ai account."),
        STREAM_ID,
        CAMPAIGN_ID,
        VERSION,
        text_column(
            "content_hash",
            "SHA-256 of the received object with its keys sorted; equal hash, equal content.",
        ),
        at_column("observed_at", "When this state was first read from the API."),
        at_column(
            "valid_from",
            "From when this state counts: `updated_at` if it moved forward, else `observed_at`.",
        ),
        bool_column("is_deleted", "True if it is gone (404 twice); the columns say what was."),
        text_column(
            "change_summary",
            "What this version brought, in a sentence; `first seen` for version 1.",
        ),
        text_column("campaign_type", "`voice` or `sms`, inferred: the API does not say."),
        text_column("name", "Campaign name."),
        text_column("description", "What the campaign is for, as its author wrote it."),
        text_column(
            "status",
            "Ready, Active, Paused, Preparing, Completed, Stopped, Scheduled, "
            "Rescheduled ...; an open set.",
        ),
        int_column("priority", "1 to 5, higher is dialled first; old campaigns may hold up to 10."),
        text_column("dialing_mode", "Agentless, Progressive, Preview, Power; empty for SMS."),
        text_column("caller_id", "The number calls or messages come from, E.164."),
        text_column("calling_hours_frequency", "WEEKLY, DAILY or CUSTOM."),
        text_column(
            "timezone",
            "Zone of the calling hours, IANA name; a contact's own zone takes precedence.",
        ),
        text_column("dialing_order", "FIFO or LIFO."),
        int_column("max_attempts_per_record", "How often one contact is tried."),
        int_column("retry_period_minutes", "Minutes between two tries of one contact."),
        int_column("max_ring_seconds", "Seconds a call may ring."),
        int_column(
            "max_skips",
            "How many records an agent may skip; may be left over from an earlier Preview mode.",
        ),
        bool_column("use_system_mappings", "System-defined mapping rules are applied."),
        text_column("experience_flow_id", "The flow that talks to the contact, `cf-...`."),
        text_column(
            "machine_detection",
            "`no`, `detect` or `disconnect`; or `true`/`false` where Kore answers so.",
        ),
        bool_column("is_filters_enabled", "Column filters on the contact list are on."),
        text_column("format", "SMS: `simple` or `advanced`."),
        text_column(
            "campaign_instance_id",
            "The newest run of the campaign, `cid-...`; empty before the first run.",
        ),
        bool_column("is_scheduling_enabled", "The campaign starts by a schedule."),
        bool_column("is_recurrence_enabled", "The schedule repeats."),
        json_column(
            "schedule", "The schedule as received, whole: its keys are not documented for answers."
        ),
        at_column("created_at", "When the campaign was created (UTC)."),
        at_column(
            "updated_at",
            "Last write to the campaign according to Kore (UTC); may lie before `created_at`.",
        ),
        json_column(
            "raw", "The `data` object as received, whole. For a deletion: the last one received."
        ),
    ),
    (CALLING_HOURS, DNC_LISTS, CONTACT_LISTS, CHANGES),
)

CAMPAIGN_LISTINGS = Table(
    "campaign_listings",
    "One row per campaign that the account listing shows, configured or not.",
    ("stream_id", "campaign_id"),
    (
        text_column("account_id", "The Kore.ai account."),
        STREAM_ID,
        CAMPAIGN_ID,
        int_column(
            "version",
            "The version we hold that was seen to agree with the listing; empty if none was.",
        ),
        at_column("seen_at", "When the listing first showed it so (UTC)."),
        text_column("campaign_type", "`voice` or `sms`: the listing it is in."),
        text_column("name", "Campaign name."),
        text_column("summary_hash", "SHA-256 of the fields that the campaign itself shows too."),
        text_column("row_hash", "SHA-256 of `summary_hash` and the fields below."),
        text_column(
            "connection",
            "Queue (Progressive, Preview) or flow (Agentless) that takes the answered calls; by "
            "name, and from the account listing alone.",
        ),
        at_column(
            "campaign_instance_updated_at",
            "Last write to the campaign's newest run (UTC), from the account listing alone; "
            "mirrors `updated_at` before the first run.",
        ),
    ),
)

TABLES = (
    CAMPAIGN_VERSIONS,
    CAMPAIGN_LISTINGS,
    CONFIGURED_CAMPAIGNS,
    EXTRACTION_RUNS,
    EXTRACTION_ERRORS,
    EXTRACTION_DRIFT,
    POLICIES,
    TIME_ZONES,
    ZONE_OFFSETS,
    LISTS,
    LIST_CAMPAIGNS,
)
# views in which a column means what it means there alone
_OWN_COLUMNS = {
    "contact_lists": LISTS.columns,
    "contact_list_campaigns": (*LIST_CAMPAIGNS.columns, *OF_LIST_CAMPAIGNS),
    "campaign_contact_lists": OF_CAMPAIGN_LISTS,
}


def columns_of(view: str) -> dict[str, Column]:
    """Per name what a column of this view is: with few exceptions the same in all views."""
    found = {column.name: column for column in VIEW_COLUMNS}
    for table in TABLES:
        for part in (table, *table.children):
            for column in part.columns:
                found.setdefault(column.name, column)
    return found | {column.name: column for column in _OWN_COLUMNS.get(view, ())}
