-- one row per calling window of a live campaign and weekday it touches: its minutes of that day
with windows as (
    select * from kore.campaign_calling_hours where is_parsed
),

campaigns as (
    select * from kore.campaigns
),

weekdays as (
    select day_of_week from generate_series(1, 7) as days (day_of_week)
),

-- a window without a weekday counts for all seven where the campaign dials daily
begun as (
    select
        windows.account_id,
        windows.stream_id,
        windows.campaign_id,
        windows.version,
        windows.campaign_name,
        windows.timezone,
        windows.position,
        cast(weekdays.day_of_week as bigint) as day_of_week,
        windows.start_minute,
        windows.end_minute
    from windows
    join campaigns
        on windows.stream_id = campaigns.stream_id
        and windows.campaign_id = campaigns.campaign_id
    join weekdays
        on windows.day_of_week = weekdays.day_of_week
        or (
            windows.day_of_week is null
            and coalesce(windows.day, '') = ''
            and campaigns.calling_hours_frequency = 'DAILY'
        )
),

split as (
    select
        begun.*,
        begun.start_minute as first_minute,
        least(begun.end_minute, 1440) as last_minute,
        begun.day_of_week as weekday,
        false as is_after_midnight
    from begun
    union all
    select
        begun.*,
        0 as first_minute,
        begun.end_minute - 1440 as last_minute,
        begun.day_of_week % 7 + 1 as weekday,
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
        is_after_midnight
    from split
)

select * from final
