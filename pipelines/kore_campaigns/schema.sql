-- Every raw table of schema `kore_raw`. dlt's hints, the comments in the database and docs/reference/tables.md
-- are made from this file.
--
-- The types are dlt's. Above a column is its description; one without it has that of the first
-- column with its name. Behind a column is the path of the field in Kore's response that it shows.
-- dlt names a table that is nested in another one `parent__name`.

-- One row per campaign and version. Rows are added, never changed.
create table campaign_versions (
    -- The Kore.ai account.
    account_id text,
    -- The app (bot) that the campaign belongs to, `st-...`.
    stream_id text,
    -- The campaign's id, `cd-...`. Not a UUID.
    campaign_id text,
    -- 1 for the first stored state of the campaign, then 2, 3 ...
    version bigint,
    -- SHA-256 of the received object with sorted keys; equal hashes mean equal content.
    content_hash text,
    -- Time when this state was first read from the API (UTC).
    observed_at timestamp,
    -- Start of validity: `updated_at` if it is later than the previous version, otherwise
    -- `observed_at`; never later than that.
    valid_from timestamp,
    -- True if the campaign is deleted: two 404 responses some time apart, or one and a whole
    -- listing without it. The columns show its last state.
    is_deleted bool,
    -- Changes of this version as a sentence; `first seen` for version 1.
    change_summary text,
    -- `voice` or `sms`, inferred because the API does not send it.
    campaign_type text,
    -- Campaign name.
    name text, -- name
    -- Description of the campaign, as its author wrote it.
    description text, -- description
    -- Ready, Active, Paused, Preparing, Completed, Stopped, Scheduled, Rescheduled ...; an open
    -- set.
    status text, -- status
    -- 1 to 5, higher is dialled first; old campaigns may have up to 10. It is a share, too: of the
    -- calls of all campaigns that run at the same time, in proportion to their priorities.
    priority bigint, -- priority
    -- Agentless, Progressive, Preview, Power; empty for SMS.
    dialing_mode text, -- dialingMode
    -- Number that calls or messages come from: E.164, or a SIP number.
    caller_id text, -- dialingStrategy.callerId.phoneNumber
    -- WEEKLY, DAILY or CUSTOM.
    calling_hours_frequency text, -- dialingStrategy.callingHours.frequency
    -- Time zone of the calling hours, IANA name; a contact's own time zone takes precedence.
    timezone text, -- dialingStrategy.callingHours.timezone
    -- FIFO or LIFO.
    dialing_order text, -- dialingStrategy.dialingOrder
    -- Maximum number of attempts per contact. Since Kore v11.21, rules for single dispositions may
    -- allow more or fewer; the API does not show them.
    max_attempts_per_record bigint, -- dialingStrategy.maxAttemptsPerRecord
    -- Minutes between two attempts for one contact.
    retry_period_minutes bigint, -- dialingStrategy.defaultRetryPeriod
    -- Maximum ring time of a call in seconds.
    max_ring_seconds bigint, -- dialingStrategy.maxRingTime
    -- Number of records that an agent may skip; may be left from an earlier Preview mode.
    max_skips bigint, -- maxSkips
    -- True if system-defined mapping rules apply.
    use_system_mappings bool, -- dialingStrategy.useSystemMappings
    -- The flow that talks to the contact, `cf-...`.
    experience_flow_id text, -- experienceFlow
    -- `no`, `detect` or `disconnect`; or `true`/`false` if Kore sends that.
    machine_detection text, -- enableMachineDetect
    -- True if column filters on the contact list are on.
    is_filters_enabled bool, -- isFiltersEnabled
    -- SMS: `simple` or `advanced`.
    format text, -- format
    -- The newest run of the campaign, `cid-...`; empty before the first run.
    campaign_instance_id text, -- campaignInstanceId
    -- True if the campaign starts by a schedule.
    is_scheduling_enabled bool, -- schedule.isSchedulingEnabled
    -- True if the schedule repeats.
    is_recurrence_enabled bool, -- schedule.isRecurrenceEnabled
    -- The complete schedule as received; its times are UTC. Kore does not document its keys.
    schedule json, -- schedule
    -- Creation of the campaign (UTC).
    created_at timestamp, -- createdAt
    -- Last write to the campaign according to Kore (UTC); may be before `created_at`.
    updated_at timestamp, -- updatedAt
    -- The complete `data` object as received. For a deletion: the last one received.
    raw json,
    primary key (stream_id, campaign_id, version)
);

