-- one row per finding and unbroken period in which a campaign had it
-- first_seen (timestamp): Start of the period: of the version or policy that brought the finding, or
--   `known_since`.
-- last_seen (timestamp): End of the period; while it is open, the time when the campaign was last
--   confirmed.
-- resolved_at (timestamp): Start of the version or policy that ended the finding; empty while it is
--   open.
-- value (text): Value of the campaign, at the end of the period.
-- period_key (text): Key of the period: `<finding_key>/<number>`, from 1.
--
-- A state is a version, with those after it that differ in nothing a finding looks at, while the
-- same policies were in force. The views that judge live campaigns judge the states, too:
-- views/apply.py puts their text in here. To them each state is a campaign, in an app of its own.
-- The id of that app, `state_stream_id`, stands for the policies of the time.
with changed as (
    select distinct stream_id || '/' || campaign_id || '/' || cast(version as varchar) as version_key
    from kore_raw.campaign_versions__changes
    where path = 'is_deleted' or (
        kind not in ('status', 'schedule', 'caller_id', 'lists')
        and path not in ('updatedAt', 'campaignInstanceId', 'lname', 'description')
    )
),

begun as (
    select
        history.account_id,
        history.stream_id,
        history.app_name,
        history.campaign_id,
        history.version,
        history.valid_from,
        history.is_deleted,
        history.name,
        history.campaign_type,
        history.timezone,
        history.calling_hours_frequency,
        history.priority,
        history.max_attempts_per_record,
        history.retry_period_minutes,
        history.max_ring_seconds
    from kore.campaign_history as history
    left join changed on history.version_key = changed.version_key
    where history.version = 1 or changed.version_key is not null
),

-- each lasts until the next one; a deletion ends one, and is left out below
contents as (
    select
        *,
        lead(valid_from) over (
            partition by stream_id, campaign_id order by version asc
        ) as valid_to
    from begun
),

policies as (
    select
        stream_id,
        policy_name,
        zone_like,
        country_code,
        campaign_like,
        day_of_week,
        earliest_minute,
        latest_minute,
        max_attempts_per_24h,
        min_ring_seconds,
        max_dnc_age_days,
        valid_from,
        valid_to
    from kore_raw.policy_history
    where closed_date is null
    union all
    -- of an app that no run has read since policies have a history
    select
        policies.stream_id,
        policies.policy_name,
        policies.zone_like,
        policies.country_code,
        policies.campaign_like,
        policies.day_of_week,
        policies.earliest_minute,
        policies.latest_minute,
        policies.max_attempts_per_24h,
        policies.min_ring_seconds,
        policies.max_dnc_age_days,
        to_timestamp(0) as valid_from,
        cast(null as timestamp with time zone) as valid_to
    from kore_raw.policies as policies
    left join (select distinct stream_id from kore_raw.policy_history) as known
        on policies.stream_id = known.stream_id
    where known.stream_id is null and policies.closed_date is null
),

moments as (
    select stream_id, valid_from as moment from policies
    union
    select stream_id, valid_to as moment from policies where valid_to is not null
    union
    select stream_id, to_timestamp(0) as moment from contents
),

epochs as (
    select
        stream_id,
        moment as begins,
        lead(moment) over (partition by stream_id order by moment asc) as ends,
        row_number() over (order by stream_id asc, moment asc) as epoch
    from moments
),

judged as (
    select
        contents.*,
        epochs.epoch,
        epochs.begins as epoch_begins,
        greatest(contents.valid_from, epochs.begins) as first_seen,
        case
            when contents.valid_to is null then epochs.ends
            when epochs.ends is null then contents.valid_to
            else least(contents.valid_to, epochs.ends)
        end as resolved_at,
        row_number() over (
            partition by contents.stream_id, contents.campaign_id, epochs.epoch
            order by contents.version asc
        ) as place
    from contents
    join epochs
        on contents.stream_id = epochs.stream_id
        and (epochs.ends is null or contents.valid_from < epochs.ends)
        and (contents.valid_to is null or contents.valid_to > epochs.begins)
    where not contents.is_deleted
),

states as (
    select
        *,
        -- what is in force now has the app's own id: lists, listing and closed dates are known of it
        case
            when resolved_at is null then stream_id
            else cast(epoch as varchar) || ' ' || cast(place as varchar)
        end as state_stream_id
    from judged
),

state_apps as (
    select distinct state_stream_id, stream_id, epoch_begins from states
),

state_policies as (
    select
        state_apps.state_stream_id as stream_id,
        policies.policy_name,
        policies.zone_like,
        policies.country_code,
        policies.campaign_like,
        policies.day_of_week,
        policies.earliest_minute,
        policies.latest_minute,
        policies.max_attempts_per_24h,
        policies.min_ring_seconds,
        policies.max_dnc_age_days,
        cast(null as date) as closed_date
    from state_apps
    join policies
        on state_apps.stream_id = policies.stream_id
        and state_apps.epoch_begins >= policies.valid_from
        and (policies.valid_to is null or state_apps.epoch_begins < policies.valid_to)
),

