-- Which campaigns had no do-not-call list or called on a weekend on 10 December 2025, and since when?
select campaign_name, finding, first_seen as since
from kore.findings_history
where finding in ('no_dnc_list', 'weekend_calling')
    and first_seen <= timestamp with time zone '2025-12-10 14:05:00+00'
    and (
        resolved_at is null
        or timestamp with time zone '2025-12-10 14:05:00+00' < resolved_at
    )
order by campaign_name, finding
