-- one row per limit of a policy and weekday; kore.findings compares campaigns with it
with policies as (
    select * from kore_raw.policies
),

final as (
    select
        stream_id,
        policy_name,
        zone_pattern,
        country_code,
        campaign_pattern,
        day_of_week,
        earliest_minute,
        latest_minute,
        max_attempts_per_24h,
        min_ring_seconds
    from policies
)

select * from final
