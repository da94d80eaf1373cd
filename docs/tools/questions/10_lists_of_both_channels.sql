-- Which contact lists do both voice and SMS campaigns use?
select
    lists.contact_list_name,
    string_agg(campaigns.name, ', ' order by campaigns.name) as campaigns
from kore.campaign_contact_lists as lists
join kore.campaigns as campaigns
    on lists.stream_id = campaigns.stream_id
    and lists.campaign_id = campaigns.campaign_id
group by lists.contact_list_name
having count(distinct campaigns.campaign_type) = 2
order by lists.contact_list_name
