-- one row per live campaign: its newest version
with history as (
    select * from kore.campaign_history
),

-- what only the account listing tells; empty where it was never read
listings as (
    select * from kore_raw.campaign_listings
),

final as (
    select
        history.account_id,
        history.stream_id,
        history.campaign_id,
        history.version,
        history.valid_from,
        history.observed_at,
        history.campaign_type,
        history.name,
        history.description,
        history.status,
        history.priority,
        history.dialing_mode,
        listings.connection,
        history.caller_id,
        history.calling_hours_frequency,
        history.timezone,
        history.dialing_order,
        history.max_attempts_per_record,
        history.retry_period_minutes,
        history.max_ring_seconds,
        history.max_skips,
        history.use_system_mappings,
        history.experience_flow_id,
        history.machine_detection,
        history.is_filters_enabled,
        history.format,
        history.campaign_instance_id,
        listings.campaign_instance_updated_at,
        history.is_scheduling_enabled,
        history.is_recurrence_enabled,
        history.schedule,
        history.created_at,
        history.updated_at,
        history.content_hash,
        history.raw
    from history
    left join listings
        on history.stream_id = listings.stream_id
        and history.campaign_id = listings.campaign_id
    where history.is_current and not history.is_deleted
)

select * from final
