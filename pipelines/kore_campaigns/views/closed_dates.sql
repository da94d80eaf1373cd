-- one row per date on which a policy permits no calls
-- valid_from (timestamp): Start of the run that found the date in the policies file (UTC).
with policies as (
    select * from kore_raw.policy_history where closed_date is not null and valid_to is null
),

final as (
    select
        policies.stream_id,
        coalesce(apps.app_name, policies.stream_id) as app_name,
        policies.policy_name,
        policies.closed_date,
        policies.day_of_week,
        weekdays.day_name,
        policies.zone_pattern,
        policies.country_code,
        policies.campaign_pattern,
        policies.valid_from
    from policies
    left join kore_raw.apps as apps on policies.stream_id = apps.stream_id
    left join kore.weekdays as weekdays on policies.day_of_week = weekdays.iso_weekday
)

select * from final
