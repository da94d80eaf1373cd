-- Which contact lists and caller ids do several campaigns share, and for how many minutes a week?
select shared, shared_name, campaign_count, weekly_minutes
from kore.shared_resources
where shared in ('contact_list', 'caller_id')
order by shared, shared_name