-- One row per calling window of a campaign version: when it may dial, in the campaign's time zone.
create table campaign_versions__calling_hours (
    stream_id text,
    campaign_id text,
    version bigint,
    -- Position of the row in the list that Kore sent, from 1.
    position bigint,
    -- Weekday as sent: MO TU WE TH FR SA SU; empty if Kore sent none.
    day text,
    -- ISO weekday, 1 = Monday to 7 = Sunday; empty if `day` is not one of the seven.
    day_of_week bigint,
    -- Start exactly as sent, for example `9:00 AM`.
    start_text text,
    -- End exactly as sent, for example `6:00 PM`.
    end_text text,
    -- Start as a time of day, in the campaign's time zone, without seconds.
    start_time time,
    -- End as a time of day, in the campaign's time zone, seconds rounded up to a minute; 00:00 for
    -- a window that ends at midnight.
    end_time time,
    -- Start in minutes after midnight, 0 to 1439.
    start_minute bigint,
    -- End in minutes after the midnight before the start, 1 to 1440; more for a window past
    -- midnight.
    end_minute bigint,
    -- True if the window continues after midnight into the next day.
    crosses_midnight bool,
    -- False if start or end could not be parsed as a time; the texts are stored.
    is_parsed bool,
    primary key (stream_id, campaign_id, version, position)
);

-- One row per do-not-call list of a campaign version. The API never shows the account's global DNC
-- list.
create table campaign_versions__dnc_lists (
    stream_id text,
    campaign_id text,
    version bigint,
    position bigint,
    -- The list's id, `cl-...`; empty where Kore sends only the name (SMS).
    dnc_list_id text,
    -- The list's name.
    dnc_list_name text,
    primary key (stream_id, campaign_id, version, position)
);

-- One row per contact list that a campaign version dials.
create table campaign_versions__contact_lists (
    stream_id text,
    campaign_id text,
    version bigint,
    position bigint,
    -- The list's id; empty, because Kore sends only names.
    contact_list_id text,
    -- The list's name.
    contact_list_name text,
    primary key (stream_id, campaign_id, version, position)
);

-- One row per field that differs from the previous version. Version 1 has no rows.
create table campaign_versions__changes (
    stream_id text,
    campaign_id text,
    version bigint,
    position bigint,
    -- Path of the field, for example `dialingStrategy.callingHours.days[MO].start`.
    path text,
    -- Previous value; empty if the field did not exist.
    old_value text,
    -- New value; empty if the field no longer exists.
    new_value text,
    -- Topic of the change: calling_hours, dnc, caller_id, retry, priority, status, schedule, lists,
    -- text or other.
    kind text,
    -- True if the campaign may do more than before: more calling time, another time zone, a removed
    -- DNC list, more attempts, a shorter pause between attempts, or a shorter ring time.
    is_risky bool,
    primary key (stream_id, campaign_id, version, position)
);

-- One row per campaign in the account listing, configured or not.
create table campaign_listings (
    account_id text,
    stream_id text,
    campaign_id text,
    -- The stored version that matched the listing; empty if none did.
    version bigint,
    -- Time when the listing first showed this row (UTC).
    seen_at timestamp,
    -- `voice` or `sms`: the listing that contains the campaign.
    campaign_type text,
    name text,
    -- SHA-256 of the fields that the campaign's own response has too.
    summary_hash text,
    -- SHA-256 of `summary_hash` and the fields below.
    row_hash text,
    -- Name of the queue (Progressive, Preview) or flow (Agentless) that takes the answered calls;
    -- only the account listing has it.
    connection text,
    -- Last write to the campaign's newest run (UTC); only the account listing has it. Equals
    -- `updated_at` before the first run.
    campaign_instance_updated_at timestamp,
    -- How an SMS campaign was run, from the account listing: `NORMAL`, or another value, which
    -- likely stands for *Run as Emergency*. Another value than `NORMAL` stays once it was seen.
    execution_type text,
    -- Time when the listing first showed `execution_type` (UTC).
    execution_type_since timestamp,
    -- Number of messages that an SMS campaign has sent, from the account listing.
    total_messages_sent bigint,
    primary key (stream_id, campaign_id)
);

