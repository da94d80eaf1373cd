-- one row per do-not-call list of a live campaign, newest version
with campaigns as (
    select * from kore.campaigns
),

dnc_lists as (
    select * from kore_raw.campaign_versions__dnc_lists
),

final as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.campaign_id,
        campaigns.version,
        campaigns.name as campaign_name,
        dnc_lists.position,
        dnc_lists.dnc_list_id,
        dnc_lists.dnc_list_name,
        campaigns.app_name,
        campaigns.campaign_key,
        campaigns.version_key
    from campaigns
    join dnc_lists
        on campaigns.stream_id = dnc_lists.stream_id
        and campaigns.campaign_id = dnc_lists.campaign_id
        and campaigns.version = dnc_lists.version
)

select * from final
