-- The queries of the dashboard; the name of each is above it. Those called `shown.` are views that
-- other queries read. Variables are the filters of the sidebar; without a `moment` it is now.
-- `instant` is the moment, or the present.

-- name: shown.history
-- one row per version until the moment, of campaigns that the filters admit
select
    history.*,
    coalesce(nullif(history.timezone, ''), '(none)') as zone,
    coalesce(
        history.version_key in (select version_key from kore.campaign_changes where is_risky), false
    ) as is_risky
from kore.campaign_history as history
where (getvariable('moment') is null or history.valid_from <= getvariable('moment'))
    and (getvariable('apps') is null or list_contains(getvariable('apps'), history.app_name))
    and (
        getvariable('types') is null or list_contains(getvariable('types'), history.campaign_type)
    )
    and (getvariable('statuses') is null or list_contains(getvariable('statuses'), history.status))
    and (
        getvariable('zones') is null
        or list_contains(getvariable('zones'), coalesce(nullif(history.timezone, ''), '(none)'))
    )
    and (
        getvariable('name') is null
        or contains(lower(history.campaign_name), lower(getvariable('name')))
    )
    and (
        getvariable('dnc') is null
        or history.version_key in (
            select version_key from shown.dnc_lists
            where list_contains(getvariable('dnc'), dnc_list)
        )
        or list_contains(getvariable('dnc'), '(none of its own)')
        and history.version_key not in (select version_key from shown.dnc_lists)
    )

-- name: shown.dnc_lists
select
    version_key,
    stream_id,
    position,
    dnc_list_id,
    coalesce(nullif(dnc_list_name, ''), dnc_list_id, '(without a name)') as dnc_list
from kore.dnc_list_history

-- name: shown.campaigns
-- one row per campaign in force at the moment: a deleted one is not
select * from shown.history
where not is_deleted
    and case
        when getvariable('moment') is null then is_current
        else valid_to is null or valid_to > getvariable('moment')
    end

-- name: shown.findings
-- one row per finding that is open at the moment
select findings.*, findings.first_seen as open_since
from kore.findings_history as findings
where findings.first_seen <= getvariable('instant')
    and (findings.resolved_at is null or findings.resolved_at > getvariable('instant'))
    and (
        findings.campaign_key in (select campaign_key from shown.campaigns)
        -- a campaign that was never fetched has no version that a filter could admit
        or not getvariable('is_filtered')
        and findings.campaign_key not in (select campaign_key from kore.campaign_history)
    )

-- name: shown.finding_groups
-- one row per campaign, finding and policy, as in the report
select
    *,
    greatest(0, date_diff('day', open_since, getvariable('instant'))) as open_days
from shown.grouped

-- name: shown.changes
-- one row per version that changed something, newest first
select * from shown.history where version > 1

-- name: options
-- what each filter of the sidebar offers
select 'apps' as filter, app_name as option from kore.campaign_history
union
select 'types', campaign_type from kore.campaign_history
union
select 'statuses', status from kore.campaign_history
union
select 'zones', coalesce(nullif(timezone, ''), '(none)') from kore.campaign_history
union
select 'dnc', dnc_list from shown.dnc_lists
union
select 'dnc', '(none of its own)'
order by filter, option

-- name: health
select
    (select count(*) from kore.campaign_history where is_current and not is_deleted) as live,
    (
        select count(*) from kore.campaign_freshness
        where is_configured and is_stale and getvariable('moment') is null
    ) as stale,
    (select min(valid_from) from kore.campaign_history) as first_version_at,
    (select min(valid_from) from kore.policy_history) as first_policy_at

-- name: last_run
select started_at, state, run_number from kore.runs
where coalesce(sweep, '') <> 'only'
    and (getvariable('moment') is null or started_at <= getvariable('moment'))
order by run_number desc limit 1

-- name: numbers
select
    (select count(*) from shown.campaigns) as campaigns,
    (
        select count(*) from shown.changes
        where is_risky
            and valid_from > getvariable('instant') - interval 7 day
    ) as risky_7,
    (
        select count(*) from shown.changes
        where is_risky
            and valid_from > getvariable('instant') - interval 30 day
    ) as risky_30,
    (
        select count(*) from shown.campaigns
        where version_key not in (select version_key from shown.dnc_lists)
    ) as without_dnc

-- name: findings_by_age
select
    severity,
    count(*) filter (where open_days < 1) as "Today",
    count(*) filter (where open_days between 1 and 7) as "1-7 days",
    count(*) filter (where open_days between 8 and 30) as "8-30 days",
    count(*) filter (where open_days > 30 or open_days is null) as "Longer",
    count(*) as "All"