-- One row per campaign that is or was in the file of campaign ids.
create table configured_campaigns (
    account_id text,
    stream_id text,
    campaign_id text,
    -- Start of the first run that had to fetch the campaign (UTC).
    configured_at timestamp,
    -- Start of the first run after its removal (UTC); empty while the campaign is configured.
    removed_at timestamp,
    primary key (stream_id, campaign_id)
);

-- One row per app that a run has read.
create table apps (
    account_id text,
    stream_id text,
    -- Name of the connection in the settings; the id of the app if the connection has no name.
    app_name text,
    -- Start of the first run (UTC).
    first_run_at timestamp,
    -- Start of the newest run (UTC).
    last_run_at timestamp,
    primary key (stream_id)
);

-- One row per run. A killed run keeps the numbers of its last durable step and is not complete.
create table extraction_runs (
    -- Id of the run, as in its report and logs.
    run_id text,
    -- The Kore.ai account that was read.
    account_id text,
    -- The app that was read.
    stream_id text,
    -- Start of the run (UTC).
    started_at timestamp,
    -- End of the run (UTC); empty while it runs or if it was killed.
    finished_at timestamp,
    -- `full`: the run fetched every configured campaign; `listing`: only campaigns that are new or
    -- different in the account listing; `peek`: in its newest rows; `only`: single
    -- campaigns that the command named. Empty if it was killed without a plan.
    sweep text,
    -- Reason for this kind of sweep.
    sweep_reason text,
    -- Campaigns in the account listing; empty if it was not read.
    listed bigint,
    -- Start of the full sweep that this run is part of (UTC); empty for another sweep.
    full_sweep_started_at timestamp,
    -- Progress of a full sweep: known campaigns are fetched in the order of their ids, up to this
    -- id so far. Empty when all are fetched; otherwise the next run continues from here.
    confirmed_through text,
    -- Campaigns up to this id without a final result: in flight, being retried, or waiting for a
    -- second request after a 404.
    unsettled json,
    -- Campaigns that the run planned to fetch.
    planned bigint,
    -- Campaigns that were answered.
    fetched bigint,
    -- Versions written; deletions count as `vanished`.
    new_versions bigint,
    -- Campaigns equal to the stored version.
    unchanged bigint,
    -- Campaigns that were marked deleted.
    vanished bigint,
    -- Campaigns with a row in extraction_errors.
    failed bigint,
    -- HTTP requests sent, including retries.
    requests bigint,
    -- Requests that were retries.
    retries bigint,
    -- Responses that reported the rate limit.
    rate_limited bigint,
    -- True if every planned campaign was answered and stored, and for `*` the account listing was
    -- whole.
    is_complete bool,
    -- Exit code of the command: 0 ok, 3 access refused, 4 partial, 75 try later ...
    exit_code bigint,
    -- A campaign that was not confirmed for this time is stale: twice the setting
    -- `full_sweep_every_hours` of the run.
    stale_after_seconds bigint,
    -- Version of kore-campaigns.
    tool_version text,
    -- How the account listing could be read: `whole`; `doubtful`: it contradicts itself, so
    -- campaigns may be missing; `refused`. Empty if it was not read, or its newest rows alone.
    listing_state text,
    -- Number of the run in the order of writing, whatever the clocks said.
    run_number bigint,
    -- How far the clock of this machine was ahead of Kore.ai's `Date`; negative if behind.
    clock_difference_seconds bigint,
    -- Rows of a page of the account listing; the next run requests as many. Empty if it was not read
    -- whole.
    listing_page_size bigint,
    primary key (run_id)
);

