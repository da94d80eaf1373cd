-- one row per contact list and campaign version, with the validity of the version
-- contact_list_id (text): The list's id; empty, because Kore sends only names.
with history as (
    select * from kore.campaign_history
),

contact_lists as (
    select * from kore_raw.campaign_versions__contact_lists
),

final as (
    select
        history.account_id,
        history.stream_id,
        history.campaign_id,
        history.version,
        history.name as campaign_name,
        history.valid_from,
        history.valid_to,
        history.is_current,
        contact_lists.position,
        contact_lists.contact_list_id,
        contact_lists.contact_list_name,
        history.app_name,
        history.campaign_key,
        history.version_key
    from history
    join contact_lists
        on history.stream_id = contact_lists.stream_id
        and history.campaign_id = contact_lists.campaign_id
        and history.version = contact_lists.version
)

select * from final
