"""Every raw table, declared once: columns, types, keys and a sentence each.

dlt's hints, the comments in the database and docs/tables.md are all made from here.

"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

DataType = Literal["text", "bigint", "bool", "timestamp", "time", "date", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    data_type: DataType
    description: str


@dataclass(frozen=True, slots=True)
class Table:
    """A raw table. `children` are named as dlt names them: `<parent>__<name>`."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    children: tuple[Table, ...] = ()

    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def text_column(name: str, description: str) -> Column:
    return Column(name, "text", description)


def int_column(name: str, description: str) -> Column:
    return Column(name, "bigint", description)


def bool_column(name: str, description: str) -> Column:
    return Column(name, "bool", description)


def at_column(name: str, description: str) -> Column:
    return Column(name, "timestamp", description)


def json_column(name: str, description: str) -> Column:
    return Column(name, "json", description)


STREAM_ID = text_column("stream_id", "The app (bot) the campaign belongs to, `st-...`.")
CAMPAIGN_ID = text_column("campaign_id", "The campaign's id, `cd-...`. Not a UUID.")
RUN_ID = text_column("run_id", "The run, as in its report and logs.")

EXTRACTION_RUNS = Table(
    "extraction_runs",
    "One row per run; a run that was killed keeps the numbers of its last durable step "
    "and is not complete.",
    ("run_id",),
    (
        RUN_ID,
        text_column("account_id", "The Kore.ai account that was read."),
        text_column("stream_id", "The app that was read."),
        at_column("started_at", "When the run began (UTC)."),
        at_column("finished_at", "When it ended (UTC); empty while it runs or if it was killed."),
        text_column(
            "sweep",
            "`full`: every configured campaign was asked for; `listing`: those that the account "
            "listing showed to be new or different.",
        ),
        text_column("sweep_reason", "Why this kind of sweep."),
        int_column("listed", "Campaigns the account listing showed; empty if it was not read."),
        at_column(
            "full_sweep_started_at",
            "When the full sweep began that this run is part of; empty for a sweep by listing.",
        ),
        text_column(
            "confirmed_through",
            "Where a full sweep stands: known campaigns are asked for by id, and have been up to "
            "this one. Empty once all have been; the next run goes on from here.",
        ),
        json_column(
            "unsettled",
            "Campaigns up to there that had not ended: on their way, tried again, or to be asked a "
            "second time after a 404.",
        ),
        int_column("planned", "Campaigns the run set out to read."),
        int_column("fetched", "Campaigns that were answered."),
        int_column("new_versions", "Versions written; deletions count under `vanished`."),
        int_column("unchanged", "Campaigns found as we hold them."),
        int_column("vanished", "Campaigns that were marked deleted."),
        int_column("failed", "Campaigns with a row in extraction_errors."),
        int_column("requests", "HTTP requests sent, retries included."),
        int_column("retries", "Requests that were repetitions."),
        int_column("rate_limited", "Answers that said the call limit was reached."),
        bool_column("is_complete", "True if every planned campaign was answered and stored."),
        int_column(
            "exit_code",
            "What the command returned: 0 ok, 3 access refused, 4 partial, 75 try later ...",
        ),
        int_column(
            "stale_after_seconds",
            "A campaign that was not confirmed for so long counts as stale: twice the setting "
            "`full_sweep_every_hours` of the run.",
        ),
        text_column("tool_version", "Version of kore-campaigns."),
    ),
)

EXTRACTION_ERRORS = Table(
    "extraction_errors",
    "One row per campaign that failed in a run, with its reason.",
    ("run_id", "stream_id", "campaign_id"),
    (
        RUN_ID,
        STREAM_ID,
        CAMPAIGN_ID,
        text_column(
            "error_code",
            "Stable word for the reason, e.g. `not_found`, `rate_limited`, "
            "`answer_breaks_contract`.",
        ),
        int_column("http_status", "HTTP status of the last answer; empty if there was none."),
        text_column("message", "What happened, the likely cause and what to do next."),
        at_column("occurred_at", "When (UTC)."),
    ),
)

