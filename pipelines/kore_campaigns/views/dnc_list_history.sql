-- one row per do-not-call list and campaign version, with the validity of the version
with history as (
    select * from kore.campaign_history
),

dnc_lists as (
    select * from kore_raw.campaign_versions__dnc_lists
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
        dnc_lists.position,
        dnc_lists.dnc_list_id,
        dnc_lists.dnc_list_name,
        history.app_name,
        history.campaign_key,
        history.version_key
    from history
    join dnc_lists
        on history.stream_id = dnc_lists.stream_id
        and history.campaign_id = dnc_lists.campaign_id
        and history.version = dnc_lists.version
)

select * from final
