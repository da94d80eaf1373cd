-- How many live and deleted campaigns does each app have?
select apps.app_name,
    sum(case when campaigns.is_deleted then 0 else 1 end) as live,
    sum(case when campaigns.is_deleted then 1 else 0 end) as deleted
from kore.apps as apps
join kore.campaign_history as campaigns
    on apps.stream_id = campaigns.stream_id and campaigns.is_current
group by apps.app_name
order by apps.app_name
