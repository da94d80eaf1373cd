-- one row per campaign and week with changes: how many fields changed, and how many changes are risky
select
    changes.app_name,
    changes.campaign_key,
    changes.campaign_name,
    cast(date_trunc('week', changes.changed_at at time zone 'UTC') as date) as week_starts_on,
    count(*) as changes,
    sum(case when changes.is_risky then 1 else 0 end) as risky_changes
from {{ ref('stg_kore__campaign_changes') }} as changes
group by 1, 2, 3, 4
