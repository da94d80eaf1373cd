-- one row per live campaign and contact list, caller id or queue that it uses
-- shared (text): Kind of shared resource: `contact_list`, `caller_id`, or `queue` (the queue or
--   flow that takes the answered calls).
-- shared_name (text): Name or number of the shared resource.
with sharing as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_name,
        'contact_list' as shared,
        contact_list_name as shared_name
    from kore.campaign_contact_lists
    where contact_list_name is not null
    union
    select account_id, stream_id, app_name, campaign_id, name, 'caller_id', caller_id
    from kore.campaigns as campaigns
    where caller_id is not null
    union
    select account_id, stream_id, app_name, campaign_id, name, 'queue', queue_or_flow
    from kore.campaigns as campaigns
    where queue_or_flow is not null
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        campaign_name,
        shared,
        shared_name,
        app_name,
        stream_id || '/' || campaign_id as campaign_key
    from sharing
)

select * from final
