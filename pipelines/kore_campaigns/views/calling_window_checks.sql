-- one row per problem in a live campaign's calling windows: gaps, overlaps, texts without a time
-- check_name (text): `unparsed`: weekday or time cannot be parsed; `zero_length`: the window
--   ends at its start and counts as 24 hours; `duplicate` and `overlap` of an earlier window;
--   `gap` between two windows of a day.
with hours as (
    select * from kore.campaign_calling_hours
),

placed as (
    select * from kore.calling_windows
),

open_hours as (
    select * from kore.open_hours
),

placed_positions as (
    select distinct stream_id, campaign_id, position from placed
),

unparsed as (
    select
        hours.account_id,
        hours.stream_id,
        hours.app_name,
        hours.campaign_id,
        hours.campaign_name,
        'unparsed' as check_name,
        hours.position,
        hours.day_of_week,
        hours.start_minute,
        hours.end_minute,
        cast(null as bigint) as minutes
    from hours
    left join placed_positions
        on hours.stream_id = placed_positions.stream_id
        and hours.campaign_id = placed_positions.campaign_id
        and hours.position = placed_positions.position
    where placed_positions.position is null
),

zero_length as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_name,
        'zero_length' as check_name,
        position,
        day_of_week,
        start_minute,
        end_minute,
        end_minute - start_minute as minutes
    from hours
    where is_parsed and end_minute - start_minute = 1440
),

-- each window with the windows before it in the campaign's list
pairs as (
    select
        later.account_id,
        later.stream_id,
        later.app_name,
        later.campaign_id,
        later.campaign_name,
        later.position,
        later.day_of_week,
        later.start_minute,
        later.end_minute,
        least(later.end_minute, earlier.end_minute)
        - greatest(later.start_minute, earlier.start_minute) as minutes,
        case
            when whole_later.start_minute = whole_earlier.start_minute
                and whole_later.end_minute = whole_earlier.end_minute
                and later.is_after_midnight = earlier.is_after_midnight
                then 'duplicate'
            else 'overlap'
        end as check_name
    from placed as later
    join placed as earlier
        on later.stream_id = earlier.stream_id
        and later.campaign_id = earlier.campaign_id
        and later.day_of_week = earlier.day_of_week
        and later.position > earlier.position
        and later.start_minute < earlier.end_minute
        and later.end_minute > earlier.start_minute
    join hours as whole_later
        on later.stream_id = whole_later.stream_id
        and later.campaign_id = whole_later.campaign_id
        and later.position = whole_later.position
    join hours as whole_earlier
        on earlier.stream_id = whole_earlier.stream_id
        and earlier.campaign_id = whole_earlier.campaign_id
        and earlier.position = whole_earlier.position
),

doubled as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_name,
        min(check_name) as check_name,
        position,
        day_of_week,
        start_minute,
        end_minute,
        max(minutes) as minutes
    from pairs
    group by
        account_id, stream_id, app_name, campaign_id, campaign_name, position, day_of_week,
        start_minute, end_minute
),

spans as (
    select
        *,
        lag(end_minute) over (
            partition by stream_id, campaign_id, day_of_week order by start_minute asc
        ) as closed_at
    from open_hours
),

gaps as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_name,
        'gap' as check_name,
        cast(null as bigint) as position,
        day_of_week,
        closed_at as start_minute,
        start_minute as end_minute,
        start_minute - closed_at as minutes
    from spans
    where closed_at is not null
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        check_name,
        position,
        day_of_week,
        start_minute,
        end_minute,
        minutes,
        app_name,
        stream_id || '/' || campaign_id as campaign_key,
        day_name,
        time '00:00' + start_minute * interval '1 minute' as start_time,
        time '00:00' + end_minute * interval '1 minute' as end_time
    from (
        select * from unparsed
        union all
        select * from zero_length
        union all
        select * from doubled
        union all
        select * from gaps
    ) as found
    left join kore.weekdays as weekdays on found.day_of_week = weekdays.iso_weekday
)

select * from final
