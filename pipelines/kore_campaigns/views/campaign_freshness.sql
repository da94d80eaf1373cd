-- one row per configured or live campaign: when it was last confirmed, last changed, last failed
-- is_configured (bool): True if the campaign is in the file of campaign ids.
-- last_confirmed_at (timestamp): Last time when the newest stored version matched Kore (UTC):
--   start of the newest finished run in which the campaign did not fail, or `observed_at`. A peek
--   counts only if it showed all campaigns, a run of the kind `only` for those that it fetched.
-- last_changed_at (timestamp): Start of validity of the newest version: its `valid_from`.
-- last_error_at (timestamp): Time of the last failure (UTC); empty if there was none.
-- last_error_code (text): `error_code` of the last failure.
-- last_error_message (text): Message of the last failure.
-- is_stale (bool): True if the campaign failed and was not confirmed since, if it was not
--   confirmed for `stale_after_seconds` of the newest run, or if it is not configured any more.
-- listing_state (text): How the newest run could read the account listing: `whole`, `doubtful`,
--   `refused`, or empty, as after a peek. If it was doubtful or refused, `*` may stand for
--   campaigns that have no row here.
with runs as (
    select
        *,
        sum(case when finished_at is null then 0 else 1 end) over (
            partition by stream_id
            order by run_number desc
            rows between unbounded preceding and current row
        ) as finished_since,
        row_number() over (
            partition by stream_id order by run_number desc
        ) as recency
    from kore.runs
    where coalesce(sweep, '') <> 'only'
),

-- a run with `--only` says something about the campaigns that it has fetched, or could not fetch
named_answers as (
    select stream_id, campaign_id, max(answered_at) as answered_at
    from kore_raw.requested_campaigns
    -- a moment in the future confirms nothing
    where extract(epoch from answered_at) <= extract(epoch from current_timestamp) + 60
    group by stream_id, campaign_id
),

named_failures as (
    select errors.stream_id, errors.campaign_id, max(errors.occurred_at) as failed_at
    from kore_raw.extraction_errors as errors
    join kore.runs as named_runs
        on errors.run_id = named_runs.run_id
        and named_runs.sweep = 'only'
        and errors.error_code not in ('not_asked', 'interrupted')
    group by errors.stream_id, errors.campaign_id
),

configured as (
    select * from kore_raw.configured_campaigns
),

newest_versions as (
    select * from kore.campaign_history where is_current
),

-- without the long texts, because it is read more than once
errors as (
    select run_id, stream_id, campaign_id, error_code, occurred_at
    from kore_raw.extraction_errors
),

messages as (
    select * from kore_raw.extraction_errors
),

-- a full sweep confirms as of its start, maybe in an earlier run; a peek does not look at the
-- campaigns that it does not show, so they are confirmed as of the run before it
confirming as (
    select
        *,
        case
            when sweep <> 'peek' or listing_state = 'whole'
                then coalesce(full_sweep_started_at, started_at)
        end as looked_at,
        sum(case when sweep = 'peek' and listing_state is null then 0 else 1 end) over (
            partition by stream_id
            order by run_number
            rows between unbounded preceding and current row
        ) as looks
    from runs
    where finished_at is not null
),

-- number 1 is the newest run
finished as (
    select
        *,
        max(looked_at) over (partition by stream_id, looks) as confirmed_at
    from confirming
),

campaigns as (
    select
        coalesce(configured.account_id, newest_versions.account_id) as account_id,
        coalesce(configured.stream_id, newest_versions.stream_id) as stream_id,
        coalesce(configured.campaign_id, newest_versions.campaign_id) as campaign_id,
        newest_versions.name as campaign_name,
        newest_versions.observed_at,
        newest_versions.valid_from as last_changed_at,
        configured.configured_at,
        configured.removed_at,
        configured.campaign_id is not null and configured.removed_at is null as is_configured
    from configured
    full outer join newest_versions
        on configured.stream_id = newest_versions.stream_id
        and configured.campaign_id = newest_versions.campaign_id
    where (configured.campaign_id is not null and configured.removed_at is null)
        or not newest_versions.is_deleted
),

-- the newest run that had to read the campaign: number 1, or the last run before its removal
places as (
    select
        campaigns.*,
        case
            when campaigns.is_configured then 1
            else removals.finished_since + 1
        end as newest_run,
        beginnings.run_number as configured_number
    from campaigns
    left join runs as beginnings
        on campaigns.stream_id = beginnings.stream_id
        and campaigns.configured_at = beginnings.started_at
    left join runs as removals
        on campaigns.stream_id = removals.stream_id
        and campaigns.removed_at = removals.started_at
),

dated_errors as (
    select
        errors.stream_id,
        errors.campaign_id,
        -- a campaign that the run did not reach has not failed
        case
            when errors.error_code not in ('not_asked', 'interrupted') then finished.started_at
        end as failed_at,
        finished.finished_since
    from errors
    join finished
        on errors.stream_id = finished.stream_id
        and errors.run_id = finished.run_id
),

-- only these need a look at earlier runs
failing as (
    select places.stream_id, places.campaign_id, places.newest_run
    from places
    join dated_errors
        on places.stream_id = dated_errors.stream_id
        and places.campaign_id = dated_errors.campaign_id
        and places.newest_run = dated_errors.finished_since
),

