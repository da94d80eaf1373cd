-- Which campaigns call on Saturday or Sunday, or have no calling hours at all?
select campaign_name, timezone, weekend_minutes, weekly_minutes
from kore.weekly_minutes
where weekend_minutes > 0 or weekly_minutes = 0
order by campaign_name
