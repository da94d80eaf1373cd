-- one row per calling window of a live campaign, date and UTC offset: its start and end in UTC
with calendar as (
    select
        calendar_date,
        day_of_week,
        cast(calendar_date - date '1970-01-01' as bigint) * 1440 as midnight
    from kore.calendar
    where days_from_today >= -7 and days_from_today <= 28
),

-- minutes since 1970, in the local time of the zone
offsets as (
    select
        timezone,
        utc_offset_minutes,
        cast(floor(extract(epoch from starts_at) / 60) as bigint) + utc_offset_minutes as local_from,
        cast(floor(extract(epoch from ends_at) / 60) as bigint) + utc_offset_minutes as local_to
    from kore.zone_offsets
),

-- only the two or three offsets of these weeks, to keep the join small
offsets_in_view as (
    select offsets.*
    from offsets
    join (
        select min(midnight) as first_midnight, max(midnight) + 1440 as last_midnight
        from calendar
    ) as calendar_span
        on offsets.local_from < calendar_span.last_midnight
        and offsets.local_to > calendar_span.first_midnight
),

windows as (
    select * from kore.calling_windows
),

placed as (
    select
        windows.account_id,
        windows.stream_id,
        windows.app_name,
        windows.campaign_id,
        windows.campaign_name,
        windows.timezone,
        windows.position,
        calendar.calendar_date,
        windows.day_of_week,
        windows.start_minute,
        windows.end_minute,
        calendar.midnight + windows.start_minute as local_start,
        calendar.midnight + windows.end_minute as local_end
    from windows
    join calendar on windows.day_of_week = calendar.day_of_week
),

-- a local hour that the clock skips is in no span; an hour that it repeats is in two
clipped as (
    select
        placed.*,
        spans.utc_offset_minutes,
        greatest(placed.local_start, spans.local_from) - spans.utc_offset_minutes as opens,
        least(placed.local_end, spans.local_to) - spans.utc_offset_minutes as closes
    from placed
    join offsets_in_view as spans
        on placed.timezone = spans.timezone
        and placed.local_start < spans.local_to
        and placed.local_end > spans.local_from
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        timezone,
        position,
        calendar_date,
        day_of_week,
        start_minute,
        end_minute,
        utc_offset_minutes,
        to_timestamp(opens * 60) as starts_at,
        to_timestamp(closes * 60) as ends_at,
        closes - opens as minutes,
        app_name,
        stream_id || '/' || campaign_id as campaign_key,
        day_name,
        time '00:00' + start_minute * interval '1 minute' as start_time,
        time '00:00' + end_minute * interval '1 minute' as end_time
    from clipped
    left join kore.weekdays as weekdays on clipped.day_of_week = weekdays.iso_weekday
)

select * from final
