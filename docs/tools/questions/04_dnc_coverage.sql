-- How many campaigns does each do-not-call list cover, and which campaigns have no list of their own?
select
    coalesce(dnc_lists.dnc_list_name, '(none of its own)') as dnc_list,
    count(*) as campaigns,
    string_agg(campaigns.name, ', ' order by campaigns.name) as names
from kore.campaigns as campaigns
left join kore.campaign_dnc_lists as dnc_lists
    on campaigns.stream_id = dnc_lists.stream_id
    and campaigns.campaign_id = dnc_lists.campaign_id
group by coalesce(dnc_lists.dnc_list_name, '(none of its own)')
order by dnc_list
