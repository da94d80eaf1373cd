-- one row per campaign that is stale or failing
with freshness as (
    select
        *,
        last_confirmed_at is null or last_error_at > last_confirmed_at as is_failing,
        cast(cast(last_confirmed_at at time zone 'UTC' as date) as varchar) as last_confirmed_on
    from kore.campaign_freshness
    where is_stale
),

explained as (
    select
        *,
        coalesce('was not confirmed since ' || last_confirmed_on, 'was never confirmed')
        || case
            when is_failing and last_error_at is not null
                then ': ' || coalesce(last_error_message, last_error_code)
            when not is_configured then ': it is not configured any more'
            else ''
        end as sentence
    from freshness
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        case when is_failing then 'failing' else 'stale' end as finding,
        case when is_failing then 'high' else 'medium' end as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        case when is_failing then last_error_code else last_confirmed_on end as value,
        cast(null as varchar) as limit_value,
        cast(null as bigint) as minutes,
        sentence
    from explained
)

select * from final
