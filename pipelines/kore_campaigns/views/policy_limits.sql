-- one row per live campaign, applicable policy and weekday: the strictest of its limits
with policies as (
    select * from kore_raw.policies where closed_date is null
),

time_zones as (
    select * from kore.time_zones
),

-- zones are few and campaigns many, so match each pattern once per zone
zones as (
    select distinct
        campaigns.timezone,
        lower(campaigns.timezone) as zone_text,
        time_zones.country_code
    from kore.campaigns as campaigns
    left join time_zones on campaigns.timezone = time_zones.timezone
),

policies_of_zones as (
    select policies.*, zones.timezone
    from policies
    join zones
        on (policies.zone_like is null or zones.zone_text like policies.zone_like escape '!')
        and (policies.country_code is null or policies.country_code = zones.country_code)
),

applied as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.app_name,
        campaigns.campaign_id,
        campaigns.name,
        policies_of_zones.policy_name,
        policies_of_zones.day_of_week,
        policies_of_zones.earliest_minute,
        policies_of_zones.latest_minute,
        policies_of_zones.max_attempts_per_24h,
        policies_of_zones.min_ring_seconds,
        policies_of_zones.max_dnc_age_days
    from kore.campaigns as campaigns
    join policies_of_zones
        on campaigns.stream_id = policies_of_zones.stream_id
        and coalesce(campaigns.timezone, '') = coalesce(policies_of_zones.timezone, '')
    where policies_of_zones.campaign_like is null
        or lower(campaigns.name) like policies_of_zones.campaign_like escape '!'
        or lower(campaigns.campaign_id) like policies_of_zones.campaign_like escape '!'
),

strictest as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        name as campaign_name,
        policy_name,
        day_of_week,
        max(earliest_minute) as earliest_minute,
        min(latest_minute) as latest_minute,
        min(max_attempts_per_24h) as max_attempts_per_24h,
        max(min_ring_seconds) as min_ring_seconds,
        min(max_dnc_age_days) as max_dnc_age_days
    from applied
    group by account_id, stream_id, app_name, campaign_id, name, policy_name, day_of_week
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        policy_name,
        day_of_week,
        earliest_minute,
        latest_minute,
        max_attempts_per_24h,
        min_ring_seconds,
        app_name,
        stream_id || '/' || campaign_id as campaign_key,
        day_name,
        time '00:00' + earliest_minute * interval '1 minute' as earliest_time,
        time '00:00' + latest_minute * interval '1 minute' as latest_time,
        max_dnc_age_days
    from strictest
    left join kore.weekdays as weekdays on strictest.day_of_week = weekdays.iso_weekday
)

select * from final
