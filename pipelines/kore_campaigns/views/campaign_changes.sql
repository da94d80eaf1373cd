-- one row per changed field: old value, new value and start of validity
-- change_key (text): Key of the change: `<version_key>/<position>`.
-- changed_at (timestamp): Start of validity of the new value: `valid_from` of its version.
with history as (
    select * from kore.campaign_history
),

changes as (
    select * from kore_raw.campaign_versions__changes
),

final as (
    select
        history.account_id,
        history.stream_id,
        history.campaign_id,
        history.version,
        history.name as campaign_name,
        history.valid_from as changed_at,
        history.observed_at,
        changes.position,
        changes.path,
        changes.old_value,
        changes.new_value,
        changes.kind,
        changes.is_risky,
        history.app_name,
        history.campaign_key,
        history.version_key,
        history.version_key || '/' || cast(changes.position as varchar) as change_key
    from history
    join changes
        on history.stream_id = changes.stream_id
        and history.campaign_id = changes.campaign_id
        and history.version = changes.version
)

select * from final
