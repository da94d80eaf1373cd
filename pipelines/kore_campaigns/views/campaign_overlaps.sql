-- one row per pair of live campaigns and shared resource, if both may dial at once this week
-- other_campaign_id (text): Id of the other campaign; it sorts after `campaign_id`.
-- other_campaign_key (text): Key of the other campaign.
-- other_campaign_name (text): Name of the other campaign.
-- overlap_minutes (bigint): Minutes in the seven days from today when both campaigns may dial.
-- first_overlap_at (timestamp): Start of the first overlap (UTC).
-- keys are one text each: for joins by several columns Postgres expects almost no rows and makes
-- a slow plan
with compared_resources as (
    select stream_id || ' ' || shared || ' ' || shared_name as resource_key
    from kore.shared_resources
    -- pairs grow with the square; kore.shared_resources shows resources of more than 100 campaigns
    where is_compared
),

sharing as (
    select
        used.*,
        compared_resources.resource_key
    from kore.campaign_resources as used
    join compared_resources
        on used.stream_id || ' ' || used.shared || ' ' || used.shared_name
        = compared_resources.resource_key
),

pairs as (
    select
        one.account_id,
        one.stream_id,
        one.app_name,
        one.shared,
        one.shared_name,
        one.campaign_id,
        one.campaign_name,
        other.campaign_id as other_campaign_id,
        other.campaign_name as other_campaign_name,
        one.campaign_key,
        other.campaign_key as other_campaign_key,
        one.campaign_key || ' ' || other.campaign_id as pair_key
    from sharing as one
    join sharing as other
        on one.resource_key = other.resource_key
        and one.campaign_id < other.campaign_id
),

-- seven days from today in UTC, in minutes since 1970
today as (
    select
        cast(floor(extract(epoch from current_timestamp) / 86400) as bigint) * 1440 as midnight
),

week as (
    select midnight as begins, midnight + 7 * 1440 as ends from today
),

windows as (
    select
        windows.stream_id,
        windows.campaign_id,
        greatest(cast(floor(extract(epoch from windows.starts_at) / 60) as bigint), week.begins)
            as opens,
        least(cast(floor(extract(epoch from windows.ends_at) / 60) as bigint), week.ends) as closes
    from kore.calling_windows_utc as windows
    cross join week
    where extract(epoch from windows.starts_at) < week.ends * 60
        and extract(epoch from windows.ends_at) > week.begins * 60
),

-- merge windows of a campaign that overlap or touch, so that no minute counts twice
ordered as (
    select
        *,
        max(closes) over (
            partition by stream_id, campaign_id
            order by opens asc, closes asc
            rows between unbounded preceding and 1 preceding
        ) as open_until
    from windows
),

numbered as (
    select
        *,
        sum(case when opens <= open_until then 0 else 1 end) over (
            partition by stream_id, campaign_id
            order by opens asc, closes asc
            rows between unbounded preceding and current row
        ) as span
    from ordered
),

spans as (
    select stream_id, campaign_id, min(opens) as opens, max(closes) as closes
    from numbered
    group by stream_id, campaign_id, span
),

keyed as (
    select stream_id || '/' || campaign_id as campaign_key, opens, closes from spans
),

-- compare a pair once, even if it shares several resources
compared as (
    select distinct pair_key, campaign_key, other_campaign_key from pairs
),

common as (
    select
        compared.pair_key,
        sum(least(one.closes, other.closes) - greatest(one.opens, other.opens)) as minutes,
        min(greatest(one.opens, other.opens)) as first_minute
    from compared
    join keyed as one on compared.campaign_key = one.campaign_key
    join keyed as other on compared.other_campaign_key = other.campaign_key
    -- two inequalities would become a join condition of their own, of all spans with all spans
    where greatest(one.opens, other.opens) < least(one.closes, other.closes)
    group by compared.pair_key
),

final as (
    select
        pairs.account_id,
        pairs.stream_id,
        pairs.shared,
        pairs.shared_name,
        pairs.campaign_id,
        pairs.campaign_name,
        pairs.other_campaign_id,
        pairs.other_campaign_name,
        cast(common.minutes as bigint) as overlap_minutes,
        to_timestamp(common.first_minute * 60) as first_overlap_at,
        pairs.app_name,
        pairs.campaign_key,
        pairs.other_campaign_key
    from pairs
    join common on pairs.pair_key = common.pair_key
)

select * from final
