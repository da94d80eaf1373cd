-- The queries of html.py; the name of each is above it.

-- name: last_run
select started_at, state from kore.runs
where coalesce(sweep, '') <> 'only' order by run_number desc limit 1

-- name: counts
select
    (select count(*) from kore.campaigns),
    (select count(*) from kore.campaign_freshness where is_stale and is_configured)

-- name: weeks
select campaigns.campaign_id, coalesce(campaigns.name, campaigns.campaign_id), campaigns.timezone,
    1440 * (spans.day_of_week - 1) + spans.start_minute,
    1440 * (spans.day_of_week - 1) + spans.end_minute
from kore.campaigns as campaigns
left join kore.open_hours as spans using (stream_id, campaign_id)
order by campaigns.name, campaigns.campaign_id, spans.day_of_week, spans.start_minute

-- name: utc_windows
select campaign_id, starts_at, ends_at
from kore.calling_windows_utc
where ends_at > current_date and starts_at < current_date + 7

-- name: findings
select severity, campaign_name, finding, sentence
from kore.findings
order by
    case severity when 'high' then 1 when 'medium' then 2 when 'low' then 3 else 4 end,
    campaign_name, finding, policy_name, day_of_week, sentence

-- name: changes
select history.valid_from, history.name, history.change_summary,
    coalesce(risks.is_risky, false) as is_risky
from kore.campaign_history as history
left join (
    select stream_id, campaign_id, version, bool_or(is_risky) as is_risky
    from kore.campaign_changes group by stream_id, campaign_id, version
) as risks using (stream_id, campaign_id, version)
where history.version > 1 and history.observed_at > now() - interval '30' day
order by is_risky desc, history.valid_from desc, history.name

-- name: dnc_lists
select lists.dnc_list_name, count(*)
from kore.campaigns as campaigns
left join kore.campaign_dnc_lists as lists using (stream_id, campaign_id)
group by lists.dnc_list_name order by 2 desc, 1

-- name: overlaps
select shared, shared_name, campaign_name, other_campaign_name, overlap_minutes
from kore.campaign_overlaps
order by shared <> 'contact_list', overlap_minutes desc, shared_name, campaign_name,
    other_campaign_name
