-- one row per run: its counts, its state and its duration
-- state (text): `complete`; `partial`: some campaigns failed; `failed`: all failed, or an
--   unexpected error ended it; `interrupted`: it was stopped; `running`; `killed`: it stopped
--   without recording an end, and another run of the account has started since.
-- duration_seconds (bigint): Seconds from start to end; empty if the run has not ended.
-- is_full_sweep_finished (bool): True if every configured campaign was fetched between
--   `full_sweep_started_at` and the end of this run.
with runs as (
    select * from kore_raw.extraction_runs
),

errors as (
    select * from kore_raw.extraction_errors
),

interrupted as (
    select distinct run_id from errors where error_code = 'interrupted'
),

-- clocks may go back; runs of an earlier version have no number
numbered as (
    select
        run_id,
        row_number() over (
            order by coalesce(run_number, 0) asc, started_at asc, run_id asc
        ) as run_number
    from runs
),

judged as (
    select
        runs.*,
        coalesce(apps.app_name, runs.stream_id) as app_name,
        numbered.run_number as number_in_order,
        case
            when runs.exit_code = 1 then 'failed'
            -- one run of an account at a time has the lock, so an earlier one was killed
            when runs.finished_at is null and numbered.run_number
                < max(numbered.run_number) over (partition by runs.account_id)
                then 'killed'
            when runs.finished_at is null then 'running'
            when runs.is_complete then 'complete'
            when interrupted.run_id is not null then 'interrupted'
            when runs.failed = runs.planned then 'failed'
            else 'partial'
        end as state,
        runs.sweep = 'full' and runs.finished_at is not null and runs.confirmed_through is null
            as is_full_sweep_finished,
        cast(
            round(
                extract(epoch from runs.finished_at) - extract(epoch from runs.started_at)
            ) as bigint
        ) as duration_seconds
    from runs
    join numbered on runs.run_id = numbered.run_id
    left join interrupted on runs.run_id = interrupted.run_id
    left join kore_raw.apps as apps on runs.stream_id = apps.stream_id
),

final as (
    select
        run_id,
        account_id,
        stream_id,
        started_at,
        finished_at,
        state,
        duration_seconds,
        sweep,
        sweep_reason,
        listed,
        full_sweep_started_at,
        is_full_sweep_finished,
        planned,
        fetched,
        new_versions,
        unchanged,
        vanished,
        failed,
        requests,
        retries,
        rate_limited,
        is_complete,
        exit_code,
        stale_after_seconds,
        tool_version,
        app_name,
        listing_state,
        number_in_order as run_number,
        clock_difference_seconds
    from judged
)

select * from final
