-- one row per finding on the lists of a campaign
with campaigns as (
    select * from kore.campaigns
),

dnc_lists as (
    select distinct stream_id, campaign_id from kore.campaign_dnc_lists
),

no_dnc_list as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.campaign_id,
        campaigns.name as campaign_name,
        'no_dnc_list' as finding,
        'medium' as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        cast(null as varchar) as value,
        cast(null as varchar) as limit_value,
        cast(null as bigint) as minutes,
        'has no do-not-call list of its own; the API does not show whether the account''s '
        || 'global list covers it' as sentence
    from campaigns
    left join dnc_lists
        on campaigns.stream_id = dnc_lists.stream_id
        and campaigns.campaign_id = dnc_lists.campaign_id
    where dnc_lists.campaign_id is null
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
        select * from no_dnc_list
    ) as found
)

select * from final
