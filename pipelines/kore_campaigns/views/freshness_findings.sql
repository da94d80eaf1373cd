-- one row per campaign that is stale or failing
with freshness as (
    select * from kore.campaign_freshness
),

not_confirmed as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        case
            when last_confirmed_at is null or last_error_at > last_confirmed_at then 'failing'
            else 'stale'
        end as finding,
        case
            when last_confirmed_at is null or last_error_at > last_confirmed_at then 'high'
            else 'medium'
        end as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        case
            when last_confirmed_at is null or last_error_at > last_confirmed_at
                then last_error_code
            else cast(cast(last_confirmed_at at time zone 'UTC' as date) as varchar)
        end as value,
        cast(null as varchar) as limit_value,
        cast(null as bigint) as minutes,
        case
            when last_confirmed_at is null then 'was never confirmed'
            else 'was not confirmed since '
                || cast(cast(last_confirmed_at at time zone 'UTC' as date) as varchar)
        end
        || case
            when last_error_at > last_confirmed_at
                or (last_confirmed_at is null and last_error_at is not null)
                then ': ' || coalesce(last_error_message, last_error_code)
            when not is_configured then ': it is not configured any more'
            else ''
        end as sentence
    from freshness
    where is_stale
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        finding,
        severity,
        policy_name,
        day_of_week,
        value,
        limit_value,
        minutes,
        sentence
    from (
        select * from not_confirmed
    ) as found
)

select * from final
