-- one row per campaign and policy: hours a week in which the campaign may dial outside the policy
select
    findings.app_name,
    findings.campaign_key,
    findings.campaign_name,
    findings.policy_name,
    count(distinct findings.day_of_week) as weekdays,
    sum(findings.minutes) / 60.0 as hours_a_week
from {{ ref('stg_kore__findings') }} as findings
where findings.finding = 'outside_permitted_hours'
group by 1, 2, 3, 4
