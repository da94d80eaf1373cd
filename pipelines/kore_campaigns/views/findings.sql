-- one row per finding about a campaign that needs attention
with found as (
    select * from kore.hours_findings
    union all
    select * from kore.list_findings
    union all
    select * from kore.dialing_findings
    union all
    select * from kore.freshness_findings
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
    from found
)

select * from final
