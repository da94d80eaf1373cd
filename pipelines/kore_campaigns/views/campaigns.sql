-- one row per live campaign: its newest version
-- queue_or_flow (text): Name of the queue (Progressive, Preview) or flow (Agentless) that takes
--   the answered calls; only the account listing has it.
-- connection (text): The same as `queue_or_flow`. The next release removes this name.
with completed as (
    select distinct load_id from kore_raw._dlt_loads where status = 0
),

-- not from the history: a dashboard reads this view all day and needs no order of versions.
-- One key finds the row: for a join by three columns Postgres expects two rows and plans for two
newest as (
    select max(lpad(cast(versions.version as varchar), 10, '0') || versions._dlt_id) as version_key
    from kore_raw.campaign_versions as versions
    join completed on versions._dlt_load_id = completed.load_id
    group by versions.stream_id, versions.campaign_id
),

-- columns that only the account listing has; empty if it was never read
listings as (
    select * from kore_raw.campaign_listings
),

final as (
    select
        versions.account_id,
        versions.stream_id,
        versions.campaign_id,
        versions.version,
        versions.valid_from,
        versions.observed_at,
        versions.campaign_type,
        versions.name,
        versions.description,
        versions.status,
        versions.priority,
        versions.dialing_mode,
        listings.connection,
        versions.caller_id,
        versions.calling_hours_frequency,
        versions.timezone,
        versions.dialing_order,
        versions.max_attempts_per_record,
        versions.retry_period_minutes,
        versions.max_ring_seconds,
        versions.max_skips,
        versions.use_system_mappings,
        versions.experience_flow_id,
        versions.machine_detection,
        versions.is_filters_enabled,
        versions.format,
        versions.campaign_instance_id,
        listings.campaign_instance_updated_at,
        versions.is_scheduling_enabled,
        versions.is_recurrence_enabled,
        versions.schedule,
        versions.created_at,
        versions.updated_at,
        versions.content_hash,
        versions.raw,
        coalesce(apps.app_name, versions.stream_id) as app_name,
        versions.stream_id || '/' || versions.campaign_id as campaign_key,
        versions.stream_id || '/' || versions.campaign_id || '/' || cast(versions.version as varchar)
        as version_key,
        versions.name as campaign_name,
        listings.connection as queue_or_flow,
        listings.execution_type,
        listings.execution_type_since,
        listings.total_messages_sent
    from newest
    join kore_raw.campaign_versions as versions
        on substr(newest.version_key, 11) = versions._dlt_id
    left join listings
        on versions.stream_id = listings.stream_id
        and versions.campaign_id = listings.campaign_id
    left join kore_raw.apps as apps on versions.stream_id = apps.stream_id
    where not versions.is_deleted
)

select * from final
