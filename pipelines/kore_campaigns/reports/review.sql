-- name: changes
with risks as (
    select stream_id, campaign_id, version, bool_or(is_risky) as is_risky
    from kore.campaign_changes
    group by stream_id, campaign_id, version
)

select
    history.account_id,
    history.stream_id,
    history.campaign_id,
    history.name as campaign_name,
    history.version,
    history.observed_at,
    history.valid_from,
    history.is_deleted,
    coalesce(history.change_summary, 'first seen') as change_summary,
    coalesce(risks.is_risky, false) as is_risky
from kore.campaign_history as history
left join risks
    on history.stream_id = risks.stream_id
    and history.campaign_id = risks.campaign_id
    and history.version = risks.version
where history.observed_at >= ?
order by history.observed_at desc, history.name, history.campaign_id, history.version desc

-- name: findings
select * from kore.findings
order by campaign_name, campaign_id, finding, day_of_week, value
