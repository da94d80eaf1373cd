-- one row per calling window of a live campaign and weekday: its minutes on this day
-- week_start_minute (bigint): Start in minutes after Monday 00:00, in the campaign's time zone.
-- week_end_minute (bigint): End in minutes after Monday 00:00; 10080 is the end of the week.
-- minutes (bigint): Number of minutes.
-- is_after_midnight (bool): True for the part of a window past midnight that is on the next
--   weekday.
with campaigns as (
    select * from kore.campaigns
),

calling_hours as (
    select * from kore_raw.campaign_versions__calling_hours where is_parsed
),

windows as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.app_name,
        campaigns.campaign_id,
        campaigns.version,
        campaigns.name as campaign_name,
        campaigns.timezone,
        campaigns.calling_hours_frequency,
        calling_hours.position,
        calling_hours.day,
        calling_hours.day_of_week,
        calling_hours.start_minute,
        calling_hours.end_minute
    from campaigns
    join calling_hours
        on campaigns.stream_id = calling_hours.stream_id
        and campaigns.campaign_id = calling_hours.campaign_id
        and campaigns.version = calling_hours.version
),

-- a window without a weekday applies to all seven if the campaign dials daily
begun as (
    select windows.*, windows.day_of_week as first_day
    from windows
    where windows.day_of_week is not null
    union all
    select windows.*, cast(weekdays.number as bigint) as first_day
    from windows
    cross join generate_series(1, 7) as weekdays (number)
    where windows.day_of_week is null
        and coalesce(windows.day, '') = ''
        and windows.calling_hours_frequency = 'DAILY'
),

split as (
    select
        begun.*,
        begun.start_minute as first_minute,
        least(begun.end_minute, 1440) as last_minute,
        begun.first_day as weekday,
        false as is_after_midnight
    from begun
    union all
    select
        begun.*,
        0 as first_minute,
        begun.end_minute - 1440 as last_minute,
        begun.first_day % 7 + 1 as weekday,
        true as is_after_midnight
    from begun
    where begun.end_minute > 1440
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        version,
        campaign_name,
        timezone,
        position,
        weekday as day_of_week,
        first_minute as start_minute,
        last_minute as end_minute,
        (weekday - 1) * 1440 + first_minute as week_start_minute,
        (weekday - 1) * 1440 + last_minute as week_end_minute,
        last_minute - first_minute as minutes,
        is_after_midnight,
        app_name,
        stream_id || '/' || campaign_id as campaign_key,
        stream_id || '/' || campaign_id || '/' || cast(version as varchar)
        as version_key,
        day_name,
        time '00:00' + first_minute * interval '1 minute' as start_time,
        time '00:00' + last_minute * interval '1 minute' as end_time
    from split
    left join kore.weekdays as weekdays on split.weekday = weekdays.iso_weekday
)

select * from final
