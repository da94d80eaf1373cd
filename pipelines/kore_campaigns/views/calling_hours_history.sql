-- one row per calling window and campaign version, with the validity of the version
with history as (
    select * from kore.campaign_history
),

calling_hours as (
    select * from kore_raw.campaign_versions__calling_hours
),

final as (
    select
        history.account_id,
        history.stream_id,
        history.campaign_id,
        history.version,
        history.name as campaign_name,
        history.valid_from,
        history.valid_to,
        history.is_current,
        history.timezone,
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
        history.app_name,
        history.campaign_key,
        history.version_key,
        weekdays.day_name
    from history
    join calling_hours
        on history.stream_id = calling_hours.stream_id
        and history.campaign_id = calling_hours.campaign_id
        and history.version = calling_hours.version
    left join kore.weekdays as weekdays on calling_hours.day_of_week = weekdays.iso_weekday
)

select * from final
