-- The queries of demo.py; the question that each answers is above it.

-- name: What changed between the two runs?
select history.name as campaign_name, history.change_summary as change,
    case when bool_or(changes.is_risky) then 'riskier' else '' end as risk
from kore.campaign_history as history
join kore.campaign_changes as changes using (stream_id, campaign_id, version)
group by 1, 2
order by 1

-- name: How many minutes a week may campaigns dial outside the hours of policies.csv?
select campaign_name, limit_value as permitted, value as may_dial, sum(minutes) as minutes
from kore.findings
where finding = 'outside_permitted_hours'
group by 1, 2, 3
order by campaign_name, may_dial

-- name: Which live voice campaigns have no do-not-call list of their own?
select name as campaign_name, status, timezone
from kore.campaigns
left join kore.campaign_dnc_lists as lists using (stream_id, campaign_id)
where campaign_type = 'voice' and lists.position is null
order by 1
