-- one row per finding about the lists of a campaign
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
        campaigns.app_name,
        campaigns.campaign_id,
        campaigns.name as campaign_name,
        'no_dnc_list' as finding,
        case campaigns.campaign_type when 'sms' then 'high' else 'medium' end as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        cast(null as varchar) as value,
        cast(null as varchar) as limit_value,
        cast(null as bigint) as minutes,
        case campaigns.campaign_type
            when 'sms'
                then 'has no do-not-call list: the account''s global list covers voice alone, so '
                    || 'no contact is left out'
            else 'has no do-not-call list of its own, which Kore requires since v11.20; the API '
                || 'does not show whether the account''s global list covers it'
        end as sentence,
        cast(null as varchar) as place
    from campaigns
    left join dnc_lists
        on campaigns.stream_id = dnc_lists.stream_id
        and campaigns.campaign_id = dnc_lists.campaign_id
    where dnc_lists.campaign_id is null
),

lists_without_zone as (
    select
        lists.account_id,
        lists.stream_id,
        lists.app_name,
        lists.campaign_id,
        lists.campaign_name,
        'list_without_timezone' as finding,
        'low' as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        lists.contact_list_name as value,
        cast(null as varchar) as limit_value,
        cast(null as bigint) as minutes,
        'dials the list `' || lists.contact_list_name || '`, whose contacts have no time zone of '
        || 'their own: the campaign''s time zone applies' as sentence,
        'list ' || cast(lists.position as varchar) as place
    from kore.campaign_contact_lists as lists
    join kore.contact_lists as contact_lists
        on lists.stream_id = contact_lists.stream_id
        and lists.contact_list_id = contact_lists.contact_list_id
    where coalesce(contact_lists.list_timezone, '') = ''
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
        sentence,
        app_name,
        stream_id || '/' || campaign_id as campaign_key,
        stream_id || '/' || campaign_id || '/' || finding
        || coalesce('/' || policy_name, '')
        || coalesce('/' || cast(day_of_week as varchar), '')
        || coalesce('/' || place, '') as finding_key,
        cast(null as varchar) as day_name
    from (
        select * from no_dnc_list
        union all
        select * from lists_without_zone
    ) as found
)

select * from final