from shown.finding_groups
group by severity
order by min(severity_order)

-- name: changes_by_day
with days as (
    select unnest(range(30)) as days_ago
),

dated as (
    select
        date_trunc('day', getvariable('instant'))
        - to_days(cast(days_ago as integer)) as day
    from days
)

select
    dated.day,
    risks.is_risky,
    count(changes.version_key) as changes
from dated
cross join (select unnest([true, false]) as is_risky) as risks
left join shown.changes as changes
    on date_trunc('day', changes.valid_from) = dated.day and changes.is_risky = risks.is_risky
group by dated.day, risks.is_risky
order by dated.day, risks.is_risky

-- name: worst_findings
select severity, sentence, campaign_name, campaign_key, open_since, open_days
from shown.finding_groups
where severity in ('high', 'medium')
order by severity_order, open_since desc nulls last, campaign_name, finding
limit 6

-- name: last_changes
select valid_from, campaign_name, campaign_key, change_summary, is_risky
from shown.changes
order by is_risky and valid_from > getvariable('instant') - interval 1 day desc,
    valid_from desc, campaign_name
limit 6

-- name: dnc_coverage
select
    coalesce(lists.dnc_list, '(none of its own)') as dnc_list,
    count(*) as campaigns
from shown.campaigns as campaigns
left join shown.dnc_lists as lists on campaigns.version_key = lists.version_key
group by coalesce(lists.dnc_list, '(none of its own)')
order by count(lists.dnc_list) > 0, count(*) desc, 1

-- name: findings
select
    severity, sentence, campaign_name, finding, policy_name, open_since, open_days, minutes,
    findings, campaign_id, campaign_key
from shown.finding_groups
where ($severities is null or list_contains($severities, severity))
    and ($kinds is null or list_contains($kinds, finding))
order by severity_order, open_since desc nulls last, campaign_name, finding, policy_name

-- name: finding_kinds
select distinct finding from kore.findings_history order by finding

-- name: finding_history
select
    coalesce(day_name, 'All days') as part,
    first_seen, resolved_at, sentence,
    coalesce(resolved_at, getvariable('instant')) as until
from kore.findings_history
where campaign_key = $campaign_key and finding = $finding
    and policy_name is not distinct from $policy_name
    and first_seen <= getvariable('instant')
order by day_of_week, first_seen desc

-- name: changes
select
    changes.valid_from, changes.campaign_name, changes.is_risky, changes.change_summary,
    changes.version, changes.campaign_id, changes.campaign_key, changes.version_key
from shown.changes as changes
where ($since_days is null or changes.valid_from > getvariable('instant') - to_days($since_days))
    and (not $risky or changes.is_risky)
    and (
        $kinds is null
        or changes.version_key in (
            select version_key from kore.campaign_changes where list_contains($kinds, kind)
        )
    )
order by changes.valid_from desc, changes.campaign_name, changes.campaign_key

-- name: change_kinds
select distinct kind from kore.campaign_changes order by kind

-- name: changed_fields
-- the fields of some versions; those that only say when it was saved come last
select version_key, path, old_value, new_value, kind, is_risky
from kore.campaign_changes
where list_contains($version_keys, version_key)
order by version_key, is_risky desc, kind = 'other', position

-- name: change_calendar
-- half a year of days, Monday first
with days as (
    select unnest(
        generate_series(
            date_trunc('week', getvariable('instant')) - interval 25 week,
            date_trunc('day', getvariable('instant')),
            interval 1 day
        )
    ) as day
)

select
    days.day,
    date_trunc('week', days.day) as week,
    isodow(days.day) as day_of_week,
    count(changes.version_key) as changes,
    count(changes.version_key) filter (where changes.is_risky) as risky
from days
left join shown.changes as changes on date_trunc('day', changes.valid_from) = days.day
group by days.day
order by days.day

-- name: shown.open_hours
-- one row per campaign in force and span of a weekday in which it may dial; overlaps are merged
with windows as (
    select
        campaigns.campaign_key,
        hours.start_minute,
        hours.end_minute,
        unnest(
            case
                when hours.day_of_week is not null then [hours.day_of_week]
                -- without a weekday: all of them, if the campaign dials daily
                when coalesce(hours.day, '') = '' and campaigns.calling_hours_frequency = 'DAILY'
                    then range(1, 8)
                else []
            end
        ) as first_day
    from shown.campaigns as campaigns
    join kore.calling_hours_history as hours on campaigns.version_key = hours.version_key
    where hours.is_parsed
),

