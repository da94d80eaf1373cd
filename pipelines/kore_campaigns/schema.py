"""Every raw table and its columns, declared once: name, type, key, description, field of Kore.

dlt's hints, the comments in the database and docs/tables.md are made from these declarations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from typing import Final, Literal

RAW_SCHEMA: Final = "kore_raw"
VIEW_SCHEMA: Final = "kore"

DataType = Literal["text", "bigint", "bool", "timestamp", "time", "date", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    description: str
    data_type: DataType = "text"
    path: str = ""
    """Path of the field in Kore's response, `dialingStrategy.maxRingTime`; empty if the column is
    not one field.
    """


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


def _table(
    name: str,
    description: str,
    key: tuple[str, ...],
    *columns: Column,
    children: tuple[Table, ...] = (),
) -> Table:
    return Table(name, description, key, columns, children)


_text = Column
_integer = partial(Column, data_type="bigint")
_boolean = partial(Column, data_type="bool")
_timestamp = partial(Column, data_type="timestamp")
_time = partial(Column, data_type="time")
_json = partial(Column, data_type="json")

# columns of several tables
_ACCOUNT_ID = _text("account_id", "The Kore.ai account.")
_STREAM_ID = _text("stream_id", "The app (bot) that the campaign belongs to, `st-...`.")
_CAMPAIGN_ID = _text("campaign_id", "The campaign's id, `cd-...`. Not a UUID.")
_RUN_ID = _text("run_id", "Id of the run, as in its report and logs.")
_VERSION = _integer("version", "1 for the first stored state of the campaign, then 2, 3 ...")
_POSITION = _integer("position", "Position of the row in the list that Kore sent, from 1.")
_CONTACT_LIST_ID = _text("contact_list_id", "The list's id, `cl-...`.")
_SEEN_AT = _timestamp("seen_at", "Time when a run first saw the current state (UTC).")
_TIMEZONE = _text(
    "timezone",
    "Time zone of the calling hours, IANA name; a contact's own time zone takes precedence.",
)
_COUNTRY_CODE = _text(
    "country_code",
    "Country of the time zone, ISO 3166-1 alpha-2; empty if it is in no country or in several.",
)
_CONTACT_LIST_NAME = _text("contact_list_name", "The list's name.")

# the state of campaigns
CHILD_KEY = ("stream_id", "campaign_id", "version", "position")


def _child_table(name: str, description: str, *columns: Column) -> Table:
    key = (_STREAM_ID, _CAMPAIGN_ID, _VERSION, _POSITION)
    return Table(name, description, CHILD_KEY, (*key, *columns))


CALLING_HOURS = _child_table(
    "calling_hours",
    "One row per calling window of a campaign version: when it may dial, in the campaign's time "
    "zone.",
    _text("day", "Weekday as sent: MO TU WE TH FR SA SU; empty if Kore sent none."),
    _integer(
        "day_of_week",
        "ISO weekday, 1 = Monday to 7 = Sunday; empty if `day` is not one of the seven.",
    ),
    _text("start_text", "Start exactly as sent, for example `9:00 AM`."),
    _text("end_text", "End exactly as sent, for example `6:00 PM`."),
    _time("start_time", "Start as a time of day, in the campaign's time zone, without seconds."),
    _time(
        "end_time",
        "End as a time of day, in the campaign's time zone, seconds rounded up to a minute; 00:00 "
        "for a window that ends at midnight.",
    ),
    _integer("start_minute", "Start in minutes after midnight, 0 to 1439."),
    _integer(
        "end_minute",
        "End in minutes after the midnight before the start, 1 to 1440; more for a window past "
        "midnight.",
    ),
    _boolean("crosses_midnight", "True if the window continues after midnight into the next day."),
    _boolean(
        "is_parsed",
        "False if start or end could not be parsed as a time; the texts are stored.",
    ),
)

DNC_LISTS = _child_table(
    "dnc_lists",
    "One row per do-not-call list of a campaign version. The API never shows the account's global "
    "DNC list.",
    _text("dnc_list_id", "The list's id, `cl-...`; empty where Kore sends only the name (SMS)."),
    _text("dnc_list_name", "The list's name."),
)

CONTACT_LISTS = _child_table(
    "contact_lists",
    "One row per contact list that a campaign version dials.",
    _text("contact_list_id", "The list's id; empty, because Kore sends only names."),
    _CONTACT_LIST_NAME,
)

CHANGES = _child_table(
    "changes",
    "One row per field that differs from the previous version. Version 1 has no rows.",
    _text("path", "Path of the field, for example `dialingStrategy.callingHours.days[MO].start`."),
    _text("old_value", "Previous value; empty if the field did not exist."),
    _text("new_value", "New value; empty if the field no longer exists."),
    _text(
        "kind",
        "Topic of the change: calling_hours, dnc, caller_id, retry, priority, status, "
        "schedule, lists, text or other.",
    ),
    _boolean(
        "is_risky",
        "True if the campaign may do more than before: more calling time, another time zone, a "
        "removed DNC list, more attempts, a shorter pause between attempts, or a shorter ring "
        "time.",
    ),
)

CAMPAIGN_VERSIONS = _table(
    "campaign_versions",
    "One row per campaign and version. Rows are added, never changed.",
    ("stream_id", "campaign_id", "version"),
    _ACCOUNT_ID,
    _STREAM_ID,
    _CAMPAIGN_ID,
    _VERSION,
    _text(
        "content_hash",
        "SHA-256 of the received object with sorted keys; equal hashes mean equal content.",
    ),
    _timestamp("observed_at", "Time when this state was first read from the API (UTC)."),
    _timestamp(
        "valid_from",
        "Start of validity: `updated_at` if it is later than the previous version, otherwise "
        "`observed_at`; never later than that.",
    ),
    _boolean(
        "is_deleted",
        "True if the campaign is deleted: two 404 responses some time apart, or one and a whole "
        "listing without it. The columns show its last state.",
    ),
    _text("change_summary", "Changes of this version as a sentence; `first seen` for version 1."),
    _text("campaign_type", "`voice` or `sms`, inferred because the API does not send it."),
    _text("name", "Campaign name.", path="name"),
    _text(
        "description",
        "Description of the campaign, as its author wrote it.",
        path="description",
    ),
    _text(
        "status",
        "Ready, Active, Paused, Preparing, Completed, Stopped, Scheduled, "
        "Rescheduled ...; an open set.",
        path="status",
    ),
    _integer(
        "priority",
        "1 to 5, higher is dialled first; old campaigns may have up to 10.",
        path="priority",
    ),
    _text(
        "dialing_mode",
        "Agentless, Progressive, Preview, Power; empty for SMS.",
        path="dialingMode",
    ),
    _text(
        "caller_id",
        "Number that calls or messages come from, E.164.",
        path="dialingStrategy.callerId.phoneNumber",
    ),
    _text(
        "calling_hours_frequency",
        "WEEKLY, DAILY or CUSTOM.",
        path="dialingStrategy.callingHours.frequency",
    ),
    replace(_TIMEZONE, path="dialingStrategy.callingHours.timezone"),
    _text("dialing_order", "FIFO or LIFO.", path="dialingStrategy.dialingOrder"),
    _integer(
        "max_attempts_per_record",
        "Maximum number of attempts per contact.",
        path="dialingStrategy.maxAttemptsPerRecord",
    ),
    _integer(
        "retry_period_minutes",
        "Minutes between two attempts for one contact.",
        path="dialingStrategy.defaultRetryPeriod",
    ),
    _integer(
        "max_ring_seconds",
        "Maximum ring time of a call in seconds.",
        path="dialingStrategy.maxRingTime",
    ),
    _integer(
        "max_skips",
        "Number of records that an agent may skip; may be left from an earlier Preview mode.",
        path="maxSkips",
    ),
    _boolean(
        "use_system_mappings",
        "True if system-defined mapping rules apply.",
        path="dialingStrategy.useSystemMappings",
    ),
    _text(
        "experience_flow_id",
        "The flow that talks to the contact, `cf-...`.",
        path="experienceFlow",
    ),
    _text(
        "machine_detection",
        "`no`, `detect` or `disconnect`; or `true`/`false` if Kore sends that.",
        path="enableMachineDetect",
    ),
    _boolean(
        "is_filters_enabled",
        "True if column filters on the contact list are on.",
        path="isFiltersEnabled",
    ),
    _text("format", "SMS: `simple` or `advanced`.", path="format"),
    _text(
        "campaign_instance_id",
        "The newest run of the campaign, `cid-...`; empty before the first run.",
        path="campaignInstanceId",
    ),
    _boolean(
        "is_scheduling_enabled",
        "True if the campaign starts by a schedule.",
        path="schedule.isSchedulingEnabled",
    ),
    _boolean(
        "is_recurrence_enabled",
        "True if the schedule repeats.",
        path="schedule.isRecurrenceEnabled",
    ),
    _json(
        "schedule",
        "The complete schedule as received; Kore does not document its keys.",
        path="schedule",
    ),
    _timestamp("created_at", "Creation of the campaign (UTC).", path="createdAt"),
    _timestamp(
        "updated_at",
        "Last write to the campaign according to Kore (UTC); may be before `created_at`.",
        path="updatedAt",
    ),
    _json("raw", "The complete `data` object as received. For a deletion: the last one received."),
    children=(CALLING_HOURS, DNC_LISTS, CONTACT_LISTS, CHANGES),
)

CAMPAIGN_LISTINGS = _table(
    "campaign_listings",
    "One row per campaign in the account listing, configured or not.",
    ("stream_id", "campaign_id"),
    _ACCOUNT_ID,
    _STREAM_ID,
    _CAMPAIGN_ID,
    _integer("version", "The stored version that matched the listing; empty if none did."),
    _timestamp("seen_at", "Time when the listing first showed this row (UTC)."),
    _text("campaign_type", "`voice` or `sms`: the listing that contains the campaign."),
    _text("name", "Campaign name."),
    _text("summary_hash", "SHA-256 of the fields that the campaign's own response has too."),
    _text("row_hash", "SHA-256 of `summary_hash` and the fields below."),
    _text(
        "connection",
        "Name of the queue (Progressive, Preview) or flow (Agentless) that takes the answered "
        "calls; only the account listing has it.",
    ),
    _timestamp(
        "campaign_instance_updated_at",
        "Last write to the campaign's newest run (UTC); only the account listing has it. "
        "Equals `updated_at` before the first run.",
    ),
)

CONFIGURED_CAMPAIGNS = _table(
    "configured_campaigns",
    "One row per campaign that is or was in the file of campaign ids.",
    ("stream_id", "campaign_id"),
    _ACCOUNT_ID,
    _STREAM_ID,
    _CAMPAIGN_ID,
    _timestamp("configured_at", "Start of the first run that had to fetch the campaign (UTC)."),
    _timestamp(
        "removed_at",
        "Start of the first run after its removal (UTC); empty while the campaign is configured.",
    ),
)

# runs
_RUN_NUMBER = _integer(
    "run_number",
    "Number of the run in the order of writing, whatever the clocks said.",
)
EXTRACTION_RUNS = _table(
    "extraction_runs",
    "One row per run. A killed run keeps the numbers of its last durable step and is not complete.",
    ("run_id",),
    _RUN_ID,
    _text("account_id", "The Kore.ai account that was read."),
    _text("stream_id", "The app that was read."),
    _timestamp("started_at", "Start of the run (UTC)."),
    _timestamp("finished_at", "End of the run (UTC); empty while it runs or if it was killed."),
    _text(
        "sweep",
        "`full`: the run fetched every configured campaign; `listing`: only campaigns that are "
        "new or different in the account listing. Empty if it was killed without a plan.",
    ),
    _text("sweep_reason", "Reason for this kind of sweep."),
    _integer("listed", "Campaigns in the account listing; empty if it was not read."),
    _timestamp(
        "full_sweep_started_at",
        "Start of the full sweep that this run is part of (UTC); empty for a sweep by listing.",
    ),
    _text(
        "confirmed_through",
        "Progress of a full sweep: known campaigns are fetched in the order of their ids, up "
        "to this id so far. Empty when all are fetched; otherwise the next run continues from "
        "here.",
    ),
    _json(
        "unsettled",
        "Campaigns up to this id without a final result: in flight, being retried, or waiting "
        "for a second request after a 404.",
    ),
    _integer("planned", "Campaigns that the run planned to fetch."),
    _integer("fetched", "Campaigns that were answered."),
    _integer("new_versions", "Versions written; deletions count as `vanished`."),
    _integer("unchanged", "Campaigns equal to the stored version."),
    _integer("vanished", "Campaigns that were marked deleted."),
    _integer("failed", "Campaigns with a row in extraction_errors."),
    _integer("requests", "HTTP requests sent, including retries."),
    _integer("retries", "Requests that were retries."),
    _integer("rate_limited", "Responses that reported the rate limit."),
    _boolean(
        "is_complete",
        "True if every planned campaign was answered and stored, and for `*` the account listing "
        "was whole.",
    ),
    _integer(
        "exit_code",
        "Exit code of the command: 0 ok, 3 access refused, 4 partial, 75 try later ...",
    ),
    _integer(
        "stale_after_seconds",
        "A campaign that was not confirmed for this time is stale: twice the setting "
        "`full_sweep_every_hours` of the run.",
    ),
    _text("tool_version", "Version of kore-campaigns."),
    _text(
        "listing_state",
        "How the account listing could be read: `whole`; `doubtful`: it contradicts itself, so "
        "campaigns may be missing; `refused`. Empty if it was not read.",
    ),
    _RUN_NUMBER,
    _integer(
        "clock_difference_seconds",
        "How far the clock of this machine was ahead of Kore.ai's `Date`; negative if behind.",
    ),
)

EXTRACTION_ERRORS = _table(
    "extraction_errors",
    "One row per campaign that failed in a run, with the reason.",
    ("run_id", "stream_id", "campaign_id"),
    _RUN_ID,
    _STREAM_ID,
    _CAMPAIGN_ID,
    _text(
        "error_code",
        "Stable code of the reason, for example `not_found`, `rate_limited`, "
        "`answer_breaks_contract`.",
    ),
    _integer("http_status", "HTTP status of the last response; empty if there was none."),
    _text("message", "The problem, its likely cause and what to do next."),
    _timestamp("occurred_at", "Time of the failure (UTC)."),
)

EXTRACTION_DRIFT = _table(
    "extraction_drift",
    "One row per run and field, value or type that this version of the program does not know. It "
    "is stored in `raw` of the campaigns.",
    ("run_id", "stream_id", "path", "example_type"),
    _RUN_ID,
    _STREAM_ID,
    _text("path", "Path of the field, for example `dialingStrategy.pacingRatio`."),
    _text(
        "example_type",
        "JSON type of an unknown field; `unexpected ...` or `unreadable ...` if another type "
        "was expected; `value ...` if the field has a known set of values.",
    ),
    _integer("campaign_count", "Campaigns answered in this run that have the field or value."),
    _timestamp("first_seen_at", "Start of the first run that found it (UTC)."),
)

# contact lists, policies and time zones: as the last run found them
LISTS = _table(
    "contact_lists",
    "One row per contact list of the app, from the last run that could read the lists. It contains "
    "no contacts and no settings of their source.",
    ("stream_id", "contact_list_id"),
    _ACCOUNT_ID,
    _STREAM_ID,
    _CONTACT_LIST_ID,
    _CONTACT_LIST_NAME,
    _text("list_type", "Purpose of the list according to Kore: `call`."),
    _integer("record_count", "Number of contacts in the list according to Kore."),
    _text("status", "Status of the list: Ready, Validated ...; an open set."),
    _text(
        "source",
        "Source of the contacts: localDrive, apiIntegration, passiveApi, "
        "passiveApiIntegration; an open set.",
    ),
    _text(
        "list_timezone",
        "Field of the list with each contact's time zone; empty: the campaign's time zone "
        "applies to all contacts.",
    ),
    _timestamp("updated_at", "Last write to the list according to Kore (UTC)."),
    _SEEN_AT,
)

LIST_CAMPAIGNS = _table(
    "contact_list_campaigns",
    "One row per contact list and campaign that uses it, according to the list.",
    ("stream_id", "contact_list_id", "campaign_id"),
    _ACCOUNT_ID,
    _STREAM_ID,
    _CONTACT_LIST_ID,
    _CAMPAIGN_ID,
    _text("campaign_name", "Name of the campaign in the list; Kore does not update this copy."),
    _SEEN_AT,
)

POLICIES = _table(
    "policies",
    "One row per line of the policies file and weekday: the limits that the user defined.",
    ("stream_id", "policy_name", "position", "day_of_week"),
    _STREAM_ID,
    _text("policy_name", "The policy that the limit belongs to."),
    _integer("position", "Number of the line in the file, from 1."),
    _integer("day_of_week", "ISO weekday, 1 = Monday to 7 = Sunday."),
    _text("zone_pattern", "Time zones that the policy applies to, with `*` and `?`; empty: all."),
    _text("zone_like", "`zone_pattern` as a pattern for SQL's `like ... escape '!'`."),
    _COUNTRY_CODE,
    _text(
        "campaign_pattern",
        "Campaigns that the policy applies to, by id or name, with `*` and `?`; empty: all.",
    ),
    _text("campaign_like", "`campaign_pattern` as a pattern for SQL's `like ... escape '!'`."),
    _integer(
        "earliest_minute",
        "First permitted minute of the day, 0 to 1439, in the campaign's time zone; empty: no "
        "limit.",
    ),
    _integer(
        "latest_minute",
        "Minute of the day when calling must end, 1 to 1440; 0: no calls on this day; empty: "
        "no limit.",
    ),
    _integer(
        "max_attempts_per_24h",
        "Maximum number of attempts per contact in 24 hours; empty: no limit.",
    ),
    _integer("min_ring_seconds", "Minimum ring time of a call in seconds; empty: no limit."),
)

TIME_ZONES = _table(
    "time_zones",
    "One row per time zone that a campaign version names.",
    ("timezone",),
    _TIMEZONE,
    _boolean(
        "is_iana",
        "True if the IANA database has the name; otherwise the hours cannot be converted to UTC.",
    ),
    _boolean("is_legacy", "True for an old name that exists only for old programs."),
    _text("canonical_timezone", "The current name; empty if `timezone` is not an IANA name."),
    _COUNTRY_CODE,
    _text("tzdata_version", "Release of the time zone database that the offsets come from."),
    _timestamp("covered_until", "End of the time for which `zone_offsets` has offsets (UTC)."),
)

ZONE_OFFSETS = _table(
    "zone_offsets",
    "One row per time zone and period with a constant offset from UTC.",
    ("timezone", "starts_at"),
    _TIMEZONE,
    _timestamp("starts_at", "Start of the period (UTC)."),
    _timestamp("ends_at", "End of the period (UTC), exclusive."),
    _integer("utc_offset_minutes", "Minutes by which the local clock is ahead of UTC."),
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


def nested_name(table: Table, child: Table) -> str:
    """The name of a nested table in the database, as dlt names it."""
    return f"{table.name}__{child.name}"


ALL_TABLES: Final[Mapping[str, Table]] = {
    name: each
    for table in TABLES
    for name, each in (
        (table.name, table),
        *((nested_name(table, child), child) for child in table.children),
    )
}
"""By the name in the database, each nested table after its parent."""


def queries(module: str) -> dict[str, str]:
    """The queries of the `.sql` file next to a module, by the name that stands above each."""
    package, _, name = module.rpartition(".")
    text = resources.files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    named = (query.partition("\n") for query in text.split("-- name: ")[1:])
    return {name: sql for name, _, sql in named}
