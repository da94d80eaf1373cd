-- The queries of html.py; the name of each is above it.

-- name: last_run
select started_at, state from kore.runs
where coalesce(sweep, '') <> 'only' order by run_number desc limit 1

-- name: counts
select
    (select count(*) from kore.campaigns),
    (select count(*) from kore.campaign_freshness where is_stale and is_configured)

-- name: weeks
-- spans of each campaign: what its policies permit, and when it may dial inside and outside of it
with limits as (
    select campaign_key, day_of_week,
        coalesce(max(earliest_minute), 0) as earliest,
        coalesce(min(latest_minute), 1440) as latest
    from kore.policy_limits
    where earliest_minute is not null or latest_minute is not null
    group by campaign_key, day_of_week
),

dialed as (
    select hours.campaign_key, hours.day_of_week, hours.start_minute, hours.end_minute,
        coalesce(limits.earliest, 0) as earliest, coalesce(limits.latest, 1440) as latest
    from kore.open_hours as hours
    left join limits
        on hours.campaign_key = limits.campaign_key and hours.day_of_week = limits.day_of_week
),

spans as (
    select campaign_key, day_of_week, 'permitted' as kind, earliest as opens, latest as closes
    from limits
    union all
    select campaign_key, day_of_week, 'inside', greatest(start_minute, earliest),
        least(end_minute, latest)
    from dialed
    union all
    select campaign_key, day_of_week, 'outside', start_minute, least(end_minute, earliest)
    from dialed
    union all
    select campaign_key, day_of_week, 'outside', greatest(start_minute, latest, earliest),
        end_minute
    from dialed
)

select campaigns.campaign_key, coalesce(campaigns.name, campaigns.campaign_id),
    campaigns.timezone, spans.kind,
    1440 * (spans.day_of_week - 1) + spans.opens,
    1440 * (spans.day_of_week - 1) + spans.closes
from kore.campaigns as campaigns
left join spans
    on campaigns.campaign_key = spans.campaign_key and spans.opens < spans.closes
order by
    -- those outside their limits come first
    max(case spans.kind when 'outside' then 1 else 0 end)
        over (partition by campaigns.campaign_key) desc,
    campaigns.name, campaigns.campaign_key, spans.day_of_week, spans.opens

-- name: utc_windows
select campaign_id, starts_at, ends_at
from kore.calling_windows_utc
where ends_at > current_date and starts_at < current_date + 7

-- name: findings
-- one row per campaign, finding and policy: one violation on five weekdays is one row. The
-- dashboard runs it, too
with
-- weekdays with the same hours
days as (
    select campaign_key, finding, policy_name, value, limit_value,
        min(day_of_week) as first_day,
        case
            when count(*) > 2 and max(day_of_week) - min(day_of_week) + 1 = count(*)
                then substr('MonTueWedThuFriSatSun', 3 * cast(min(day_of_week) as integer) - 2, 3)
                    || '-'
                    || substr('MonTueWedThuFriSatSun', 3 * cast(max(day_of_week) as integer) - 2, 3)
            else string_agg(
                substr('MonTueWedThuFriSatSun', 3 * cast(day_of_week as integer) - 2, 3),
                ', ' order by day_of_week
            )
        end as day_names
    from kore.findings
    where day_of_week is not null
    group by campaign_key, finding, policy_name, value, limit_value
),

spans as (
    select campaign_key, finding, policy_name,
        string_agg(day_names || ' ' || value, '; ' order by first_day, value) as hours,
        string_agg(distinct limit_value, ' or ') as permitted
    from days
    group by campaign_key, finding, policy_name
),

numbered as (
    select findings.*,
        case severity when 'high' then 1 when 'medium' then 2 when 'low' then 3 else 4 end
            as severity_order,
        row_number() over (
            partition by campaign_key, finding, policy_name order by finding_key
        ) as place
    from kore.findings as findings
)

select
    min(numbered.severity) as severity,
    numbered.campaign_name,
    numbered.finding,
    case
        when count(*) = 1 then min(numbered.sentence)
        when numbered.finding = 'outside_permitted_hours'
            then 'may dial ' || min(spans.hours) || ': '
                || cast(cast(sum(numbered.minutes) as bigint) as varchar)
                || ' minutes a week outside `' || numbered.policy_name || '` ('
                || min(spans.permitted) || ')'
        else min(case when numbered.place = 1 then numbered.sentence end)
            || ' (and ' || cast(count(*) - 1 as varchar) || ' more)'
    end as sentence,
    min(numbered.open_since) as open_since,
    numbered.policy_name,
    numbered.campaign_id,
    numbered.campaign_key,
    min(numbered.severity_order) as severity_order,
    count(*) as findings,
    cast(sum(numbered.minutes) as bigint) as minutes
from numbered
left join spans
    on numbered.campaign_key = spans.campaign_key
    and numbered.finding = spans.finding
    and coalesce(numbered.policy_name, '') = coalesce(spans.policy_name, '')
group by
    numbered.campaign_key, numbered.campaign_id, numbered.campaign_name, numbered.finding,
    numbered.policy_name
order by min(numbered.severity_order), min(numbered.open_since) desc, numbered.campaign_name, numbered.finding,
    numbered.policy_name, numbered.campaign_key

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
