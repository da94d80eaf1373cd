-- From which campaigns was a do-not-call list removed, and in which version?
select history.campaign_name, history.dnc_list_name, history.version + 1 as gone_in_version
from kore.dnc_list_history as history
join kore.campaigns as campaigns
    on history.stream_id = campaigns.stream_id
    and history.campaign_id = campaigns.campaign_id
left join kore.dnc_list_history as later
    on history.stream_id = later.stream_id
    and history.campaign_id = later.campaign_id
    and later.version = history.version + 1
    and later.dnc_list_name = history.dnc_list_name
where history.valid_to is not null and later.version is null
order by history.campaign_name, history.dnc_list_name
