"""Every raw table, declared once: columns, types, keys and a sentence each.

dlt's hints, the comments in the database and docs/tables.md are all made from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RAW_SCHEMA = "kore_raw"
VIEW_SCHEMA = "kore"

DataType = Literal["text", "bigint", "bool", "timestamp", "time", "json"]


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


def _text(name: str, description: str) -> Column:
    return Column(name, "text", description)


def _int(name: str, description: str) -> Column:
    return Column(name, "bigint", description)


def _bool(name: str, description: str) -> Column:
    return Column(name, "bool", description)


def _at(name: str, description: str) -> Column:
    return Column(name, "timestamp", description)


def _json(name: str, description: str) -> Column:
    return Column(name, "json", description)


STREAM_ID = _text("stream_id", "The app (bot) the campaign belongs to, `st-...`.")
CAMPAIGN_ID = _text("campaign_id", "The campaign's id, `cd-...`. Not a UUID.")
VERSION = _int("version", "1 for the first state ever seen of the campaign, then 2, 3 ...")
POSITION = _int("position", "Place of the row in its list as Kore sent it, from 1.")
CHILD_KEY = ("stream_id", "campaign_id", "version", "position")
CHILD_COLUMNS = (STREAM_ID, CAMPAIGN_ID, VERSION, POSITION)

CALLING_HOURS = Table(
    "calling_hours",
    "One row per calling window of a campaign version: when it may dial, in the "
    "campaign's own zone.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        _text("day", "Weekday as sent: MO TU WE TH FR SA SU; empty if Kore named none."),
        _int(
            "day_of_week",
            "ISO weekday, 1 = Monday to 7 = Sunday; empty if `day` is none of the seven.",
        ),
        _text("start_text", "Start exactly as sent, e.g. `9:00 AM`."),
        _text("end_text", "End exactly as sent, e.g. `6:00 PM`."),
        Column("start_time", "time", "Start as a time of day, local to the campaign's zone."),
        Column(
            "end_time",
            "time",
            "End as a time of day, local; 00:00 for a window that ends at midnight.",
        ),
        _int("start_minute", "Start in minutes after midnight, 0 to 1439."),
        _int(
            "end_minute",
            "End in minutes after the midnight before the start, 1 to 1440, or beyond "
            "for a window past midnight.",
        ),
        _bool("crosses_midnight", "True if the window goes on after midnight into the next day."),
        _bool(
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
        _text(
            "dnc_list_id", "The list's id, `cl-...`; empty where Kore sends the name only (SMS)."
        ),
        _text("dnc_list_name", "The list's name."),
    ),
)

CONTACT_LISTS = Table(
    "contact_lists",
    "One row per contact list a campaign version dials.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        _text("contact_list_id", "The list's id; empty, as Kore sends names only."),
        _text("contact_list_name", "The list's name."),
    ),
)

CHANGES = Table(
    "changes",
    "One row per field that differs from the version before. Version 1 has none.",
    CHILD_KEY,
    (
        *CHILD_COLUMNS,
        _text("path", "Where, e.g. `dialingStrategy.callingHours.days[MO].start`."),
        _text("old_value", "Value before; empty if the field was not there."),
        _text("new_value", "Value after; empty if the field is no longer there."),
    ),
)

CAMPAIGN_VERSIONS = Table(
    "campaign_versions",
    "One row per state of a campaign that was ever seen. Rows are added, never changed.",
    ("stream_id", "campaign_id", "version"),
    (
        _text("account_id", "The Kore.ai account."),
        STREAM_ID,
        CAMPAIGN_ID,
        VERSION,
        _text(
            "content_hash",
            "SHA-256 of the received object with its keys sorted; equal hash, equal content.",
        ),
        _at("observed_at", "When this state was first read from the API."),
        _at(
            "valid_from",
            "From when this state counts: `updated_at` if it moved forward, else `observed_at`.",
        ),
        _bool(
            "is_deleted",
            "True if the campaign was gone (answered 404 twice); the columns keep what "
            "was last known.",
        ),
        _text("campaign_type", "`voice` or `sms`, inferred: the API does not say."),
        _text("name", "Campaign name."),
        _text("description", "What the campaign is for, as its author wrote it."),
        _text(
            "status",
            "Ready, Active, Paused, Preparing, Completed, Stopped, Scheduled, "
            "Rescheduled ...; an open set.",
        ),
        _int("priority", "1 to 5, higher is dialled first; old campaigns may hold up to 10."),
        _text("dialing_mode", "Agentless, Progressive, Preview, Power; empty for SMS."),
        _text("caller_id", "The number calls or messages come from, E.164."),
        _text("calling_hours_frequency", "WEEKLY, DAILY or CUSTOM."),
        _text(
            "timezone",
            "Zone of the calling hours, IANA name; a contact's own zone takes precedence.",
        ),
        _text("dialing_order", "FIFO or LIFO."),
        _int("max_attempts_per_record", "How often one contact is tried."),
        _int("retry_period_minutes", "Minutes between two tries of one contact."),
        _int("max_ring_seconds", "Seconds a call may ring."),
        _int(
            "max_skips",
            "How many records an agent may skip; may be left over from an earlier Preview mode.",
        ),
        _bool("use_system_mappings", "System-defined mapping rules are applied."),
        _text("experience_flow_id", "The flow that talks to the contact, `cf-...`."),
        _text(
            "machine_detection",
            "`no`, `detect` or `disconnect`; or `true`/`false` where Kore answers so.",
        ),
        _bool("is_filters_enabled", "Column filters on the contact list are on."),
        _text("format", "SMS: `simple` or `advanced`."),
        _text(
            "campaign_instance_id",
            "The newest run of the campaign, `cid-...`; empty before the first run.",
        ),
        _bool("is_scheduling_enabled", "The campaign starts by a schedule."),
        _bool("is_recurrence_enabled", "The schedule repeats."),
        _json(
            "schedule", "The schedule as received, whole: its keys are not documented for answers."
        ),
        _at("created_at", "When the campaign was created (UTC)."),
        _at(
            "updated_at",
            "Last write to the campaign according to Kore (UTC); may lie before `created_at`.",
        ),
        _json(
            "raw", "The `data` object as received, whole. For a deletion: the last one received."
        ),
    ),
    (CALLING_HOURS, DNC_LISTS, CONTACT_LISTS, CHANGES),
)

RUN_ID = _text("run_id", "The run, as in its report and logs.")

EXTRACTION_RUNS = Table(
    "extraction_runs",
    "One row per run; a run that was killed keeps the numbers of its last durable step "
    "and is not complete.",
    ("run_id",),
    (
        RUN_ID,
        _text("account_id", "The Kore.ai account that was read."),
        _text("stream_id", "The app that was read."),
        _at("started_at", "When the run began (UTC)."),
        _at("finished_at", "When it ended (UTC); empty while it runs or if it was killed."),
        _text("sweep", "`full`: every configured campaign was asked for."),
        _int("planned", "Campaigns the run set out to read."),
        _int("fetched", "Campaigns that were answered."),
        _int("new_versions", "Versions written, deletions included."),
        _int("unchanged", "Campaigns found as we hold them."),
        _int("vanished", "Campaigns that were marked deleted."),
        _int("failed", "Campaigns with a row in extraction_errors."),
        _int("requests", "HTTP requests sent, retries included."),
        _int("retries", "Requests that were repetitions."),
        _int("rate_limited", "Answers that said the call limit was reached."),
        _bool("is_complete", "True if every planned campaign was answered and stored."),
        _int(
            "exit_code",
            "What the command returned: 0 ok, 3 access refused, 4 partial, 75 try later ...",
        ),
        _text("tool_version", "Version of kore-campaigns."),
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
        _text(
            "error_code",
            "Stable word for the reason, e.g. `not_found`, `rate_limited`, "
            "`answer_breaks_contract`.",
        ),
        _int("http_status", "HTTP status of the last answer; empty if there was none."),
        _text("message", "What happened, the likely cause and what to do next."),
        _at("occurred_at", "When (UTC)."),
    ),
)

TABLES = (CAMPAIGN_VERSIONS, EXTRACTION_RUNS, EXTRACTION_ERRORS)

# columns that only views have
VIEW_COLUMNS = (
    _at(
        "valid_to",
        "Until when this state counted: `valid_from` of the next version; empty for the newest.",
    ),
    _bool("is_current", "True for the newest version of the campaign."),
    _at(
        "changed_at", "From when the new value counts: `valid_from` of the version that brought it."
    ),
    _text("campaign_name", "Name of the campaign in that version."),
)


def descriptions() -> dict[str, str]:
    """Description per column name, for views; the same name means the same everywhere."""
    found = {column.name: column.description for column in VIEW_COLUMNS}
    for table in TABLES:
        for part in (table, *table.children):
            for column in part.columns:
                found.setdefault(column.name, column.description)
    return found
