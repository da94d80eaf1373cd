-- one row per contact list of a live campaign, newest version
with campaigns as (
    select * from kore.campaigns
),

contact_lists as (
    select * from kore_raw.campaign_versions__contact_lists
),

final as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.campaign_id,
        campaigns.version,
        campaigns.name as campaign_name,
        contact_lists.position,
        contact_lists.contact_list_id,
        contact_lists.contact_list_name
    from campaigns
    join contact_lists
        on campaigns.stream_id = contact_lists.stream_id
        and campaigns.campaign_id = contact_lists.campaign_id
        and campaigns.version = contact_lists.version
)

select * from final
