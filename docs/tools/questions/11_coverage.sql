-- Is the extract complete: which campaigns are configured and live, configured and gone, live and not configured?
select
    case
        when freshness.is_configured and campaigns.campaign_id is not null then 'configured, live'
        when freshness.is_configured then 'configured, not there'
        else 'live, not configured'
    end as state,
    count(*) as campaigns
from kore.campaign_freshness as freshness
left join kore.campaigns as campaigns
    on freshness.stream_id = campaigns.stream_id
    and freshness.campaign_id = campaigns.campaign_id
group by 1
order by 1
