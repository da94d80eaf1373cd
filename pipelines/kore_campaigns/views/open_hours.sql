-- one row per live campaign and span of a weekday in which it may dial; overlaps are merged
with ordered as (
    select
        *,
        max(end_minute) over (
            partition by stream_id, campaign_id, day_of_week
            order by start_minute asc, end_minute asc
            rows between unbounded preceding and 1 preceding
        ) as open_until
    from kore.calling_windows
),

numbered as (
    select
        *,
        sum(case when start_minute <= open_until then 0 else 1 end) over (
            partition by stream_id, campaign_id, day_of_week
            order by start_minute asc, end_minute asc
            rows between unbounded preceding and current row
        ) as span
    from ordered
),

merged as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_name,
        timezone,
        day_of_week,
        day_name,
        min(start_minute) as start_minute,
        max(end_minute) as end_minute,
        max(end_minute) - min(start_minute) as minutes
    from numbered
    group by
        account_id, stream_id, app_name, campaign_id, campaign_name, timezone, day_of_week, day_name,
        span
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        timezone,
        day_of_week,
        start_minute,
        end_minute,
        minutes,
        app_name,
        stream_id || '/' || campaign_id as campaign_key,
        day_name,
        time '00:00' + start_minute * interval '1 minute' as start_time,
        time '00:00' + end_minute * interval '1 minute' as end_time
    from merged
)

select * from final
