-- Which limits are in force, and on how many weekdays?
select policy_name, country_code, earliest_time, latest_time, min_ring_seconds,
    count(*) as weekdays
from kore.policy_history
where valid_to is null
group by policy_name, country_code, earliest_time, latest_time, min_ring_seconds
order by policy_name
