"""Columns that only views have; a column of a table means the same wherever it is shown."""

from __future__ import annotations

from kore_campaigns.columns import Column, at_column, bool_column, int_column, text_column

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
