"""Declarations of every raw table: columns, types, keys and descriptions.

dlt's hints, the comments in the database and docs/tables.md are generated from here.
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
    """A raw table. dlt names its `children` `<parent>__<name>`."""

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


STREAM_ID = text_column("stream_id", "The app (bot) that the campaign belongs to, `st-...`.")
CAMPAIGN_ID = text_column("campaign_id", "The campaign's id, `cd-...`. Not a UUID.")
RUN_ID = text_column("run_id", "Id of the run, as in its report and logs.")

EXTRACTION_RUNS = Table(
    "extraction_runs",
    "One row per run. A killed run keeps the numbers of its last durable step and is not complete.",
    ("run_id",),
    (
        RUN_ID,
        text_column("account_id", "The Kore.ai account that was read."),
        text_column("stream_id", "The app that was read."),
        at_column("started_at", "Start of the run (UTC)."),
        at_column("finished_at", "End of the run (UTC); empty while it runs or if it was killed."),
        text_column(
            "sweep",
            "`full`: the run fetched every configured campaign; `listing`: only campaigns that are "
            "new or different in the account listing.",
        ),
        text_column("sweep_reason", "Reason for this kind of sweep."),
        int_column("listed", "Campaigns in the account listing; empty if it was not read."),
        at_column(
            "full_sweep_started_at",
            "Start of the full sweep that this run is part of (UTC); empty for a sweep by listing.",
        ),
        text_column(
            "confirmed_through",
            "Progress of a full sweep: known campaigns are fetched in the order of their ids, up "
            "to this id so far. Empty when all are fetched; otherwise the next run continues from "
            "here.",
        ),
        json_column(
            "unsettled",
            "Campaigns up to this id without a final result: in flight, being retried, or waiting "
            "for a second request after a 404.",
        ),
        int_column("planned", "Campaigns that the run planned to fetch."),
        int_column("fetched", "Campaigns that were answered."),
        int_column("new_versions", "Versions written; deletions count as `vanished`."),
        int_column("unchanged", "Campaigns equal to the stored version."),
        int_column("vanished", "Campaigns that were marked deleted."),
        int_column("failed", "Campaigns with a row in extraction_errors."),
        int_column("requests", "HTTP requests sent, including retries."),
        int_column("retries", "Requests that were retries."),
        int_column("rate_limited", "Responses that reported the rate limit."),
        bool_column("is_complete", "True if every planned campaign was answered and stored."),
        int_column(
            "exit_code",
            "Exit code of the command: 0 ok, 3 access refused, 4 partial, 75 try later ...",
        ),
        int_column(
            "stale_after_seconds",
            "A campaign that was not confirmed for this time is stale: twice the setting "
            "`full_sweep_every_hours` of the run.",
        ),
        text_column("tool_version", "Version of kore-campaigns."),
    ),
)

EXTRACTION_ERRORS = Table(
    "extraction_errors",
    "One row per campaign that failed in a run, with the reason.",
    ("run_id", "stream_id", "campaign_id"),
    (
        RUN_ID,
        STREAM_ID,
        CAMPAIGN_ID,
        text_column(
            "error_code",
            "Stable code of the reason, for example `not_found`, `rate_limited`, "
            "`answer_breaks_contract`.",
        ),
        int_column("http_status", "HTTP status of the last response; empty if there was none."),
        text_column("message", "The problem, its likely cause and what to do next."),
        at_column("occurred_at", "Time of the failure (UTC)."),
    ),
)

EXTRACTION_DRIFT = Table(
    "extraction_drift",
    "One row per run and field, value or type that this version of the program does not know. It "
    "is stored in `raw` of the campaigns.",
    ("run_id", "stream_id", "path", "example_type"),
    (
        RUN_ID,
        STREAM_ID,
        text_column("path", "Path of the field, for example `dialingStrategy.pacingRatio`."),
        text_column(
            "example_type",
            "JSON type of an unknown field; `unexpected ...` or `unreadable ...` if another type "
            "was expected; `value ...` if the field has a known set of values.",
        ),
        int_column(
            "campaign_count", "Campaigns answered in this run that have the field or value."
        ),
        at_column("first_seen_at", "Start of the first run that found it (UTC)."),
    ),
)

CONFIGURED_CAMPAIGNS = Table(
    "configured_campaigns",
    "One row per campaign that is or was in the file of campaign ids.",
    ("stream_id", "campaign_id"),
    (
        text_column("account_id", "The Kore.ai account."),
        STREAM_ID,
        CAMPAIGN_ID,
        at_column("configured_at", "Start of the first run that had to fetch the campaign (UTC)."),
        at_column(
            "removed_at",
            "Start of the first run after its removal (UTC); empty while the campaign is "
            "configured.",
        ),
    ),
)

_ACCOUNT_ID = text_column("account_id", "The Kore.ai account.")
_CONTACT_LIST_ID = text_column("contact_list_id", "The list's id, `cl-...`.")
_SEEN_AT = at_column("seen_at", "Time when a run first saw the current state (UTC).")

LISTS: Final = Table(
    "contact_lists",
    "One row per contact list of the app, from the last run that could read the lists. It contains "
    "no contacts and no settings of their source.",
    ("stream_id", "contact_list_id"),
    (
        _ACCOUNT_ID,
        STREAM_ID,
        _CONTACT_LIST_ID,
        text_column("contact_list_name", "The list's name."),
        text_column("list_type", "Purpose of the list according to Kore: `call`."),
        int_column("record_count", "Number of contacts in the list according to Kore."),
        text_column("status", "Status of the list: Ready, Validated ...; an open set."),
        text_column(
            "source",
            "Source of the contacts: localDrive, apiIntegration, passiveApi, "
            "passiveApiIntegration; an open set.",
        ),
        text_column(
            "list_timezone",
            "Field of the list with each contact's time zone; empty: the campaign's time zone "
            "applies to all contacts.",
        ),
        at_column("updated_at", "Last write to the list according to Kore (UTC)."),
        _SEEN_AT,
    ),
)

LIST_CAMPAIGNS: Final = Table(
    "contact_list_campaigns",
    "One row per contact list and campaign that uses it, according to the list.",
    ("stream_id", "contact_list_id", "campaign_id"),
    (
        _ACCOUNT_ID,
        STREAM_ID,
        _CONTACT_LIST_ID,
        CAMPAIGN_ID,
        text_column(
            "campaign_name", "Name of the campaign in the list; Kore does not update this copy."
        ),
        _SEEN_AT,
    ),
)

_TIMEZONE = text_column(
    "timezone",
    "Time zone of the calling hours, IANA name; a contact's own time zone takes precedence.",
)
TIME_ZONES: Final = Table(
    "time_zones",
    "One row per time zone that a campaign version names.",
    ("timezone",),
    (
        _TIMEZONE,
        bool_column(
            "is_iana",
            "True if the IANA database has the name; otherwise the hours cannot be converted to "
            "UTC.",
        ),
        bool_column("is_legacy", "True for an old name that exists only for old programs."),
        text_column(
            "canonical_timezone", "The current name; empty if `timezone` is not an IANA name."
        ),
        text_column(
            "country_code",
            "Country of the time zone, ISO 3166-1 alpha-2; empty if it is in no country or in "
            "several.",
        ),
        text_column(
            "tzdata_version", "Release of the time zone database that the offsets come from."
        ),
        at_column("covered_until", "End of the time for which `zone_offsets` has offsets (UTC)."),
    ),
)
ZONE_OFFSETS: Final = Table(
    "zone_offsets",
    "One row per time zone and period with a constant offset from UTC.",
    ("timezone", "starts_at"),
    (
        _TIMEZONE,
        at_column("starts_at", "Start of the period (UTC)."),
        at_column("ends_at", "End of the period (UTC), exclusive."),
        int_column("utc_offset_minutes", "Minutes by which the local clock is ahead of UTC."),
    ),
)

POLICIES: Final = Table(
    "policies",
    "One row per line of the policies file and weekday: the limits that the user defined.",
    ("stream_id", "policy_name", "position", "day_of_week"),
    (
        STREAM_ID,
        text_column("policy_name", "The policy that the limit belongs to."),
        int_column("position", "Number of the line in the file, from 1."),
        int_column("day_of_week", "ISO weekday, 1 = Monday to 7 = Sunday."),
        text_column(
            "zone_pattern", "Time zones that the policy applies to, with `*` and `?`; empty: all."
        ),
        text_column("zone_like", "`zone_pattern` as a pattern for SQL's `like ... escape '!'`."),
        text_column(
            "country_code",
            "Country of the time zone, ISO 3166-1 alpha-2; empty if it is in no country or in "
            "several.",
        ),
        text_column(
            "campaign_pattern",
            "Campaigns that the policy applies to, by id or name, with `*` and `?`; empty: all.",
        ),
        text_column(
            "campaign_like", "`campaign_pattern` as a pattern for SQL's `like ... escape '!'`."
        ),
        int_column(
            "earliest_minute",
            "First permitted minute of the day, 0 to 1439, in the campaign's time zone; empty: no "
            "limit.",
        ),
        int_column(
            "latest_minute",
            "Minute of the day when calling must end, 1 to 1440; 0: no calls on this day; empty: "
            "no limit.",
        ),
        int_column(
            "max_attempts_per_24h",
            "Maximum number of attempts per contact in 24 hours; empty: no limit.",
        ),
        int_column("min_ring_seconds", "Minimum ring time of a call in seconds; empty: no limit."),
    ),
)

VERSION = int_column("version", "1 for the first stored state of the campaign, then 2, 3 ...")
POSITION = int_column("position", "Position of the row in the list that Kore sent, from 1.")
CHILD_KEY = ("stream_id", "campaign_id", "version", "position")
CHILD_COLUMNS = (STREAM_ID, CAMPAIGN_ID, VERSION, POSITION)

CALLING_HOURS = Table(
    "calling_hours",
    "One row per calling window of a campaign version: when it may dial, in the campaign's time "
    "zone.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        text_column("day", "Weekday as sent: MO TU WE TH FR SA SU; empty if Kore sent none."),
        int_column(
            "day_of_week",
            "ISO weekday, 1 = Monday to 7 = Sunday; empty if `day` is not one of the seven.",
        ),
        text_column("start_text", "Start exactly as sent, for example `9:00 AM`."),
        text_column("end_text", "End exactly as sent, for example `6:00 PM`."),
        Column("start_time", "time", "Start as a time of day, in the campaign's time zone."),
        Column(
            "end_time",
            "time",
            "End as a time of day, in the campaign's time zone; 00:00 for a window that ends at "
            "midnight.",
        ),
        int_column("start_minute", "Start in minutes after midnight, 0 to 1439."),
        int_column(
            "end_minute",
            "End in minutes after the midnight before the start, 1 to 1440; more for a window past "
            "midnight.",
        ),
        bool_column(
            "crosses_midnight", "True if the window continues after midnight into the next day."
        ),
        bool_column(
            "is_parsed",
            "False if start or end could not be parsed as a time; the texts are stored.",
        ),
    ),
)

DNC_LISTS = Table(
    "dnc_lists",
    "One row per do-not-call list of a campaign version. The API never shows the account's global "
    "DNC list.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        text_column(
            "dnc_list_id", "The list's id, `cl-...`; empty where Kore sends only the name (SMS)."
        ),
        text_column("dnc_list_name", "The list's name."),
    ),
)

CONTACT_LISTS = Table(
    "contact_lists",
    "One row per contact list that a campaign version dials.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        text_column("contact_list_id", "The list's id; empty, because Kore sends only names."),
        text_column("contact_list_name", "The list's name."),
    ),
)

CHANGES = Table(
    "changes",
    "One row per field that differs from the previous version. Version 1 has no rows.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        text_column(
            "path", "Path of the field, for example `dialingStrategy.callingHours.days[MO].start`."
        ),
        text_column("old_value", "Previous value; empty if the field did not exist."),
        text_column("new_value", "New value; empty if the field no longer exists."),
        text_column(
            "kind",
            "Topic of the change: calling_hours, dnc, caller_id, retry, priority, status, "
            "schedule, lists, text or other.",
        ),
        bool_column(
            "is_risky",
            "True if the campaign may do more than before: more calling time, another time zone, a "
            "removed DNC list, more attempts, a shorter pause between attempts, or a shorter ring "
            "time.",
        ),
    ),
)

VIEW_COLUMNS = (
    at_column(
        "valid_to",
        "End of validity: `valid_from` of the next version; empty for the newest version.",
    ),
    bool_column("is_current", "True for the newest version of the campaign."),
    at_column("changed_at", "Start of validity of the new value: `valid_from` of its version."),
    text_column("campaign_name", "Name of the campaign in this version."),
    text_column(
        "state",
        "`complete`; `partial`: some campaigns failed; `failed`: all failed; `interrupted`: it was "
        "stopped; `running`; `killed`: it stopped without recording an end, and another run has "
        "started since.",
    ),
    int_column("duration_seconds", "Seconds from start to end; empty if the run has not ended."),
    bool_column(
        "is_full_sweep_finished",
        "True if every configured campaign was fetched between `full_sweep_started_at` and the end "
        "of this run.",
    ),
    int_column(
        "week_start_minute", "Start in minutes after Monday 00:00, in the campaign's time zone."
    ),
    int_column(
        "week_end_minute", "End in minutes after Monday 00:00; 10080 is the end of the week."
    ),
    int_column("minutes", "Number of minutes."),
    bool_column(
        "is_after_midnight",
        "True for the part of a window past midnight that is on the next weekday.",
    ),
    int_column(
        "weekly_minutes",
        "Minutes per week in which the campaign may dial; overlapping windows count once. For "
        "several campaigns, the sum.",
    ),
    int_column("weekend_minutes", "Minutes of `weekly_minutes` on Saturday and Sunday."),
    int_column("window_count", "Number of calling windows that Kore sent, parsed or not."),
    int_column(
        "first_minute", "Earliest minute of a day when the campaign may dial, on any weekday."
    ),
    int_column(
        "last_minute", "Latest minute of a day until which the campaign may dial, on any weekday."
    ),
    int_column("weekday_count", "Number of weekdays on which the campaign may dial."),
    text_column(
        "check_name",
        "`unparsed`: weekday or time cannot be parsed; `zero_length`: the window ends at its start "
        "and counts as 24 hours; `duplicate` and `overlap` of an earlier window; `gap` between two "
        "windows of a day.",
    ),
    Column("calendar_date", "date", "The date in the campaign's time zone."),
    text_column(
        "shared",
        "Kind of shared resource: `contact_list`, `caller_id`, or `queue` (the queue or flow that "
        "takes the answered calls).",
    ),
    text_column("shared_name", "Name or number of the shared resource."),
    int_column("campaign_count", "Number of live campaigns that use it."),
    bool_column(
        "is_compared",
        "True if kore.campaign_overlaps compares its campaigns in pairs: 100 campaigns at most.",
    ),
    text_column("other_campaign_id", "Id of the other campaign; it sorts after `campaign_id`."),
    text_column("other_campaign_name", "Name of the other campaign."),
    int_column(
        "overlap_minutes", "Minutes in the seven days from today when both campaigns may dial."
    ),
    at_column("first_overlap_at", "Start of the first overlap (UTC)."),
    text_column(
        "finding",
        "Kind of finding, for example `outside_permitted_hours`, `no_dnc_list`, `stale`; "
        "docs/findings.md lists all kinds.",
    ),
    text_column(
        "severity",
        "`high`: check today; `medium`: check soon; `low`: clean up; `info`: for information.",
    ),
    text_column("value", "Value of the campaign."),
    text_column("limit_value", "Limit that `value` is compared with; empty if there is none."),
    text_column("sentence", "The finding as text, to follow the campaign's name."),
    bool_column("is_configured", "True if the campaign is in the file of campaign ids."),
    at_column(
        "last_confirmed_at",
        "Last time when the newest stored version matched Kore (UTC): start of the newest finished "
        "run in which the campaign did not fail, or `observed_at`.",
    ),
    text_column(
        "link",
        "Source of `contact_list_id`. `sent`: Kore sent it; `in_use`: a list with this name names "
        "the campaign as its user; `name`: exactly one list has this name; `ambiguous`: several "
        "lists have it; `unknown`: no list for calls has it.",
    ),
    bool_column("is_held", "True if the campaign is in `kore.campaigns`."),
    at_column("last_changed_at", "Start of validity of the newest version: its `valid_from`."),
    at_column("last_error_at", "Time of the last failure (UTC); empty if there was none."),
    text_column("last_error_code", "`error_code` of the last failure."),
    text_column("last_error_message", "Message of the last failure."),
    bool_column(
        "is_stale",
        "True if the campaign failed and was not confirmed since, if it was not confirmed for "
        "`stale_after_seconds` of the newest run, or if it is not configured any more.",
    ),
)

OF_LIST_CAMPAIGNS = (
    text_column(
        "campaign_name",
        "Current name of the campaign if `is_held`; otherwise the name in the list, which Kore "
        "does not update.",
    ),
)
OF_CAMPAIGN_LISTS = (
    text_column(
        "contact_list_id",
        "The list's id, sent by Kore or found by its name, as `link` says; empty if `link` is "
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
    "One row per campaign and version. Rows are added, never changed.",
    ("stream_id", "campaign_id", "version"),
    (
        text_column("account_id", "The Kore.ai account."),
        STREAM_ID,
        CAMPAIGN_ID,
        VERSION,
        text_column(
            "content_hash",
            "SHA-256 of the received object with sorted keys; equal hashes mean equal content.",
        ),
        at_column("observed_at", "Time when this state was first read from the API (UTC)."),
        at_column(
            "valid_from",
            "Start of validity: `updated_at` if it is later than the previous version, otherwise "
            "`observed_at`.",
        ),
        bool_column(
            "is_deleted",
            "True if the campaign is deleted (two 404 responses); the columns show its last state.",
        ),
        text_column(
            "change_summary",
            "Changes of this version as a sentence; `first seen` for version 1.",
        ),
        text_column(
            "campaign_type", "`voice` or `sms`, inferred because the API does not send it."
        ),
        text_column("name", "Campaign name."),
        text_column("description", "Description of the campaign, as its author wrote it."),
        text_column(
            "status",
            "Ready, Active, Paused, Preparing, Completed, Stopped, Scheduled, "
            "Rescheduled ...; an open set.",
        ),
        int_column("priority", "1 to 5, higher is dialled first; old campaigns may have up to 10."),
        text_column("dialing_mode", "Agentless, Progressive, Preview, Power; empty for SMS."),
        text_column("caller_id", "Number that calls or messages come from, E.164."),
        text_column("calling_hours_frequency", "WEEKLY, DAILY or CUSTOM."),
        text_column(
            "timezone",
            "Time zone of the calling hours, IANA name; a contact's own time zone takes "
            "precedence.",
        ),
        text_column("dialing_order", "FIFO or LIFO."),
        int_column("max_attempts_per_record", "Maximum number of attempts per contact."),
        int_column("retry_period_minutes", "Minutes between two attempts for one contact."),
        int_column("max_ring_seconds", "Maximum ring time of a call in seconds."),
        int_column(
            "max_skips",
            "Number of records that an agent may skip; may be left from an earlier Preview mode.",
        ),
        bool_column("use_system_mappings", "True if system-defined mapping rules apply."),
        text_column("experience_flow_id", "The flow that talks to the contact, `cf-...`."),
        text_column(
            "machine_detection",
            "`no`, `detect` or `disconnect`; or `true`/`false` if Kore sends that.",
        ),
        bool_column("is_filters_enabled", "True if column filters on the contact list are on."),
        text_column("format", "SMS: `simple` or `advanced`."),
        text_column(
            "campaign_instance_id",
            "The newest run of the campaign, `cid-...`; empty before the first run.",
        ),
        bool_column("is_scheduling_enabled", "True if the campaign starts by a schedule."),
        bool_column("is_recurrence_enabled", "True if the schedule repeats."),
        json_column(
            "schedule", "The complete schedule as received; Kore does not document its keys."
        ),
        at_column("created_at", "Creation of the campaign (UTC)."),
        at_column(
            "updated_at",
            "Last write to the campaign according to Kore (UTC); may be before `created_at`.",
        ),
        json_column(
            "raw", "The complete `data` object as received. For a deletion: the last one received."
        ),
    ),
    (CALLING_HOURS, DNC_LISTS, CONTACT_LISTS, CHANGES),
)

CAMPAIGN_LISTINGS = Table(
    "campaign_listings",
    "One row per campaign in the account listing, configured or not.",
    ("stream_id", "campaign_id"),
    (
        text_column("account_id", "The Kore.ai account."),
        STREAM_ID,
        CAMPAIGN_ID,
        int_column(
            "version",
            "The stored version that matched the listing; empty if none did.",
        ),
        at_column("seen_at", "Time when the listing first showed this row (UTC)."),
        text_column("campaign_type", "`voice` or `sms`: the listing that contains the campaign."),
        text_column("name", "Campaign name."),
        text_column(
            "summary_hash", "SHA-256 of the fields that the campaign's own response has too."
        ),
        text_column("row_hash", "SHA-256 of `summary_hash` and the fields below."),
        text_column(
            "connection",
            "Name of the queue (Progressive, Preview) or flow (Agentless) that takes the answered "
            "calls; only the account listing has it.",
        ),
        at_column(
            "campaign_instance_updated_at",
            "Last write to the campaign's newest run (UTC); only the account listing has it. "
            "Equals `updated_at` before the first run.",
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
# views in which a column has its own meaning
_OWN_COLUMNS = {
    "contact_lists": LISTS.columns,
    "contact_list_campaigns": (*LIST_CAMPAIGNS.columns, *OF_LIST_CAMPAIGNS),
    "campaign_contact_lists": OF_CAMPAIGN_LISTS,
}


def columns_of(view: str) -> dict[str, Column]:
    """Find the columns of a view by name; most names mean the same in all views."""
    found = {column.name: column for column in VIEW_COLUMNS}
    for table in TABLES:
        for part in (table, *table.children):
            for column in part.columns:
                found.setdefault(column.name, column)
    return found | {column.name: column for column in _OWN_COLUMNS.get(view, ())}
