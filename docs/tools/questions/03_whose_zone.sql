-- Which contact lists have no time zone for their contacts, so that the campaign's time zone applies?
select hours.campaign_name, hours.timezone, hours.contact_list_name
from (
    select campaigns.timezone, lists.*
    from kore.campaign_contact_lists as lists
    join kore.campaigns as campaigns
        on lists.stream_id = campaigns.stream_id
        and lists.campaign_id = campaigns.campaign_id
) as hours
join kore.contact_lists as contact_lists
    on hours.stream_id = contact_lists.stream_id
    and hours.contact_list_id = contact_lists.contact_list_id
where coalesce(contact_lists.list_timezone, '') = ''
order by hours.campaign_name, hours.contact_list_name
