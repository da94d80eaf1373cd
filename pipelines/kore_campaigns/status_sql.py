"""What `status` asks: the same text for DuckDB and Postgres; `%s` stands for a parameter."""

from __future__ import annotations

MADE = """
select table_schema || '.' || table_name from information_schema.tables
where table_schema in ('kore', 'kore_raw')
"""
# the newest may go on; the one before it is then the last that ended
RUNS = """
select run_id, stream_id, started_at, finished_at, state, duration_seconds, sweep, planned,
    fetched, new_versions, unchanged, vanished, failed, requests, retries, rate_limited,
    is_complete, exit_code
from (
    select *, row_number() over (partition by stream_id order by started_at desc) as place
    from kore.runs
) as placed
where place <= 2
order by started_at desc
"""
APPS = """
with runs as (
    select
        stream_id,
        max(started_at) as newest,
        max(started_at) filter (where is_complete) as last_complete_at,
        max(coalesce(full_sweep_started_at, started_at)) filter (where is_full_sweep_finished)
            as last_full_sweep_at
    from kore.runs
    group by stream_id
),
known as (
    select stream_id, count(*) filter (where not is_deleted) as live,
        count(*) filter (where is_deleted) as deleted
    from kore.campaign_history
    where is_current
    group by stream_id
),
fresh as (
    select stream_id, count(*) filter (where is_configured) as configured,
        count(*) filter (where not is_configured) as not_configured,
        count(*) filter (where is_configured and is_stale) as stale
    from kore.campaign_freshness
    group by stream_id
)
select stream_id, last_complete_at, last_full_sweep_at, configured, live, deleted, not_configured,
    stale
from runs
left join known using (stream_id)
left join fresh using (stream_id)
order by newest desc
"""
STALE = """
select campaign_id, campaign_name, last_confirmed_at, last_error_code
from kore.campaign_freshness
where is_configured and is_stale
order by last_confirmed_at nulls first, campaign_id
limit %s
"""
FAILURES = """
select errors.campaign_id, errors.error_code, errors.message, history.observed_at
from kore_raw.extraction_errors as errors
left join kore.campaign_history as history
    on errors.stream_id = history.stream_id
    and errors.campaign_id = history.campaign_id
    and history.is_current
where errors.run_id in ({marks})
order by errors.error_code in ('not_asked', 'interrupted'), errors.campaign_id
"""
# a sweep by listing asks for few: what these do not show is not gone for that
DRIFT = """
with runs as (
    select
        run_id,
        coalesce(full_sweep_started_at, started_at) as swept_at,
        max(coalesce(full_sweep_started_at, started_at)) filter (where is_full_sweep_finished)
            over (partition by stream_id) as last_full_sweep_at
    from kore.runs
)
select
    drift.stream_id,
    drift.path,
    drift.example_type,
    cast(coalesce(
        sum(drift.campaign_count) filter (where runs.swept_at = runs.last_full_sweep_at),
        max(drift.campaign_count)
    ) as bigint),
    min(drift.first_seen_at)
from kore_raw.extraction_drift as drift
join runs on drift.run_id = runs.run_id
where runs.last_full_sweep_at is null or runs.swept_at >= runs.last_full_sweep_at
group by drift.stream_id, drift.path, drift.example_type
order by 4 desc, 2, 3, 1
"""
# an app whose listing was never read lacks nothing in it
NOT_LISTED = """
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
"""
LISTED_ONLY = """
select listings.campaign_id
from kore_raw.campaign_listings as listings
left join kore_raw.configured_campaigns as configured
    on listings.stream_id = configured.stream_id
    and listings.campaign_id = configured.campaign_id
    and configured.removed_at is null
where configured.campaign_id is null
order by 1
"""
OLDER = """
select run_id, stream_id, started_at, finished_at,
    case when finished_at is null then 'running' when is_complete then 'complete' else 'partial'
    end, null, sweep, planned, fetched, new_versions, unchanged, vanished, failed, requests,
    retries, rate_limited, is_complete, exit_code
from (
    select *, row_number() over (partition by stream_id order by started_at desc) as place
    from kore_raw.extraction_runs
) as placed
where place <= 2
order by started_at desc
"""
VERSIONS = "select count(*) from kore.campaign_history"