split as (
    select
        campaign_key, first_day as day_of_week, start_minute,
        least(end_minute, 1440) as end_minute
    from windows
    union all
    select campaign_key, first_day % 7 + 1, 0, end_minute - 1440
    from windows
    where end_minute > 1440
),

ordered as (
    select
        *,
        max(end_minute) over (
            partition by campaign_key, day_of_week order by start_minute, end_minute
            rows between unbounded preceding and 1 preceding
        ) as open_until
    from split
),

numbered as (
    select
        *,
        sum(case when start_minute <= open_until then 0 else 1 end) over (
            partition by campaign_key, day_of_week order by start_minute, end_minute
        ) as span
    from ordered
)

select
    campaign_key, day_of_week,
    min(start_minute) as start_minute, max(end_minute) as end_minute
from numbered
group by campaign_key, day_of_week, span

-- name: shown.policies
-- one row per campaign in force and line of a policy, for a weekday or a closed date
with policies as (
    select stream_id, policy_name, zone_pattern, country_code, campaign_pattern, day_of_week,
        earliest_minute, latest_minute, null as closed_date, valid_from, valid_to
    from kore.policy_history
    where earliest_minute is not null or latest_minute is not null
    union all
    select stream_id, policy_name, zone_pattern, country_code, campaign_pattern, day_of_week,
        null, null, closed_date, valid_from, null
    from kore.closed_dates
)

select
    campaigns.campaign_key, policies.policy_name, policies.day_of_week, policies.earliest_minute,
    policies.latest_minute, policies.closed_date