EXTRACTION_DRIFT = Table(
    "extraction_drift",
    "One row per run and field, value or type that this version of the program does not know; "
    "the campaigns keep it in `raw`.",
    ("run_id", "stream_id", "path", "example_type"),
    (
        RUN_ID,
        STREAM_ID,
        text_column("path", "Where, e.g. `dialingStrategy.pacingRatio`."),
        text_column(
            "example_type",
            "JSON type of a field nobody knows; `unexpected ...` or `unreadable ...` where another "
            "was expected; `value ...` where the field has a known set of values.",
        ),
        int_column("campaign_count", "Campaigns answered in this run that have it."),
        at_column("first_seen_at", "Start of the first run that met it (UTC)."),
    ),
)

CONFIGURED_CAMPAIGNS = Table(
    "configured_campaigns",
    "One row per campaign that the file of campaign ids names, or once named.",
    ("stream_id", "campaign_id"),
    (
        text_column("account_id", "The Kore.ai account."),
        STREAM_ID,
        CAMPAIGN_ID,
        at_column("configured_at", "Start of the first run that was to read it (UTC)."),
        at_column("removed_at", "Start of the first run that was not any more; empty if it is."),
    ),
)

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

_TIMEZONE = text_column(
    "timezone",
    "Zone of the calling hours, IANA name; a contact's own zone takes precedence.",
)
TIME_ZONES: Final = Table(
    "time_zones",
    "One row per time zone that a campaign version names.",
    ("timezone",),
    (
        _TIMEZONE,
        bool_column(
            "is_iana", "True if the IANA database has the name; else the hours cannot be placed."
        ),
        bool_column("is_legacy", "True for an old name that is kept for old programs alone."),
        text_column("canonical_timezone", "The name in use today; empty if it is no IANA name."),
        text_column(
            "country_code",
            "Country a zone lies in, ISO 3166-1 alpha-2; empty if it is in none or in several.",
        ),
        text_column("tzdata_version", "Release of the rules that the offsets were made with."),
        at_column("covered_until", "Until when `zone_offsets` has the zone's offsets (UTC)."),
    ),
)
ZONE_OFFSETS: Final = Table(
    "zone_offsets",
    "One row per time zone and span in which its clock stays as it is against UTC.",
    ("timezone", "starts_at"),
    (
        _TIMEZONE,
        at_column("starts_at", "From when (UTC)."),
        at_column("ends_at", "Until when (UTC), exclusive."),
        int_column("utc_offset_minutes", "Minutes that the local clock is ahead of UTC."),
    ),
)

POLICIES: Final = Table(
    "policies",
    "One row per line of the file of policies and weekday: the limits that the user set.",
    ("stream_id", "policy_name", "position", "day_of_week"),
    (
        STREAM_ID,
        text_column("policy_name", "The policy the limit belongs to."),
        int_column("position", "Place of the line in the file, from 1."),
        int_column("day_of_week", "ISO weekday, 1 = Monday to 7 = Sunday."),
        text_column(
            "zone_pattern", "Zones of campaigns it applies to, with `*` and `?`; empty: all."
        ),
        text_column("zone_like", "`zone_pattern` for SQL's `like ... escape '!'`."),
        text_column(
            "country_code",
            "Country a zone lies in, ISO 3166-1 alpha-2; empty if it is in none or in several.",
        ),
        text_column(
            "campaign_pattern",
            "Campaigns it applies to, by id or name, with `*` and `?`; empty: all.",
        ),
        text_column("campaign_like", "`campaign_pattern` for SQL's `like ... escape '!'`."),
        int_column(
            "earliest_minute",
            "First permitted minute of the day, 0 to 1439, local to the campaign's zone; empty: "
            "no limit.",
        ),
        int_column(
            "latest_minute",
            "Minute of the day by which calling must end, 1 to 1440; 0: no call on this day; "
            "empty: no limit.",
        ),
        int_column("max_attempts_per_24h", "Most tries of one contact in 24 hours; empty: any."),
        int_column("min_ring_seconds", "Least time a call must ring; empty: any."),
    ),
)

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