-- One row per campaign that failed in a run, with the reason.
create table extraction_errors (
    run_id text,
    stream_id text,
    campaign_id text,
    -- Stable code of the reason, for example `not_found`, `rate_limited`, `answer_breaks_contract`.
    error_code text,
    -- HTTP status of the last response; empty if there was none.
    http_status bigint,
    -- The problem, its likely cause and what to do next.
    message text,
    -- Time of the failure (UTC).
    occurred_at timestamp,
    primary key (run_id, stream_id, campaign_id)
);

-- One row per campaign that a run of the kind `only` has fetched. Such a run says nothing about
-- other campaigns.
create table requested_campaigns (
    run_id text,
    stream_id text,
    campaign_id text,
    -- Time of the response (UTC): the stored version was the newest then.
    answered_at timestamp,
    primary key (run_id, stream_id, campaign_id)
);

-- One row per run and field, value or type that this version of the program does not know. It is
-- stored in `raw` of the campaigns.
create table extraction_drift (
    run_id text,
    stream_id text,
    -- Path of the field, for example `dialingStrategy.pacingRatio`.
    path text,
    -- JSON type of an unknown field; `unexpected ...` or `unreadable ...` if another type was
    -- expected; `value ...` if the field has a known set of values.
    example_type text,
    -- Campaigns answered in this run that have the field or value.
    campaign_count bigint,
    -- Start of the first run that found it (UTC).
    first_seen_at timestamp,
    primary key (run_id, stream_id, path, example_type)
);

-- One row per line of the policies file and weekday: the limits that the user defined.
create table policies (
    stream_id text,
    -- The policy that the limit belongs to.
    policy_name text,
    -- Number of the line in the file, from 1.
    position bigint,
    -- ISO weekday, 1 = Monday to 7 = Sunday.
    day_of_week bigint,
    -- Time zones that the policy applies to, with `*` and `?`; empty: all.
    zone_pattern text,
    -- `zone_pattern` as a pattern for SQL's `like ... escape '!'`.
    zone_like text,
    -- Country of the time zone, ISO 3166-1 alpha-2; empty if it is in no country or in several.
    country_code text,
    -- Campaigns that the policy applies to, by id or name, with `*` and `?`; empty: all.
    campaign_pattern text,
    -- `campaign_pattern` as a pattern for SQL's `like ... escape '!'`.
    campaign_like text,
    -- First permitted minute of the day, 0 to 1439, in the campaign's time zone; empty: no limit.
    earliest_minute bigint,
    -- Minute of the day when calling must end, 1 to 1440; 0: no calls on this day; empty: no limit.
    latest_minute bigint,
    -- Maximum number of attempts per contact in 24 hours; empty: no limit.
    max_attempts_per_24h bigint,
    -- Minimum ring time of a call in seconds; empty: no limit.
    min_ring_seconds bigint,
    -- Longest time in days since the last write to a campaign's DNC list; empty: no limit.
    max_dnc_age_days bigint,
    -- Date on which the campaigns must not dial, in their time zone; empty for a limit of weekdays.
    closed_date date,
    primary key (stream_id, policy_name, position, day_of_week)
);

-- One row per limit of a policy and unbroken period in which it was in force.
create table policy_history (
    stream_id text,
    policy_name text,
    position bigint,
    day_of_week bigint,
    zone_pattern text,
    zone_like text,
    country_code text,
    campaign_pattern text,
    campaign_like text,
    earliest_minute bigint,
    latest_minute bigint,
    max_attempts_per_24h bigint,
    min_ring_seconds bigint,
    max_dnc_age_days bigint,
    closed_date date,
    -- Start of the run that found the limit in the policies file (UTC).
    valid_from timestamp,
    -- Start of the run that found it changed or gone; empty while it is in force.
    valid_to timestamp,
    primary key (stream_id, policy_name, position, day_of_week, valid_from)
);

-- One row per time zone that a campaign version names.
create table time_zones (
    timezone text,
    -- True if the IANA database has the name; otherwise the hours cannot be converted to UTC.
    is_iana bool,
    -- True for an old name that exists only for old programs.
    is_legacy bool,
    -- The current name; empty if `timezone` is not an IANA name.
    canonical_timezone text,
    country_code text,
    -- Release of the time zone database that the offsets come from.
    tzdata_version text,
    -- End of the time for which `zone_offsets` has offsets (UTC).
    covered_until timestamp,
    primary key (timezone)
);

