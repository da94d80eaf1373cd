-- Which campaigns may dial outside the permitted hours, on which weekday, and for how many minutes?
select campaign_name, policy_name, day_of_week, value as may_dial, limit_value as permitted, minutes
from kore.findings
where finding = 'outside_permitted_hours'
order by campaign_name, policy_name, day_of_week
