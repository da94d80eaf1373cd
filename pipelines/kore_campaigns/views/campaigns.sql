-- one row per live campaign: its newest version
with history as (
    select * from kore.campaign_history
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        version,
        valid_from,
        observed_at,
        campaign_type,
        name,
        description,
        status,
        priority,
        dialing_mode,
        caller_id,
        calling_hours_frequency,
        timezone,
        dialing_order,
        max_attempts_per_record,
        retry_period_minutes,
        max_ring_seconds,
        max_skips,
        use_system_mappings,
        experience_flow_id,
        machine_detection,
        is_filters_enabled,
        format,
        campaign_instance_id,
        is_scheduling_enabled,
        is_recurrence_enabled,
        schedule,
        created_at,
        updated_at,
        content_hash,
        raw
    from history
    where is_current and not is_deleted
)

select * from final
