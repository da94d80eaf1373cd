-- one row per app that a run has read: its name, its first and its newest run
with apps as (
    select * from kore_raw.apps
),

final as (
    select
        account_id,
        stream_id,
        app_name,
        first_run_at,
        last_run_at
    from apps
)

select * from final