state_campaigns as (
    select
        states.account_id,
        states.state_stream_id as stream_id,
        states.app_name,
        states.campaign_id,
        states.state_stream_id || '/' || states.campaign_id as campaign_key,
        states.version,
        states.state_stream_id || '/' || states.campaign_id || '/'
        || cast(states.version as varchar) as version_key,
        states.valid_from,
        states.name,
        states.name as campaign_name,
        states.campaign_type,
        states.timezone,
        states.calling_hours_frequency,
        states.priority,
        states.max_attempts_per_record,
        states.retry_period_minutes,
        states.max_ring_seconds,
        listings.execution_type,
        listings.execution_type_since
    from states
    left join kore_raw.campaign_listings as listings
        on states.state_stream_id = listings.stream_id
        and states.campaign_id = listings.campaign_id
),

state_campaign_versions__calling_hours as (
    select
        states.state_stream_id as stream_id,
        hours.campaign_id,
        hours.version,
        hours.position,
        hours.day,
        hours.day_of_week,
        hours.start_text,
        hours.end_text,
        hours.start_time,
        hours.end_time,
        hours.start_minute,
        hours.end_minute,
        hours.crosses_midnight,
        hours.is_parsed
    from states
    join kore_raw.campaign_versions__calling_hours as hours
        on states.stream_id = hours.stream_id
        and states.campaign_id = hours.campaign_id
        and states.version = hours.version
),

state_campaign_versions__dnc_lists as (
    select
        states.state_stream_id as stream_id,
        lists.campaign_id,
        lists.version,
        lists.position,
        lists.dnc_list_id,
        lists.dnc_list_name
    from states
    join kore_raw.campaign_versions__dnc_lists as lists
        on states.stream_id = lists.stream_id
        and states.campaign_id = lists.campaign_id
        and states.version = lists.version
),

-- read once: the findings about it, and when each campaign was last confirmed
state_campaign_freshness as (
    select * from kore.campaign_freshness
),

-- views of states

found as (
    select * from state_hours_findings
    union all
    select * from state_list_findings
    union all
    select * from state_dialing_findings
    union all
    select * from state_closed_date_findings
),

periods as (
    select
        states.account_id,
        states.stream_id,
        states.app_name,
        states.campaign_id,
        states.stream_id || '/' || states.campaign_id as campaign_key,
        states.stream_id
        || substr(found.finding_key, length(states.state_stream_id) + 1) as finding_key,
        found.campaign_name,
        found.finding,
        found.severity,
        found.policy_name,
        found.day_of_week,
        found.day_name,
        found.value,
        found.limit_value,
        found.minutes,
        found.sentence,
        coalesce(found.known_since, states.first_seen) as first_seen,
        states.resolved_at
    from found
    join states
        on found.campaign_key = states.state_stream_id || '/' || states.campaign_id
    union all
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_key,
        finding_key,
        campaign_name,
        finding,
        severity,
        policy_name,
        day_of_week,
        day_name,
        value,
        limit_value,
        minutes,
        sentence,
        known_since as first_seen,
        cast(null as timestamp with time zone) as resolved_at
    from state_freshness_findings
),

compared as (
    select
        *,
        lag(resolved_at) over (partition by finding_key order by first_seen asc) as resolved_before
    from periods
),

parts as (
    select
        *,
        sum(case when resolved_before = first_seen then 0 else 1 end) over (
            partition by finding_key order by first_seen asc
            rows between unbounded preceding and current row
        ) as period
    from compared
),

merged as (
    select
        *,
        min(first_seen) over (partition by finding_key, period) as begins,
        row_number() over (partition by finding_key, period order by first_seen desc) as newest
    from parts
),

confirmed as (
    select campaign_key, last_confirmed_at from state_campaign_freshness
),

final as (
    select
        merged.account_id,
        merged.stream_id,
        merged.app_name,
        merged.campaign_id,
        merged.campaign_key,
        merged.finding_key,
        merged.finding_key || '/' || cast(merged.period as varchar) as period_key,
        merged.campaign_name,
        merged.finding,
        merged.severity,
        merged.policy_name,
        merged.day_of_week,
        merged.day_name,
        merged.value,
        merged.limit_value,
        merged.minutes,
        merged.sentence,
        merged.begins as first_seen,
        coalesce(merged.resolved_at, confirmed.last_confirmed_at) as last_seen,
        merged.resolved_at
    from merged
    left join confirmed on merged.campaign_key = confirmed.campaign_key
    where merged.newest = 1
)

select * from final
