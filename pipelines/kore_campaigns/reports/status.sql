-- The queries of status.py; the name of each is above it.
-- They have no parameters: DuckDB imports pandas for those, which takes longer than the query.

-- name: tables
select table_schema || '.' || table_name
from information_schema.tables
where table_schema in ('kore', 'kore_raw')

-- name: last_runs
-- two for each app: if the newest is still running, the run before it is the last that ended;
-- a run with `--only` says nothing about the other campaigns
select *
from (
    select *, row_number() over (partition by stream_id order by run_number desc) as recency
    from kore.runs
    where coalesce(sweep, '') <> 'only'
) as ordered
where recency <= 2
order by run_number desc

-- name: older_last_runs
-- in a database that has no view `runs` of this version
select
    *,
    case
        when finished_at is null then 'running'
        when is_complete then 'complete'
        else 'partial'
    end as state,
    cast(null as bigint) as duration_seconds
from (
    select *, row_number() over (partition by stream_id order by started_at desc) as recency
    from kore_raw.extraction_runs
) as ordered
where recency <= 2
order by started_at desc

-- name: apps
with ordered as (
    select
        *,
        max(run_number) filter (where is_complete) over (partition by stream_id) as complete,
        max(run_number) filter (where is_full_sweep_finished) over (partition by stream_id)
            as full_sweep
    from kore.runs
    where coalesce(sweep, '') <> 'only'
),

runs as (
    select
        stream_id,
        max(run_number) as newest,
        max(started_at) filter (where run_number = complete) as last_complete_at,
        max(coalesce(full_sweep_started_at, started_at)) filter (where run_number = full_sweep)
            as last_full_sweep_at
    from ordered
    group by stream_id
),

stored as (
    select
        stream_id,
        count(*) filter (where not is_deleted) as live,
        count(*) filter (where is_deleted) as deleted
    from kore.campaign_history
    where is_current
    group by stream_id
),

freshness as (
    select
        stream_id,
        count(*) filter (where is_configured) as configured,
        count(*) filter (where not is_configured) as not_configured,
        count(*) filter (where is_configured and is_stale) as stale
    from kore.campaign_freshness
    group by stream_id
)

select
    stream_id,
    last_complete_at,
    last_full_sweep_at,
    coalesce(configured, 0) as configured,
    coalesce(live, 0) as live,
    coalesce(deleted, 0) as deleted,
    coalesce(not_configured, 0) as not_configured,
    coalesce(stale, 0) as stale
from runs
left join stored using (stream_id)
left join freshness using (stream_id)
order by newest desc

-- name: versions
select count(*) from kore.campaign_history

-- name: stale
select campaign_id, campaign_name, last_confirmed_at, last_error_code
from kore.campaign_freshness
where is_configured and is_stale
order by last_confirmed_at nulls first, campaign_id
limit 10

-- name: failures
-- `held_since`: since when the stored version of the campaign is the newest
select
    errors.run_id,
    errors.campaign_id,
    errors.error_code,
    errors.message,
    history.observed_at as held_since
from kore_raw.extraction_errors as errors
join (
    select run_id, row_number() over (partition by stream_id order by run_number desc) as recency
    from kore.runs
    where coalesce(sweep, '') <> 'only'
) as runs
    on errors.run_id = runs.run_id and runs.recency <= 2
left join kore.campaign_history as history
    on errors.stream_id = history.stream_id
    and errors.campaign_id = history.campaign_id
    and history.is_current
left join kore.campaign_freshness as freshness
    on errors.stream_id = freshness.stream_id
    and errors.campaign_id = freshness.campaign_id
-- a run with `--only` may have fetched it since
where coalesce(freshness.last_confirmed_at <= errors.occurred_at, true)
order by errors.error_code in ('not_asked', 'interrupted'), errors.campaign_id

-- name: failures_in_views
-- the same for a role that may read schema `kore` alone: the last failure of each campaign
select
    runs.run_id,
    freshness.campaign_id,
    freshness.last_error_code as error_code,
    freshness.last_error_message as message,
    history.observed_at as held_since
from kore.campaign_freshness as freshness
join kore.runs as runs
    on freshness.stream_id = runs.stream_id
    and freshness.last_error_at >= runs.started_at
    and (runs.finished_at is null or freshness.last_error_at <= runs.finished_at)
left join kore.campaign_history as history
    on freshness.stream_id = history.stream_id
    and freshness.campaign_id = history.campaign_id
    and history.is_current
order by freshness.last_error_code in ('not_asked', 'interrupted'), freshness.campaign_id

-- name: findings
select severity, count(*)
from kore.findings
group by severity

-- name: drift
-- a sweep by listing fetches few campaigns, so only a full sweep shows that a field is gone
with full_sweeps as (
    select
        stream_id,
        run_number,
        coalesce(full_sweep_started_at, started_at) as swept_at,
        row_number() over (partition by stream_id order by run_number desc) as recency
    from kore.runs
    where is_full_sweep_finished
),

runs as (
    select
        runs.run_id,
        full_sweeps.run_number is null or runs.run_number > full_sweeps.run_number as is_later,
        coalesce(runs.full_sweep_started_at, runs.started_at) = full_sweeps.swept_at as is_of_it
    from kore.runs as runs
    left join full_sweeps
        on runs.stream_id = full_sweeps.stream_id and full_sweeps.recency = 1
)

select
    drift.stream_id,
    drift.path,
    drift.example_type,
    cast(coalesce(
        sum(drift.campaign_count) filter (where runs.is_of_it),
        max(drift.campaign_count)
    ) as bigint) as campaign_count,
    min(drift.first_seen_at) as first_seen_at
from kore_raw.extraction_drift as drift
join runs on drift.run_id = runs.run_id
where runs.is_later or runs.is_of_it
group by drift.stream_id, drift.path, drift.example_type
order by campaign_count desc, path, example_type, stream_id

-- name: not_listed
-- of an app whose listing was never read, no campaign counts as missing in it
select configured.campaign_id
from kore_raw.configured_campaigns as configured
left join kore_raw.campaign_listings as listings using (stream_id, campaign_id)
left join kore.campaign_history as history
    on configured.stream_id = history.stream_id
    and configured.campaign_id = history.campaign_id
    and history.is_current
where configured.removed_at is null
    and listings.campaign_id is null
    and not coalesce(history.is_deleted, false)
    and configured.stream_id in (select stream_id from kore_raw.campaign_listings)
order by 1

-- name: listed_only
select listings.campaign_id
from kore_raw.campaign_listings as listings
left join kore_raw.configured_campaigns as configured
    on listings.stream_id = configured.stream_id
    and listings.campaign_id = configured.campaign_id
    and configured.removed_at is null
where configured.campaign_id is null
order by 1