VIEW_COLUMNS = (
    at_column(
        "valid_to",
        "Until when this state counted: `valid_from` of the next version; empty for the newest.",
    ),
    bool_column("is_current", "True for the newest version of the campaign."),
    at_column(
        "changed_at", "From when the new value counts: `valid_from` of the version that brought it."
    ),
    text_column("campaign_name", "Name of the campaign in that version."),
    text_column(
        "state",
        "`complete`; `partial`: some campaigns failed; `failed`: all did; `interrupted`: it was "
        "asked to stop; `running`; `killed`: it ended without a word and another has begun since.",
    ),
    int_column("duration_seconds", "Seconds from start to end; empty if it has not ended."),
    bool_column(
        "is_full_sweep_finished",
        "True if with this run every configured campaign was asked for, since "
        "`full_sweep_started_at`.",
    ),
    int_column(
        "week_start_minute", "Start in minutes after Monday 00:00 of the campaign's own week."
    ),
    int_column(
        "week_end_minute", "End in minutes after Monday 00:00; 10080 is the end of the week."
    ),
    int_column("minutes", "How many minutes it is about."),
    bool_column(
        "is_after_midnight",
        "True for the part of a window past midnight that lies on the weekday after.",
    ),
    int_column(
        "weekly_minutes",
        "Minutes of a week in which it may dial, overlapping windows counted once; of several "
        "campaigns, all of theirs.",
    ),
    int_column("weekend_minutes", "Those of them on Saturday and Sunday."),
    int_column("window_count", "Calling windows as Kore sent them, read or not."),
    int_column("first_minute", "Earliest minute of a day at which it may dial, on any weekday."),
    int_column("last_minute", "Latest minute of a day until which it may dial, on any weekday."),
    int_column("weekday_count", "Weekdays on which it may dial."),
    text_column(
        "check_name",
        "`unparsed`: weekday or time cannot be read; `zero_length`: it ends when it begins, taken "
        "for 24 hours; `duplicate` and `overlap` of an earlier window; `gap` between two of a day.",
    ),
    Column("calendar_date", "date", "The date, by the clock of the campaign's zone."),
    text_column(
        "shared",
        "What campaigns use: `contact_list`, `caller_id`, or `queue` (or flow) that takes "
        "the answered calls.",
    ),
    text_column("shared_name", "Its name or number."),
    int_column("campaign_count", "Live campaigns that use it."),
    bool_column(
        "is_compared",
        "True if kore.campaign_overlaps compares its campaigns pair by pair: 100 at most.",
    ),
    text_column("other_campaign_id", "The other of the two, whose id sorts after."),
    text_column("other_campaign_name", "The other's name."),
    int_column("overlap_minutes", "Minutes of the seven days from today when both may dial."),
    at_column("first_overlap_at", "When that is for the first time (UTC)."),
    text_column(
        "finding",
        "What it is, e.g. `outside_permitted_hours`, `no_dnc_list`, `stale`; docs/findings.md has "
        "them all.",
    ),
    text_column(
        "severity",
        "`high`: look today; `medium`: look soon; `low`: tidy up; `info`: good to know.",
    ),
    text_column("value", "What the campaign has."),
    text_column("limit_value", "What it is held against; empty where nothing is."),
    text_column("sentence", "The finding, to be read after the campaign's name."),
    bool_column("is_configured", "True if the file of campaign ids names it."),
    at_column(
        "last_confirmed_at",
        "When our newest version was last seen to be what Kore has: start of the newest finished "
        "run in which the campaign did not fail, or `observed_at`.",
    ),
    text_column(
        "link",
        "How `contact_list_id` is known. `sent`: Kore sent it; `in_use`: a list of this name says "
        "that the campaign uses it; `name`: one list has this name; `ambiguous`: several have; "
        "`unknown`: none that the lists for calls show.",
    ),
    bool_column("is_held", "True if the campaign is one of `kore.campaigns`."),
    at_column("last_changed_at", "From when the newest version counts: its `valid_from`."),
    at_column("last_error_at", "When it last failed, if ever."),
    text_column("last_error_code", "`error_code` of the last failure."),
    text_column("last_error_message", "Message of the last failure."),
    bool_column(
        "is_stale",
        "True if it failed and was not confirmed since, if nothing confirmed it for "
        "`stale_after_seconds` of the newest run, or if it is not configured any more.",
    ),
)

OF_LIST_CAMPAIGNS = (
    text_column(
        "campaign_name",
        "Name of the campaign now, if `is_held`; else as the list has it, which Kore lets age.",
    ),
)
OF_CAMPAIGN_LISTS = (
    text_column(
        "contact_list_id",
        "The list's id, sent by Kore or found by its name, as `link` says; empty where that is "
        "`ambiguous` or `unknown`.",
    ),
)

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
