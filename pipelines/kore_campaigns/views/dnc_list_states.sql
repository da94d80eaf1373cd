-- one row per do-not-call list and state in which runs saw it, with the time of the state
-- valid_to (timestamp): Time when a run first saw the next state (UTC); empty for the newest one.
-- is_current (bool): True for the newest state of the list.
with states as (
    select
        *,
        lead(seen_at) over (
            partition by stream_id, dnc_list_id order by state_number asc
        ) as next_seen_at,
        max(state_number) over (partition by stream_id, dnc_list_id) as newest
    from kore_raw.dnc_list_states
),

final as (
    select
        states.account_id,
        states.stream_id,
        coalesce(apps.app_name, states.stream_id) as app_name,
        dnc_list_id,
        state_number,
        dnc_list_name,
        record_count,
        status,
        is_global,
        updated_at,
        updated_by,
        error_code,
        seen_at,
        checked_at,
        next_seen_at as valid_to,
        state_number = newest as is_current
    from states
    left join kore_raw.apps as apps on states.stream_id = apps.stream_id
)

select * from final