-- a run that stops early leaves an error per campaign, so look at 50 runs at most first
recent_failures as (
    select
        failing.stream_id,
        failing.campaign_id,
        dated_errors.failed_at,
        dated_errors.finished_since - failing.newest_run + 1 as nth_run,
        row_number() over (
            partition by failing.stream_id, failing.campaign_id
            order by dated_errors.finished_since asc
        ) as nth_failure
    from failing
    join dated_errors
        on failing.stream_id = dated_errors.stream_id
        and failing.campaign_id = dated_errors.campaign_id
        and failing.newest_run <= dated_errors.finished_since
        and failing.newest_run + 50 > dated_errors.finished_since
),

-- the unbroken series of failed runs from the newest back; the run before it confirmed the campaign
failed_recently as (
    select stream_id, campaign_id, count(*) as failures, max(failed_at) as failed_at
    from recent_failures
    where nth_run = nth_failure
    group by stream_id, campaign_id
),

all_failures as (
    select
        failing.stream_id,
        failing.campaign_id,
        dated_errors.failed_at,
        dated_errors.finished_since - failing.newest_run + 1 as nth_run,
        row_number() over (
            partition by failing.stream_id, failing.campaign_id
            order by dated_errors.finished_since asc
        ) as nth_failure
    from failed_recently
    join failing
        on failed_recently.stream_id = failing.stream_id
        and failed_recently.campaign_id = failing.campaign_id
        and failed_recently.failures = 50
    join dated_errors
        on failing.stream_id = dated_errors.stream_id
        and failing.campaign_id = dated_errors.campaign_id
        and failing.newest_run <= dated_errors.finished_since
),

failed_for_long as (
    select stream_id, campaign_id, count(*) as failures, max(failed_at) as failed_at
    from all_failures
    where nth_run = nth_failure
    group by stream_id, campaign_id
),

failed_since as (
    select * from failed_recently where failures < 50
    union all
    select * from failed_for_long
),

last_error_times as (
    select stream_id, campaign_id, max(occurred_at) as occurred_at
    from errors
    group by stream_id, campaign_id
),

last_errors as (
    select
        messages.stream_id,
        messages.campaign_id,
        messages.occurred_at,
        max(messages.error_code) as error_code,
        max(messages.message) as message
    from messages
    join last_error_times
        on messages.stream_id = last_error_times.stream_id
        and messages.campaign_id = last_error_times.campaign_id
        and messages.occurred_at = last_error_times.occurred_at
    group by messages.stream_id, messages.campaign_id, messages.occurred_at
),

confirmed as (
    select
        places.stream_id,
        places.campaign_id,
        failed_since.failed_at,
        case
            when places.observed_at is null or finished.confirmed_at > places.observed_at
                then finished.confirmed_at
            -- stored while the clock was ahead
            when extract(epoch from places.observed_at) > extract(epoch from current_timestamp) + 60
                then coalesce(finished.confirmed_at, places.observed_at)
            else places.observed_at
        end as confirmed_at
    from places
    left join failed_since
        on places.stream_id = failed_since.stream_id
        and places.campaign_id = failed_since.campaign_id
    left join finished
        on places.stream_id = finished.stream_id
        and places.newest_run + coalesce(failed_since.failures, 0) = finished.finished_since
        and coalesce(
            finished.run_number >= places.configured_number,
            finished.started_at >= places.configured_at
        )
),

dated as (
    select
        places.*,
        case
            when confirmed.failed_at is null or named_failures.failed_at > confirmed.failed_at
                then coalesce(named_failures.failed_at, confirmed.failed_at)
            else confirmed.failed_at
        end as failed_at,
        case
            when confirmed.confirmed_at is null
                or named_answers.answered_at > confirmed.confirmed_at
                then coalesce(named_answers.answered_at, confirmed.confirmed_at)
            else confirmed.confirmed_at
        end as last_confirmed_at
    from places
    join confirmed
        on places.stream_id = confirmed.stream_id
        and places.campaign_id = confirmed.campaign_id
    left join named_answers
        on places.stream_id = named_answers.stream_id
        and places.campaign_id = named_answers.campaign_id
    left join named_failures
        on places.stream_id = named_failures.stream_id
        and places.campaign_id = named_failures.campaign_id
),

judged as (
    select
        dated.*,
        coalesce(apps.app_name, dated.stream_id) as app_name,
        last_errors.occurred_at as last_error_at,
        last_errors.error_code as last_error_code,
        last_errors.message as last_error_message,
        newest_runs.listing_state,
        dated.last_confirmed_at is null
        or coalesce(dated.last_confirmed_at < dated.failed_at, false)
        or not dated.is_configured
        or coalesce(
            extract(epoch from current_timestamp) - extract(epoch from dated.last_confirmed_at)
            > newest_runs.stale_after_seconds,
            false
        )
        -- a moment in the future confirms nothing
        or coalesce(
            extract(epoch from dated.last_confirmed_at) > extract(epoch from current_timestamp) + 60,
            false
        ) as is_stale
    from dated
    left join last_errors
        on dated.stream_id = last_errors.stream_id
        and dated.campaign_id = last_errors.campaign_id
    left join runs as newest_runs
        on dated.stream_id = newest_runs.stream_id
        and newest_runs.recency = 1
    left join kore_raw.apps as apps on dated.stream_id = apps.stream_id
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        is_configured,
        last_confirmed_at,
        last_changed_at,
        last_error_at,
        last_error_code,
        last_error_message,
        is_stale,
        app_name,
        stream_id || '/' || campaign_id as campaign_key,
        listing_state
    from judged
)

select * from final
