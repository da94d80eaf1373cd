-- one row per campaign and version: every state ever seen, with the time it counted
with completed as (
    -- distinct: a load that was killed in its last step is recorded a second time by its replay
    select distinct load_id from kore_raw._dlt_loads where status = 0
),

versions as (
    select versions.*
    from kore_raw.campaign_versions as versions
    join completed on versions._dlt_load_id = completed.load_id
),

dated as (
    select
        versions.*,
        lead(versions.valid_from) over (
            partition by versions.stream_id, versions.campaign_id order by versions.version
        ) as valid_to,
        row_number() over (
            partition by versions.stream_id, versions.campaign_id order by versions.version desc
        ) = 1 as is_current
    from versions
),

final as (
    select
        account_id,
        stream_id,
        campaign_id,
        version,
        valid_from,
        valid_to,
        observed_at,
        is_current,
        is_deleted,
        change_summary,
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
    from dated
)

select * from final
