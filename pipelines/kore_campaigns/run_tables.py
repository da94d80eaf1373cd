"""What runs say of themselves: numbers, failures, fields nobody knows, and what was configured."""

from __future__ import annotations

from kore_campaigns.columns import (
    Table,
    at_column,
    bool_column,
    int_column,
    json_column,
    text_column,
)

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
