-- one row per calling window of a live campaign, newest version
with campaigns as (
    select * from kore.campaigns
),

calling_hours as (
    select * from kore_raw.campaign_versions__calling_hours
),

final as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.campaign_id,
        campaigns.version,
        campaigns.name as campaign_name,
        campaigns.timezone,
        calling_hours.position,
        calling_hours.day,
        calling_hours.day_of_week,
        calling_hours.start_text,
        calling_hours.end_text,
        calling_hours.start_time,
        calling_hours.end_time,
        calling_hours.start_minute,
        calling_hours.end_minute,
        calling_hours.crosses_midnight,
        calling_hours.is_parsed,
        campaigns.app_name,
        campaigns.campaign_key,
        campaigns.version_key,
        weekdays.day_name
    from campaigns
    join calling_hours
        on campaigns.stream_id = calling_hours.stream_id
        and campaigns.campaign_id = calling_hours.campaign_id
        and campaigns.version = calling_hours.version
    left join kore.weekdays as weekdays on calling_hours.day_of_week = weekdays.iso_weekday
)

select * from final
