-- one row per contact list of a live campaign, newest version
-- campaign_name (text): Name of the campaign in this version.
-- contact_list_id (text): The list's id, sent by Kore or found by its name, as `link` says;
--   empty if `link` is `ambiguous` or `unknown`.
-- link (text): Source of `contact_list_id`. `sent`: Kore sent it; `in_use`: a list with this
--   name names the campaign as its user; `name`: exactly one list has this name; `ambiguous`:
--   several lists have it; `unknown`: no list for calls has it.
with campaigns as (
    select * from kore.campaigns
),

contact_lists as (
    select * from kore_raw.campaign_versions__contact_lists
),

-- lists with this name that name the campaign as their user
in_use as (
    select
        uses.stream_id,
        uses.campaign_id,
        lists.contact_list_name,
        count(*) as list_count,
        min(lists.contact_list_id) as contact_list_id
    from kore_raw.contact_list_campaigns as uses
    join kore_raw.contact_lists as lists
        on uses.stream_id = lists.stream_id
        and uses.contact_list_id = lists.contact_list_id
    group by uses.stream_id, uses.campaign_id, lists.contact_list_name
),

-- all lists with this name
named as (
    select
        stream_id,
        contact_list_name,
        count(*) as list_count,
        min(contact_list_id) as contact_list_id
    from kore_raw.contact_lists
    group by stream_id, contact_list_name
),

linked as (
    select
        campaigns.account_id,
        campaigns.stream_id,
        campaigns.app_name,
        campaigns.campaign_id,
        campaigns.version,
        campaigns.name as campaign_name,
        contact_lists.position,
        contact_lists.contact_list_name,
        contact_lists.contact_list_id as sent_id,
        in_use.contact_list_id as in_use_id,
        named.contact_list_id as named_id,
        case
            when contact_lists.contact_list_id is not null then 'sent'
            when in_use.list_count = 1 then 'in_use'
            when in_use.list_count > 1 then 'ambiguous'
            when named.list_count = 1 then 'name'
            when named.list_count > 1 then 'ambiguous'
            else 'unknown'
        end as link
    from campaigns
    join contact_lists
        on campaigns.stream_id = contact_lists.stream_id
        and campaigns.campaign_id = contact_lists.campaign_id
        and campaigns.version = contact_lists.version
    left join in_use
        on campaigns.stream_id = in_use.stream_id
        and campaigns.campaign_id = in_use.campaign_id
        and contact_lists.contact_list_name = in_use.contact_list_name
    left join named
        on campaigns.stream_id = named.stream_id
        and contact_lists.contact_list_name = named.contact_list_name
),

identified as (
    select
        *,
        case link
            when 'sent' then sent_id
            when 'in_use' then in_use_id
            when 'name' then named_id
        end as contact_list_id
    from linked
),

final as (
    select
        identified.account_id,
        identified.stream_id,
        identified.campaign_id,
        identified.version,
        identified.campaign_name,
        identified.position,
        identified.contact_list_id,
        identified.contact_list_name,
        identified.link,
        identified.app_name,
        identified.stream_id || '/' || identified.campaign_id as campaign_key,
        identified.stream_id || '/' || identified.campaign_id || '/' || cast(identified.version as varchar)
        as version_key
    from identified
)

select * from final
