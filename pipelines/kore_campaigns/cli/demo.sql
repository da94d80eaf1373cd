-- The queries of demo.py; the question that each answers is above it.

-- name: What changed between the two runs?
select campaign_name, path, old_value, new_value
from kore.campaign_changes
order by campaign_name, position

-- name: Which campaigns may dial outside the permitted hours of policies.csv, by how much?
select campaign_name, policy_name as policy, limit_value as permitted, value as may_dial,
    count(*) as weekdays, sum(minutes) as minutes_a_week
from kore.findings
where finding = 'outside_permitted_hours'
group by 1, 2, 3, 4
order by campaign_name, may_dial

-- name: Which live voice campaigns have no do-not-call list of their own?
select name, status, timezone
from kore.campaigns
left join kore.campaign_dnc_lists as lists using (stream_id, campaign_id)
where campaign_type = 'voice' and lists.position is null
order by name
