-- one row per finding about how a campaign dials: attempts, ring time, priority
with limits as (
    select * from kore.policy_limits
),

-- over all weekdays: the strictest day counts
strictest as (
    select
        stream_id,
        campaign_id,
        policy_name,
        min(max_attempts_per_24h) as max_attempts_per_24h,
        max(min_ring_seconds) as min_ring_seconds
    from limits
    group by stream_id, campaign_id, policy_name
),

-- maximum in 24 hours if the contact is reachable around the clock
pressure as (
    select
        campaigns.*,
        case
            when campaigns.retry_period_minutes > 0
                and ceil(1440.0 / campaigns.retry_period_minutes)
                < campaigns.max_attempts_per_record
                then cast(ceil(1440.0 / campaigns.retry_period_minutes) as bigint)
            else campaigns.max_attempts_per_record
        end as attempts_per_24h
    from kore.campaigns as campaigns
),

attempts_over_limit as (
    select
        pressure.account_id,
        pressure.stream_id,
        pressure.app_name,
        pressure.campaign_id,
        pressure.name as campaign_name,
        'attempts_over_limit' as finding,
        'medium' as severity,
        strictest.policy_name,
        cast(null as bigint) as day_of_week,
        cast(pressure.attempts_per_24h as varchar) as value,
        cast(strictest.max_attempts_per_24h as varchar) as limit_value,
        cast(null as bigint) as minutes,
        'may try one contact ' || cast(pressure.attempts_per_24h as varchar)
        || ' times in 24 hours, more than the '
        || cast(strictest.max_attempts_per_24h as varchar) || ' of `' || strictest.policy_name
        || '`' as sentence,
        cast(null as timestamp with time zone) as known_since
    from pressure
    join strictest
        on pressure.stream_id = strictest.stream_id
        and pressure.campaign_id = strictest.campaign_id
    where pressure.attempts_per_24h > strictest.max_attempts_per_24h
),

ring_time_under_limit as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.app_name,
        campaigns.campaign_id,
        campaigns.name as campaign_name,
        'ring_time_under_limit' as finding,
        'medium' as severity,
        strictest.policy_name,
        cast(null as bigint) as day_of_week,
        cast(campaigns.max_ring_seconds as varchar) as value,
        cast(strictest.min_ring_seconds as varchar) as limit_value,
        cast(null as bigint) as minutes,
        'lets a call ring ' || cast(campaigns.max_ring_seconds as varchar)
        || ' seconds, less than the ' || cast(strictest.min_ring_seconds as varchar)
        || ' of `' || strictest.policy_name || '`' as sentence,
        cast(null as timestamp with time zone) as known_since
    from kore.campaigns as campaigns
    join strictest
        on campaigns.stream_id = strictest.stream_id
        and campaigns.campaign_id = strictest.campaign_id
    where campaigns.max_ring_seconds < strictest.min_ring_seconds
),

priority_out_of_range as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        name as campaign_name,
        'priority_out_of_range' as finding,
        'low' as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        cast(priority as varchar) as value,
        '1-5' as limit_value,
        cast(null as bigint) as minutes,
        'has priority ' || cast(priority as varchar)
        || '; Kore documents 1 to 5' as sentence,
        cast(null as timestamp with time zone) as known_since
    from kore.campaigns as campaigns
    where priority < 1 or priority > 5
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        finding,
        severity,
        policy_name,
        day_of_week,
        value,
        limit_value,
        minutes,
        sentence,
        app_name,
        stream_id || '/' || campaign_id as campaign_key,
        stream_id || '/' || campaign_id || '/' || finding
        || coalesce('/' || policy_name, '') as finding_key,
        cast(null as varchar) as day_name,
        known_since
    from (
        select * from attempts_over_limit
        union all
        select * from ring_time_under_limit
        union all
        select * from priority_out_of_range
    ) as found
)

select * from final
