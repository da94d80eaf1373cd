-- Which campaigns are in which status, and are their rows up to date?
select campaigns.status, count(*) as campaigns,
    sum(case when freshness.is_stale then 1 else 0 end) as stale,
    string_agg(campaigns.name, ', ' order by campaigns.name) as names
from kore.campaigns as campaigns
join kore.campaign_freshness as freshness
    on campaigns.stream_id = freshness.stream_id
    and campaigns.campaign_id = freshness.campaign_id
group by campaigns.status
order by campaigns.status
