-- one row per live campaign: how many findings it has, and when it was last confirmed
select
    campaigns.stream_id,
    campaigns.campaign_id,
    campaigns.name,
    campaigns.status,
    freshness.last_confirmed_at,
    count(findings.finding) as findings,
    campaigns.campaign_key
from {{ ref('stg_kore__campaigns') }} as campaigns
left join {{ ref('stg_kore__campaign_freshness') }} as freshness
    on freshness.campaign_key = campaigns.campaign_key
left join {{ ref('stg_kore__findings') }} as findings
    on findings.campaign_key = campaigns.campaign_key
group by 1, 2, 3, 4, 5, 7
