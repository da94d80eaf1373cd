-- one row per contact list of the app, from the last run that could read the lists
with contact_lists as (
    select * from kore_raw.contact_lists
),

final as (
    select
        contact_lists.account_id,
        contact_lists.stream_id,
        contact_lists.contact_list_id,
        contact_lists.contact_list_name,
        contact_lists.list_type,
        contact_lists.record_count,
        contact_lists.status,
        contact_lists.source,
        contact_lists.list_timezone,
        contact_lists.updated_at,
        contact_lists.seen_at,
        coalesce(apps.app_name, contact_lists.stream_id) as app_name
    from contact_lists
    left join kore_raw.apps as apps on contact_lists.stream_id = apps.stream_id
)

select * from final
