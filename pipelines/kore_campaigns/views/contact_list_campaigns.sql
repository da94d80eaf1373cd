-- one row per contact list and campaign that uses it, according to the list
-- campaign_name (text): Current name of the campaign if `is_held`; otherwise the name in the
--   list, which Kore does not update.
-- is_held (bool): True if the campaign is in `kore.campaigns`.
with uses as (
    select * from kore_raw.contact_list_campaigns
),

contact_lists as (
    select * from kore.contact_lists
),

campaigns as (
    select * from kore.campaigns
),

-- the list has a copy of the campaign's name, which Kore does not update
named as (
    select
        uses.account_id,
        uses.stream_id,
        coalesce(apps.app_name, uses.stream_id) as app_name,
        uses.contact_list_id,
        contact_lists.contact_list_name,
        uses.campaign_id,
        coalesce(campaigns.name, uses.campaign_name) as campaign_name,
        campaigns.campaign_id is not null as is_held
    from uses
    left join contact_lists
        on uses.stream_id = contact_lists.stream_id
        and uses.contact_list_id = contact_lists.contact_list_id
    left join kore_raw.apps as apps on uses.stream_id = apps.stream_id
    left join campaigns
        on uses.stream_id = campaigns.stream_id
        and uses.campaign_id = campaigns.campaign_id
),

final as (
    select
        named.account_id,
        named.stream_id,
        named.contact_list_id,
        named.contact_list_name,
        named.campaign_id,
        named.campaign_name,
        named.is_held,
        named.app_name,
        named.stream_id || '/' || named.campaign_id as campaign_key
    from named
)

select * from final
