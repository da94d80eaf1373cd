-- one row per live campaign: how long it may dial in a week
-- weekly_minutes (bigint): Minutes per week in which the campaign may dial; overlapping windows
--   count once. For several campaigns, the sum.
-- weekend_minutes (bigint): Minutes of `weekly_minutes` on Saturday and Sunday.
-- window_count (bigint): Number of calling windows that Kore sent, parsed or not.
-- weekday_count (bigint): Number of weekdays on which the campaign may dial.
-- first_minute (bigint): Earliest minute of a day when the campaign may dial, on any weekday.
-- last_minute (bigint): Latest minute of a day until which the campaign may dial, on any
--   weekday.
-- first_time (time): `first_minute` as a time of day.
-- last_time (time): `last_minute` as a time of day; 00:00 for the end of the day.
with campaigns as (
    select * from kore.campaigns
),

open_hours as (
    select * from kore.open_hours
),

opened as (
    select
        stream_id,
        campaign_id,
        sum(minutes) as weekly_minutes,
        sum(case when day_of_week in (6, 7) then minutes else 0 end) as weekend_minutes,
        count(distinct day_of_week) as weekday_count,
        min(start_minute) as first_minute,
        max(end_minute) as last_minute
    from open_hours
    group by stream_id, campaign_id
),

counted as (
    select stream_id, campaign_id, count(*) as window_count
    from kore.campaign_calling_hours
    group by stream_id, campaign_id
),

final as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.campaign_id,
        campaigns.name as campaign_name,
        campaigns.timezone,
        cast(coalesce(opened.weekly_minutes, 0) as bigint) as weekly_minutes,
        cast(coalesce(opened.weekend_minutes, 0) as bigint) as weekend_minutes,
        coalesce(counted.window_count, 0) as window_count,
        coalesce(opened.weekday_count, 0) as weekday_count,
        opened.first_minute,
        opened.last_minute,
        campaigns.app_name,
        campaigns.campaign_key,
        time '00:00' + opened.first_minute * interval '1 minute' as first_time,
        time '00:00' + opened.last_minute * interval '1 minute' as last_time
    from campaigns
    left join opened
        on campaigns.stream_id = opened.stream_id
        and campaigns.campaign_id = opened.campaign_id
    left join counted
        on campaigns.stream_id = counted.stream_id
        and campaigns.campaign_id = counted.campaign_id
)

select * from final