-- One row per time zone and period with a constant offset from UTC.
create table zone_offsets (
    timezone text,
    -- Start of the period (UTC).
    starts_at timestamp,
    -- End of the period (UTC), exclusive.
    ends_at timestamp,
    -- Minutes by which the local clock is ahead of UTC.
    utc_offset_minutes bigint,
    primary key (timezone, starts_at)
);

-- One row per contact list of the app, from the last run that could read the lists. It contains no
-- contacts and no settings of their source.
create table contact_lists (
    account_id text,
    stream_id text,
    -- The list's id, `cl-...`.
    contact_list_id text,
    contact_list_name text,
    -- Purpose of the list according to Kore: `call`.
    list_type text,
    -- Number of contacts in the list according to Kore.
    record_count bigint,
    -- Status of the list: Ready, Validated ...; an open set.
    status text,
    -- Source of the contacts: localDrive, apiIntegration, passiveApi, passiveApiIntegration; an
    -- open set.
    source text,
    -- Field of the list with each contact's time zone; empty: the campaign's time zone applies to
    -- all contacts.
    list_timezone text,
    -- Last write to the list according to Kore (UTC).
    updated_at timestamp,
    -- Time when a run first saw the current state (UTC).
    seen_at timestamp,
    primary key (stream_id, contact_list_id)
);

-- One row per contact list and campaign that uses it, according to the list.
create table contact_list_campaigns (
    account_id text,
    stream_id text,
    -- The list's id, `cl-...`.
    contact_list_id text,
    campaign_id text,
    -- Name of the campaign in the list; Kore does not update this copy.
    campaign_name text,
    -- Time when a run first saw the current state (UTC).
    seen_at timestamp,
    primary key (stream_id, contact_list_id, campaign_id)
);

-- One row per do-not-call list that campaigns name and state in which runs saw it. A new state is a
-- new row.
create table dnc_list_states (
    account_id text,
    stream_id text,
    -- The list's id, `cl-...`.
    dnc_list_id text,
    -- 1 for the first state that a run saw, then 2, 3 ...
    state_number bigint,
    -- The list's name.
    dnc_list_name text,
    -- Number of records in the list according to Kore.
    record_count bigint,
    -- Status of the list: Ready, Validated, Validating, Invalid ...; an open set.
    status text,
    -- True for the account's global list.
    is_global bool,
    -- Last write to the list according to Kore (UTC).
    updated_at timestamp,
    -- Id of the user who last wrote to the list.
    updated_by text,
    -- Reason why Kore did not show the list, for example `not_found` or `access_refused`; the other
    -- columns are those of the state before. Empty if it did.
    error_code text,
    -- Time when a run first saw this state (UTC).
    seen_at timestamp,
    -- Time when a run last saw this state (UTC).
    checked_at timestamp,
    primary key (stream_id, dnc_list_id, state_number)
);

-- One row per message to `notify_url`. It is stored before it is sent, so that a kill loses none.
create table notifications (
    -- Id of the message: that of the run that wrote it. It is sent as `Idempotency-Key`.
    message_id text,
    account_id text,
    stream_id text,
    -- Time when the message was written (UTC).
    written_at timestamp,
    -- Time when it was accepted (UTC); empty while the next run has to send it again.
    sent_at timestamp,
    -- What the message says, without its format.
    content json,
    primary key (message_id)
);

-- One row per campaign: its changes up to this version were in a message, or came before the first.
create table notified_campaigns (
    stream_id text,
    campaign_id text,
    -- The newest version that a message has taken into account.
    version bigint,
    primary key (stream_id, campaign_id)
);

-- One row per finding that is open as far as messages have said.
create table notified_findings (
    stream_id text,
    -- Key of the finding, as in `kore.findings`.
    finding_key text,
    campaign_id text,
    -- Name of the campaign when the finding opened.
    campaign_name text,
    -- Kind of finding.
    finding text,
    -- Severity of the finding: `high`, `medium`, `low` or `info`.
    severity text,
    -- The finding as text, to follow the campaign's name.
    sentence text,
    primary key (stream_id, finding_key)
);
