-- one row per campaign and version: every stored state, with its validity
-- valid_to (timestamp): End of validity: `valid_from` of the next version; empty for the newest
--   version.
-- campaign_key (text): Key of the campaign, the same in every view, run and database:
--   `<stream_id>/<campaign_id>`.
-- version_key (text): Key of the version: `<campaign_key>/<version>`.
-- campaign_name (text): Name of the campaign in this version.
-- is_current (bool): True for the newest version of the campaign.
with completed as (
    -- distinct: the replay of a load that was killed in its last step records it twice
    select distinct load_id from kore_raw._dlt_loads where status = 0
),

-- without the wide columns: they are joined after the sort
dated as (
    select
        versions._dlt_id,
        -- a clock may have gone back: no version counts from later than those after it
        min(least(versions.valid_from, versions.observed_at)) over (
            partition by versions.stream_id, versions.campaign_id order by versions.version asc
            rows between current row and unbounded following
        ) as valid_from,
        min(least(versions.valid_from, versions.observed_at)) over (
            partition by versions.stream_id, versions.campaign_id order by versions.version asc
            rows between 1 following and unbounded following
        ) as valid_to
    from kore_raw.campaign_versions as versions
    join completed on versions._dlt_load_id = completed.load_id
),

final as (
    select
        versions.account_id,
        versions.stream_id,
        versions.campaign_id,
        versions.version,
        dated.valid_from,
        dated.valid_to,
        versions.observed_at,
        dated.valid_to is null as is_current,
        versions.is_deleted,
        versions.change_summary,
        versions.campaign_type,
        versions.name,
        versions.description,
        versions.status,
        versions.priority,
        versions.dialing_mode,
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
        versions.name as campaign_name
    from kore_raw.campaign_versions as versions
    join dated on versions._dlt_id = dated._dlt_id
    left join kore_raw.apps as apps on versions.stream_id = apps.stream_id
)

select * from final
