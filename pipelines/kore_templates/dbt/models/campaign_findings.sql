-- one row per live campaign: how many findings it has, and when it was last confirmed
select
    campaigns.stream_id,
    campaigns.campaign_id,
    campaigns.name,
    campaigns.status,
    freshness.last_confirmed_at,
    count(findings.finding) as findings
from {{ source('kore', 'campaigns') }} as campaigns
left join {{ source('kore', 'campaign_freshness') }} as freshness
    on freshness.stream_id = campaigns.stream_id
    and freshness.campaign_id = campaigns.campaign_id
left join {{ source('kore', 'findings') }} as findings
    on findings.stream_id = campaigns.stream_id
    and findings.campaign_id = campaigns.campaign_id
group by 1, 2, 3, 4, 5
