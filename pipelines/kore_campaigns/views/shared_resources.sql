-- one row per contact list, caller id or queue that several live campaigns use
-- campaign_count (bigint): Number of live campaigns that use it.
-- is_compared (bool): True if kore.campaign_overlaps compares its campaigns in pairs: 100
--   campaigns at most.
with used as (
    select * from kore.campaign_resources
),

weekly_minutes as (
    select * from kore.weekly_minutes
),

counted as (
    select
        used.account_id,
        used.stream_id,
        used.app_name,
        used.shared,
        used.shared_name,
        count(*) as campaign_count,
        cast(sum(weekly_minutes.weekly_minutes) as bigint) as weekly_minutes
    from used
    join weekly_minutes
        on used.stream_id = weekly_minutes.stream_id
        and used.campaign_id = weekly_minutes.campaign_id
    group by used.account_id, used.stream_id, used.app_name, used.shared, used.shared_name
),

final as (
    select
        account_id,
        stream_id,
        shared,
        shared_name,
        campaign_count,
        weekly_minutes,
        campaign_count <= 100 as is_compared,
        app_name
    from counted
    where campaign_count > 1
)

select * from final