from shown.campaigns as campaigns
left join kore.time_zones as zones on campaigns.timezone = zones.timezone
join policies
    on campaigns.stream_id = policies.stream_id
    and policies.valid_from <= getvariable('instant')
    and (policies.valid_to is null or policies.valid_to > getvariable('instant'))
    and (policies.country_code is null or policies.country_code = zones.country_code)
    and (
        policies.zone_pattern is null
        or lower(campaigns.timezone)
        glob replace(replace(lower(policies.zone_pattern), '\', '\\'), '[', '[[]')
    )
    and (
        policies.campaign_pattern is null
        or lower(campaigns.campaign_name)
        glob replace(replace(lower(policies.campaign_pattern), '\', '\\'), '[', '[[]')
        or lower(campaigns.campaign_id)
        glob replace(replace(lower(policies.campaign_pattern), '\', '\\'), '[', '[[]')
    )

-- name: shown.limits
-- one row per campaign in force and weekday: the hours that its policies permit
select
    campaign_key,
    day_of_week,
    coalesce(max(earliest_minute), 0) as earliest_minute,
    coalesce(min(latest_minute), 1440) as latest_minute
from shown.policies
where closed_date is null
group by campaign_key, day_of_week

-- name: shown.closed_dates
-- one row per closed date of the 60 days from the moment on: whom it is for, and who dials on it
select
    policies.closed_date,
    string_agg(distinct policies.policy_name, ', ' order by policies.policy_name) as policy_names,
    count(distinct policies.campaign_key) as campaigns,
    count(distinct hours.campaign_key) as dialing
from shown.policies as policies
left join shown.open_hours as hours
    on policies.campaign_key = hours.campaign_key and policies.day_of_week = hours.day_of_week
where policies.closed_date >= cast(getvariable('instant') as date)
    and policies.closed_date <= cast(getvariable('instant') as date) + 60
group by policies.closed_date

-- name: shown.local_spans
-- one row per campaign, weekday and span: permitted, or dialed `inside` or `outside` the limits
with dialed as (
    select
        hours.*,
        coalesce(limits.earliest_minute, 0) as earliest,
        coalesce(limits.latest_minute, 1440) as latest
    from shown.open_hours as hours
    left join shown.limits as limits
        on hours.campaign_key = limits.campaign_key and hours.day_of_week = limits.day_of_week
),

spans as (
    select campaign_key, day_of_week, 'permitted' as kind, earliest_minute as opens,
        latest_minute as closes
    from shown.limits
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

select * from spans where opens < closes

-- name: shown.utc_spans
-- the same spans in UTC, in the seven days from the moment's day on
with week as (
    select epoch_ms(date_trunc('day', getvariable('instant'))) // 60000 as begins
),

days as (
    select
        week.begins + 1440 * number as midnight,
        -- 1 January 1970 was a Thursday
        ((week.begins // 1440 + number + 3) % 7) + 1 as day_of_week
    from week
    cross join (select unnest(range(-1, 9)) as number) as numbers
),

offsets as (
    select
        timezone,
        utc_offset_minutes,
        epoch_ms(starts_at) // 60000 + utc_offset_minutes as local_from,
        epoch_ms(ends_at) // 60000 + utc_offset_minutes as local_to
    from kore.zone_offsets
    where starts_at < getvariable('instant') + interval 10 day
        and ends_at > getvariable('instant') - interval 3 day
),

-- a local hour that the clock skips is in no span; an hour that it repeats is in two
placed as (
    select
        spans.campaign_key,
        spans.kind,
        greatest(
            greatest(days.midnight + spans.opens, offsets.local_from) - offsets.utc_offset_minutes,
            week.begins
        ) as opens,
        least(
            least(days.midnight + spans.closes, offsets.local_to) - offsets.utc_offset_minutes,
            week.begins + 10080
        ) as closes
    from shown.local_spans as spans
    join days on spans.day_of_week = days.day_of_week
    join shown.campaigns as campaigns on spans.campaign_key = campaigns.campaign_key
    join offsets
        on campaigns.timezone = offsets.timezone
        and days.midnight + spans.opens < offsets.local_to
        and days.midnight + spans.closes > offsets.local_from
    cross join week
),

-- a span that crosses midnight is in two days
split as (
    select
        placed.*,
        unnest(range(opens // 1440, (closes + 1439) // 1440)) as day_number
    from placed
    where opens < closes
)

select
    campaign_key,
    kind,
    cast((day_number + 3) % 7 + 1 as bigint) as day_of_week,
    cast(greatest(opens, day_number * 1440) - day_number * 1440 as bigint) as opens,
    cast(least(closes, day_number * 1440 + 1440) - day_number * 1440 as bigint) as closes
from split

-- name: shown.spans
select *, 'local' as clock from shown.local_spans
union all
select campaign_key, day_of_week, kind, opens, closes, 'UTC' from shown.utc_spans

-- name: hours_heat
-- campaigns that may dial in some minute of each hour of the week, and those outside the limits
with hours as (
    select distinct
        campaign_key, kind, day_of_week,
        unnest(range(opens // 60, (closes + 59) // 60)) as hour
    from shown.spans
    where clock = $clock and kind <> 'permitted'
)

select
    day_of_week,
    hour,
    count(distinct campaign_key) as campaigns,
    count(distinct campaign_key) filter (where kind = 'outside') as outside
from hours
group by day_of_week, hour
order by day_of_week, hour

-- name: hours_campaigns
-- the campaigns of the chart: those outside their limits first
with minutes as (
    select
        campaign_key,
        sum(closes - opens) filter (where kind <> 'permitted') as weekly_minutes,
        sum(closes - opens) filter (where kind = 'outside') as outside_minutes
    from shown.local_spans
    group by campaign_key
)

select
    campaigns.campaign_name,
    campaigns.zone as time_zone,
    campaigns.status,
    cast(coalesce(minutes.weekly_minutes, 0) as bigint) as weekly_minutes,
    cast(coalesce(minutes.outside_minutes, 0) as bigint) as minutes_outside_limits,
    campaigns.campaign_id,
    campaigns.campaign_key
from shown.campaigns as campaigns
left join minutes on campaigns.campaign_key = minutes.campaign_key
order by minutes_outside_limits desc, campaigns.campaign_name, campaigns.campaign_key

-- name: hours_spans
select
    spans.campaign_key, spans.kind, spans.day_of_week, spans.opens, spans.closes,
    (spans.day_of_week - 1) * 1440 + spans.opens as week_opens,
    (spans.day_of_week - 1) * 1440 + spans.closes as week_closes,
    format('{:02d}:{:02d}-{:02d}:{:02d}',
        spans.opens // 60, spans.opens % 60, spans.closes // 60, spans.closes % 60) as times
from shown.spans as spans
where spans.clock = $clock and list_contains($campaign_keys, spans.campaign_key)
order by spans.campaign_key, week_opens, spans.kind

-- name: calendar
-- four weeks from the moment on, with the changes of the clock
with days as (
    select
        cast(getvariable('instant') as date) + cast(number as integer) as day
    from (select unnest(range(0, 28)) as number) as numbers
),

dialing as (
    select day_of_week, count(distinct campaign_key) as campaigns
    from shown.open_hours
    group by day_of_week
),

clocks as (
    select
        cast(offsets.starts_at + to_minutes(before.utc_offset_minutes) as date) as day,
        string_agg(
            offsets.timezone || ' '
            || case when offsets.utc_offset_minutes > before.utc_offset_minutes
                then 'forward' else 'back' end,
            ', ' order by offsets.timezone
        ) as clock_changes
    from kore.zone_offsets as offsets
    join kore.zone_offsets as before
        on offsets.timezone = before.timezone and offsets.starts_at = before.ends_at
    where offsets.timezone in (select timezone from shown.campaigns)
        and offsets.utc_offset_minutes <> before.utc_offset_minutes
    group by 1
)

select
    days.day,
    isodow(days.day) as day_of_week,
    coalesce(dialing.campaigns, 0) as campaigns,
    clocks.clock_changes,
    closed.policy_names,
    coalesce(closed.dialing, 0) as dialing
from days
left join dialing on isodow(days.day) = dialing.day_of_week
left join clocks on days.day = clocks.day
left join shown.closed_dates as closed on days.day = closed.closed_date
order by days.day

-- name: closed_dates
select closed_date, policy_names, campaigns, dialing from shown.closed_dates order by closed_date

-- name: campaign_names
-- the campaigns to choose from: those that changed last come first, deleted ones last
with newest as (
    select
        campaign_key, campaign_name, is_deleted, version,
        row_number() over (partition by campaign_key order by version desc) as recency,
        valid_from
    from shown.history
)

select campaign_key, campaign_name, is_deleted
from newest
where recency = 1
order by is_deleted, version > 1 desc, valid_from desc, campaign_name
limit 200

-- name: campaign_name
select campaign_key, campaign_name, is_deleted from kore.campaign_history
where campaign_key = $campaign_key
order by version desc limit 1

-- name: campaign_versions
select
    version, valid_from, valid_to, change_summary, is_deleted, version_key,
    exists (
        select 1 from kore.campaign_changes as changes
        where changes.version_key = history.version_key and changes.is_risky
    ) as is_risky,
    valid_from <= getvariable('instant')
    and (valid_to is null or valid_to > getvariable('instant')) as is_in_force,
    coalesce(valid_to, now()) as until
from kore.campaign_history as history
where campaign_key = $campaign_key
order by version desc

-- name: campaign_facts
select history.*
from kore.campaign_history as history
where history.campaign_key = $campaign_key
    and history.valid_from <= getvariable('instant')
    and (history.valid_to is null or history.valid_to > getvariable('instant'))

-- name: campaign_lists
select dnc_list from shown.dnc_lists where version_key = $version_key order by position

-- name: campaign_findings
select severity, sentence, campaign_name, finding, policy_name, open_since, open_days, campaign_key
from shown.finding_groups
where campaign_key = $campaign_key
order by severity_order, finding

-- name: campaign_changes
select
    changes.changed_at, changes.version, changes.path, changes.old_value, changes.new_value,
    changes.kind, changes.is_risky
from kore.campaign_changes as changes
where changes.campaign_key = $campaign_key
order by changes.version desc, changes.position

-- name: compare
-- one row per field of two versions
with hours as (
    select
        version_key,
        string_agg(
            coalesce(day, 'daily') || ' ' || start_text || '-' || end_text, ', ' order by position
        ) as calling_hours
    from kore.calling_hours_history
    where version_key in ($before, $after)
    group by version_key
),

lists as (
    select version_key, string_agg(dnc_list, ', ' order by position) as dnc_lists
    from shown.dnc_lists
    where version_key in ($before, $after)
    group by version_key
),

versions as (
    select
        history.version_key,
        cast(history.campaign_name as varchar) as "Name",
        cast(case when history.is_deleted then 'deleted' else history.status end as varchar)
            as "Status",
        cast(hours.calling_hours as varchar) as "Calling hours",
        cast(history.timezone as varchar) as "Time zone",
        cast(lists.dnc_lists as varchar) as "DNC lists",
        cast(history.max_attempts_per_record as varchar) as "Attempts per contact",
        cast(history.retry_period_minutes as varchar) as "Minutes between attempts",
        cast(history.max_ring_seconds as varchar) as "Ring seconds",
        cast(history.priority as varchar) as "Priority",
        cast(history.dialing_mode as varchar) as "Dialing mode",
        cast(history.dialing_order as varchar) as "Dialing order",
        cast(history.caller_id as varchar) as "Caller ID",
        cast(history.machine_detection as varchar) as "Machine detection",
        cast(history.experience_flow_id as varchar) as "Flow",
        cast(history.is_scheduling_enabled as varchar) as "Scheduled",
        cast(history.is_recurrence_enabled as varchar) as "Recurring",
        cast(history.description as varchar) as "Description"
    from kore.campaign_history as history
    left join hours on history.version_key = hours.version_key
    left join lists on history.version_key = lists.version_key
    where history.version_key in ($before, $after)
),

fields as (
    from versions
    unpivot include nulls (found for field in (columns(* exclude (version_key))))
)

select
    field,
    any_value(found) filter (where version_key = $before) as before,
    any_value(found) filter (where version_key = $after) as after,
    before is distinct from after as differs
from fields
group by field
having before is not null or after is not null
order by differs desc, field

-- name: dnc_states
-- the lists that campaigns in force name, in the state that a run saw last before the moment
with used as (
    select
        lists.stream_id, lists.dnc_list_id, lists.dnc_list,
        count(distinct campaigns.campaign_key) as campaigns
    from shown.campaigns as campaigns
    join shown.dnc_lists as lists on campaigns.version_key = lists.version_key
    group by all
),

states as (
    select *
    from kore.dnc_list_states
    where seen_at <= getvariable('instant')
        and (valid_to is null or valid_to > getvariable('instant'))
)

select
    coalesce(used.dnc_list, states.dnc_list_name, states.dnc_list_id) as dnc_list,
    coalesce(used.campaigns, 0) as campaigns,
    states.record_count, states.status, states.is_global, states.updated_at, states.error_code,
    states.checked_at, coalesce(used.dnc_list_id, states.dnc_list_id) as dnc_list_id
from used
full join states
    on used.stream_id = states.stream_id and used.dnc_list_id = states.dnc_list_id
where used.dnc_list is not null or not getvariable('is_filtered')
order by campaigns desc, dnc_list

-- name: dnc_covers
select
    coalesce(lists.dnc_list, '(none of its own)') as dnc_list,
    campaigns.campaign_name, campaigns.status, campaigns.campaign_type, campaigns.zone as time_zone,
    campaigns.campaign_id
from shown.campaigns as campaigns
left join shown.dnc_lists as lists on campaigns.version_key = lists.version_key
order by lists.dnc_list nulls first, campaigns.campaign_name, campaigns.campaign_id

-- name: dnc_without
select severity, sentence, campaign_name, open_since, open_days, campaign_key
from shown.finding_groups
where finding like '%dnc_list%'
order by severity_order, open_since desc nulls last, campaign_name

-- name: dnc_changes
select
    history.valid_from, history.campaign_name, changes.is_risky, changes.old_value as removed,
    changes.new_value as added, history.campaign_key
from shown.changes as history
join kore.campaign_changes as changes on history.version_key = changes.version_key
where changes.kind = 'dnc' and changes.path like '%name'
order by history.valid_from desc, history.campaign_name

-- name: shared
select
    replace(shared, '_', ' ') as shared, shared_name, campaign_count, weekly_minutes, is_compared
from kore.shared_resources
order by campaign_count desc, shared, shared_name

-- name: overlaps
select
    replace(shared, '_', ' ') as shared, shared_name, campaign_name, other_campaign_name,
    overlap_minutes, first_overlap_at
from kore.campaign_overlaps
where not getvariable('is_filtered')
    or campaign_key in (select campaign_key from shown.campaigns)
order by overlap_minutes desc, campaign_name, other_campaign_name
limit 500

-- name: contact_lists
select
    lists.contact_list_name, lists.status, lists.record_count, lists.list_timezone,
    count(uses.campaign_id) as campaigns
from kore.contact_lists as lists
left join kore.contact_list_campaigns as uses
    on lists.stream_id = uses.stream_id and lists.contact_list_id = uses.contact_list_id
group by lists.contact_list_name, lists.status, lists.record_count, lists.list_timezone
order by campaigns desc, lists.contact_list_name

-- name: runs
select
    started_at, state, duration_seconds, sweep, planned, new_versions, unchanged, vanished, failed,
    requests, rate_limited
from kore.runs
where getvariable('moment') is null or started_at <= getvariable('moment')
order by run_number desc limit 200

-- name: stale
select campaign_name, campaign_id, last_confirmed_at, last_error_at, last_error_message
from kore.campaign_freshness
where is_stale and getvariable('moment') is null
order by campaign_name, campaign_id
