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
        cast(null as varchar) as place,
        cast(null as timestamp with time zone) as known_since
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
        'list ' || cast(lists.position as varchar) as place,
        contact_lists.seen_at as known_since
    from kore.campaign_contact_lists as lists
    join kore.contact_lists as contact_lists
        on lists.stream_id = contact_lists.stream_id
        and lists.contact_list_id = contact_lists.contact_list_id
    where coalesce(contact_lists.list_timezone, '') = ''
),

lists_in_use as (
    select
        uses.account_id,
        uses.stream_id,
        uses.app_name,
        uses.campaign_id,
        uses.campaign_name,
        'do-not-call list `' || coalesce(lists.dnc_list_name, lists.dnc_list_id) || '`' as named,
        lists.dnc_list_id,
        lists.record_count,
        lists.status,
        lists.updated_at,
        lists.record_count_since,
        lists.status_since,
        cast(
            floor(
                (extract(epoch from current_timestamp) - extract(epoch from lists.updated_at))
                / 86400
            ) as bigint
        ) as age_days
    from kore.campaign_dnc_lists as uses
    join kore.dnc_lists as lists
        on uses.stream_id = lists.stream_id
        and uses.dnc_list_id = lists.dnc_list_id
),

dnc_list_empty as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_name,
        'dnc_list_empty' as finding,
        'high' as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        '0' as value,
        cast(null as varchar) as limit_value,
        cast(null as bigint) as minutes,
        'names the ' || named || ', which is empty: it leaves no contact out' as sentence,
        dnc_list_id as place,
        record_count_since as known_since
    from lists_in_use
    where record_count = 0
),

-- statuses are an open set; these two say that Kore has not accepted the list
dnc_list_invalid as (
    select
        account_id,
        stream_id,
        app_name,
        campaign_id,
        campaign_name,
        'dnc_list_invalid' as finding,
        'high' as severity,
        cast(null as varchar) as policy_name,
        cast(null as bigint) as day_of_week,
        status as value,
        cast(null as varchar) as limit_value,
        cast(null as bigint) as minutes,
        'names the ' || named || ', whose status is `' || status || '`' as sentence,
        dnc_list_id as place,
        status_since as known_since
    from lists_in_use
    where lower(status) in ('invalid', 'validating')
),

-- over all weekdays: the strictest day counts
age_limits as (
    select stream_id, campaign_id, policy_name, min(max_dnc_age_days) as max_dnc_age_days
    from kore.policy_limits
    group by stream_id, campaign_id, policy_name
),

dnc_list_not_updated as (
    select
        lists_in_use.account_id,
        lists_in_use.stream_id,
        lists_in_use.app_name,
        lists_in_use.campaign_id,
        lists_in_use.campaign_name,
        'dnc_list_not_updated' as finding,
        'medium' as severity,
        age_limits.policy_name,
        cast(null as bigint) as day_of_week,
        cast(lists_in_use.age_days as varchar) as value,
        cast(age_limits.max_dnc_age_days as varchar) as limit_value,
        cast(null as bigint) as minutes,
        'names the ' || lists_in_use.named || ', last updated '
        || cast(lists_in_use.age_days as varchar) || ' days ago, more than the '
        || cast(age_limits.max_dnc_age_days as varchar) || ' of `' || age_limits.policy_name
        || '`' as sentence,
        lists_in_use.dnc_list_id as place,
        to_timestamp(
            extract(epoch from lists_in_use.updated_at) + age_limits.max_dnc_age_days * 86400
        ) as known_since
    from lists_in_use
    join age_limits
        on lists_in_use.stream_id = age_limits.stream_id
        and lists_in_use.campaign_id = age_limits.campaign_id
    where lists_in_use.age_days > age_limits.max_dnc_age_days
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
        cast(null as varchar) as day_name,
        known_since
    from (
        select * from no_dnc_list
        union all
        select * from lists_without_zone
        union all
        select * from dnc_list_empty
        union all
        select * from dnc_list_invalid
        union all
        select * from dnc_list_not_updated
    ) as found
)

select * from final
