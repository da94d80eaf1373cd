-- one row per limit of a policy and weekday; kore.findings compares campaigns with it
-- earliest_time (time): First permitted time of the day; empty: no limit.
-- latest_time (time): Time of the day when calling must end; 00:00 stands for the end of the day if
--   `latest_minute` is 1440, and for no calls on this day if it is 0.
with policies as (
    select * from kore_raw.policies where closed_date is null
),

final as (
    select
        policies.stream_id,
        policies.policy_name,
        policies.zone_pattern,
        policies.country_code,
        policies.campaign_pattern,
        policies.day_of_week,
        policies.earliest_minute,
        policies.latest_minute,
        policies.max_attempts_per_24h,
        policies.min_ring_seconds,
        coalesce(apps.app_name, policies.stream_id) as app_name,
        weekdays.day_name,
        time '00:00' + policies.earliest_minute * interval '1 minute' as earliest_time,
        time '00:00' + policies.latest_minute * interval '1 minute' as latest_time,
        policies.max_dnc_age_days
    from policies
    left join kore_raw.apps as apps on policies.stream_id = apps.stream_id
    left join kore.weekdays as weekdays on policies.day_of_week = weekdays.iso_weekday
)

select * from final
