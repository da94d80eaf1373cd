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
where history.observed_at >= coalesce(cast(? as timestamp with time zone), history.observed_at)
    and history.version > ?
order by history.observed_at desc, history.name, history.campaign_id, history.version desc

-- name: findings
select * from kore.findings
order by campaign_name, campaign_id, finding, day_of_week, value

-- name: new_findings
-- A finding is open since its version is valid, which may be long before a run saw the version. A
-- campaign is failing or stale since it was last confirmed: by the last run that looked at all. What
-- an earlier run has seen in the future, by a clock that was ahead, is not new.
with newest as (
    select stream_id, max(run_number) as run_number from kore.runs group by stream_id
),

runs as (
    select runs.stream_id, runs.run_number, runs.started_at, runs.finished_at
    from kore.runs as runs
    join newest on runs.stream_id = newest.stream_id and runs.run_number = newest.run_number
),

looks as (
    select
        earlier.stream_id,
        max(coalesce(earlier.full_sweep_started_at, earlier.started_at)) as looked_at
    from kore.runs as earlier
    join newest
        on earlier.stream_id = newest.stream_id and earlier.run_number < newest.run_number
    where earlier.finished_at is not null
        and (earlier.sweep in ('full', 'listing') or earlier.listing_state = 'whole')
    group by earlier.stream_id
)

select findings.*
from kore.findings as findings
join runs on findings.stream_id = runs.stream_id
left join looks on findings.stream_id = looks.stream_id
left join kore.campaign_history as history
    on findings.stream_id = history.stream_id
    and findings.campaign_id = history.campaign_id
    and history.valid_from <= findings.open_since
    and (history.valid_to is null or history.valid_to > findings.open_since)
left join kore.campaign_freshness as freshness
    on findings.stream_id = freshness.stream_id
    and findings.campaign_id = freshness.campaign_id
where findings.open_since >= runs.started_at
    or (
        history.observed_at >= runs.started_at
        and history.observed_at <= coalesce(runs.finished_at, history.observed_at)
    )
    or (
        findings.open_since >= looks.looked_at
        and (
            findings.finding = 'stale'
            or (findings.finding = 'failing' and freshness.last_error_at >= runs.started_at)
        )
    )
order by findings.campaign_name, findings.campaign_id, findings.finding, findings.day_of_week,
    findings.value
