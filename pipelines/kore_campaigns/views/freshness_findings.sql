-- one row per campaign that is stale or failing
with dated as (
    select
        *,
        last_confirmed_at is null or last_error_at > last_confirmed_at as is_failing,
        cast(floor(extract(epoch from last_confirmed_at) / 86400) as bigint) as day_number
    from kore.campaign_freshness
    where is_stale
),

days as (
    select *, date '1970-01-01' + cast(day_number as integer) as confirmed_on from dated
),

-- a cast of a date to text depends on the session
freshness as (
    select
        *,
        cast(
            cast(extract(year from confirmed_on) as varchar)
            || '-' || lpad(cast(extract(month from confirmed_on) as varchar), 2, '0')
            || '-' || lpad(cast(extract(day from confirmed_on) as varchar), 2, '0') as varchar
        ) as last_confirmed_on
    from days
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
        sentence,
        app_name,
        campaign_key,
        campaign_key || case when is_failing then '/failing' else '/stale' end as finding_key,
        cast(null as varchar) as day_name,
        coalesce(last_confirmed_at, last_error_at) as known_since
    from explained
)

select * from final
